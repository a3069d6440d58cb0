"""Compaction joins small files and changes no answer."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from lake_kit import KIT, line, pieces_of, pieces_wanted, rows_of

from stillhunt.hunt import ingest
from stillhunt.hunt.lake import compact as compact_module
from stillhunt.hunt.lake.compact import compact
from stillhunt.hunt.lake.schema import DAY_US
from stillhunt.hunt.lake.store import Lake
from stillhunt.hunt.settings import HuntSettings
from stillhunt.hunt.settings import Lake as LakeSettings


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake.create(tmp_path / "lake", wait_s=0)
    settings = HuntSettings(lake=LakeSettings(text="full"))
    for name in range(5):
        log = tmp_path / f"{name}.jsonl"
        moments = (name + n * DAY_US // 10 for n in range(10))
        log.write_text("".join(line(moment) + "\n" for moment in moments))
        ingest.ingest([str(log)], lake=lake, settings=settings, kit=KIT)
    return lake


def test_a_day_becomes_one_sorted_file(lake: Lake) -> None:
    rows = rows_of(lake)
    done = compact(lake)
    assert (done.files_before, done.files_after) == (30, 6)
    assert done.rows == 100 + len(pieces_of(lake))
    assert rows_of(lake) == rows
    assert pieces_of(lake) == pieces_wanted(lake)
    for file in lake.files() + lake.files("cold") + lake.files("pieces"):
        times = pq.ParquetFile(file).read()["ts_us"].to_pylist()
        assert times == sorted(times)
    again = compact(lake)
    assert (again.files_before, again.files_after, again.rows) == (6, 6, 0)


def test_large_files_are_left_alone(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compact_module, "MAX_ROWS", 12)
    monkeypatch.setattr(compact_module, "MAX_PIECES", 21)
    rows = rows_of(lake)
    compact(lake)
    assert max(pq.read_metadata(file).num_rows for file in lake.files()) == 10  # two of five
    assert max(pq.read_metadata(file).num_rows for file in lake.files("pieces")) in range(13, 22)
    assert rows_of(lake) == rows
    assert pieces_of(lake) == pieces_wanted(lake)


def test_a_compacted_lake_goes_on_growing(lake: Lake, tmp_path: Path) -> None:
    compact(lake)
    log = tmp_path / "0.jsonl"
    log.write_text(log.read_text() + line(77) + "\n")
    [report] = ingest.ingest([str(log)], lake=lake, settings=HuntSettings(), kit=KIT)
    assert report.rows == 1
    assert len(rows_of(lake)) == 51
