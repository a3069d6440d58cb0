"""CSV and Parquet: each record is one line of JSON, and a broken one spoils no other."""

import csv
import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillhunt.hunt import framing, records, source
from stillhunt.hunt.framing import BLANK, TOO_LONG, Batch
from stillhunt.hunt.records import CsvRecords, frame_of, open_records
from stillhunt.hunt.source import open_source
from stillhunt.model.errors import InputError


def read(path: Path, *start: object) -> tuple[dict[int, Any], dict[int, str], list[Batch]]:
    opened = open_source(str(path))
    batches = list(open_records(opened, frame_of(opened)).batches(*start))  # type: ignore[arg-type]
    rows = [row for batch in batches for row in batch.lines.to_pylist()]
    rejects = {r.line: r.reason for batch in batches for r in batch.rejects}
    return {row["line_number"]: json.loads(row["line"]) for row in rows}, rejects, batches


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def test_quotes_span_lines_and_the_header_is_no_line(table: Path) -> None:
    table.write_text(
        '\ufeffa,b\r\n1,"x, ""y"""\r\n2,"two\r\nlines"\r\n3,\r\n', "utf-8", newline=""
    )
    rows, rejects, batches = read(table)
    assert rows == {
        2: {"a": "1", "b": 'x, "y"'},
        3: {"a": "2", "b": "two\r\nlines"},
        5: {"a": "3", "b": ""},
    }
    assert rejects == {}
    assert sum(batch.count for batch in batches) == 3


def test_a_broken_record_is_one_reject_and_the_next_line_is_read(table: Path) -> None:
    table.write_text('a,b\n1,2\n3\n\n4,"x"y\n5,6\n7,"never ends\n8,9\n10,11,12\n13,14\n')
    rows, rejects, _ = read(table)
    assert [row["a"] for row in rows.values()] == ["1", "5", "8", "13"]
    assert set(rejects) == {3, 4, 5, 7, 9}
    assert rejects[3] == "1 fields; the header has 2"
    assert rejects[4] == BLANK
    assert rejects[5].startswith("not CSV: ")
    assert rejects[7] == records.UNENDED


def test_a_stray_quote_swallows_no_good_line(table: Path) -> None:
    table.write_text('a,b\n1,"stray\n2,3\n4,5\n6,"stray again\n7,8\n')
    rows, rejects, _ = read(table)
    assert [row["a"] for row in rows.values()] == ["2", "4", "7"]
    assert set(rejects) == {2, 5}


@given(
    rows=st.lists(
        st.lists(st.text(st.sampled_from('ab,"\n é'), max_size=6), min_size=2, max_size=2),
        max_size=8,
    ),
    chunk=st.integers(1, 40),
)
def test_what_a_csv_writer_writes_comes_back(
    rows: list[list[str]], chunk: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    quoted = [",".join('"' + f.replace('"', '""') + '"' for f in row) + "\n" for row in rows]
    path.write_text("a,b\n" + "".join(quoted), "utf-8", newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "CHUNK", chunk)
        found, rejects, batches = read(path)
        assert list(found.values()) == [{"a": a, "b": b} for a, b in rows]
        assert rejects == {}
        for batch in batches:  # and from every place where one may stop
            rest = read(path, batch.end_offset, batch.next_line, batch.seam)[0]
            assert rest == {n: row for n, row in found.items() if n >= batch.next_line}


def test_records_are_bounded(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (records, framing, source):
        monkeypatch.setattr(module, "MAX_LINE", 50)
    monkeypatch.setattr(source, "CHUNK", 16)
    endless = "".join(f"{n},fine\n" for n in range(20))
    table.write_text(f'a,b\n1,"begins\n{endless}' + f"2,{'x' * 60}\n3,4\n")
    rows, rejects, _ = read(table)
    assert [row["a"] for row in rows.values()] == [*map(str, range(20)), "3"]
    assert rejects[2].startswith("not CSV: field larger")
    assert rejects[23] == TOO_LONG
    csv.field_size_limit(framing.MAX_LINE)


def test_a_header_must_name_every_column_once(table: Path) -> None:
    table.write_text("a,a\n1,2\n")
    with pytest.raises(InputError, match="every column once"):
        read(table)


def test_content_tells_the_framing(table: Path) -> None:
    for text, frame in (
        ("request_id,model,spend\nx,y,1\n", "csv"),
        ('{"a": 1, "b": 2}\n', "lines"),
        (
            '192.0.2.1 - - [28/May/2026:20:26:40 +0000] "GET /a,b HTTP/1.1" 200 1 "-" "-"\n',
            "lines",
        ),
        ("", "lines"),
    ):
        table.write_text(text)
        assert frame_of(open_source(str(table))) == frame


def test_parquet_rows_are_typed_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    moment = datetime.datetime(2026, 5, 28, 20, 26, 40, tzinfo=datetime.UTC)
    pq.write_table(
        pa.table({
            "at": pa.array([moment, None], pa.timestamp("ns", "UTC")),
            "n": [1, 2],
            "cost": [Decimal("1.50"), Decimal("2.00")],
            "who": [b"a", b"\xff"],
            "tags": [["x"], []],
        }),
        path,
    )  # fmt: skip
    rows, rejects, batches = read(path)
    assert rejects == {}
    assert rows[1] == {
        "at": "2026-05-28T20:26:40+00:00", "n": 1, "cost": 1.5, "who": "a", "tags": ["x"],
    }  # fmt: skip
    assert rows[2] == {"n": 2, "cost": 2, "who": "\ufffd", "tags": []}
    assert batches[-1].end_offset == 2
    opened = open_source(str(path))
    framed = open_records(opened, "parquet")
    assert framed.head(1) == [batches[0].lines["line"][0].as_py()]
    assert list(framed.batches(2, 3)) == []
    assert framed.seam(2) == batches[-1].seam


def test_what_only_looks_like_parquet_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(InputError, match="no Parquet file"):
        read(tmp_path / "a.parquet")


@given(
    rows=st.lists(st.sampled_from(["1,2", '3,"4\n5"', "", "6", '7,"\0"', "8,é"]), max_size=8),
    begin=st.sampled_from(["", "\ufeff"]),
    end=st.sampled_from(["", "\n", "\r\n"]),
    hole=st.sampled_from(["", "\0\0\0"]),
    chunk=st.integers(1, 40),
)
def test_an_offset_and_its_seam_are_those_of_the_file(
    rows: list[str],
    begin: str,
    end: str,
    hole: str,
    chunk: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_text(begin + "a,b\n" + hole + "\n".join(rows) + end, "utf-8", newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "CHUNK", chunk)
        patch.setattr(records, "MAX_LINES", 2)
        batches = list(CsvRecords(open_source(str(path))).batches())
        whole = path.read_bytes()
        for batch in batches:
            assert batch.seam == whole[: batch.end_offset][-framing.SEAM :]
            assert CsvRecords(open_source(str(path))).seam(batch.end_offset) == batch.seam
        if batches:
            assert whole[batches[-1].end_offset :].strip(b"\0") == b""
