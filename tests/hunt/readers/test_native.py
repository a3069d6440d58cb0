"""The native reader."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, strategies
from hypothesis import settings as hypothesis_settings
from lines_read import read, rows, samples, settings

from stillhunt.hunt.identity import fingerprint, hash_key
from stillhunt.hunt.readers.native import Native
from stillhunt.model.exchange import COLUMNS

TS = 1_780_000_000_000_000


def one(tmp_path: Path, line: str) -> dict[str, object]:
    result = read("native", [line], settings(tmp_path))
    assert result.rejects == []
    return rows(result)[0]


def reason(tmp_path: Path, line: str) -> str:
    result = read("native", [line], settings(tmp_path))
    assert result.rows.num_rows == 0
    return result.rejects[0][1]


def test_every_column_of_a_row_is_read_as_it_is_written(tmp_path: Path) -> None:
    line = samples("native.jsonl")[0]
    row = one(tmp_path, line)
    written = json.loads(line)
    assert row.pop("temperature") == pytest.approx(written.pop("temperature"))
    assert row == written | {"line_number": 1, "source": "native"}


def test_columns_come_in_the_types_of_the_exchange(tmp_path: Path) -> None:
    table = read("native", samples("native.jsonl"), settings(tmp_path)).rows
    assert table.schema.names == ["line_number", *(c.name for c in COLUMNS)]
    for c in COLUMNS:
        kind = {"bool": "bool", "string": "string", "float32": "float"}.get(c.kind, c.kind)
        assert str(table.schema.field(c.name).type) == kind


def test_ts_with_an_offset_means_the_same_moment_as_ts_us(tmp_path: Path) -> None:
    row = rows(read("native", samples("native.jsonl"), settings(tmp_path)))[1]
    assert row["ts_us"] == TS + 500_000
    assert row["source_ip"] == "2001:db8::1"
    assert row["status"] == 429
    assert row["exchange_id"] == "0123abcd:2"


def test_sketch_columns_that_a_row_brings_are_kept(tmp_path: Path) -> None:
    row = rows(read("native", samples("native.jsonl"), settings(tmp_path)))[2]
    assert (row["template"], row["simhash"], row["words"]) == (-5, 2**63 - 1, 12)


def test_a_raw_key_in_key_hash_is_hashed_and_names_the_account(tmp_path: Path) -> None:
    given_ = settings(tmp_path)
    row = rows(read("native", samples("native.jsonl"), given_))[2]
    expected = fingerprint(hash_key(given_), "sk-live-abcdefghijklmnop")
    assert row["key_hash"] == row["account_id"] == expected


def test_absent_is_unknown_and_never_zero(tmp_path: Path) -> None:
    row = one(tmp_path, f'{{"ts_us": {TS}, "output_tokens": null, "input_tokens": 0}}')
    assert row == {"line_number": 1, "ts_us": TS, "exchange_id": "0123abcd:1",
                   "source": "native", "input_tokens": 0}  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("output_tokens", "1e999"), ("output_tokens", "-1"), ("input_tokens", "2147483648"),
        ("status", "32768"), ("status", '"OK"'), ("output_tokens", '{"a": 1}'),
        ("reasoning_tokens", "true"), ("cached_tokens", '"12 tokens"'),
    ],
)  # fmt: skip
def test_what_the_source_writes_unreadably_is_a_reject_that_names_the_field(
    tmp_path: Path, field: str, value: str
) -> None:
    assert reason(tmp_path, f'{{"ts_us": {TS}, "{field}": {value}}}').startswith(field)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_tokens", "1e30"), ("max_tokens", "-1"), ("choices", "99999"),
        ("temperature", "1e999"), ("temperature", "NaN"), ("turns", '"many"'),
        ("source_ip", '"no address"'), ("tools", "-7"), ("user_agent", '""'),
    ],
)  # fmt: skip
def test_what_the_client_chooses_absurdly_is_unknown_and_the_row_stays(
    tmp_path: Path, field: str, value: str
) -> None:
    row = one(tmp_path, f'{{"ts_us": {TS}, "{field}": {value}, "output_tokens": 5}}')
    assert row["output_tokens"] == 5
    assert row.get(field) in {None, ""}


@pytest.mark.parametrize(
    "ts",
    ['"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59Z"', '"1989-12-31T23:59:59.999999Z"',
     '"2100-01-01T00:00:00Z"', '"99999-01-01T00:00:00Z"'],
)  # fmt: skip
def test_years_in_which_nobody_logged_are_rejects(tmp_path: Path, ts: str) -> None:
    assert reason(tmp_path, f'{{"ts": {ts}}}') == "ts_us is not from 1990 to 2099"


def test_the_bounds_of_time_are_1990_and_2100(tmp_path: Path) -> None:
    assert one(tmp_path, '{"ts": "1990-01-01T00:00:00Z"}')["ts_us"] == 631_152_000_000_000
    assert one(tmp_path, '{"ts": "2099-12-31t23:59:59.999999z"}')


@pytest.mark.parametrize("line", ["{}", "[]", "5", "null", '{"ts_us": "soon"}', '{"ts": "soon"}'])
def test_a_line_without_a_time_is_a_reject(tmp_path: Path, line: str) -> None:
    assert reason(tmp_path, line) in {"ts_us is missing or no time", "not a JSON object"}


def test_of_a_key_that_stands_twice_the_first_counts_in_both_passes(tmp_path: Path) -> None:
    twice = f'{{"ts_us": {TS}, "ts_us": 1, "account_id": "a", "account_id": "b"}}'
    assert one(tmp_path, twice)["account_id"] == "a"
    row = one(tmp_path, twice.replace('"b"', r'"\ud800"'))
    assert (row["account_id"], row["ts_us"]) == ("a", TS)


def test_numbers_as_text_are_numbers(tmp_path: Path) -> None:
    row = one(tmp_path, f'{{"ts_us": "{TS}", "output_tokens": "12", "max_tokens": "64"}}')
    assert (row["ts_us"], row["output_tokens"], row["max_tokens"]) == (TS, 12, 64)


def test_nearly_json_gets_a_second_chance(tmp_path: Path) -> None:
    line = f'{{"ts_us": {TS}, "temperature": NaN, "prompt": "half \\ud83d", "user_agent": "a\tb"}}'
    row = one(tmp_path, line)
    assert row["prompt"] == "half \ufffd"
    assert row["user_agent"] == "a\tb"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "blank line"),
        ("   ", "blank line"),
        ('{"ts_us": 1780000000', "not JSON: "),
        ("[" * 10_000 + "]" * 9_999, "not JSON: "),
        ("\ufffd\ufffd", "not JSON: "),
        ('{"ts_us": ' + "9" * 5_000 + ', "a": "\\ud800"}', "ts_us is missing or no time"),
    ],
)
def test_what_is_no_json_is_a_reject_without_its_text(tmp_path: Path, line: str, why: str) -> None:
    said = reason(tmp_path, line)
    assert said.startswith(why)
    assert "1780" not in said


def test_nesting_10000_deep_beside_the_columns_is_survived(tmp_path: Path) -> None:
    deep = "[" * 10_000 + "]" * 10_000
    assert one(tmp_path, f'{{"ts_us": {TS}, "extra": {deep}}}')["ts_us"] == TS


def test_one_broken_line_does_not_harm_its_neighbours(tmp_path: Path) -> None:
    good = f'{{"ts_us": {TS}}}'
    result = read("native", [good] * 50 + ["{"] + [good] * 50, settings(tmp_path))
    assert result.rejects[0][0] == 51
    assert result.rows["line_number"].to_pylist() == [*range(1, 51), *range(52, 102)]


def test_only_lines_with_our_keys_look_native() -> None:
    reader = Native()
    assert all(reader.sniff(line) >= 0.5 for line in samples("native.jsonl"))
    others = ("nginx.log", "nginx_json.jsonl", "litellm_spend.jsonl", "otel.jsonl")
    assert not any(reader.sniff(line) for name in others for line in samples(name))


FIELDS = strategies.sampled_from([c.name for c in COLUMNS] + ["ts", "other"])
VALUES = strategies.one_of(
    strategies.none(), strategies.booleans(), strategies.integers(), strategies.floats(),
    strategies.text(max_size=12), strategies.lists(strategies.integers(), max_size=2),
)  # fmt: skip


@hypothesis_settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(strategies.lists(strategies.dictionaries(FIELDS, VALUES, max_size=6), max_size=20))
def test_each_line_of_odd_values_comes_out_once(
    tmp_path: Path, records: list[dict[str, object]]
) -> None:
    lines = [json.dumps({"ts_us": TS} | record) for record in records]
    result = read("native", lines, settings(tmp_path))
    seen = result.rows["line_number"].to_pylist() + [number for number, _ in result.rejects]
    assert sorted(seen) == list(range(1, len(lines) + 1))
