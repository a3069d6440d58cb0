"""The reader that follows a mapping in the settings."""

import json
from pathlib import Path
from typing import Any

import pytest
from lines_read import read, rows, samples, settings

from stillhunt.hunt.identity import fingerprint, hash_key
from stillhunt.hunt.settings import HuntSettings, Mapped, Readers
from stillhunt.model.errors import ConfigError

COLUMNS = {
    "ts_us": "when", "key_hash": "who.key", "source_ip": "net.ip", "input_tokens": "usage.in",
    "output_tokens": 'usage."out.total"', "finish_reason": "choices[0].finish",
    "duration_ms": "took", "operation": "=chat", "prompt": "text",
}  # fmt: skip
UNITS = {"ts_us": "s", "duration_ms": "s"}


def mapped(
    folder: Path, columns: dict[str, str] = COLUMNS, units: dict[str, str] = UNITS
) -> HuntSettings:
    return settings(folder, readers=Readers(mapped=Mapped(columns=columns, units=units)))


def one(folder: Path, record: dict[str, Any], **more: dict[str, str]) -> dict[str, Any]:
    return rows(read("mapped", [json.dumps(record)], mapped(folder, **more)))[0]


def test_paths_units_and_constants_are_followed(tmp_path: Path) -> None:
    given = mapped(tmp_path)
    key = fingerprint(hash_key(given), "sk-abcdefghij0123456789")
    assert rows(read("mapped", samples("mapped.jsonl"), given)) == [
        {
            "line_number": 1, "ts_us": 1_780_000_000_500_000, "exchange_id": "0123abcd:1",
            "source": "mapped", "account_id": key, "key_hash": key, "source_ip": "192.0.2.8",
            "input_tokens": 5, "output_tokens": 7, "finish_reason": "stop",
            "duration_ms": 1_250, "operation": "chat", "prompt": "Hello",
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("unit", "written"),
    [("s", 1780000000.000001), ("ms", 1780000000000.001), ("us", 1780000000000001),
     ("ns", 1780000000000001999), ("ns", "1780000000000001000"),
     ("s", "2026-05-28T20:26:40.000001Z")],
)  # fmt: skip
def test_a_time_may_be_in_any_unit(tmp_path: Path, unit: str, written: object) -> None:
    row = one(tmp_path, {"t": written}, columns={"ts_us": "t"}, units={"ts_us": unit})
    assert row["ts_us"] == 1_780_000_000_000_001


def test_without_a_unit_a_time_is_in_that_of_its_column(tmp_path: Path) -> None:
    record = {"t": 1_780_000_000_000_000, "d": "12.6"}
    row = one(tmp_path, record, columns={"ts_us": "t", "duration_ms": "d"}, units={})
    assert (row["ts_us"], row["duration_ms"]) == (1_780_000_000_000_000, 13)


def test_a_path_that_leads_nowhere_is_unknown(tmp_path: Path) -> None:
    row = one(tmp_path, {"when": 1780000000, "usage": [], "choices": {}, "net": "x"})
    assert row.keys() == {"line_number", "ts_us", "exchange_id", "source", "operation"}


@pytest.mark.parametrize(
    ("columns", "units", "why"),
    [
        ({}, {}, "readers.mapped.columns has no ts_us"),
        ({"ts_us": "t", "acount_id": "a"}, {}, "did you mean account_id"),
        ({"ts_us": "t", "model": "a..b"}, {}, "readers.mapped.columns.model is 'a..b'"),
        ({"ts_us": "t", "model": "a[x]"}, {}, "readers.mapped.columns.model is 'a[x]'"),
        ({"ts_us": ""}, {}, "readers.mapped.columns.ts_us is ''"),
        ({"ts_us": "t"}, {"ts_us": "h"}, "readers.mapped.units.ts_us is 'h'"),
        ({"ts_us": "t"}, {"model": "s"}, "readers.mapped.units.model is no time"),
    ],
)
def test_a_mapping_that_means_nothing_stops_the_start(
    tmp_path: Path, columns: dict[str, str], units: dict[str, str], why: str
) -> None:
    with pytest.raises(ConfigError) as stopped:
        read("mapped", [], mapped(tmp_path, columns, units))
    assert why in str(stopped.value)


def test_a_quote_in_a_mapping_is_no_way_into_the_query(tmp_path: Path) -> None:
    columns = {"ts_us": "t", "model": "='); DROP TABLE x; --", "operation": "it's"}
    row = one(tmp_path, {"t": 1780000000, "it's": "y"}, columns=columns, units={"ts_us": "s"})
    assert (row["model"], row["operation"]) == ("'); DROP TABLE x; --", "y")


def test_hostile_records_come_out_once_each(tmp_path: Path) -> None:
    deep = "[" * 10_000 + "]" * 10_000
    lines = [
        '{"when": 1780000000, "when": 5}',
        '{"when": 1780000000, "net": ' + deep + "}",
        '{"when": 1780000000',
        '{"when": "0001-01-01T00:00:00Z"}',
        '{"when": 253402300799}',
        '{"when": 1e999}',
        '{"when": NaN}',
        '{"when": 1780000000, "usage": {"in": "99999999999"}}',
        '{"when": 1780000000, "text": "\\ud800"}',
        "",
    ]
    result = read("mapped", lines, mapped(tmp_path))
    assert result.rows["line_number"].to_pylist() == [1, 2, 9]
    assert result.rows["prompt"].to_pylist()[2] == "\ufffd"
