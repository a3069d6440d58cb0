"""Ingest: lines = rows + rejects, nothing twice, and no text on the disk unless asked for."""

import dataclasses
import gzip
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

sys.path.insert(0, str(Path(__file__).parent / "lake"))
from lake_kit import KIT, NOON, TinyRead, TinyReading, line, rows_of

from stillhunt.hunt import ingest as ingest_module
from stillhunt.hunt import intake, source
from stillhunt.hunt.ingest import InputReport, Kit
from stillhunt.hunt.lake.compact import compact
from stillhunt.hunt.lake.schema import DAY_US
from stillhunt.hunt.lake.store import Lake
from stillhunt.hunt.settings import HuntSettings
from stillhunt.hunt.settings import Lake as LakeSettings
from stillhunt.model.errors import InputError, LakeError

Run = Callable[..., list[InputReport]]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "lake", wait_s=0)


@pytest.fixture
def run(lake: Lake) -> Run:
    def ingest(*paths: Path | str, **more: object) -> list[InputReport]:
        names = [str(path) for path in paths]
        arguments: dict[str, Any] = {"settings": HuntSettings(), "kit": KIT} | more
        return ingest_module.ingest(names, lake=lake, **arguments)

    return ingest


def write(path: Path, first: int, last: int) -> Path:
    path.write_text("".join(line(n) + "\n" for n in range(first, last)))
    return path


def files_of(lake: Lake) -> bytes:
    return b"".join(file.read_bytes() for file in lake.path.rglob("*") if file.is_file())


