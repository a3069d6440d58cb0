"""The two readers of LiteLLM, on lines that LiteLLM 1.108 wrote."""

import json
from pathlib import Path
from typing import Any

import pytest
from lines_read import read, rows, samples, settings

from stillhunt.hunt.identity import fingerprint, hash_key
from stillhunt.hunt.readers.litellm_payload import LitellmPayload
from stillhunt.hunt.readers.litellm_spend import LitellmSpend

ALPHA = "20626c724e505809e6c33ba472d883552b857b093104fa6a040e194133546b32"


def payload(tmp_path: Path, **changes: object) -> dict[str, Any]:
    line = json.dumps(json.loads(samples("litellm_payload.jsonl")[0]) | changes)
    return rows(read("litellm_payload", [line], settings(tmp_path)))[0]


def spend(tmp_path: Path, **changes: object) -> dict[str, Any]:
    line = json.dumps(json.loads(samples("litellm_spend.jsonl")[0]) | changes)
    return rows(read("litellm_spend", [line], settings(tmp_path)))[0]


def test_a_payload_tells_everything_about_an_exchange(tmp_path: Path) -> None:
    assert payload(tmp_path) == {
        "line_number": 1, "ts_us": 1_795_537_289_779_652, "source": "litellm_payload",
        "exchange_id": "48f3a946-3a60-44f6-97bc-c07a0a3d5892",
        "account_id": "alpha", "org_id": "org-1", "end_user_id": "end-7",
        "key_hash": fingerprint(hash_key(settings(tmp_path)), ALPHA),
        "source_ip": "192.0.2.10", "user_agent": 'evil "ua" \\ x',
        "path": "/v1/chat/completions", "status": 200, "provider": "openai", "model": "m-1",
        "operation": "chat", "stream": False, "input_tokens": 21, "cached_tokens": 4,
        "output_tokens": 9, "reasoning_tokens": 3, "max_tokens": 64, "temperature": 0.5,
        "choices": 1, "turns": 4, "tools": 1, "duration_ms": 47, "finish_reason": "stop",
        "system_prompt": "Be brief.", "prompt": 'Say hi\n\nAgain "x"', "output": "Hello there",
    }  # fmt: skip


@pytest.mark.parametrize("reader", ["litellm_payload", "litellm_spend"])
@pytest.mark.parametrize(
    ("begun", "ended"),
    [(-9e12, 9e12), (9e12, -9e12), ("-290000-01-01", "290000-01-01"), (0, 9e12), (-9e12, 0)],
)
def test_no_pair_of_times_stops_the_reading(
    tmp_path: Path, reader: str, begun: object, ended: object
) -> None:
    good = samples(f"{reader}.jsonl")[0]
    times = {"startTime": begun, "completionStartTime": -9e12, "endTime": ended}
    lines = [json.dumps(json.loads(good) | times | {"request_duration_ms": None}), good]
    result = read(reader, lines, settings(tmp_path))
    assert result.rows["line_number"].to_pylist() == [2]
    assert [number for number, _ in result.rejects] == [1]


@pytest.mark.parametrize("reader", ["litellm_payload", "litellm_spend"])
def test_an_absurd_end_is_unknown_and_the_row_stays(tmp_path: Path, reader: str) -> None:
    good = json.loads(samples(f"{reader}.jsonl")[0])
    late = {"endTime": 9e12, "completionStartTime": None, "request_duration_ms": None}
    row = rows(read(reader, [json.dumps(good | late)], settings(tmp_path)))[0]
    assert "duration_ms" not in row
    assert row["ts_us"] == 1_795_537_289_779_652


def test_a_streamed_answer_has_a_time_to_its_first_token(tmp_path: Path) -> None:
    row = rows(read("litellm_payload", samples("litellm_payload.jsonl"), settings(tmp_path)))[1]
    assert (row["stream"], row["ttft_ms"], row["duration_ms"]) == (True, 144, 173)


def test_a_failure_has_its_errors_code_or_no_status(tmp_path: Path) -> None:
    found = rows(read("litellm_payload", samples("litellm_payload.jsonl"), settings(tmp_path)))
    assert [row.get("status") for row in found] == [200, 200, None, 400, None]


def test_both_logs_of_the_same_exchange_agree(tmp_path: Path) -> None:
    long = rows(read("litellm_payload", samples("litellm_payload.jsonl"), settings(tmp_path)))
    short = rows(read("litellm_spend", samples("litellm_spend.jsonl"), settings(tmp_path)))
    for one, other in zip(short[:2], long[:2], strict=True):
        del one["source"], one["session_id"]
        assert one.items() <= other.items()


def test_an_old_row_of_spendlogs_is_read(tmp_path: Path) -> None:
    row = rows(read("litellm_spend", samples("litellm_spend.jsonl"), settings(tmp_path)))[2]
    assert row["ts_us"] == 1_709_287_200_250_000
    assert row["duration_ms"] == 2_500
    assert row["account_id"] == row["org_id"] == "team-9"
    assert row["source_ip"] == "2001:db8::7"
    assert "status" not in row
    assert "end_user_id" not in row


@pytest.mark.parametrize("metadata", ['{"a"', "[]", "", "null", 7, None])
def test_metadata_that_is_no_object_costs_only_itself(tmp_path: Path, metadata: object) -> None:
    row = spend(tmp_path, metadata=metadata)
    assert (row["account_id"], row["output_tokens"]) == ("alpha", 9)
    assert "user_agent" not in row


