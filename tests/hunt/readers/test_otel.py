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
        ('{"resourceSpans": ' + "[" * 10_000 + "]" * 10_000 + "}", "not JSON: nested too deep"),
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
