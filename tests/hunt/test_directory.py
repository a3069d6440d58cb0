"""The account directory and the event list."""

import json
from pathlib import Path

import pytest

from stillhunt.hunt.directory import COLUMNS, load_directory, load_events, mark_disposable
from stillhunt.model.errors import InputError


def _file(folder: Path, text: str | bytes) -> Path:
    path = folder / "accounts"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_json_lines_and_csv_say_the_same(tmp_path: Path) -> None:
    lines = (
        '\n{"account_id": "a1", "tier": "basic", "seats": 3}\n{"account_id": 7, "org_id": null}\n'
    )
    table = load_directory(_file(tmp_path, lines)).table
    assert table.column_names == [*COLUMNS, "seats"]
    assert table.to_pylist()[0] == dict.fromkeys(COLUMNS) | {
        "account_id": "a1",
        "tier": "basic",
        "seats": "3",
    }
    csv = "\ufeffaccount_id,tier,org_id,seats\r\na1,basic,,3\r\n7,,,\r\n"
    assert load_directory(_file(tmp_path, csv)).table.equals(table)


def test_a_mail_domain_is_one_however_it_is_written(tmp_path: Path) -> None:
    written = ("Evil.example", "evil.example.", " EVIL.EXAMPLE. ", "evil.example", ".", "", None)
    lines = "\n".join(
        json.dumps({"account_id": f"a{n}", "email_domain": one}) for n, one in enumerate(written)
    )
    table = load_directory(_file(tmp_path, lines)).table
    assert table["email_domain"].to_pylist() == ["evil.example"] * 4 + [None] * 3


def test_the_last_line_of_an_account_wins(tmp_path: Path) -> None:
    text = '{"account_id":"a","tier":"x"}\n{"account_id":"b"}\n{"account_id":"a","tier":"y"}'
    directory = load_directory(_file(tmp_path, text))
    assert directory.table["tier"].to_pylist() == ["y", None]
    assert directory.duplicates == 1


def test_quoted_fields_may_hold_line_ends(tmp_path: Path) -> None:
    path = _file(tmp_path, 'account_id,declared_use\na,"two\nlines"\nb\n')
    with pytest.raises(InputError, match=r"accounts:4: 1 fields where the header has 2"):
        load_directory(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"account_id": "a"}\n{"account_id": ', ":2: not JSON"),
        ('{"account_id": "a"}\n[1]', ":2: expected a JSON object"),
        ('{"account_id": "a"}\n{"tier": "x"}', ":2: account_id is missing"),
        ('{"account_id": ""}', ":1: account_id is missing"),
        ("account_id\na\n\n\nb\n,", ":6: 2 fields"),
        ('account_id\n"a', "not CSV"),
        ("tier\nx", ":1: expected JSON Lines, or CSV"),
        ("account_id,account_id\nx,y", ":1: expected JSON Lines, or CSV"),
        (b"account_id\nfine\n\xff\n", ":3: not UTF-8"),
        ("{" * 100_000, ":1: not JSON"),
    ],
)
def test_a_mistake_is_said_with_file_and_line(
    tmp_path: Path, text: str | bytes, said: str
) -> None:
    with pytest.raises(InputError) as error:
        load_directory(_file(tmp_path, text))
    assert said in str(error.value)
    assert "accounts" in str(error.value)


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        load_directory(tmp_path / "none")


def test_events_are_sorted_by_time(tmp_path: Path) -> None:
    text = (
        '{"ts": "2026-03-01T13:00:00+01:00", "kind": "ban_wave", "name": "march", "model": null}\n'
        '{"ts_us": 5, "kind": "model_release", "name": "m", "model": "m-2"}\n'
    )
    assert load_events(_file(tmp_path, text)).to_pylist() == [
        {"ts_us": 5, "kind": "model_release", "name": "m", "model": "m-2"},
        {"ts_us": 1_772_366_400_000_000, "kind": "ban_wave", "name": "march", "model": None},
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"ts_us": 5, "kind": "ban_wav"}', ":1: kind is 'ban_wav'"),
        ('{"ts_us": 5}', ":1: kind is None"),
        ('{"kind": "outage"}', ":1: ts is None"),
        ('{"kind": "outage", "ts": "2026-03-01T13:00:00"}', ":1: ts is '2026-03-01T13:00:00'"),
        ('{"kind": "outage", "ts_us": true}', ":1: ts is None"),
        ('{"kind": "outage", "ts_us": 99999999999999999999}', ":1: ts is None"),
    ],
)
def test_a_mistake_in_the_events_is_said_with_file_and_line(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(InputError) as error:
        load_events(_file(tmp_path, text))
    assert said in str(error.value)


def test_no_events_are_an_empty_table(tmp_path: Path) -> None:
    assert load_events(_file(tmp_path, "")).num_rows == 0


def test_disposable_mail_domains_are_marked_and_unknown_ones_stay_unknown(tmp_path: Path) -> None:
    path = tmp_path / "accounts.jsonl"
    names = ["Mail.Example.com", "example.com", "notexample.com", None]
    path.write_text(
        "\n".join(
            json.dumps({"account_id": f"a{i}", "email_domain": n}) for i, n in enumerate(names)
        )
    )
    marked = mark_disposable(load_directory(path), {"example.com"})
    assert marked.table["email_disposable"].to_pylist() == ["true", "true", "false", None]


def test_an_empty_directory_knows_nobody(tmp_path: Path) -> None:
    assert load_directory(_file(tmp_path, "\n")).table.num_rows == 0
