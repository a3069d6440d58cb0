"""The reader of OTLP lines."""

import json
from pathlib import Path
from typing import Any

import pytest
from lines_read import read, rows, samples, settings

from stillhunt.hunt.readers.otel import Otel
from stillhunt.hunt.settings import Otel as OtelTable
from stillhunt.hunt.settings import Readers

TS = 1_780_000_000_000_000
DAY1 = "1780000000000000000"


def line(attributes: dict[str, object], **span: object) -> str:
    """Return a line that holds one span."""
    listed = [{"key": key, "value": value} for key, value in attributes.items()]
    whole = {"spanId": "s1", "startTimeUnixNano": DAY1, "attributes": listed} | span
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [whole]}]}]})


def text(value: str) -> dict[str, object]:
    return {"stringValue": value}


CHAT: dict[str, object] = {"gen_ai.operation.name": text("chat")}


def one(tmp_path: Path, attributes: dict[str, object], **span: object) -> dict[str, Any]:
    result = read("otel", [line(CHAT | attributes, **span)], settings(tmp_path))
    assert result.rejects == []
    return rows(result)[0]


def test_a_line_of_many_spans_gives_each_of_them_once(tmp_path: Path) -> None:
    result = read("otel", samples("otel.jsonl"), settings(tmp_path))
    assert result.lines == 7
    assert result.rows["line_number"].to_pylist() == [1, 1, 1, 2]
    assert result.rejects == [
        (1, "GenAI span that asks no model: agent, tool or chain"),
        (1, "not a GenAI span"),
        (2, "message of an exchange, its span counts"),
    ]


def test_a_span_of_the_present_convention_is_read_field_by_field(tmp_path: Path) -> None:
    assert rows(read("otel", samples("otel.jsonl"), settings(tmp_path)))[0] == {
        "line_number": 1, "ts_us": TS + 1_000_000, "exchange_id": "resp-1", "source": "otel",
        "account_id": "a1", "session_id": "c-1", "source_ip": "192.0.2.1", "provider": "openai",
        "model": "m-1-2026", "operation": "chat", "input_tokens": 40, "cached_tokens": 8,
        "output_tokens": 12, "max_tokens": 512, "temperature": 0.25, "turns": 3,
        "duration_ms": 2_500, "finish_reason": "stop", "system_prompt": "Be brief.",
        "prompt": "Hello\n\nBye", "output": "Farewell",
    }  # fmt: skip


def test_spans_of_older_conventions_are_read(tmp_path: Path) -> None:
    _, old, inference, _ = rows(read("otel", samples("otel.jsonl"), settings(tmp_path)))
    assert (old["provider"], old["input_tokens"], old["output_tokens"]) == ("openai", 7, 3)
    assert (old["system_prompt"], old["prompt"], old["output"]) == ("Be kind.", "Who?", "Me.")
    assert (old["stream"], old["finish_reason"], old["turns"]) == (True, "stop", 2)
    assert (inference["model"], inference["input_tokens"]) == ("m-2", 5)
    assert (inference["prompt"], inference["output"]) == ("Why?", "Because.")


def test_a_log_record_that_tells_a_whole_exchange_is_one(tmp_path: Path) -> None:
    row = rows(read("otel", samples("otel.jsonl"), settings(tmp_path)))[3]
    assert (row["ts_us"], row["account_id"]) == (TS + 9_000_000, "a4")
    assert (row["prompt"], row["output_tokens"]) == ("From a log", 2)


def test_the_account_stands_in_the_attribute_that_the_settings_name(tmp_path: Path) -> None:
    given = settings(tmp_path, readers=Readers(otel=OtelTable(account="tenant.id")))
    spans = [line(CHAT | {"user.id": text("u"), "tenant.id": text("t")})]
    assert rows(read("otel", spans, given))[0]["account_id"] == "t"


