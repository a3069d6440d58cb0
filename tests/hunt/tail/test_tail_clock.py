"""The log's own time: what may move it, and what may not."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from sweep_kit import DAY, HOUR, MINUTE, NOON, SECOND, Row, exchange, many
from tail_kit import claims, close_all, followed, swept_claims, tail_of, write

from stillhunt.hunt.tail.clock import BACK, FEW, VOTERS, LogClock
from stillhunt.model.finding import Finding

LATE = 5 * MINUTE
JUMPS = [LATE + SECOND, HOUR, 23 * HOUR, 400 * DAY]


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_all()


def clock_at(moment: int = NOON) -> LogClock:
    clock = LogClock(LATE)
    clock.read(np.array([moment]))
    return clock


def fates(clock: LogClock, *times: int, held: int = 0) -> str:
    """Read *times*; return a letter for each: counted, held, left out."""
    read = clock.read(np.array(times), held)
    return "".join(
        "c" if counted else "h" if waits else "-"
        for counted, waits in zip(read.counted, read.held, strict=True)
    )


def attack(start: int = NOON) -> list[Row]:
    return many(2_000, start=start, step=SECOND // 100)


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize("pieces", [1, 3])
def test_one_line_ahead_blinds_no_rule(tmp_path: Path, jump: int, pieces: int) -> None:
    """In one piece, and where the line comes alone, in a quiet moment."""
    log, found = tmp_path / "log.jsonl", list[Finding]()
    log.touch()
    tail = tail_of(log, folder=tmp_path, deliver=found.append)
    parts: list[Sequence[Row]] = [
        many(50, start=NOON - HOUR, step=MINUTE), [exchange(NOON + jump)], attack()
    ]  # fmt: skip
    for rows in parts if pieces == 3 else [[row for part in parts for row in part]]:
        write(log, rows)
        tail.step()
    assert max(int(f.severity) for f in found if f.detector == "burst") == 3
    assert (tail.engine.ahead, tail.engine.late) == (1, 0)


@pytest.mark.parametrize("jump", JUMPS[1:3])
def test_one_line_ahead_takes_no_sum_out_of_its_window(tmp_path: Path, jump: int) -> None:
    log, found = tmp_path / "log.jsonl", list[Finding]()
    log.touch()
    told = {"volume_account.requests_per_day": "300"}
    tail = tail_of(log, folder=tmp_path, deliver=found.append, overrides=told)
    honest = [*many(200, start=NOON - 8 * HOUR, step=2 * MINUTE), *many(150, step=MINUTE)]
    for part in (honest[:200], [exchange(NOON + jump)], honest[200:]):
        write(log, part)
        tail.step()
    assert "volume_account" in {f.detector for f in found}
    assert {c for c in claims(found) if c[0] == "volume_account"} == {
        c for c in swept_claims(honest, told) if c[0] == "volume_account"
    }


@pytest.mark.parametrize("quiet", [LATE + SECOND, 9 * HOUR, 3 * DAY])
@pytest.mark.parametrize("pieces", [1, 40])
def test_after_a_quiet_night_the_clock_follows(tmp_path: Path, quiet: int, pieces: int) -> None:
    log, found = tmp_path / "log.jsonl", list[Finding]()
    log.touch()
    tail = tail_of(log, folder=tmp_path, deliver=found.append)
    morning = many(200, start=NOON + quiet, step=SECOND // 10)
    write(log, many(20))
    tail.step()
    for k in range(pieces):
        write(log, morning[k * 200 // pieces : (k + 1) * 200 // pieces])
        tail.step()
    assert "burst" in {f.detector for f in found}
    assert (tail.engine.ahead, tail.engine.late, tail.engine.exchanges) == (0, 0, 220)


def test_a_line_just_within_the_lateness_counts_at_once() -> None:
    assert fates(clock_at(), NOON + LATE) == "c"
    assert fates(clock_at(), NOON + LATE + 1) == "h"


def test_a_few_lines_decide() -> None:
    far = [NOON + HOUR + k for k in range(FEW)]
    assert fates(clock_at(), *far) == "ccc"
    assert fates(clock_at(), *far[:2]) == "hh"
    assert fates(clock_at(), far[0], NOON, NOON, NOON) == "-ccc"
    assert fates(clock_at(), far[0], NOON, NOON) == "hcc"
    assert fates(clock_at(), *far, NOON, NOON) == "ccccc"
    assert fates(clock_at(), *far, NOON, NOON, NOON) == "---ccc"


def test_what_is_held_is_decided_by_later_pieces() -> None:
    clock, far = clock_at(), NOON + HOUR
    assert fates(clock, far, NOON) == "hc"
    assert fates(clock, far, NOON, held=1) == "hc"
    assert fates(clock, far, NOON, held=1) == "-c"
    assert fates(clock, far) == "h"
    assert fates(clock, far, far + 1, held=1) == "hh"
    assert fates(clock, far, far + 1, far + 2, held=2) == "ccc"
    assert clock.now_us == far + 2


def test_one_wrong_line_in_front_of_the_morning_does_not_lead_the_clock() -> None:
    clock, morning = clock_at(), NOON + 9 * HOUR
    assert fates(clock, NOON + 23 * HOUR, *(morning + k for k in range(5))) == "-ccccc"
    assert clock.now_us == morning + 4


def test_the_first_line_may_be_the_wrong_one() -> None:
    clock = LogClock(LATE)
    assert fates(clock, NOON + 400 * DAY, NOON, NOON + 1, NOON + 2) == "-ccc"
    assert clock.now_us == NOON + 2


def test_a_long_stretch_of_wrong_lines_is_left_out_line_by_line() -> None:
    mixed = [NOON + k + (HOUR if k % 3 == 0 else 0) for k in range(3 * VOTERS)]
    assert fates(clock_at(), *mixed)[:-FEW] == "-cc" * (VOTERS - 1)


def test_a_log_with_a_line_every_hour_loses_none() -> None:
    clock, held, counted = LogClock(LATE), list[int](), 0
    for k in range(50):
        times = [*held, NOON + k * HOUR]
        read = clock.read(np.array(times), len(held))
        counted += int(read.counted.sum())
        held = [t for t, waits in zip(times, read.held, strict=True) if waits]
        assert len(held) < FEW
    assert counted + int(clock.settle(np.array(held)).sum()) == 50


def test_the_clock_is_set_back_where_most_lines_are_behind() -> None:
    clock = clock_at(NOON + DAY)
    for _ in range(BACK - 1):
        assert not clock.read(np.array([NOON])).is_set_back
    assert clock.read(np.array([NOON + SECOND])).is_set_back
    assert clock.now_us == NOON + SECOND


def test_a_few_late_lines_set_nothing_back() -> None:
    clock = clock_at(NOON + HOUR)
    for _ in range(20):
        assert not clock.read(np.array([NOON] * (BACK - 1))).is_set_back
        assert not clock.read(np.array([NOON + HOUR] * (BACK - 1))).is_set_back
    assert clock.now_us == NOON + HOUR


def test_what_is_held_at_a_kill_is_held_by_the_checkpoint(tmp_path: Path) -> None:
    log, state = tmp_path / "log.jsonl", tmp_path / "state"
    write(log, [*many(99, step=SECOND // 4), exchange(NOON + 9 * HOUR)])
    tail = tail_of(log, folder=tmp_path, state=state)
    tail.step()
    tail.checkpoint()
    assert tail.engine.exchanges == 99
    close_all()
    write(log, many(100, start=NOON + 9 * HOUR + SECOND, step=SECOND // 4))
    found, ended = followed(log, state=state)
    assert ended.exchanges == 200
    assert {f.n for f in found if f.detector == "burst"} == {101}


def test_the_last_lines_of_a_whole_log_count_whatever_their_time(tmp_path: Path) -> None:
    rows = [*many(3), exchange(NOON + 9 * HOUR)]
    write(tmp_path / "log.jsonl", rows)
    found, ended = followed(
        tmp_path / "log.jsonl", overrides={"volume_account.requests_per_day": "3"}
    )
    assert ended.exchanges == 4
    assert "volume_account" in {f.detector for f in found}


def test_at_the_end_most_lines_decide_on_what_is_held() -> None:
    clock, far = clock_at(), NOON + HOUR
    assert fates(clock, far, NOON, NOON) == "hcc"
    assert clock.settle(np.array([far])).tolist() == [False]
    assert clock.now_us == NOON
    assert fates(clock, far) == "h"
    assert clock.settle(np.array([far])).tolist() == [True]
    assert clock.now_us == far


def test_the_lines_that_set_the_clock_back_count(tmp_path: Path) -> None:
    log, found = tmp_path / "log.jsonl", list[Finding]()
    log.touch()
    tail = tail_of(log, folder=tmp_path, deliver=found.append)
    for part in (many(5, start=NOON + 400 * DAY), attack()):
        write(log, part)
        tail.step()
    assert max(int(f.severity) for f in found if f.detector == "burst") == 3
    assert (tail.engine.ahead, tail.engine.late) == (0, 0)
