"""The reader of nginx's JSON access log."""

import json
from pathlib import Path
from typing import Any

import pytest
from lines_read import read, rows, samples, settings

from stillhunt.hunt.readers.nginx_json import NginxJson

TS = 1_780_000_000_000_000


def altered(**changes: object) -> str:
    return json.dumps(json.loads(samples("nginx_json.jsonl")[0]) | changes)


def one(tmp_path: Path, line: str) -> dict[str, Any]:
    return rows(read("nginx_json", [line], settings(tmp_path)))[0]


def test_our_layout_gives_account_tokens_and_times(tmp_path: Path) -> None:
    assert one(tmp_path, samples("nginx_json.jsonl")[0]) == {
        "line_number": 1, "ts_us": TS, "exchange_id": "5f2d", "source": "nginx_json",
        "account_id": "a1", "org_id": "o1", "source_ip": "192.0.2.1",
        "user_agent": 'say "hi" \\ there', "ja4": "t13d1516h2_8daaf6152771_b186095e22b6",
        "method": "POST", "path": "/v1/chat/completions", "status": 200, "model": "m-1",
        "stream": True, "input_tokens": 250, "output_tokens": 300, "duration_ms": 3_250,
        "ttft_ms": 125,
    }  # fmt: skip


def test_home_grown_layouts_are_understood(tmp_path: Path) -> None:
    _, wild, iso = rows(read("nginx_json", samples("nginx_json.jsonl"), settings(tmp_path)))
    assert (wild["ts_us"], wild["method"], wild["path"]) == (
        TS - 500_000, "POST", "/v1/messages?api_key=***",
    )  # fmt: skip
    assert "account_id" not in wild
    assert (iso["ts_us"], iso["path"], iso["status"]) == (TS - 1_000, "/v1/models", 404)


def test_more_blanks_than_one_in_a_request_hide_no_path(tmp_path: Path) -> None:
    wild = json.loads(samples("nginx_json.jsonl")[1]) | {
        "request": " POST   /v1/messages  HTTP/1.1"
    }
    row = one(tmp_path, json.dumps(wild))
    assert (row["method"], row["path"]) == ("POST", "/v1/messages")


def test_tokens_in_a_trailer_stand_in_for_those_in_a_header(tmp_path: Path) -> None:
    row = one(tmp_path, altered(output_tokens="", output_tokens_trailer="77"))
    assert row["output_tokens"] == 77


def test_of_several_upstreams_the_last_one_counts(tmp_path: Path) -> None:
    row = one(tmp_path, altered(output_tokens="-, 9", upstream_header_time="0.1 : 0.2"))
    assert (row["output_tokens"], row["ttft_ms"]) == (9, 200)


@pytest.mark.parametrize("value", ["many", "1e999", "-3", "99999999999"])
def test_a_token_header_that_is_no_count_is_a_reject(tmp_path: Path, value: str) -> None:
    result = read("nginx_json", [altered(output_tokens=value)], settings(tmp_path))
    assert result.rejects == [(1, "output_tokens is no whole number from 0 to 2147483647")]


@pytest.mark.parametrize("value", ["", "-", "NaN", "inf", "1e999"])
def test_a_time_of_nothing_is_a_reject(tmp_path: Path, value: str) -> None:
    result = read("nginx_json", [altered(msec=value)], settings(tmp_path))
    assert result.rejects == [(1, "ts_us is missing or no time")]


@pytest.mark.parametrize("value", ["-62135596800.000", "253402300799.000"])
def test_years_1_and_9999_are_rejects(tmp_path: Path, value: str) -> None:
    result = read("nginx_json", [altered(msec=value)], settings(tmp_path))
    assert result.rejects == [(1, "ts_us is not from 1990 to 2099")]


def test_a_missing_length_or_first_byte_is_unknown(tmp_path: Path) -> None:
    row = one(tmp_path, altered(request_time="", upstream_header_time="-"))
    assert row["ts_us"] == TS + 3_250_000
    assert "duration_ms" not in row
    assert "ttft_ms" not in row


def test_bytes_that_were_no_utf8_stay_a_row(tmp_path: Path) -> None:
    row = one(tmp_path, altered(user_agent="\ufffd\ufffd", path="/\ufffd"))
    assert row["user_agent"] == "\ufffd\ufffd"


def test_a_truncated_line_is_a_reject(tmp_path: Path) -> None:
    result = read("nginx_json", [altered()[:-20], "{", altered()], settings(tmp_path))
    assert [number for number, _ in result.rejects] == [1, 2]


def test_an_account_that_looks_like_a_key_is_hashed(tmp_path: Path) -> None:
    row = one(tmp_path, altered(account_id="Bearer sk-abcdefghijklmnopqrst"))
    assert len(row["account_id"]) == 32


@pytest.mark.parametrize("length", ["9223372036854", "-9223372036854", "1e18", "inf", "nan"])
@pytest.mark.parametrize(
    "msec",
    ["-9223372036854", "9223372036854", "1780000003.250", "1e300", "294247-01-10T04:00:54Z"],
)
def test_no_pair_of_times_stops_the_reading(tmp_path: Path, msec: str, length: str) -> None:
    lines = [altered(msec=msec, request_time=length), altered()]
    result = read("nginx_json", lines, settings(tmp_path))
    assert result.rows["line_number"].to_pylist()[-1] == 2


def test_an_absurd_length_is_unknown_and_the_row_stays(tmp_path: Path) -> None:
    row = one(tmp_path, altered(request_time="9223372036854"))
    assert row["ts_us"] == TS + 3_250_000
    assert "duration_ms" not in row


def test_a_user_name_that_nobody_verified_is_no_account(tmp_path: Path) -> None:
    row = one(tmp_path, altered(account_id="", remote_user="victim", status="401"))
    assert "account_id" not in row


def test_only_json_of_nginx_looks_like_it() -> None:
    reader = NginxJson()
    assert all(reader.sniff(text) >= 0.5 for text in samples("nginx_json.jsonl"))
    others = ("native.jsonl", "nginx.log", "litellm_spend.jsonl", "otel.jsonl")
    assert not any(reader.sniff(text) for name in others for text in samples(name))
