"""Globs and several logs: each line is looked at once, whatever names its file gets."""

import gzip
import os
import shutil
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from sweep_kit import DAY, HOUR, MINUTE, NOON, SECOND, many
from tail_kit import Clock, claims, close_all, followed, settings_in, swept_claims, tail_of, write

from stillhunt.hunt.lake.store import Lake
from stillhunt.hunt.sweep import sweep
from stillhunt.hunt.tail.command import follow
from stillhunt.hunt.tail.loop import Tail
from stillhunt.model.finding import Finding

HALF = many(70, step=SECOND // 4)
"""Less than the bound of a burst; twice the same is more."""


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_all()


def go_on(tail: Tail, clock: Clock, times: int = 3) -> None:
    """Step often enough for globs to be looked at."""
    for _ in range(times):
        clock.now += 3
        while tail.step():
            pass


@pytest.mark.parametrize("new_name", ["access.log.1", "access.log-20260301", "access.log.kept"])
@pytest.mark.parametrize("way", ["rename", "copy"])
def test_a_rotated_name_that_the_glob_names_too_counts_no_line_twice(
    tmp_path: Path, new_name: str, way: str
) -> None:
    log, clock, found = tmp_path / "access.log", Clock(), list[Finding]()
    write(log, HALF)
    tail = tail_of(
        f"{log}*", folder=tmp_path, clock=clock, deliver=found.append, state=tmp_path / "state"
    )
    go_on(tail, clock)
    if way == "rename":
        log.rename(tmp_path / new_name)
    else:
        shutil.copyfile(log, tmp_path / new_name)
        log.write_text("")
    go_on(tail, clock)
    write(log, many(5, start=NOON + MINUTE))
    go_on(tail, clock, 6)
    tail.run(once=True)
    assert tail.engine.exchanges == 75
    assert claims(found) == set()
    write(log, many(5, start=NOON + 2 * MINUTE))
    again = tail_of(f"{log}*", folder=tmp_path, clock=clock, state=tmp_path / "state")
    again.run(once=True)
    assert again.engine.exchanges == 80


def test_a_rotated_name_that_is_packed_is_passed_over(tmp_path: Path) -> None:
    log, clock = tmp_path / "access.log", Clock()
    write(log, HALF)
    tail = tail_of(f"{log}*", folder=tmp_path, clock=clock)
    go_on(tail, clock)
    packed = gzip.compress(log.read_bytes())
    log.rename(tmp_path / "access.log.1")
    write(log, many(1, start=NOON + MINUTE))
    go_on(tail, clock)
    (tmp_path / "access.log.1").unlink()
    (tmp_path / "access.log.1.gz").write_bytes(packed)
    (tmp_path / "access.log.gz").write_bytes(packed)
    go_on(tail, clock)
    assert (tail.engine.exchanges, tail.quarantine.count) == (71, 0)


def rotated(folder: Path) -> Path:
    log = folder / "access.log"
    for name, start, age in (("access.log.2", 0, 1_000), ("access.log.1", 20, 2_000)):
        write(folder / name, many(20, start=NOON + start * SECOND))
        os.utime(folder / name, (age, age))
    packed = folder / "access.log.2.gz"
    packed.write_bytes(gzip.compress((folder / "access.log.2").read_bytes()))
    (folder / "access.log.2").unlink()
    os.utime(packed, (1_000, 1_000))
    write(log, many(20, start=NOON + 40 * SECOND))
    return log


def test_from_the_start_what_was_rotated_is_read_first_as_one_log(tmp_path: Path) -> None:
    log = rotated(tmp_path)
    tail = tail_of(f"{log}*", folder=tmp_path, state=tmp_path / "state")
    assert list(tail._logs) == [str(log)]
    first = [piece.name for _ in range(3) for piece in tail._logs[str(log)].read(0.0)]
    assert [Path(name).name for name in first] == ["access.log.2.gz", "access.log.1"]
    close_all()
    _, ended = followed(log.with_name("access.log*"), folder=tmp_path, state=tmp_path / "state")
    assert (ended.exchanges, ended.rejects) == (60, 0)
    _, ended = followed(log.with_name("access.log*"), folder=tmp_path, state=tmp_path / "state")
    assert ended.lines == 0


def test_from_the_end_what_was_rotated_is_passed_over(tmp_path: Path) -> None:
    clock = Clock()
    log = rotated(tmp_path)
    tail = tail_of(f"{log}*", folder=tmp_path, from_start=None, clock=clock)
    go_on(tail, clock)
    write(log, many(3, start=NOON + HOUR))
    go_on(tail, clock)
    assert tail.engine.exchanges == 3


def test_a_log_that_comes_later_takes_over_what_it_was_before(tmp_path: Path) -> None:
    clock, log = Clock(), tmp_path / "access.log"
    old = tmp_path / "access.log.1"
    write(old, HALF[:10])
    tail = tail_of(f"{log}*", folder=tmp_path, clock=clock, state=tmp_path / "state")
    go_on(tail, clock)
    write(log, many(5, start=NOON + MINUTE))
    write(old, HALF[10:12])
    go_on(tail, clock, 2)
    write(old, HALF[12:13])  # its writer has not turned yet
    go_on(tail, clock, 2)
    assert list(tail._logs) == [str(log)]
    old.rename(tmp_path / "access.log.2")
    log.rename(old)
    write(log, many(5, start=NOON + 2 * MINUTE))
    go_on(tail, clock, 8)
    assert tail.engine.exchanges == 23


def test_another_name_of_the_same_file_is_passed_over(tmp_path: Path) -> None:
    clock, trouble = Clock(), list[str]()
    write(tmp_path / "app-20260301.log", HALF)
    link = tmp_path / "current.log"
    link.symlink_to("app-20260301.log")
    tail = tail_of(str(tmp_path / "*.log"), folder=tmp_path, clock=clock, trouble=trouble)
    go_on(tail, clock)
    write(tmp_path / "app-20260302.log", many(3, start=NOON + DAY))
    link.unlink()
    link.symlink_to("app-20260302.log")
    go_on(tail, clock)
    assert tail.engine.exchanges == 73
    assert [text for text in trouble if "current.log: it was read as" in text]


def test_a_link_that_turns_to_a_file_that_is_read_already_reads_it_no_more(tmp_path: Path) -> None:
    clock, link = Clock(), tmp_path / "current"
    write(tmp_path / "app-1.log", HALF)
    link.symlink_to("app-1.log")
    tail = tail_of(link, str(tmp_path / "*.log"), folder=tmp_path, clock=clock)
    go_on(tail, clock)
    write(tmp_path / "app-2.log", many(3, start=NOON + DAY))
    go_on(tail, clock)
    link.unlink()
    link.symlink_to("app-2.log")
    go_on(tail, clock)
    assert tail.engine.exchanges == 73


def test_of_logs_that_are_behind_only_the_latest_is_read_on(tmp_path: Path) -> None:
    unequal(tmp_path)
    busy, quiet = (str(tmp_path / f"{name}.jsonl") for name in ("busy", "quiet"))
    tail = tail_of(busy, quiet, folder=tmp_path)
    offsets = []
    for _ in range(3):
        tail.step()
        offsets.append([tail._logs[log].places()[0].offset for log in (busy, quiet)])
    assert [sum(b > a for a, b in zip(one, two, strict=True))
            for one, two in pairwise([[0, 0], *offsets])] == [1, 1, 1]  # fmt: skip


def unequal(folder: Path) -> list[dict[str, object]]:
    """Write a busy and a quiet log of the same day, the busy one with bursts."""
    busy = [*many(30_000, start=NOON, step=2 * SECOND, source_ip="198.51.100.1", path="/health")]
    for hour in range(0, 16, 2):
        busy += many(150, start=NOON + hour * HOUR, step=SECOND // 4, source_ip=f"192.0.2.{hour}")
    busy.sort(key=lambda row: row["ts_us"])
    quiet = many(900, start=NOON, step=MINUTE, source_ip="203.0.113.1", path="/health")
    quiet += many(70, start=NOON + 15 * HOUR, step=SECOND // 2, source_ip="203.0.113.2")
    busy += many(70, start=NOON + 15 * HOUR, step=SECOND // 2, source_ip="203.0.113.2")
    for name, rows in (("busy.jsonl", busy), ("quiet.jsonl", quiet)):
        rows.sort(key=lambda row: row["ts_us"])
        write(folder / name, rows)
    return [dict(row) for row in (*busy, *quiet)]


def test_logs_of_unequal_rates_give_the_claims_of_a_sweep_of_both(tmp_path: Path) -> None:
    rows = unequal(tmp_path)
    trouble: list[str] = []
    found, ended = followed(tmp_path / "*.jsonl", folder=tmp_path, trouble=trouble)
    assert ended.exchanges == len(rows)
    assert claims(found) == swept_claims(rows) != set()
    assert not trouble


def after(steps: int) -> Callable[[], bool]:
    left = iter(range(steps))
    return lambda: next(left, None) is None


def test_a_stop_while_two_logs_are_behind_loses_and_doubles_nothing(tmp_path: Path) -> None:
    rows = unequal(tmp_path)
    found: list[Finding] = []
    total, runs = 0, 0
    while total < len(rows):
        tail = tail_of(
            str(tmp_path / "*.jsonl"), folder=tmp_path, deliver=found.append,
            state=tmp_path / "state",
        )  # fmt: skip
        total = tail.run(is_over=after(2)).exchanges
        runs += 1
        assert runs < 40
    assert runs > 2
    assert total == len(rows)
    assert claims(found) == swept_claims(rows)
    assert len({(f.id, f.severity) for f in found}) == len(found)


def test_a_log_at_its_end_keeps_nobody_waiting(tmp_path: Path) -> None:
    short, long = tmp_path / "short.jsonl", tmp_path / "long.jsonl"
    write(short, many(3, start=NOON))
    write(long, many(150, start=NOON + HOUR, step=SECOND // 4))
    found: list[Finding] = []
    tail = tail_of(short, long, folder=tmp_path, deliver=found.append)
    for _ in range(4):
        tail.step()
    assert "burst" in {f.detector for f in found}


def test_each_log_that_stands_still_is_named(tmp_path: Path) -> None:
    clock, said, trouble = Clock(), list[str](), list[str]()
    one, other = tmp_path / "one.jsonl", tmp_path / "other.jsonl"
    write(one, many(1))
    write(other, many(1))
    tail = tail_of(
        one, other, folder=tmp_path, clock=clock, say=said.append, trouble=trouble,
        settings=settings_in(tmp_path, stalled="60s"),
    )  # fmt: skip
    for k in range(8):
        write(one, many(1, start=NOON + k * SECOND))
        tail.step()
        clock.now += 20
    assert trouble == [f"{other}: no new line for 60s"]
    write(other, many(1))
    tail.step()
    assert said[-1] == f"{other}: the log goes on"


def test_what_came_too_late_is_trouble_and_is_told_in_the_end(tmp_path: Path) -> None:
    clock, trouble = Clock(), list[str]()
    log = tmp_path / "log.jsonl"
    write(log, [*many(20, start=NOON + HOUR), *many(3)])
    tail = tail_of(log, folder=tmp_path, clock=clock, trouble=trouble)
    tail.step()
    write(log, many(4))
    tail.step()
    tail.end(once=True)
    assert [text.split(" ", 1)[0] for text in trouble if "came later" in text] == ["3", "7"]


def test_quiet_leaves_out_all_but_trouble_whatever_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "lost-cannot.jsonl", [*many(1, start=NOON + HOUR), *many(20)])
    follow(
        ["lost-cannot.jsonl"], as_="native", state=None, lake=None, overrides={}, config=None,
        from_start=True, once=True, json_to=None, quiet=True,
    )  # fmt: skip
    told = capfd.readouterr().err.splitlines()
    assert len(told) == 1
    assert "came later than tail.lateness" in told[0] or "are left out" in told[0]


@pytest.mark.parametrize("state", [False, True])
def test_once_without_a_place_says_that_nothing_was_read(tmp_path: Path, state: bool) -> None:
    said, trouble = list[str](), list[str]()
    write(tmp_path / "log.jsonl", HALF)
    more = {"state": tmp_path / "state"} if state else {}
    followed(tmp_path / "log.jsonl", from_start=None, say=said.append, trouble=trouble, **more)
    assert [text for text in said if "nothing was read" in text and "--from start" in text]
    assert bool(trouble) is not state
    said.clear()
    followed(tmp_path / "log.jsonl", from_start=False, say=said.append)
    assert not [text for text in said if "nothing was read" in text]


def test_the_lake_gets_what_was_rotated_before(tmp_path: Path) -> None:
    log = rotated(tmp_path)
    followed(log.with_name("access.log*"), folder=tmp_path, lake=tmp_path / "lake")
    lake = Lake.open(tmp_path / "lake")
    assert sweep(lake, settings=settings_in(tmp_path)).totals["exchanges"] == 60
