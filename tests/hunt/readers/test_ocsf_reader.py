"""The reader of OCSF API Activity, versions 1.0 to 1.8."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, strategies
from hypothesis import settings as hypothesis_settings
from lines_read import read, rows, samples, settings
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from stillhunt.hunt.identity import fingerprint, hash_key
from stillhunt.hunt.readers.native import Native
from stillhunt.hunt.readers.ocsf import ALIASES, Ocsf
from stillhunt.hunt.reading import Reading, recognise
from stillhunt.hunt.records import open_records
from stillhunt.hunt.source import open_source

OLD, NEW, CLOUD = (json.loads(line) for line in samples("ocsf.jsonl"))


def changed(base: dict[str, Any], **changes: object) -> dict[str, Any]:
    """Return *base* with values at paths, dots spelled as ``__``; None removes a key."""
    event = deepcopy(base)
    for path, value in changes.items():
        *steps, last = path.split("__")
        inside = event
        for step in steps:
            inside = inside.setdefault(step, {})
        inside.pop(last, None)
        if value is not None:
            inside[last] = value
    return event


def one(tmp_path: Path, base: dict[str, Any], **changes: object) -> dict[str, Any]:
    result = read("ocsf", [json.dumps(changed(base, **changes))], settings(tmp_path))
    assert result.rejects == []
    return rows(result)[0]


def why(tmp_path: Path, base: dict[str, Any], **changes: object) -> str:
    result = read("ocsf", [json.dumps(changed(base, **changes))], settings(tmp_path))
    ((_, reason),) = result.rejects
    return reason


def test_an_event_of_1_0_is_read_field_by_field(tmp_path: Path) -> None:
    key = hash_key(settings(tmp_path))
    assert one(tmp_path, OLD) == {
        "line_number": 1, "ts_us": 1_780_000_000_250_000, "exchange_id": "ev-1", "source": "ocsf",
        "account_id": "a1", "key_hash": fingerprint(key, "AKIAEXAMPLEEXAMPLE01"),
        "session_id": "s-1", "source_ip": "192.0.2.1", "user_agent": "openai-python/1.40.0",
        "method": "POST", "path": "/v1/chat/completions", "status": 200, "model": "m-1",
        "operation": "chat", "input_tokens": 40, "output_tokens": 12, "duration_ms": 1_500,
    }  # fmt: skip


def test_an_event_of_1_8_with_the_ai_profile_is_read_field_by_field(tmp_path: Path) -> None:
    assert one(tmp_path, NEW) == {
        "line_number": 1, "ts_us": 1_780_000_000_900_500, "exchange_id": "ev-2", "source": "ocsf",
        "account_id": "a2", "org_id": "o1", "session_id": "conv-3",
        "key_hash": fingerprint(hash_key(settings(tmp_path)), "key-7"),
        "source_ip": "2001:db8::1", "asn": 64_500, "country": "DE", "user_agent": "curl/8.5.0",
        "method": "POST", "path": "/v1/chat/completions?x=1", "status": 200,
        "provider": "example", "model": "m-2-2026", "operation": "chat", "stream": True,
        "input_tokens": 21, "cached_tokens": 4, "output_tokens": 9, "max_tokens": 64,
        "temperature": 0.5, "choices": 1, "turns": 2, "tools": 1, "duration_ms": 2_499,
        "finish_reason": "stop", "system_prompt": "Be brief.", "prompt": 'Say "hi" - 猫',
        "output": "Hi.",
    }  # fmt: skip


def test_an_event_of_a_cloud_trail_has_the_account_and_no_invented_status(tmp_path: Path) -> None:
    row = one(tmp_path, CLOUD)
    assert (row["account_id"], row["exchange_id"]) == ("111122223333", "rq-3")
    assert (row["operation"], row["stream"]) == ("chat", True)
    assert not {"status", "path", "output_tokens"} & set(row)


def test_each_sample_is_valid_for_the_version_that_it_names() -> None:
    for event in (OLD, NEW, CLOUD):
        version, profiles = event["metadata"]["version"], event["metadata"].get("profiles", [])
        made = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=version))
        wanted = made.get_class_schema(class_name="api_activity", profiles=profiles)
        jsonschema.Draft202012Validator(wanted).validate(event)


@pytest.mark.parametrize(
    ("changes", "ts_us"),
    [
        ({"start_time_dt": None}, 1_780_000_000_900_000),
        ({"start_time_dt": None, "start_time": None}, 1_780_000_001_000_000),
        (
            {"start_time_dt": None, "start_time": None, "time_dt": "2026-05-28T22:26:41+02:00"},
            1_780_000_001_000_000,
        ),
        ({"start_time_dt": None, "start_time": None, "time": "1780000002000"},
         1_780_000_002_000_000),
    ],
)  # fmt: skip
def test_a_request_begins_where_the_event_says_most_exactly(
    tmp_path: Path, changes: dict[str, object], ts_us: int
) -> None:
    assert one(tmp_path, NEW, **changes)["ts_us"] == ts_us


def test_an_event_lasts_as_long_as_it_says_else_from_start_to_end(tmp_path: Path) -> None:
    assert one(tmp_path, NEW, duration=7)["duration_ms"] == 7
    assert one(tmp_path, NEW, end_time=None)["duration_ms"] == 90
    assert "duration_ms" not in one(tmp_path, NEW, end_time=None, http_response__latency=None)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"http_response__code": 429, "status_id": 2}, 429),
        ({"http_response": None, "api__response__code": 529}, 529),
        ({"http_response": None, "api__response__code": 0, "status_code": "403"}, 403),
        ({"http_response": None, "api__response__code": 0, "status_code": "0x18"}, 200),
        ({"http_response": None, "api__response__code": None, "status_id": 2}, None),
        ({"http_response": None, "api__response__code": None, "status_id": None}, None),
    ],
)
def test_the_status_is_a_code_of_http_or_unknown(
    tmp_path: Path, changes: dict[str, object], status: int | None
) -> None:
    assert one(tmp_path, NEW, **changes).get("status") == status


@pytest.mark.parametrize(
    ("changes", "hashed"),
    [
        ({"actor__user__programmatic_credentials": [{"uid": "k"}]}, "k"),
        ({"actor__user__credential_uid": "k"}, "k"),
        ({"actor__session__credential_uid": "k", "actor__user__credential_uid": None}, "k"),
        ({"actor__user__credential_uid": "0123456789abcdef" * 2}, "0123456789abcdef" * 2),
        ({"actor__user__credential_uid": "Bearer sk-live-1234"}, "sk-live-1234"),
    ],
)
def test_a_credential_is_hashed_whatever_it_looks_like(
    tmp_path: Path, changes: dict[str, object], hashed: str
) -> None:
    row = one(tmp_path, OLD, **changes)
    assert row["key_hash"] == fingerprint(hash_key(settings(tmp_path)), hashed)


def test_without_a_user_the_key_names_the_account(tmp_path: Path) -> None:
    row = one(tmp_path, OLD, actor__user={"credential_uid": "k"})
    assert row["account_id"] == row["key_hash"]


def test_a_raw_key_in_a_users_place_is_hidden(tmp_path: Path) -> None:
    row = one(tmp_path, OLD, actor__user__uid="sk-raw-0123456789abcdef",
              http_request__user_agent="x sk-raw-0123456789abcdef",
              http_request__url__path="/v1/messages?key=sk-raw-0123456789abcdef")  # fmt: skip
    assert "sk-raw" not in json.dumps(row)


@pytest.mark.parametrize(
    "unmapped",
    [
        {"output_tokens": 77, "model": "m-9"},
        {"gen_ai.usage.output_tokens": 77, "gen_ai.response.model": "m-9"},
        {"gen_ai": {"usage": {"output_tokens": 77}, "response": {"model": "m-9"}}},
        '{"output_tokens": "77", "model": "m-9"}',
    ],
)
def test_what_the_schema_has_no_word_for_stands_in_unmapped(
    tmp_path: Path, unmapped: object
) -> None:
    row = one(tmp_path, OLD, unmapped=unmapped)
    assert (row["output_tokens"], row["model"]) == (77, "m-9")


@pytest.mark.parametrize("odd", [None, "", "{", "[]", 7, [1], {"a": []}, "null", True])
def test_an_odd_body_costs_only_itself(tmp_path: Path, odd: object) -> None:
    row = one(tmp_path, NEW, unmapped=odd, api__request__data=odd, api__response__data=odd)
    assert (row["account_id"], row["output_tokens"]) == ("a2", 9)
    assert "prompt" not in row


def test_a_body_as_text_is_read_like_one_as_an_object(tmp_path: Path) -> None:
    asked, told = NEW["api"]["request"]["data"], NEW["api"]["response"]["data"]
    texts = {"api__request__data": json.dumps(asked), "api__response__data": json.dumps(told)}
    assert one(tmp_path, NEW, **texts) == one(tmp_path, NEW)


@pytest.mark.parametrize(
    ("chat", "prompt"),
    [
        ([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}], "a\n\nb"),
        ([{"role": "tool", "content": "no person wrote this"}], None),
        ("plain text", "plain text"),
        ("[1, 2]", "[1, 2]"),
        ('[{"a": "a list is no disguise"}]', '[{"a": "a list is no disguise"}]'),
    ],
)
def test_the_prompt_is_what_the_user_wrote(
    tmp_path: Path, chat: object, prompt: str | None
) -> None:
    assert one(tmp_path, NEW, api__request__data={"messages": chat}).get("prompt") == prompt


def test_tokens_of_a_body_count_where_the_profile_is_missing(tmp_path: Path) -> None:
    row = one(tmp_path, NEW, message_context=None, ai_model=None)
    assert (row["input_tokens"], row["output_tokens"], row["model"]) == (21, 9, "m-2-2026")


def test_the_text_that_newer_versions_keep_beside_the_tokens_is_the_prompt(tmp_path: Path) -> None:
    row = one(tmp_path, NEW, message_context__prompt_text="P", message_context__response_text="R")
    assert (row["prompt"], row["output"]) == ("P", "R")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"class_uid": None}, "class_uid is missing"),
        ({"class_uid": 3002}, "class_uid is not that of API Activity (6003)"),
        ({"class_uid": "sk-x"}, "class_uid is not that of API Activity (6003)"),
        ({"count": 2}, "count is above 1"),
        ({"time": None}, "ts_us is missing or no time"),
        ({"time": "yesterday"}, "ts_us is missing or no time"),
        ({"time": 1_780_000_000}, "ts_us is not from 1990 to 2099"),
        ({"message_context__completion_tokens": "many"}, "output_tokens is no whole number"),
        ({"message_context__prompt_tokens": 2**31}, "input_tokens is no whole number"),
        ({"http_response__code": "OK"}, "status is no whole number"),
    ],
)
def test_what_the_source_gets_wrong_is_a_reject_that_names_it(
    tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    assert reason in why(tmp_path, OLD, **changes)


def test_what_the_client_gets_wrong_is_unknown_and_the_row_stays(tmp_path: Path) -> None:
    absurd = {"max_tokens": 10**30, "temperature": "hot", "n": -1, "stream": "perhaps",
              "tools": "none", "messages": {"role": "user"}}  # fmt: skip
    row = one(tmp_path, NEW, api__request__data=absurd)
    assert not {"max_tokens", "temperature", "choices", "stream", "tools", "turns"} & set(row)
    assert row["output_tokens"] == 9


def test_a_count_of_one_is_one_exchange(tmp_path: Path) -> None:
    assert one(tmp_path, OLD, count=1)["account_id"] == "a1"


def test_hostile_lines_come_out_once_each(tmp_path: Path) -> None:
    line = json.dumps(NEW)
    deep = "[" * 10_000 + "]" * 10_000
    lines = [
        line[:-30],
        "",
        line.replace('"class_uid"', '"class_uid": 6002, "class_uid"'),
        json.dumps(changed(NEW, start_time_dt="0001-01-01T00:00:00Z")),
        json.dumps(changed(NEW, http_response__code=float("nan"))),
        json.dumps(changed(NEW, message_context__uid="\ud800", ai_model__name='x"\\\n\x1b[2J')),
        line[:-1] + f', "deep": {deep}}}',
        json.dumps(
            changed(NEW, api__request__data={"messages": json.loads("[" * 400 + "]" * 400)})
        ),
        json.dumps(changed(NEW, end_time=9e15, duration="forever")),
    ]
    result = read("ocsf", lines, settings(tmp_path))
    assert [number for number, _ in result.rejects] == [1, 2, 3, 4, 5]
    assert result.rows["line_number"].to_pylist() == [6, 7, 8, 9]
    assert result.rows["session_id"].to_pylist()[0] == "\ufffd"


def test_an_event_is_told_from_every_other_format() -> None:
    reader = Ocsf()
    for line in samples("ocsf.jsonl"):
        assert reader.sniff(line) > 0.9 > Native().sniff(line) + 0.1
    for name in ("native.jsonl", "nginx.log", "nginx_json.jsonl", "litellm_spend.jsonl",
                 "litellm_payload.jsonl", "otel.jsonl", "mapped.jsonl"):  # fmt: skip
        assert not any(reader.sniff(line) for line in samples(name))
    assert recognise(samples("ocsf.jsonl"), "lines") == "ocsf"


def test_events_of_another_class_are_recognised_so_that_rejects_say_which(tmp_path: Path) -> None:
    logon = json.dumps(changed(OLD, class_uid=3002, type_uid=300201))
    assert recognise([logon], "lines") == "ocsf"


def test_events_in_parquet_are_read_like_those_in_lines(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    plain = changed(NEW, api__request__data=None, metadata__profiles=None)
    pq.write_table(pa.Table.from_pylist([plain]), path)
    (batch,) = open_records(open_source(str(path)), frame="parquet").batches()
    reading = Reading("ocsf", settings(tmp_path), "0123abcd")
    assert rows(reading.read(batch.lines)) == [one(tmp_path, plain)]


def test_a_map_in_parquet_is_an_object_as_security_lakes_keep_it(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    table = pa.Table.from_pylist([changed(OLD, unmapped=None), changed(OLD, unmapped=None)])
    maps = [[("output_tokens", "1"), ("model", "m"), ("output_tokens", "77")], None]
    column = pa.array(maps, pa.map_(pa.string(), pa.string()))
    pq.write_table(table.append_column("unmapped", column), path)
    (batch,) = open_records(open_source(str(path)), frame="parquet").batches()
    one, other = rows(Reading("ocsf", settings(tmp_path), "0123abcd").read(batch.lines))
    assert (one["output_tokens"], one["model"]) == (77, "m")
    assert "model" not in other


PATHS = strategies.sampled_from(
    sorted({path[2:] for paths in ALIASES.values() for path in paths if "[" not in path})
)
VALUES = strategies.one_of(
    strategies.none(), strategies.booleans(), strategies.integers(), strategies.floats(),
    strategies.text(max_size=12), strategies.lists(strategies.integers(), max_size=2),
    strategies.dictionaries(strategies.text(max_size=3), strategies.integers(), max_size=2),
)  # fmt: skip


@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(strategies.lists(strategies.dictionaries(PATHS, VALUES, max_size=5), max_size=8))
def test_each_event_of_odd_values_comes_out_once(
    tmp_path: Path, odd: list[dict[str, object]]
) -> None:
    lines = []
    for changes in odd:
        event = deepcopy(NEW)
        for path, value in changes.items():
            *steps, last = path.split(".")
            inside: Any = event
            for step in steps:
                found = inside.get(step)
                inside[step] = inside = found if isinstance(found, dict) else {}
            inside[last] = value
        lines.append(json.dumps(event))
    result = read("ocsf", lines, settings(tmp_path))
    seen = result.rows["line_number"].to_pylist() + [number for number, _ in result.rejects]
    assert sorted(seen) == list(range(1, len(lines) + 1))