def test_an_attribute_of_the_resource_holds_for_its_spans(tmp_path: Path) -> None:
    whole = json.loads(line(CHAT))
    whole["resourceSpans"][0]["resource"] = {
        "attributes": [{"key": "user.id", "value": text("shared")}]
    }
    found = read("otel", [json.dumps(whole)], settings(tmp_path))
    assert rows(found)[0]["account_id"] == "shared"


def test_a_long_attribute_of_a_resource_does_not_multiply(tmp_path: Path) -> None:
    whole = json.loads(line(CHAT))
    resource = whole["resourceSpans"][0]
    resource["resource"] = {"attributes": [{"key": "user.id", "value": text("x" * 100_000)}]}
    resource["scopeSpans"][0]["spans"] *= 1_000
    result = read("otel", [json.dumps(whole)], settings(tmp_path))
    assert result.rows.num_rows == 1_000
    assert result.rows["account_id"].nbytes < 1_000_000


def test_text_in_span_events_is_read(tmp_path: Path) -> None:
    events = [
        {"name": "gen_ai.system.message", "attributes": [{"key": "content", "value": text("S")}]},
        {"name": "gen_ai.user.message", "attributes": [{"key": "content", "value": text("U")}]},
        {
            "name": "gen_ai.content.completion",
            "attributes": [
                {
                    "key": "gen_ai.completion",
                    "value": text('[{"role": "assistant", "content": "C"}]'),
                }
            ],
        },
    ]
    row = one(tmp_path, {}, events=events)
    assert (row["system_prompt"], row["prompt"], row["output"]) == ("S", "U", "C")


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("", "blank line"),
        ("{}", "no resourceSpans or resourceLogs"),
        ("[1]", "no resourceSpans or resourceLogs"),
        ('{"resourceMetrics": []}', "no resourceSpans or resourceLogs"),
        ('{"resourceSpans": []}', "holds no span and no log record"),
        ('{"resourceSpans": 7}', "holds no span and no log record"),
        (
            '{"resourceSpans": [7, {"scopeSpans": {"spans": 1}}]}',
            "holds no span and no log record",
        ),
        (line(CHAT)[:-9], "not JSON: Expecting ',' delimiter at column "),
        (
            '{"resourceSpans": ' + "[" * 10_000 + "]" * 10_000 + "}",
            "holds no span and no log record",
        ),
        ('{"resourceSpans": ' + "[" * 10_000 + '"' + '\\"' * 10_000, "not JSON: "),
        ('{"resourceSpans": ' + "9" * 9_000 + "}", "not JSON: a number is too long"),
        (line(CHAT, startTimeUnixNano=None), "ts_us is missing or no time"),
        (line(CHAT, startTimeUnixNano="9" * 40), "ts_us is missing or no time"),
        (line(CHAT, startTimeUnixNano="0x10"), "ts_us is missing or no time"),
        (line(CHAT, startTimeUnixNano=True), "ts_us is missing or no time"),
        (line(CHAT, startTimeUnixNano="1"), "ts_us is not from 1990 to 2099"),
        (
            line(CHAT | {"gen_ai.usage.output_tokens": {"doubleValue": 1e300}}),
            "output_tokens is no whole number from 0 to 2147483647",
        ),
        (
            line(CHAT | {"gen_ai.usage.output_tokens": {"arrayValue": {"values": [{}]}}}),
            "output_tokens is no whole number from 0 to 2147483647",
        ),
    ],
)
def test_a_line_without_an_exchange_is_one_reject(tmp_path: Path, bad: str, why: str) -> None:
    result = read("otel", [line(CHAT), bad], settings(tmp_path))
    assert [number for number, _ in result.rejects] == [2]
    assert result.rejects[0][1].startswith(why)


def test_odd_values_of_the_client_cost_only_themselves(tmp_path: Path) -> None:
    row = one(
        tmp_path,
        {
            "gen_ai.request.max_tokens": text("lots"),
            "gen_ai.request.temperature": {"doubleValue": "NaN"},
            "user_agent.original": text('a "b" \\ \ud800'),
            "gen_ai.input.messages": text("[" * 9_000),
            "gen_ai.usage.output_tokens": text("12"),
        },
    )
    assert row["user_agent"] == 'a "b" \\ \ufffd'
    assert row["output_tokens"] == 12
    assert "max_tokens" not in row
    assert "temperature" not in row


