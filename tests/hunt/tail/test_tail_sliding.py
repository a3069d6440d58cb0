"""Sliding windows: exact while they fit, and never too many."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillhunt.hunt.tail.sliding import Sliding

SPAN = 60_000_000
LATE = 300_000_000
START = 1_772_366_400_000_000


def expected(events: list[tuple[int, int]], bound: int) -> set[tuple[int, int, int]]:
    """Return (subject, time, count) of every moment above *bound*, by looking at all pairs."""
    found = set()
    for who, moment in events:
        count = sum(w == who and moment - SPAN < t <= moment for w, t in events)
        if count > bound:
            found.add((who, moment, count))
    return found


def key(who: int) -> int:
    return (who + 1) * 0x9E3779B97F4A7C15 % 2**64


def add(windows: Sliding, events: list[tuple[int, int]], newest: int) -> set[tuple[int, int, int]]:
    keys = np.array([key(who) for who, _ in events], np.uint64)
    above = windows.add(keys, np.array([t for _, t in events], np.int64), newest)
    names = {key(who): who for who, _ in events}
    return {
        (names[k], t, n)
        for k, t, n in zip(
            above.keys.tolist(), above.times.tolist(), above.counts.tolist(), strict=True
        )
    }


moments = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 250).map(lambda s: START + s * 500_000)),
    min_size=1,
    max_size=60,
)


@settings(deadline=None)
@given(moments, st.integers(1, 6), st.integers(1, 10))
def test_every_moment_above_the_bound_is_found_in_whatever_order_lines_come(
    events: list[tuple[int, int]], bound: int, size: int
) -> None:
    windows = Sliding(SPAN, bound, 10_000, LATE)
    found: set[tuple[int, int, int]] = set()
    newest = 0
    for start in range(0, len(events), size):
        part = events[start : start + size]
        found |= add(windows, part, newest)
        newest = max(newest, *(t for _, t in part))
    wanted = expected(events, bound)
    assert {f[:2] for f in wanted} <= {f[:2] for f in found}
    assert {f for f in found if f[:2] in {w[:2] for w in wanted}} >= wanted
    # what came later may have made a count larger than it was when it was said
    assert all(n <= max(w[2] for w in wanted if w[:2] == (who, t)) for who, t, n in found)


def test_the_window_is_open_at_its_left_end() -> None:
    first, last = (0, START), (0, START + SPAN)
    assert add(Sliding(SPAN, 1, 100, LATE), [first, last], 0) == set()
    assert add(Sliding(SPAN, 1, 100, LATE), [first, (0, START + SPAN - 1)], 0) == {
        (0, START + SPAN - 1, 2)
    }


def crowded(capacity: int, bound: int = 100) -> tuple[Sliding, set[tuple[int, int, int]]]:
    """Return windows that saw a burst among many that sent once, and what they found."""
    windows = Sliding(SPAN, bound, capacity, LATE)
    found: set[tuple[int, int, int]] = set()
    newest = 0
    for second in range(60):
        events = [(1_000 + second * 500 + k, START + second * 1_000_000) for k in range(500)]
        events += [(7, START + second * 1_000_000 + k) for k in range(4)]
        found |= add(windows, events, newest)
        newest = START + second * 1_000_000
    return windows, found


def test_memory_is_bounded_and_the_burst_is_found_among_single_requests() -> None:
    windows, found = crowded(5_000)
    assert windows.size <= 5_000
    assert windows.loss > 0
    assert {who for who, _, _ in found} == {7}
    assert max(n for _, _, n in found) >= 240 - windows.loss


def test_with_room_for_all_nothing_is_lost() -> None:
    windows, found = crowded(100_000)
    assert windows.loss == 0
    assert max(n for _, _, n in found) == 240


def test_one_subject_cannot_fill_the_memory() -> None:
    windows = Sliding(SPAN, 10, 1_000, LATE)
    for k in range(50):
        add(windows, [(1, START + k * 1_000 + j) for j in range(200)], START)
    assert windows.size <= 1_000
    assert windows.loss == 0


def test_old_blocks_are_forgotten() -> None:
    windows = Sliding(SPAN, 10, 1_000, LATE)
    add(windows, [(1, START)], START)
    later = START + LATE + 3 * SPAN
    add(windows, [(1, later)], later)
    assert windows.size == 1


def test_the_state_comes_back_from_its_arrays() -> None:
    windows, _ = crowded(5_000)
    again = Sliding(SPAN, 100, 5_000, LATE)
    again.restore(windows.arrays())
    assert again.losses == windows.losses
    assert again.blocks.keys() == windows.blocks.keys()
    assert all((again.blocks[n] == windows.blocks[n]).all() for n in windows.blocks)


@pytest.mark.parametrize("span_s", [1, 60, 300])
def test_any_span_up_to_five_minutes_counts(span_s: int) -> None:
    windows = Sliding(span_s * 1_000_000, 2, 100, LATE)
    step = span_s * 1_000_000 // 3
    events = [(0, START + k * step) for k in range(3)]
    assert add(windows, events, 0) == {(0, events[2][1], 3)}


def test_blocks_of_a_clock_that_was_set_back_are_forgotten() -> None:
    windows, wrong = Sliding(SPAN, 10, 1_000, LATE), START + 400 * 86_400_000_000
    add(windows, [(1, wrong)], wrong)
    add(windows, [(1, START)], START)
    assert windows.size == 1


@pytest.mark.parametrize(("differs_in", "most"), [(0, 120), (25, 120), (26, None), (63, None)])
def test_subjects_add_up_where_they_share_38_bits_of_their_keys_and_nowhere_else(
    differs_in: int, most: int | None
) -> None:
    windows = Sliding(span_us=SPAN, bound=100, capacity=10_000, lateness_us=LATE)
    one = key(7)
    keys = np.array([one, one ^ (1 << differs_in)] * 60, np.uint64)
    times = START + np.arange(120, dtype=np.int64) * 100_000
    counts = windows.add(keys, times, int(times[-1])).counts
    assert (int(counts.max()) if len(counts) else None) == most
