"""A crash at any moment leaves a readable lake, and a re-run neither loses nor doubles rows."""

import contextlib
import errno
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from lake_kit import KIT, line, pieces_of, pieces_wanted, rows_of

from stillhunt.hunt import ingest, intake, source
from stillhunt.hunt.lake import locks, staging
from stillhunt.hunt.lake.compact import compact
from stillhunt.hunt.lake.info import info
from stillhunt.hunt.lake.schema import DAY_US
from stillhunt.hunt.lake.store import Lake
from stillhunt.hunt.settings import HuntSettings
from stillhunt.hunt.settings import Lake as LakeSettings
from stillhunt.model.errors import LakeError

VICTIM = Path(__file__).parent / "lake_victim.py"
SOURCE = Path(ingest.__file__).parents[2]
FULL = HuntSettings(lake=LakeSettings(text="full"))


@pytest.fixture
def logs(tmp_path: Path) -> list[str]:
    paths = []
    for name in range(3):
        path = tmp_path / f"{name}.jsonl"
        moments = [n * DAY_US // 150 + name for n in range(300)]
        path.write_text("".join(line(m) + "\nbad\n" * (m % 7 == 0) + "\n" for m in moments))
        paths.append(str(path))
    return paths


def start(lake: Path, logs: list[str]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": f"{SOURCE}:{VICTIM.parent}"}
    command = [sys.executable, str(VICTIM), str(lake), *logs]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)


def texts_of(lake: Lake) -> list[tuple[Any, ...]]:
    tables = [pq.ParquetFile(file).read(["exchange_id", "prompt"]) for file in lake.files("cold")]
    return sorted(tuple(row.values()) for table in tables for row in table.to_pylist())


def counts_of(lake: Lake) -> list[tuple[object, ...]]:
    return sorted((s.id, s.offset, s.lines, s.rows, s.rejects) for s in lake.streams())


def test_a_killed_process_loses_and_doubles_nothing(tmp_path: Path, logs: list[str]) -> None:
    whole = Lake.create(tmp_path / "whole")
    with start(whole.path, logs) as process:
        assert process.stdout
        process.stdout.readline()
        ready = time.monotonic()
        assert process.wait() == 0
    took = time.monotonic() - ready
    assert len(rows_of(whole)) == 900
    chance = random.Random(3)
    for trial in range(6):
        lake = Lake.create(tmp_path / f"killed{trial}")
        with start(lake.path, logs) as process:
            assert process.stdout
            process.stdout.readline()
            try:
                process.wait(took * chance.random())
            except subprocess.TimeoutExpired:
                process.kill()
        rows = rows_of(lake)  # readable, and nothing of it twice
        assert len({row[1] for row in rows}) == len(rows) <= 900
        assert pieces_of(lake) == pieces_wanted(lake)
        ingest.ingest(logs, lake=lake, settings=FULL, kit=KIT)
        assert rows_of(lake) == rows_of(whole)
        assert texts_of(lake) == texts_of(whole)
        assert pieces_of(lake) == pieces_of(whole) == pieces_wanted(whole)
        assert counts_of(lake) == counts_of(whole)


class Crash(BaseException):
    """Stands for a power cut: no handler of ours may answer it."""


@pytest.fixture
def crash_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Make the n-th rename, unlink or flush of staging the last thing that happens."""

    def arm(n: int) -> None:
        left = [n]

        def counted(real: Callable[..., Any]) -> Callable[..., Any]:
            def wrapped(*args: object, **more: object) -> object:
                left[0] -= 1
                if left[0] < 0:
                    raise Crash
                return real(*args, **more)

            return wrapped

        monkeypatch.setattr(Path, "rename", counted(Path.rename))
        monkeypatch.setattr(Path, "unlink", counted(Path.unlink))
        monkeypatch.setattr(staging, "sync_folder", counted(staging.sync_folder))

    return arm


@pytest.mark.parametrize("step", range(0, 40, 3))
def test_every_step_of_a_commit_may_be_the_last(
    tmp_path: Path,
    logs: list[str],
    step: int,
    crash_at: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module, name, value in (
        (source, "CHUNK", 6_000), (intake, "FLUSH_ROWS", 150), (intake, "COMMIT_BYTES", 20_000),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)
    lake = Lake.create(tmp_path / "lake", wait_s=0)

    def work() -> None:
        ingest.ingest(logs[:2], lake=lake, settings=FULL, kit=KIT)
        compact(lake)

    crash_at(step)
    with contextlib.suppress(Crash):
        work()
    monkeypatch.undo()
    rows = rows_of(lake)
    assert len({row[1] for row in rows}) == len(rows)
    assert pieces_of(lake) == pieces_wanted(lake)
    work()
    assert len(rows_of(lake)) == len(texts_of(lake)) == 600
    assert len({row[1] for row in rows_of(lake)}) == 600
    assert pieces_of(lake) == pieces_wanted(lake)
    assert not any((lake.path / "staging").iterdir())


@pytest.mark.parametrize("step", range(12))
def test_info_completes_what_a_crash_left_and_counts_one_moment(
    tmp_path: Path,
    logs: list[str],
    step: int,
    crash_at: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lake = Lake.create(tmp_path / "lake", wait_s=0)
    crash_at(step)
    with contextlib.suppress(Crash):
        ingest.ingest(logs[:1], lake=lake, settings=FULL, kit=KIT)
    monkeypatch.undo()
    told = info(Lake.open(lake.path, wait_s=0))
    assert told["rows"] == told["text_rows"] == told["rows_read"]
    assert told["rows"] in {0, 300}


def test_info_waits_for_a_commit(tmp_path: Path, logs: list[str]) -> None:
    lake = Lake.create(tmp_path / "lake", wait_s=0)
    ingest.ingest(logs[:1], lake=lake, settings=FULL, kit=KIT)
    names = lake.path / "locks" / "names"
    with locks.held(names, wait_s=0, busy="now"), pytest.raises(LakeError, match="try again"):
        info(lake)
    assert info(lake)["rows"] == 300


def test_what_is_staged_is_on_the_disk_before_the_journal_names_it(
    tmp_path: Path, logs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake.create(tmp_path / "lake", wait_s=0)
    done: list[str] = []
    sync, rename = staging.sync_folder, Path.rename

    def synced(folder: Path) -> None:
        done.append(f"sync {folder.name}")
        sync(folder)

    def renamed(path: Path, target: Path) -> Path:
        done.append(f"rename {path.name}")
        return rename(path, target)

    monkeypatch.setattr(staging, "sync_folder", synced)
    monkeypatch.setattr(Path, "rename", renamed)
    ingest.ingest(logs[:1], lake=lake, settings=FULL, kit=KIT)
    assert done[:3] == ["sync staging", "rename journal", "sync journal"]


def test_a_full_disk_is_said_and_nothing_is_half_visible(
    tmp_path: Path, logs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake.create(tmp_path / "lake", wait_s=0)
    ingest.ingest(logs[:1], lake=lake, settings=FULL, kit=KIT)
    rows = rows_of(lake)

    def full(table: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(staging, "write_parquet", full)
        with pytest.raises(LakeError, match="No space left") as caught:
            ingest.ingest(logs, lake=lake, settings=FULL, kit=KIT)
    assert caught.value.exit_code == 3
    assert rows_of(lake) == rows
    assert not any((lake.path / "staging").iterdir())
    ingest.ingest(logs, lake=lake, settings=FULL, kit=KIT)
    assert len(rows_of(lake)) == 900


def test_a_disk_that_is_really_full_is_said(tmp_path: Path, logs: list[str]) -> None:
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("this user may not mount a small file system")
    try:
        lake = Lake.create(place / "lake", wait_s=0)
        with pytest.raises(LakeError, match="No space left"):
            for number in range(200):
                log = tmp_path / "more.jsonl"
                texts = (line(n * 977 + number, prompt=f"{n * number:x}") for n in range(300))
                log.write_text("\n".join(texts) + "\n")
                ingest.ingest([str(log)], lake=lake, settings=FULL, kit=KIT)
        rows = rows_of(lake)
        assert len({row[1] for row in rows}) == len(rows)
        assert len(rows) == sum(stream.rows for stream in lake.streams())
        del lake
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)
