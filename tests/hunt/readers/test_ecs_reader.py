"""The reader of Elastic Common Schema, nested, dotted, and as exported hits."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, strategies
from hypothesis import settings as hypothesis_settings
from lines_read import read, rows, samples, settings

from stillhunt.hunt.readers.ecs import FIELDS, Ecs
from stillhunt.hunt.readers.native import Native
from stillhunt.hunt.reading import recognise

NESTED, DOTTED, HIT = (json.loads(line) for line in samples("ecs.jsonl"))
LEAST = {"@timestamp": "2026-05-28T20:26:40Z", "ecs": {"version": "9.1.0"}, "url.path": "/v1"}


def one(tmp_path: Path, event: dict[str, Any]) -> dict[str, Any]:
    result = read("ecs", [json.dumps(event)], settings(tmp_path))
    assert result.rejects == []
    return rows(result)[0]


def why(tmp_path: Path, event: dict[str, Any]) -> str:
    ((_, reason),) = read("ecs", [json.dumps(event)], settings(tmp_path)).rejects
    return reason


def test_a_nested_event_is_read_field_by_field(tmp_path: Path) -> None:
    assert one(tmp_path, NESTED) == {
        "line_number": 1, "ts_us": 1_780_000_000_250_000, "exchange_id": "ev-1", "source": "ecs",
        "account_id": "a1", "org_id": "o1", "end_user_id": "end-7", "session_id": "c-1",
        "source_ip": "2001:db8::1", "asn": 64_500, "country": "DE",
        "user_agent": "openai-python/1.40.0", "ja4": "t13d1516h2_8daaf6152771_b186095e22b6",
        "method": "POST", "path": "/v1/chat/completions", "status": 200, "provider": "example",
        "model": "m-1-2026", "operation": "chat", "input_tokens": 40, "cached_tokens": 4,
        "output_tokens": 12, "reasoning_tokens": 3, "max_tokens": 64, "temperature": 0.5,
        "choices": 1, "turns": 2, "duration_ms": 1_500, "finish_reason": "stop",
        "system_prompt": "Be brief.", "prompt": "Hi", "output": "Hello",
    }  # fmt: skip


def test_dotted_keys_say_the_same_as_nested_ones(tmp_path: Path) -> None:
    def flat(value: Any, at: str = "") -> dict[str, Any]:  # noqa: ANN401 - any JSON
        if not isinstance(value, dict):
            return {at: value}
        found: dict[str, Any] = {}
        for key, inner in value.items():
            found |= flat(inner, f"{at}.{key}" if at else key)
        return found

    assert one(tmp_path, flat(NESTED)) == one(tmp_path, NESTED)


def test_an_access_log_without_a_model_is_an_exchange(tmp_path: Path) -> None:
    row = one(tmp_path, DOTTED)
    assert (row["account_id"], row["status"], row["duration_ms"]) == ("a2", 429, 20)
    assert row["path"] == "/v1/messages?beta=true"
    assert not {"model", "output_tokens"} & set(row)


def test_an_exported_hit_is_its_source(tmp_path: Path) -> None:
    row = one(tmp_path, HIT)
    assert (row["model"], row["input_tokens"], row["output_tokens"]) == ("m-3", 571, 77)
    assert (row["system_prompt"], row["prompt"], row["output"]) == (
        "Classify.", "One\n\nTwo", "A bug.",
    )  # fmt: skip
    assert (row["account_id"], row["duration_ms"]) == ("arn:aws:iam::111122223333:user/x", 900)
    assert row == one(tmp_path, HIT["_source"])


@pytest.mark.parametrize(
    ("more", "duration_ms"),
    [
        ({"event": {"duration": 1_999_999}}, 1),
        ({"event": {"duration": "x", "start": "2026-05-28T20:26:40Z",
                    "end": "2026-05-28T20:26:42Z"}}, 2_000),
        ({"gen_ai": {"performance": {"response_time": 7}}}, 7),
        ({"event": {"duration": 1e40}}, None),
        ({"event": {"duration": -5_000_000}}, None),
    ],
)  # fmt: skip
def test_a_duration_counts_nanoseconds(
    tmp_path: Path, more: dict[str, Any], duration_ms: int | None
) -> None:
    assert one(tmp_path, LEAST | more).get("duration_ms") == duration_ms


@pytest.mark.parametrize(
    ("reasons", "said"),
    [(["stop", "length"], "stop"), ("stop", "stop"), ('["x"]', "x"), ([], None), (None, None)],
)
def test_of_several_finish_reasons_the_first_counts(
    tmp_path: Path, reasons: object, said: str | None
) -> None:
    event = LEAST | {"gen_ai": {"response": {"finish_reasons": reasons}}}
    assert one(tmp_path, event).get("finish_reason") == said


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("plain", "plain"),
        ('[{"role": "user", "content": [{"type": "text", "text": "a"}]}]', "a"),
        ("[1, 2]", "[1, 2]"),
        ('[{"role": "assistant", "content": "x"}]', None),
    ],
)
def test_the_prompt_is_what_the_user_wrote(tmp_path: Path, prompt: str, said: str | None) -> None:
    assert one(tmp_path, LEAST | {"gen_ai.prompt": prompt}).get("prompt") == said


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"@timestamp": "2026-05-28T20:26:40Z", "process": {"name": "sshd"}}, "neither an HTTP"),
        (LEAST | {"@timestamp": "soon"}, "ts_us is missing or no time"),
        ({"url.path": "/v1"}, "ts_us is missing or no time"),
        (LEAST | {"gen_ai.usage.output_tokens": "many"}, "output_tokens is no whole number"),
        (LEAST | {"http": {"response": {"status_code": "OK"}}}, "status is no whole number"),
    ],
)
def test_what_the_source_gets_wrong_is_a_reject_that_names_it(
    tmp_path: Path, event: dict[str, Any], reason: str
) -> None:
    assert reason in why(tmp_path, event)


def test_what_the_client_gets_wrong_is_unknown_and_the_row_stays(tmp_path: Path) -> None:
    asked = {"max_tokens": 10**30, "temperature": "hot", "choice": {"count": -1}}
    row = one(tmp_path, LEAST | {"gen_ai": {"request": asked}})
    assert not {"max_tokens", "temperature", "choices"} & set(row)


def test_a_raw_key_in_a_users_place_is_hidden(tmp_path: Path) -> None:
    row = one(tmp_path, LEAST | {"user.id": "sk-raw-0123456789abcdef",
                                 "user_agent.original": "x sk-raw-0123456789abcdef",
                                 "url.path": "/v1?key=sk-raw-0123456789abcdef"})  # fmt: skip
    assert "sk-raw" not in json.dumps(row)


def test_hostile_lines_come_out_once_each(tmp_path: Path) -> None:
    line = json.dumps(NESTED)
    deep = "[" * 10_000 + "]" * 10_000
    lines = [
        line[:-30],
        "",
        json.dumps({"_source": 7}),
        json.dumps({"_source": [NESTED]}),
        json.dumps(LEAST | {"http.response.status_code": float("nan")}),
        json.dumps(LEAST | {"user.id": "\ud800", "user_agent.original": 'x"\\\n\x1b[2J'}),
        line[:-1] + f', "deep": {deep}}}',
        json.dumps(LEAST | {"gen_ai.prompt": "[" * 400 + "]" * 400}),
    ]
    result = read("ecs", lines, settings(tmp_path))
    assert [number for number, _ in result.rejects] == [1, 2, 3, 4, 5]
    assert result.rows["line_number"].to_pylist() == [6, 7, 8]
    assert result.rows["account_id"].to_pylist()[0] == "\ufffd"


def test_an_event_is_told_from_every_other_format() -> None:
    reader = Ecs()
    for line in samples("ecs.jsonl"):
        assert reader.sniff(line) > 0.9 > Native().sniff(line) + 0.1
    for name in ("native.jsonl", "nginx.log", "nginx_json.jsonl", "litellm_spend.jsonl",
                 "litellm_payload.jsonl", "otel.jsonl", "mapped.jsonl", "ocsf.jsonl"):  # fmt: skip
        assert not any(reader.sniff(line) >= 0.3 for line in samples(name))
    assert recognise(samples("ecs.jsonl"), "lines") == "ecs"


NAMES = strategies.sampled_from(
    sorted({field for several in FIELDS.values() for field in several})
)
VALUES = strategies.one_of(
    strategies.none(), strategies.booleans(), strategies.integers(), strategies.floats(),
    strategies.text(max_size=12), strategies.lists(strategies.integers(), max_size=2),
    strategies.dictionaries(strategies.text(max_size=3), strategies.integers(), max_size=2),
)  # fmt: skip


@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(strategies.lists(strategies.dictionaries(NAMES, VALUES, max_size=6), max_size=8))
def test_each_event_of_odd_values_comes_out_once(
    tmp_path: Path, odd: list[dict[str, object]]
) -> None:
    lines = [json.dumps(LEAST | changes) for changes in odd]
    result = read("ecs", lines, settings(tmp_path))
    seen = result.rows["line_number"].to_pylist() + [number for number, _ in result.rejects]
    assert sorted(seen) == list(range(1, len(lines) + 1))