def spans_line(*spans: object) -> str:
    """Return a line that holds *spans*."""
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})


def span(**changes: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line(CHAT))["resourceSpans"][0]["scopeSpans"][0]
    whole: dict[str, Any] = found["spans"][0] | changes
    return whole


@pytest.mark.parametrize("depth", [31, 32, 33, 300, 400, 20_000])
@pytest.mark.parametrize("key", ["gen_ai.x", "gen_ai.prompt", "gen_ai.input.messages", "user.id"])
def test_a_value_nested_too_deep_is_unknown_and_its_span_a_row(
    tmp_path: Path, key: str, depth: int
) -> None:
    deep_one = [{"key": "gen_ai.request.model", "value": text("m")}]
    bad = span(attributes=[{"key": key, "value": "HERE"}, *deep_one])
    whole = spans_line(span(), span(), bad, span(), span(), span())
    deep = '{"arrayValue":{"values":[' * depth + "{}" + "]}}" * depth
    result = read("otel", [whole.replace('"HERE"', deep)], settings(tmp_path))
    assert result.rejects == []
    assert result.rows["model"].to_pylist() == [None, None, "m", None, None, None]


@pytest.mark.parametrize("error", [RecursionError, ValueError])
def test_a_bad_span_is_one_reject_and_its_neighbours_are_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def times(piece: dict[str, Any]) -> dict[str, Any]:
        if piece["spanId"] == "bad":
            raise error
        return {"ts_us": TS}

    monkeypatch.setattr("stillhunt.hunt.readers.otel._times", times)
    whole = spans_line(span(), span(), span(spanId="bad"), span(), span(), span())
    result = read("otel", [whole], settings(tmp_path))
    assert result.rows.num_rows == 5
    assert result.rejects == [(1, "unreadable span")]


ODD: list[Any] = [None, True, 7, -1.5, "x", [], [[]], {}, {"a": []}, [{}], ["x"]]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_a_value_of_an_odd_type_never_stops_the_reading(tmp_path: Path, odd: object) -> None:
    part = {"type": odd, "text": "x", "content": odd}
    message = {"role": odd, "content": odd, "parts": odd, "finish_reason": odd}
    chats = [odd, [odd], [part], [message], [{"role": "user", "parts": [part, odd]}]]
    keys = ("gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.prompt",
            "gen_ai.system_instructions", "gen_ai.tool.definitions")  # fmt: skip
    attributes = [
        [{"key": key, "value": text(json.dumps(chat))}] for key in keys for chat in chats
    ]
    names = ("spanId", "startTimeUnixNano", "attributes", "events", "name", "eventName", "body")
    spans = [
        *(span(attributes=[*span()["attributes"], *listed]) for listed in attributes),
        *(span(**{name: odd}) for name in names),
        span(events=[{"name": odd, "attributes": odd}]),
        span(attributes=[*span()["attributes"], {"key": odd, "value": odd}]),
        span(attributes=[{"key": "gen_ai.operation.name", "value": {"stringValue": odd}}]),
        span(attributes=[{"key": "gen_ai.operation.name", "value": {"arrayValue": odd}}]),
    ]
    logs = [{"eventName": odd}, {"body": odd, "eventName": "gen_ai.x"}, odd, {"name": odd}]
    records = {"resourceLogs": [{"resource": odd, "scopeLogs": [{"logRecords": logs}, odd]}, odd]}
    result = read("otel", [spans_line(*spans), json.dumps(records)], settings(tmp_path))
    assert result.lines == len(spans) + len([log for log in logs if isinstance(log, dict)])
    assert result.rows.num_rows >= len(attributes)


