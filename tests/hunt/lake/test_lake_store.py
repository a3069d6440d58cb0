"""The lake as a place: what it shows, who may write, and what it refuses."""

import errno
import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import NoReturn

import duckdb
import pytest
from lake_kit import KIT, NOON, line, pieces_of, pieces_wanted, rows_of

from stillhunt.hunt import ingest
from stillhunt.hunt.lake.compact import compact
from stillhunt.hunt.lake.info import info
from stillhunt.hunt.lake.schema import DAY_US
from stillhunt.hunt.lake.store import Lake
from stillhunt.hunt.settings import HuntSettings
from stillhunt.model.errors import InputError, LakeError
from stillhunt.model.exchange import HOT


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "lake", wait_s=0)


def fill(lake: Lake, name: str, *moments: int) -> None:
    log = lake.path.parent / name
    log.write_text("".join(line(moment) + "\n" for moment in moments))
    ingest.ingest([str(log)], lake=lake, settings=HuntSettings(), kit=KIT)


def test_an_empty_lake_shows_every_column_and_no_row(lake: Lake) -> None:
    with lake.connect() as con:
        assert [row[0] for row in con.sql("DESCRIBE exchanges").fetchall()] == list(HOT)
        assert con.sql("SELECT count(*) FROM exchanges").fetchall() == [(0,)]


def test_columns_that_no_file_has_are_null_in_their_own_type(lake: Lake) -> None:
    with lake.connect() as empty:
        types = empty.sql("DESCRIBE exchanges").fetchall()
    fill(lake, "a", 1, 2)
    with lake.connect() as con:
        assert con.sql("DESCRIBE exchanges").fetchall() == types
        assert con.sql("SELECT count(model), count(words) FROM exchanges").fetchall() == [(0, 2)]


def test_both_ends_of_a_bound_are_inclusive(lake: Lake) -> None:
    fill(lake, "a", 0, 1, 2, DAY_US, 3 * DAY_US)
    for since, until, rows in ((None, None, 5), (1, 2, 2), (2, DAY_US, 2), (4 * DAY_US, None, 0)):
        bounds = [None if bound is None else NOON + bound for bound in (since, until)]
        with lake.connect(*bounds) as con:
            assert con.sql("SELECT count(*) FROM exchanges").fetchall() == [(rows,)]
    assert len(lake.files("hot", NOON + DAY_US, NOON + DAY_US)) == 1


def test_pieces_stand_beside_the_exchanges_in_the_same_bounds(lake: Lake) -> None:
    with lake.connect() as con:
        columns = con.sql("DESCRIBE pieces").fetchall()
        assert [row[:2] for row in columns] == [
            ("ts_us", "BIGINT"), ("account_id", "VARCHAR"),
            ("part", "TINYINT"), ("hash", "BIGINT"),
        ]  # fmt: skip
        assert con.sql("SELECT count(*) FROM pieces").fetchall() == [(0,)]
    fill(lake, "a", 0, 1, 22, DAY_US, 3 * DAY_US)
    with lake.connect() as con:
        assert con.sql("DESCRIBE pieces").fetchall() == columns
    assert pieces_of(lake) == pieces_wanted(lake) != []
    for since, until in ((1, 22), (22, DAY_US), (4 * DAY_US, None)):
        bounds = [None if bound is None else NOON + bound for bound in (since, until)]
        with lake.connect(*bounds) as con:
            times = [con.sql(f"SELECT DISTINCT ts_us FROM {v} ORDER BY 1").fetchall()
                     for v in ("pieces", "exchanges")]  # fmt: skip
        assert times[0] == times[1]


def test_a_lake_from_before_there_were_pieces_opens_and_grows(lake: Lake) -> None:
    fill(lake, "a", 1, 2)
    shutil.rmtree(lake.path / "pieces")
    old = Lake.open(lake.path)
    assert len(rows_of(old)) == 2
    assert pieces_of(old) == []
    assert info(old)["piece_rows"] == 0
    fill(old, "b", 3)
    assert {row[0] for row in pieces_of(old)} == {NOON + 3}
    assert (old.path / "pieces").stat().st_mode & 0o77 == 0