def test_lines_are_rows_and_rejects(run: Run, lake: Lake, tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    log.write_text(line(1) + "\nsecret nonsense\n\n" + line(2) + "\n{cut")
    report = run(log)[0]
    assert (report.lines, report.rows, report.rejects) == (5, 2, 3)
    assert [(r.line, r.reason) for r in report.first_rejects] == [
        (2, "not JSON"), (3, "blank line"), (5, "not JSON"),
    ]  # fmt: skip
    assert len(rows_of(lake)) == 2
    quarantine = [lake.path / name for name in report.quarantine]
    said = [json.loads(text) for file in quarantine for text in file.read_text().splitlines()]
    assert [(s["path"], s["line"], s["reason"]) for s in said] == [
        (str(log), r.line, r.reason) for r in report.first_rejects[:2]
    ]
    assert b"nonsense" not in files_of(lake)


def test_a_repeated_input_is_a_no_op_whatever_its_name_and_packing(
    run: Run, lake: Lake, tmp_path: Path
) -> None:
    log = write(tmp_path / "a.jsonl", 0, 50)
    run(log)
    rows = rows_of(lake)
    packed, other = tmp_path / "a.jsonl.1.gz", tmp_path / "b.zst"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    other.write_bytes(zstandard.compress(log.read_bytes()))
    for report in run(log, packed, other):
        assert (report.lines, report.rows, report.known_lines) == (0, 0, 50)
    assert rows_of(lake) == rows
    assert lake.streams()[0].paths == tuple(map(str, (log, packed, other)))


def test_a_grown_input_is_continued(run: Run, lake: Lake, tmp_path: Path) -> None:
    log = write(tmp_path / "a.jsonl", 0, 50)
    run(log)
    grown = write(tmp_path / "renamed.jsonl", 0, 80)
    assert run(grown)[0].rows == 30
    packed = tmp_path / "p.gz"
    packed.write_bytes(gzip.compress(write(grown, 0, 90).read_bytes()))
    assert run(packed)[0].rows == 10
    ids = {row[1] for row in rows_of(lake)}
    assert len(ids) == len(rows_of(lake)) == 90
    [stream] = lake.streams()
    assert (stream.lines, stream.rows, stream.next_line) == (90, 90, 91)


def test_a_line_that_was_cut_is_read_when_it_is_whole(
    run: Run, lake: Lake, tmp_path: Path
) -> None:
    log = tmp_path / "a.jsonl"
    whole = line(1) + "\n" + line(2)
    log.write_text(whole[:-9])
    assert run(log)[0].rejects == 1
    assert run(log)[0].lines == 1
    log.write_text(whole)
    assert (run(log)[0].rows, run(log)[0].lines) == (1, 0)
    assert not any((lake.path / "quarantine").iterdir())  # it is a row now
    log.write_text(whole + "\n" + line(3) + "\n")
    assert (run(log)[0].rows, run(log)[0].lines) == (1, 0)
    assert [row[0] for row in rows_of(lake)] == [json.loads(line(n))["ts_us"] for n in (1, 2, 3)]


def test_a_cut_line_that_is_no_exchange_is_quarantined_once_it_has_an_end(
    run: Run, lake: Lake, tmp_path: Path
) -> None:
    log = tmp_path / "a.jsonl"
    log.write_text(line(1) + "\n{cut")
    assert (run(log)[0].rejects, run(log)[0].quarantine) == (1, ())
    log.write_text(line(1) + "\n{cut short\n")
    report = run(log)[0]
    [name] = report.quarantine
    said = [json.loads(text) for text in (lake.path / name).read_text().splitlines()]
    assert [(s["line"], s["reason"]) for s in said] == [(2, "not JSON")]
    assert run(log)[0].rejects == 0


def test_other_inputs_with_the_same_beginning_are_not_mixed_up(
    run: Run, lake: Lake, tmp_path: Path
) -> None:
    a, b = write(tmp_path / "a.jsonl", 0, 2000), tmp_path / "b.jsonl"
    b.write_text("".join(line(n + 5 * (n > 1500)) + "\n" for n in range(2000)))
    assert [report.rows for report in run(a, b)] == [2000, 2000]
    assert len({stream.id for stream in lake.streams()}) == 2
    assert len({row[1] for row in rows_of(lake)}) == 4000
    assert [report.rows for report in run(a, b)] == [0, 0]


def test_a_log_that_begins_with_all_of_a_known_one_counts_as_that_one_grown(
    run: Run, tmp_path: Path
) -> None:
    small, other = write(tmp_path / "a.jsonl", 0, 2), write(tmp_path / "b.jsonl", 0, 5)
    assert run(small)[0].rows == 2
    report = run(other)[0]
    assert (report.rows, report.known_lines) == (3, 2)


def test_standard_input_is_a_stream_too(
    run: Run, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write(tmp_path / "a.jsonl", 0, 300).read_bytes()
    for end, rows in ((len(data) // 2, 150), (len(data), 150), (len(data), 0)):
        cut = data[:end].rfind(b"\n") + 1
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data[:cut])))
        assert abs(run("-")[0].rows - rows) <= 5
    assert len(rows_of(lake)) == 300


def test_days_are_kept_apart_and_sorted(
    run: Run, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "CHUNK", 500)
    monkeypatch.setattr(intake, "FLUSH_ROWS", 40)
    monkeypatch.setattr(intake, "COMMIT_BYTES", 4_000)
    log = tmp_path / "a.jsonl"
    moments = [(n * 37 % 101) * DAY_US // 25 for n in range(101)]
    log.write_text("".join(line(moment) + "\n" for moment in moments))
    assert run(log)[0].rows == 101
    assert len(rows_of(lake)) == 101
    for file in lake.files():
        times = pq.ParquetFile(file).read()["ts_us"].to_pylist()
        assert times == sorted(times)
        assert {t // DAY_US for t in times} == {times[0] // DAY_US}
    first, last = rows_of(lake)[10][0], rows_of(lake)[70][0]
    with lake.connect(first, last) as con:  # type: ignore[arg-type]
        assert con.sql("SELECT count(*), min(ts_us), max(ts_us) FROM exchanges").fetchall() == [
            (61, first, last)
        ]


@pytest.mark.parametrize(
    ("text", "kept"), [("none", None), ("preview", "tell "), ("full", "tell me a secret")]
)
def test_text_reaches_the_disk_only_as_the_settings_allow(
    run: Run,
    lake: Lake,
    tmp_path: Path,
    text: str,
    kept: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[pa.Table] = []
    monkeypatch.setattr(
        "stillhunt.hunt.lake.staging.write_parquet", lambda table, path: written.append(table)
    )
    monkeypatch.setattr("stillhunt.hunt.lake.staging.replay", lambda root: None)
    log = tmp_path / "a.jsonl"
    log.write_text(line(1, prompt="tell me a secret") + "\n" + line(2, prompt=None) + "\n")
    run(
        log,
        settings=HuntSettings(
            lake=LakeSettings.model_validate({"text": text, "preview_characters": 5})
        ),
    )
    hot, pieces = written[0], written.pop()
    assert hot["words"].to_pylist() == [4, 0]
    assert "prompt" not in hot.column_names
    assert pieces.column_names == ["ts_us", "account_id", "part", "hash"]
    if kept is None:
        assert len(written) == 1
    else:
        assert written[1]["prompt"].to_pylist() == [kept]
        assert "output" not in written[1].column_names


def test_csv_is_read_record_by_record(run: Run, lake: Lake, tmp_path: Path) -> None:
    log = tmp_path / "a.csv"
    log.write_text('ts_us,prompt\n1800000000000000,"two\nlines"\nbroken\n1800000000000001,x\n')
    report = run(log)[0]
    assert (report.lines, report.rows, report.rejects) == (3, 2, 1)
    log.write_text(log.read_text() + "1800000000000002,y\n")
    assert run(log)[0].rows == 1
    assert [row[1].split(":")[1] for row in rows_of(lake)] == ["2", "5", "6"]  # type: ignore[attr-defined]


def test_an_empty_input_is_nothing_and_a_strange_one_an_error(
    run: Run, lake: Lake, tmp_path: Path
) -> None:
    empty, blank, strange = (tmp_path / name for name in ("empty", "blank", "strange"))
    empty.write_text("")
    blank.write_text("\n \n")
    strange.write_text("no such format\n")
    assert run(empty)[0] == InputReport(path=str(empty), reader=None, lines=0, rows=0, rejects=0)
    with pytest.raises(InputError, match="blank: nothing to recognise"):
        run(blank)
    assert run(blank, reader="tiny")[0].rejects == 2
    with pytest.raises(InputError, match="strange: no format"):
        run(strange)


def test_an_archive_with_garbage_behind_it_keeps_its_rows(
    run: Run, lake: Lake, tmp_path: Path
) -> None:
    log = tmp_path / "a.gz"
    log.write_bytes(gzip.compress((line(1) + "\n").encode()) + b"garbage")
    assert (run(log)[0].rows, run(log)[0].rows) == (1, 0)
    assert len(rows_of(lake)) == 1


def test_lost_lines_are_an_error_and_nothing_of_them_is_visible(
    run: Run, lake: Lake, tmp_path: Path
) -> None:
    class Losing(TinyReading):
        def read(self, lines: pa.Table, /) -> TinyRead:
            read = super().read(lines)
            return TinyRead(read.rows.slice(1), read.rejects, read.lines)

    losing = Kit(
        recognise=KIT.recognise,
        frames=KIT.frames,
        reading=lambda name, stream: Losing(stream),
        complete=KIT.complete,
    )
    with pytest.raises(LakeError, match="3 lines gave 2 rows and 0 rejects"):
        run(write(tmp_path / "a.jsonl", 0, 3), kit=losing)
    assert rows_of(lake) == []
    assert not any((lake.path / "staging").iterdir())
    assert run(tmp_path / "a.jsonl")[0].rows == 3


def test_progress_tells_bytes_and_rows(run: Run, tmp_path: Path) -> None:
    log = write(tmp_path / "a.jsonl", 0, 10)
    told: list[tuple[str, int, int | None, int]] = []
    run(log, progress=lambda *what: told.append(what))
    size = log.stat().st_size
    assert told == [(str(log), size, size, 10)]


def test_memory_keeps_only_the_first_rejects(
    run: Run, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MAX_REJECTS", 5)
    monkeypatch.setattr(source, "CHUNK", 200)
    monkeypatch.setattr(intake, "COMMIT_BYTES", 300)
    log = tmp_path / "a.jsonl"
    log.write_text("bad line\n" * 200)
    report = run(log, reader="tiny")[0]
    assert [reject.line for reject in report.first_rejects] == [1, 2, 3, 4, 5]
    names = [lake.path / name for name in report.quarantine]
    runs = [json.loads(s) for name in names for s in name.read_text().splitlines()]
    lines = [n for run in runs for n in range(run["line"], run["to_line"] + 1)]
    assert lines == list(range(1, 201))


@pytest.mark.parametrize("begin", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_csv_is_counted_once_however_it_begins_and_ends(
    run: Run, lake: Lake, tmp_path: Path, begin: str, end: str
) -> None:
    log = tmp_path / "a.csv"
    text = begin + f"ts_us,prompt\n{NOON},x\0y\n{NOON + 1},y"
    log.write_text(text + end, "utf-8", newline="")
    assert [run(log)[0].rows, run(log)[0].lines] == [2, 0]
    log.write_text(text + (end or "\n") + f"{NOON + 2},z\n", "utf-8", newline="")
    assert [run(log)[0].rows, run(log)[0].lines] == [1, 0]
    assert [row[0] for row in rows_of(lake)] == [NOON, NOON + 1, NOON + 2]


def test_a_record_that_was_being_written_is_taken_back_and_read_again(
    run: Run, lake: Lake, tmp_path: Path
) -> None:
    settings = HuntSettings(lake=LakeSettings(text="full"))
    whole = f"prompt,ts_us\na,{NOON}\nb,{NOON + 12345}\nc,{NOON}\n"
    log = tmp_path / "a.csv"
    for end in range(len("prompt,ts_us\na"), len(whole) + 1):
        log.write_text(whole[:end])
        run(log, settings=settings)
        compact(lake)
        assert len(lake.streams()) <= 1
    assert [row[0] for row in rows_of(lake)] == [NOON, NOON, NOON + 12345]
    [stream] = lake.streams()
    assert (stream.lines, stream.rows, stream.rejects) == (3, 3, 0)
    tables = [pq.ParquetFile(file).read() for file in lake.files("cold")]
    assert sorted(row["prompt"] for t in tables for row in t.to_pylist()) == ["a", "b", "c"]


def test_a_quote_without_end_is_read_again_when_the_file_goes_on(
    run: Run, lake: Lake, tmp_path: Path
) -> None:
    log = tmp_path / "a.csv"
    begin = f'prompt,ts_us\na,{NOON}\n"two\n{NOON},{NOON}\n'
    log.write_text(begin)
    assert (run(log)[0].rows, run(log)[0].lines) == (2, 0)
    log.write_text(begin + f'lines",{NOON + 1}\n')
    assert run(log)[0].rows == 1
    assert [row[0] for row in rows_of(lake)] == [NOON, NOON + 1]
    [stream] = lake.streams()
    assert (stream.lines, stream.rows) == (2, 2)


def test_an_open_line_of_json_that_goes_on_is_counted_once(
    run: Run, lake: Lake, tmp_path: Path
) -> None:
    log = tmp_path / "a.jsonl"
    log.write_text(line(1) + "\n" + line(2))
    run(log)
    log.write_text(line(1) + "\n" + line(2) + " and garbage\n" + line(3) + "\n")
    assert (run(log)[0].lines, run(log)[0].lines) == (2, 0)
    [stream] = lake.streams()
    assert (stream.lines, stream.rows, stream.rejects) == (3, 2, 1)
    assert len(rows_of(lake)) == 2


def test_an_input_of_one_open_line_is_known_by_its_end_too(
    run: Run, lake: Lake, tmp_path: Path
) -> None:
    log = tmp_path / "a.jsonl"
    log.write_text(line(1))
    assert run(log, reader="tiny")[0].rows == 1
    log.write_text(line(1) + "garbage")
    assert run(log, reader="tiny")[0].rejects == 1
    assert (rows_of(lake), lake.streams()) == ([], [])


def test_a_line_on_which_the_reader_fails_is_one_reject(
    run: Run, lake: Lake, tmp_path: Path
) -> None:
    class Failing(TinyReading):
        def read(self, lines: pa.Table, /) -> TinyRead:
            if any("say 5" in text for text in lines["line"].to_pylist()):
                raise RuntimeError("somebody's prompt")
            return super().read(lines)

    kit = dataclasses.replace(KIT, reading=lambda name, stream: Failing(stream))
    report = run(write(tmp_path / "a.jsonl", 0, 9), kit=kit)[0]
    assert (report.lines, report.rows) == (9, 8)
    assert [(r.line, r.reason) for r in report.first_rejects] == [
        (6, "the reader failed on this line: RuntimeError")
    ]
    assert b"somebody" not in files_of(lake)


def test_a_run_of_equal_rejects_is_one_record_of_quarantine(
    run: Run, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "a.jsonl"
    log.write_text("\n" * 70_000 + line(1) + "\n" + "bad\n\n" * 3)
    monkeypatch.setattr(intake, "MAX_RECORDS", 4)
    report = run(log, reader="tiny")[0]
    assert (report.lines, report.rows, report.rejects) == (70_007, 1, 70_006)
    assert [r.line for r in report.first_rejects] == list(range(1, 1_001))
    [name] = report.quarantine
    said = [json.loads(text) for text in (lake.path / name).read_text().splitlines()]
    assert [(s["line"], s["to_line"], s["count"], s["reason"]) for s in said] == [
        (1, 70_000, 70_000, "blank line"),
        (70_002, 70_002, 1, "not JSON"),
        (70_003, 70_003, 1, "blank line"),
        (70_004, 70_004, 1, "not JSON"),
        (70_005, 70_007, 3, intake.UNLISTED),
    ]


def test_a_name_may_hold_any_bytes(run: Run, lake: Lake, tmp_path: Path) -> None:
    log = os.fsencode(tmp_path) + b"/bad\xff\xfe.jsonl"
    with open(log, "w") as file:  # noqa: PTH123  # a path of bytes
        file.write(line(1) + "\nbad\n")
    for report in (run(os.fsdecode(log))[0], run(os.fsdecode(log))[0]):
        assert report.path.endswith("/bad\\udcff\\udcfe.jsonl")
    assert lake.streams()[0].paths == (report.path,)
    with pytest.raises(InputError, match="dcff"):
        run(os.fsdecode(log) + "x")
