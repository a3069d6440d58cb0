"""Retention removes what is too old, nothing else, and proves it."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from lake_kit import KIT, NOON, line, pieces_of, pieces_wanted, rows_of

from stillhunt.hunt import ingest
from stillhunt.hunt.lake.compact import compact
from stillhunt.hunt.lake.expire import expire
from stillhunt.hunt.lake.info import info
from stillhunt.hunt.lake.schema import DAY_US
from stillhunt.hunt.lake.store import Lake
from stillhunt.hunt.settings import HuntSettings
from stillhunt.hunt.settings import Lake as LakeSettings
from stillhunt.model.errors import LakeError


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Twenty exchanges, one every quarter of a day."""
    lake = Lake.create(tmp_path / "lake", wait_s=0)
    log = tmp_path / "a.jsonl"
    log.write_text("".join(line(n * DAY_US // 4) + "\n" for n in range(20)))
    settings = HuntSettings(lake=LakeSettings(text="full"))
    ingest.ingest([str(log)], lake=lake, settings=settings, kit=KIT)
    return lake


NEWEST = NOON + 19 * DAY_US // 4


def moments(lake: Lake, part: str) -> list[int]:
    tables = [pq.ParquetFile(file).read(["ts_us"]) for file in lake.files(part)]
    return sorted(row["ts_us"] for table in tables for row in table.to_pylist())


def test_rows_at_the_bound_go_and_rows_behind_it_stay(lake: Lake) -> None:
    pieces = len(pieces_of(lake))
    cold, hot, few = expire(lake, text_days=2, hot_days=4)
    assert (cold.part, cold.bound_us, cold.rows) == ("cold", NEWEST - 2 * DAY_US, 12)
    assert (hot.part, hot.bound_us, hot.rows) == ("hot", NEWEST - 4 * DAY_US, 4)
    assert moments(lake, "cold") == [NOON + n * DAY_US // 4 for n in range(12, 20)]
    assert moments(lake, "hot") == [NOON + n * DAY_US // 4 for n in range(4, 20)]
    assert (cold.oldest_us, hot.oldest_us) == (moments(lake, "cold")[0], moments(lake, "hot")[0])
    assert (few.part, few.bound_us, few.oldest_us) == ("pieces", hot.bound_us, hot.oldest_us)
    assert few.rows == pieces - len(pieces_of(lake)) > 0
    assert pieces_of(lake) == pieces_wanted(lake)
    assert info(lake)["sources"]["tiny"][""] == 16
    days = {day.name for day in (lake.path / "cold").iterdir()}
    assert days == {file.parent.name for file in lake.files("cold")}


def test_zero_days_keep_no_text(lake: Lake) -> None:
    cold, *_ = expire(lake, text_days=0, hot_days=400)
    assert (cold.rows, cold.oldest_us, moments(lake, "cold")) == (20, None, [])
    assert len(rows_of(lake)) == 20
    text = b"".join(file.read_bytes() for file in lake.path.rglob("*") if file.is_file())
    assert b"say " not in text


def test_a_second_expiry_finds_nothing_to_do(lake: Lake) -> None:
    expire(lake, text_days=2, hot_days=4)
    compact(lake)
    assert [(part.rows, part.files) for part in expire(lake, text_days=2, hot_days=4)] == [
        (0, 0), (0, 0), (0, 0),
    ]  # fmt: skip


def test_a_clock_that_runs_ahead_empties_no_lake(lake: Lake, tmp_path: Path) -> None:
    log = tmp_path / "b.jsonl"
    log.write_text(line(25_000 * DAY_US) + "\n")
    ingest.ingest([str(log)], lake=lake, settings=HuntSettings(), kit=KIT)
    _, hot, _ = expire(lake, text_days=2, hot_days=4, now_us=NEWEST + 1)
    assert (hot.bound_us, hot.rows) == (NEWEST - 4 * DAY_US, 4)


def test_what_a_crash_staged_goes_too(lake: Lake) -> None:
    (lake.path / "staging" / "000001").write_text("somebody's prompt")
    expire(lake, text_days=2, hot_days=4)
    assert not any((lake.path / "staging").iterdir())


def test_an_empty_lake_has_nothing_to_expire(tmp_path: Path) -> None:
    parts = expire(Lake.create(tmp_path / "empty"), text_days=1, hot_days=1)
    assert [(p.rows, p.bound_us, p.oldest_us) for p in parts] == [(0, None, None)] * 3


def test_a_row_that_outlives_its_time_is_an_error(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lake, "commit", lambda *_: None)
    with pytest.raises(LakeError, match="should be gone"):
        expire(lake, text_days=2, hot_days=4)