def test_a_lake_from_before_there_were_pieces_is_read_where_nothing_can_be_written(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(lake, "a", 1, 2)
    shutil.rmtree(lake.path / "pieces")

    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def read_only(path: Path, flags: int, *mode: int) -> int:
        return refuse() if flags & (os.O_RDWR | os.O_CREAT) else opened(path, flags, *mode)

    opened = os.open
    monkeypatch.setattr(Path, "mkdir", refuse)
    monkeypatch.setattr(os, "open", read_only)
    told = info(Lake.open(lake.path))
    assert (told["rows"], told["piece_rows"]) == (2, 0)


def test_the_rows_of_an_end_that_went_on_are_taken_back_with_their_pieces(lake: Lake) -> None:
    log = lake.path.parent / "a"
    log.write_text(line(1) + "\n" + line(2))  # no newline yet: is it whole?
    ingest.ingest([str(log)], lake=lake, settings=HuntSettings(), kit=KIT)
    assert pieces_of(lake) == pieces_wanted(lake)
    assert {row[0] for row in pieces_of(lake)} == {NOON + 1, NOON + 2}
    compact(lake)
    log.write_text(line(1) + "\n" + line(2) + " " + "\n" + line(3) + "\n")
    ingest.ingest([str(log)], lake=lake, settings=HuntSettings(), kit=KIT)
    assert pieces_of(lake) == pieces_wanted(lake)
    assert {row[0] for row in pieces_of(lake)} == {NOON + 1, NOON + 2, NOON + 3}


def test_an_open_connection_keeps_its_rows(lake: Lake) -> None:
    fill(lake, "a", 1)
    fill(lake, "b", 2)
    con = lake.connect()
    fill(lake, "c", 3)
    assert con.sql("SELECT count(*) FROM exchanges").fetchall() == [(2,)]
    with pytest.raises(LakeError, match="a sweep is reading"):
        compact(lake)
    del con
    assert compact(lake).files_after == 2  # exchanges and pieces
    assert len(rows_of(lake)) == 3
    assert not any((lake.path / "spill").iterdir())


def test_one_process_writes_at_a_time(lake: Lake) -> None:
    with lake.writing(), pytest.raises(LakeError, match="is writing the lake"), lake.writing():
        pass
    handle = os.open(lake.path / "locks" / "writer", os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(LakeError, match="try again later"):
        fill(lake, "a", 1)
    os.close(handle)
    fill(lake, "a", 1)


def test_what_is_no_lake_is_left_alone(tmp_path: Path, lake: Lake) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").write_text("")
    with pytest.raises(InputError, match="no lake"):
        Lake.create(tmp_path / "photos")
    with pytest.raises(InputError, match="no lake"):
        Lake.open(tmp_path / "nothing")
    (lake.path / "lake.json").write_text(json.dumps({"schema": "stillhunt.lake/9"}))
    with pytest.raises(LakeError, match="lake/9"):
        Lake.open(lake.path)
    (lake.path / "lake.json").unlink()
    (lake.path / "lake.json.new").write_text("")  # killed while it was being made
    assert rows_of(Lake.create(lake.path)) == []
    assert lake.path.stat().st_mode & 0o77 == 0


def test_info_is_told_from_footers(lake: Lake) -> None:
    assert info(lake)["first_ts_us"] is None
    fill(lake, "a", 0, 1, 2 * DAY_US)
    fill(lake, "b", 5)
    compact(lake)
    told = info(lake)
    assert (told["rows"], told["files"], told["days"], told["streams"]) == (4, 2, 2, 2)
    assert (told["first_ts_us"], told["last_ts_us"]) == (NOON, NOON + 2 * DAY_US)
    assert told["bytes"] == sum(file.stat().st_size for file in lake.files())
    assert (told["lines"], told["rows_read"], told["rejects"]) == (4, 4, 0)
    assert (told["text_rows"], told["text_files"], told["text_bytes"]) == (0, 0, 0)
    assert (told["piece_rows"], told["piece_files"]) == (len(pieces_of(lake)), 2)
    assert told["piece_bytes"] == sum(file.stat().st_size for file in lake.files("pieces"))
    assert told["sources"]["tiny"]["words"] == told["sources"]["tiny"][""] == 4
    assert "model" not in told["sources"]["tiny"]


def test_a_query_spills_inside_the_lake(lake: Lake) -> None:
    with lake.connect(memory_mb=300, threads=1) as con:
        settings = {
            name: con.sql(f"SELECT current_setting('{name}')").fetchall()[0][0]
            for name in ("temp_directory", "threads", "preserve_insertion_order")
        }
    assert Path(settings["temp_directory"]).parent == lake.path / "spill"
    assert (settings["threads"], settings["preserve_insertion_order"]) == (1, False)
    assert isinstance(con, duckdb.DuckDBPyConnection)
