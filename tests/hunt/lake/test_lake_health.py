"""A damaged lake is a LakeError that names the file; what is missing is made again."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lake_kit import KIT, NOON, line, rows_of

from stillhunt.hunt import ingest
from stillhunt.hunt.lake.compact import compact
from stillhunt.hunt.lake.expire import expire
from stillhunt.hunt.lake.health import answering
from stillhunt.hunt.lake.info import info
from stillhunt.hunt.lake.store import FOLDERS, Lake
from stillhunt.hunt.settings import HuntSettings
from stillhunt.hunt.settings import Lake as LakeSettings
from stillhunt.model.errors import LakeError

DAY = "day=2026-05-27"


def fill(lake: Lake, name: str, *moments: int) -> None:
    log = lake.path.parent / name
    log.write_text("".join(line(moment) + "\n" for moment in moments))
    settings = HuntSettings(lake=LakeSettings(text="full"))
    ingest.ingest([str(log)], lake=lake, settings=settings, kit=KIT)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake.create(tmp_path / "lake", wait_s=0)
    fill(lake, "a", *range(500))
    fill(lake, "b", 1_000)
    return lake


def all_verbs(lake: Lake) -> Iterator[Any]:
    yield lambda: rows_of(lake)
    yield lambda: info(lake)
    yield lambda: compact(lake)
    yield lambda: expire(lake, text_days=0, hot_days=0)


def damage(file: Path, kind: str) -> None:
    if kind == "empty":
        file.write_bytes(b"")
    elif kind == "truncated":
        file.write_bytes(file.read_bytes()[:-100])
    elif kind == "foreign":
        pq.write_table(pa.table({"name": ["x"]}), file)
    elif kind == "mistyped":
        pq.write_table(pa.table({"ts_us": ["yesterday"]}), file)
    else:
        pq.write_table(pa.table({"ts_us": [NOON], "model": [5]}), file)


@pytest.mark.parametrize("kind", ["empty", "truncated", "foreign", "mistyped", "another column"])
def test_a_damaged_or_foreign_file_is_named(lake: Lake, kind: str) -> None:
    file = lake.files()[0]
    damage(file, kind)
    before = {f: f.read_bytes() for f in lake.files() + lake.files("cold")}
    for verb in all_verbs(lake):
        with pytest.raises(LakeError, match=file.name):
            verb()
    assert {f: f.read_bytes() for f in lake.files() + lake.files("cold")} == before


@pytest.mark.parametrize("kind", ["empty", "truncated", "foreign", "mistyped"])
def test_a_damaged_file_of_pieces_is_named_and_no_exchange_goes(lake: Lake, kind: str) -> None:
    file = lake.files("pieces")[0]
    damage(file, kind)
    for verb in all_verbs(lake):
        with pytest.raises(LakeError, match=file.name):
            verb()
    file.unlink()
    assert len(rows_of(lake)) == 501


def test_pieces_of_another_type_are_named(lake: Lake) -> None:
    file = lake.files("pieces")[0]
    pq.write_table(pa.table({"ts_us": [NOON], "hash": pa.array([5], pa.int32())}), file)
    with pytest.raises(LakeError, match=f"{file.name} has INT32 for hash, not INT64"):
        rows_of(lake)


def test_damage_that_only_a_query_sees_is_said_too(lake: Lake) -> None:
    file = max(lake.files(), key=lambda f: f.stat().st_size)
    data = bytearray(file.read_bytes())
    data[40:240] = bytes(range(200))
    file.write_bytes(data)
    refused = pytest.raises(LakeError, match="ingest the logs into a new lake")
    with lake.connect() as con, refused, answering(lake.path):
        con.sql("SELECT * FROM exchanges").fetchall()
    with pytest.raises(LakeError, match=file.name):
        compact(lake)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_missing_folder_is_made_again(lake: Lake, name: str) -> None:
    shutil.rmtree(lake.path / name)
    again = Lake.open(lake.path, wait_s=0)
    assert len(rows_of(again)) == (0 if name == "hot" else 501)
    compact(again)
    expire(again, text_days=1, hot_days=1)
    assert (lake.path / name).stat().st_mode & 0o777 == 0o700


def test_strange_files_are_passed_over(lake: Lake) -> None:
    for name in ("hot/notes.txt", "cold/day=x", f"hot/{DAY}/notes.txt", "journal/.hidden"):
        (lake.path / name).parent.mkdir(exist_ok=True)
        (lake.path / name).write_text("")
    (lake.path / "staging" / "folder").mkdir()
    assert len(rows_of(lake)) == info(lake)["rows"] == 501
    compact(lake)
    expire(lake, text_days=0, hot_days=1)
    assert (lake.path / "hot/notes.txt").exists()


@pytest.mark.parametrize("text", ["[]", "5", '"x"', '{"schema": 5}', '{"schema": "other/1"}'])
def test_a_lake_of_another_kind_is_refused(lake: Lake, text: str) -> None:
    (lake.path / "lake.json").write_text(text)
    for verb in (Lake.open, Lake.create):
        with pytest.raises(LakeError, match="is of schema"):
            verb(lake.path)


@pytest.mark.parametrize(
    "change",
    [[], 5, {"offset": "7"}, {"lines": None}, {"paths": 5}, {"paths": [5]}, {"tail": 5},
     {"tail": {"length": 1}}, {"more": 1}, {"rows": True}],
)  # fmt: skip
def test_a_stream_of_another_kind_is_named(lake: Lake, change: object) -> None:
    file = sorted((lake.path / "streams").iterdir())[0]
    record = json.loads(file.read_text())
    file.write_text(json.dumps(record | change if isinstance(change, dict) else change))
    for verb in (lambda: info(lake), lambda: fill(lake, "c", 1), lambda: compact(lake)):
        with pytest.raises(LakeError, match=file.name):
            verb()


@pytest.mark.parametrize(
    "commit",
    [
        {"moves": [], "removed": ["../../keepme"]},
        {"moves": [], "removed": ["/etc/keepme"]},
        {"moves": [], "removed": ["hot/../../keepme"]},
        {"moves": [], "removed": ["hot/.."]},
        {"moves": [], "removed": ["lake.json"]},
        {"moves": [["000001", "../keepme"]], "removed": []},
        {"moves": [["../lake.json", "hot/day=2026-05-27/x"]], "removed": []},
        {"moves": [["000001"]], "removed": []},
        {"moves": 5},
        [],
    ],
)
def test_a_journal_that_leaves_the_lake_is_refused(lake: Lake, commit: object) -> None:
    keep = lake.path.parent / "keepme"
    keep.write_text("precious")
    (lake.path.parent.parent / "keepme").write_text("precious")
    (lake.path / "staging" / "000001").write_text("evil")
    (lake.path / "journal" / "commit.json").write_text(json.dumps(commit))
    for verb in (lambda: fill(lake, "c", 1), lambda: compact(lake), lambda: rows_of(lake)):
        with pytest.raises(LakeError, match="commit"):
            verb()
    assert keep.read_text() == (lake.path.parent.parent / "keepme").read_text() == "precious"
    assert (lake.path / "lake.json").exists()


def test_a_journal_cut_short_is_named(lake: Lake) -> None:
    (lake.path / "journal" / "commit.json").write_text('{"moves": [')
    with pytest.raises(LakeError, match=r"commit\.json is no journal"):
        fill(lake, "c", 1)


def test_a_staged_file_that_is_gone_is_no_file_that_was_moved(lake: Lake) -> None:
    moved = str(lake.files()[0].relative_to(lake.path))
    staged, target = lake.path / "staging" / "000002", lake.path / "hot" / DAY / "b.parquet"
    staged.write_bytes(lake.files()[1].read_bytes())
    moves = [["000001", moved], ["000002", f"hot/{DAY}/b.parquet"]]
    journal = lake.path / "journal" / "commit.json"
    journal.write_text(
        json.dumps({"moves": [*moves, ["000003", "streams/c.json"]]} | {"removed": []})
    )
    with pytest.raises(
        LakeError, match=r"commit\.json names streams/c\.json, of which there is no"
    ):
        fill(lake, "c", 2)
    assert staged.exists() and not target.exists() and journal.exists()
    journal.write_text(json.dumps({"moves": moves, "removed": []}))
    assert len(rows_of(lake)) == 502
    assert target.exists() and not journal.exists()


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_only_the_owner_may_read_a_lake(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        root = tmp_path / "mine"
        root.mkdir(mode=0o777)
        lake = Lake.create(root, wait_s=0)
        fill(lake, "a", 1)
        (tmp_path / "b").write_text("bad\n" + line(1, x=2) + "\n")
        ingest.ingest([str(tmp_path / "b")], lake=lake, settings=HuntSettings(), kit=KIT)
        compact(lake)
        rows_of(lake)
    finally:
        os.umask(before)
    for path in (root, *root.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