def test_a_part_without_a_sensible_type_is_no_text(tmp_path: Path) -> None:
    parts = [{"type": [], "text": "x"}, {"type": "text", "text": "y"}, {"text": "z"}]
    chat = text(json.dumps([{"role": "user", "content": parts}]))
    assert one(tmp_path, {"gen_ai.input.messages": chat})["prompt"] == "y\nz"


@pytest.mark.parametrize("count", [99_999, 100_000, 100_001])
def test_a_line_holds_a_bounded_number_of_spans(tmp_path: Path, count: int) -> None:
    whole = spans_line(span()).replace('[{"spanId', "[" + "{}," * (count - 1) + '{"spanId')
    result = read("otel", [line(CHAT), whole, line(CHAT)], settings(tmp_path))
    if count > 100_000:
        assert result.rejects == [(2, "more than 100,000 spans in one line")]
        assert result.rows["line_number"].to_pylist() == [1, 3]
    else:
        assert result.lines == count + 2
        assert set(result.rejects) == {(2, "not a GenAI span")}
        assert result.rows["line_number"].to_pylist() == [1, 2, 3]


def test_records_of_many_kinds_and_scopes_are_counted_together(tmp_path: Path) -> None:
    half: list[dict[str, Any]] = [{}] * 50_000
    whole = {
        "resourceSpans": [{"scopeSpans": [{"spans": half}]}],
        "resourceLogs": [{"scopeLogs": [{"logRecords": half}, {"logRecords": [{}]}]}],
    }
    result = read("otel", [json.dumps(whole)], settings(tmp_path))
    assert result.rejects == [(1, "more than 100,000 spans in one line")]


@pytest.mark.parametrize(
    "prompt",
    [
        "[]", "42", "null", '"tell me"', '{"messages":[]}', '{"a":"tell me a story"}',
        '[{"role":"tool","content":"x"}]', '["tell me"]', "[" * 5_000, "tell me",
    ],
)  # fmt: skip
def test_a_prompt_that_happens_to_be_json_is_still_the_prompt(tmp_path: Path, prompt: str) -> None:
    assert one(tmp_path, {"gen_ai.prompt": text(prompt)})["prompt"] == prompt


def test_an_answer_that_happens_to_be_json_is_still_the_answer(tmp_path: Path) -> None:
    assert one(tmp_path, {"gen_ai.completion": text('{"a": 1}')})["output"] == '{"a": 1}'


def test_an_empty_chat_does_not_hide_the_prompt_beside_it(tmp_path: Path) -> None:
    row = one(tmp_path, {"gen_ai.input.messages": text("[]"), "gen_ai.prompt": text("tell me")})
    assert row["prompt"] == "tell me"


def test_where_a_chat_has_user_text_the_rest_of_it_is_no_prompt(tmp_path: Path) -> None:
    chat = '[{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]'
    row = one(tmp_path, {"gen_ai.input.messages": text(chat)})
    assert (row["system_prompt"], row["prompt"]) == ("s", "u")


def test_of_an_attribute_that_stands_twice_the_first_counts(tmp_path: Path) -> None:
    twice = [{"key": "user.id", "value": text(name)} for name in ("first", "second")]
    whole = json.loads(line(CHAT))
    whole["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"] += twice
    result = read("otel", [json.dumps(whole)], settings(tmp_path))
    assert rows(result)[0]["account_id"] == "first"


def test_the_code_of_an_error_is_its_status(tmp_path: Path) -> None:
    assert one(tmp_path, {"error.type": text("429")})["status"] == 429
    assert "status" not in one(tmp_path, {"error.type": text("timeout")})


def test_only_otlp_looks_like_otlp() -> None:
    reader = Otel()
    assert all(reader.sniff(line) >= 0.5 for line in samples("otel.jsonl"))
    others = ("native.jsonl", "nginx.log", "nginx_json.jsonl", "litellm_spend.jsonl")
    assert not any(reader.sniff(line) for name in others for line in samples(name))
