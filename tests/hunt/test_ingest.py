"""Ingest: lines = rows + rejects, nothing twice, and no text on the disk unless asked for."""

import gzip
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

sys.path.insert(0, str(Path(__file__).parent / "lake"))
from lake_kit import KIT, TinyRead, TinyReading, line, rows_of

from stillhunt.hunt import ingest as ingest_module
from stillhunt.hunt import intake, source
from stillhunt.hunt.ingest import InputReport, Kit
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
        (str(log), r.line, r.reason) for r in report.first_rejects
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
    log.write_text(whole + "\n" + line(3) + "\n")
    assert (run(log)[0].rows, run(log)[0].lines) == (1, 0)
    assert [row[0] for row in rows_of(lake)] == [json.loads(line(n))["ts_us"] for n in (1, 2, 3)]


def test_other_inputs_with_the_same_beginning_are_not_mixed_up(
    run: Run, lake: Lake, tmp_path: Path
) -> None:
    a, b = write(tmp_path / "a.jsonl", 0, 2000), tmp_path / "b.jsonl"
    b.write_text("".join(line(n + 5 * (n > 1500)) + "\n" for n in range(2000)))
    assert [report.rows for report in run(a, b)] == [2000, 2000]
    assert len({stream.id for stream in lake.streams()}) == 2
    assert len({row[1] for row in rows_of(lake)}) == 4000
    assert [report.rows for report in run(a, b)] == [0, 0]


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
    hot = written[0]
    assert hot["words"].to_pylist() == [4, 0]
    assert "prompt" not in hot.column_names
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
    lines = [json.loads(s)["line"] for name in names for s in name.read_text().splitlines()]
    assert lines == list(range(1, 201))