def test_rows_of_a_csv_export_are_all_text(tmp_path: Path) -> None:
    record = json.loads(samples("litellm_spend.jsonl")[0])
    texts = {key: "" if value is None else str(value) for key, value in record.items()}
    assert spend(tmp_path, **texts) == spend(tmp_path)


def test_the_last_of_several_forwarded_addresses_is_the_one_a_proxy_saw(tmp_path: Path) -> None:
    row = spend(tmp_path, requester_ip_address="203.0.113.9, 198.51.100.7")
    assert row["source_ip"] == "198.51.100.7"


def test_the_master_keys_holder_is_no_account(tmp_path: Path) -> None:
    changed = {"user": "default_user_id", "team_id": None, "metadata": "{}"}
    row = spend(tmp_path, **changed)
    assert row["account_id"] == row["key_hash"] == fingerprint(hash_key(settings(tmp_path)), ALPHA)


def test_a_raw_key_in_place_of_its_hash_is_hashed_too(tmp_path: Path) -> None:
    row = spend(tmp_path, api_key="sk-raw-0123456789abcdef")
    assert "sk-raw" not in json.dumps(row)


@pytest.mark.parametrize(
    ("messages", "prompt"),
    [
        ("plain text", "plain text"),
        ("123", "123"),
        ([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}], "a\n\nb"),
        ([{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image"}]}], "a"),
        ([{"role": "tool", "content": "no person wrote this"}], None),
        ([{"role": "user"}, 7, "x", None], None),
        ([], None),
        (None, None),
    ],
)
def test_the_prompt_is_what_the_user_wrote(
    tmp_path: Path, messages: object, prompt: str | None
) -> None:
    assert payload(tmp_path, messages=messages).get("prompt") == prompt


def test_a_reasoning_block_that_comes_back_is_known_by_its_hash(tmp_path: Path) -> None:
    block = {"type": "thinking", "thinking": "...", "signature": "EqQBCgIYAhIM"}
    chat = [{"role": "assistant", "content": [block]}, {"role": "user", "content": "on"}]
    one = payload(tmp_path, messages=chat)["reasoning_signature_hash"]
    chat[0] = {"role": "assistant", "content": "", "thinking_blocks": [block]}
    assert payload(tmp_path, messages=chat)["reasoning_signature_hash"] == one
    assert len(one) == 32


def test_answers_of_the_messages_and_responses_dialects_are_read(tmp_path: Path) -> None:
    blocks = [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}]
    row = payload(tmp_path, response={"content": blocks, "stop_reason": "end_turn"})
    assert (row["output"], row["finish_reason"]) == ("A\nB", "end_turn")
    row = payload(tmp_path, response={"output": [{"content": blocks}]})
    assert row["output"] == "A\nB"


@pytest.mark.parametrize("reader", ["litellm_spend", "litellm_payload"])
def test_hostile_lines_come_out_once_each(tmp_path: Path, reader: str) -> None:
    line = samples(f"{reader}.jsonl")[0]
    record = json.loads(line)
    deep = "[" * 10_000 + "]" * 10_000
    lines = [
        line[:-30],
        "",
        line.replace('"startTime"', '"startTime": 1, "startTime"'),
        json.dumps(record | {"startTime": "0001-01-01T00:00:00Z"}),
        json.dumps(record | {"startTime": "9999-01-01T00:00:00Z"}),
        json.dumps(record | {"completion_tokens": 1e300}),
        json.dumps(record | {"prompt_tokens": float("nan")}),
        json.dumps(record | {"end_user": "\ud800", "model": 'x"\\\n'}),
        line[:-1] + f', "deep": {deep}}}',
        json.dumps(record | {"messages": json.loads("[" * 500 + "]" * 500)}),
    ]
    result = read(reader, lines, settings(tmp_path))
    assert [number for number, _ in result.rejects] == [1, 2, 3, 4, 5, 6, 7]
    assert result.rows["input_tokens"].to_pylist() == [21, 21, 21]
    assert result.rows["end_user_id"].to_pylist()[0] == "\ufffd"


def test_each_log_of_litellm_is_told_from_the_other() -> None:
    long, short = LitellmPayload(), LitellmSpend()
    for text in samples("litellm_payload.jsonl"):
        assert long.sniff(text) >= 0.5 > short.sniff(text) + 0.1
    for text in samples("litellm_spend.jsonl"):
        assert short.sniff(text) >= 0.5 > long.sniff(text)
    for name in ("native.jsonl", "nginx.log", "nginx_json.jsonl", "otel.jsonl"):
        for text in samples(name):
            assert max(short.sniff(text), long.sniff(text)) < 0.3


@pytest.mark.parametrize(
    ("route", "path"),
    [
        ("/chat/completions", "/v1/chat/completions"),
        ("/openai/deployments/m-1/chat/completions", "/v1/chat/completions"),
        ("/completions", "/v1/completions"),
        ("/v1/messages", "/v1/messages"),
        ("/v1/embeddings", "/v1/embeddings"),
        ("/v1/messages/count_tokens", "/v1/messages/count_tokens"),
    ],
)
def test_each_name_of_an_end_point_is_the_one_that_rules_know(
    tmp_path: Path, route: str, path: str
) -> None:
    metadata = json.loads(samples("litellm_payload.jsonl")[0])["metadata"]
    row = payload(tmp_path, metadata=metadata | {"user_api_key_request_route": route})
    assert row["path"] == path
