"""Whose turn it is: the log whose newest line is the oldest, and what waits for it."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from stillhunt.hunt.framing import Block
from stillhunt.hunt.tail.merging import Merging
from stillhunt.hunt.tail.opened import Piece
from stillhunt.model.finding import DAY_US


def add(merging: Merging, log: str, times: Sequence[int], lines: Sequence[int] = ()) -> None:
    data = b"x\n" * len(times)
    piece = Piece(log, Block(data=data, end_offset=len(data), seam=b""), 1)
    numbers = list(lines) or list(range(1, len(times) + 1))
    merging.add(log, piece, pa.table({"line_number": numbers, "ts_us": times}))


def ready(merging: Merging, *behind: str) -> list[int]:
    rows = merging.ready(behind)
    return [] if rows is None else rows["ts_us"].to_pylist()


def test_nobody_goes_on_before_every_log_that_is_behind_was_looked_into() -> None:
    merging = Merging()
    add(merging, "a", [1, 5, 9])
    assert merging.earliest(["a", "b"]) == "b"
    assert ready(merging, "a", "b") == []
    add(merging, "b", [2, 4])
    assert merging.earliest(["a", "b"]) == "b"
    assert ready(merging, "a", "b") == [1, 2, 4]
    assert ready(merging) == [5, 9]
    assert merging.is_empty


def test_a_log_at_its_end_does_not_hold_the_others_back() -> None:
    merging = Merging()
    add(merging, "a", [1, 2])
    add(merging, "b", [5, 9])
    assert ready(merging, "b") == [1, 2, 5, 9]


def test_lines_out_of_order_stay_in_the_order_of_their_log() -> None:
    merging = Merging()
    add(merging, "a", [4, 2, 8])
    add(merging, "b", [3, 5])
    assert ready(merging) == [3, 4, 2, 5, 8]


def test_a_line_a_day_ahead_keeps_its_log_from_no_turn() -> None:
    merging = Merging()
    add(merging, "a", [1, 400 * DAY_US, 2])
    add(merging, "b", [3, 4])
    assert ready(merging, "b") == [1, 400 * DAY_US, 2, 3, 4]


def test_a_clock_that_was_wrong_is_set_back() -> None:
    merging = Merging()
    add(merging, "a", [400 * DAY_US])
    assert ready(merging) == [400 * DAY_US]
    add(merging, "a", [1, 2])
    add(merging, "b", [5])
    assert merging.earliest(["a", "b"]) == "a"


def test_a_line_of_many_records_is_not_cut() -> None:
    merging = Merging()
    add(merging, "a", [1, 2, 9], lines=[1, 2, 2])
    add(merging, "b", [5])
    assert ready(merging, "a", "b") == [1, 5]
    assert ready(merging) == [2, 9]


def test_a_log_goes_on_under_its_new_name() -> None:
    merging = Merging()
    add(merging, "old", [7])
    merging.rename("old", "new")
    add(merging, "b", [5])
    assert merging.earliest(["new", "b"]) == "b"
    assert ready(merging, "b") == [5]
    assert ready(merging, "new") == [7]


def test_many_rows_of_many_logs_come_out_once_and_sorted() -> None:
    rng = np.random.default_rng(1)
    merging, total, seen = Merging(), 0, list[int]()
    clocks = dict.fromkeys("abcd", 0)
    for _ in range(200):
        log = merging.earliest("abcd") or "a"
        steps = np.cumsum(rng.integers(0, 50 if log in "ab" else 5_000, 20))
        add(merging, log, (clocks[log] + steps).tolist())
        clocks[log] += int(steps[-1])
        total += 20
        seen += ready(merging, *"abcd")
    seen += ready(merging)
    assert len(seen) == total
    assert seen == sorted(seen)
