"""Look-back sums: never too large, exact below a window's length, bounded."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillhunt.hunt.tail.lookback import PANES, Lookback

DAY = 86_400_000_000
WIDTH = DAY // PANES
START = 20_000 * DAY


def add(sums: Lookback, keys: list[int], pane: int, tokens: int = 10) -> None:
    distinct = np.unique(np.array(keys, np.uint64))
    counts = np.array([[keys.count(int(k)), tokens * keys.count(int(k))] for k in distinct])
    newest = pane * WIDTH + 1
    sums.forget(newest)
    sums.add(distinct, pane, counts)


def of(sums: Lookback, key: int) -> list[int]:
    (row,) = sums.totals.of(np.array([key], np.uint64)).tolist()
    return list(row)


def empty(capacity: int = 10_000) -> Lookback:
    return Lookback(DAY, np.array([100.0, 1_000.0]), capacity)


FIRST = START // WIDTH


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 120), st.integers(1, 4)), min_size=1, max_size=60))
def test_a_total_is_the_sum_of_the_panes_inside_the_window(
    sent: list[tuple[int, int]],
) -> None:
    sums = empty()
    sent.sort()
    for pane, key in sent:
        add(sums, [key], FIRST + pane)
    newest = (FIRST + sent[-1][0]) * WIDTH + 1
    for key in range(1, 5):
        inside = [p for p, k in sent if k == key and (FIRST + p) * WIDTH > newest - DAY]
        assert of(sums, key) == [len(inside), 10 * len(inside)]
    assert sums.totals.keys.tolist() == sorted(set(sums.totals.keys.tolist()))


def test_the_light_are_forgotten_first_and_the_loss_is_said() -> None:
    sums = empty(1_000)
    for pane in range(40):
        add(sums, [7, 7, 7, *range(1_000 + pane * 300, 1_300 + pane * 300)], FIRST + pane)
    assert sums.size <= 1_000
    assert of(sums, 7)[0] >= 120 - sums.loss * 100
    assert of(sums, 7)[0] <= 120
    assert 0 < sums.loss < 1


def test_a_loss_ends_with_the_window() -> None:
    sums = empty(1_000)
    for start in range(0, 5_000, 500):
        add(sums, list(range(start, start + 500)), FIRST)
    assert sums.loss > 0
    add(sums, [1], FIRST + 2 * PANES)
    assert sums.loss == 0
    assert sums.size == 2


def test_what_lies_before_the_window_does_not_count() -> None:
    sums = empty()
    add(sums, [1], FIRST + PANES + 5)
    sums.add(np.array([1], np.uint64), FIRST, np.array([[1, 1]]))
    assert of(sums, 1) == [1, 10]


def test_the_state_comes_back_from_its_arrays() -> None:
    sums = empty(1_000)
    for pane in range(10):
        add(sums, [7, 7, 8, *range(100, 300)], FIRST + pane)
    again = empty(1_000)
    again.restore(sums.arrays())
    assert of(again, 7) == of(sums, 7)
    assert again.losses == sums.losses
    assert again.first_pane_us(7) == sums.first_pane_us(7) == FIRST * WIDTH


def test_a_clock_that_was_set_back_lets_nothing_in_that_was_taken_off() -> None:
    sums = empty()
    add(sums, [1, 1], FIRST + 40)
    add(sums, [1], FIRST + 40 + PANES)  # wrong by a day: the first two are gone
    add(sums, [1], FIRST + 45)
    assert of(sums, 1) == [2, 20]
    sums.add(np.array([1], np.uint64), FIRST + 40, np.array([[1, 1]]))
    assert of(sums, 1) == [2, 20]


def test_a_clock_that_was_wrong_by_more_than_the_window_starts_anew() -> None:
    sums = empty()
    add(sums, [1, 1], FIRST)
    add(sums, [1], FIRST + 400 * PANES)
    add(sums, [1], FIRST + 1)
    assert of(sums, 1) == [1, 10]


def test_a_loss_is_of_the_bound_that_counts_now() -> None:
    sums = empty(1_000)
    for start in range(0, 5_000, 500):
        add(sums, list(range(start, start + 500)), FIRST)
    half = Lookback(DAY, np.array([50.0, np.inf]), 1_000)
    half.restore(sums.arrays())
    assert half.loss == pytest.approx(2 * sums.loss)


def flooded() -> Lookback:
    """Return sums of a flood of twenty panes, of which most are forgotten again."""
    sums = empty(1_000)
    for pane in range(20):
        add(sums, list(range(1_000 + pane * 400, 1_400 + pane * 400)) * 2, FIRST + pane)
    assert set(sums.losses) - set(sums.panes)  # the loss outlives the pane
    return sums


def test_a_loss_ends_with_the_window_although_its_pane_was_forgotten_before() -> None:
    sums = flooded()
    for pane in range(20, 20 + 2 * PANES):
        add(sums, [7], FIRST + pane)
    assert sums.loss == 0


def test_a_loss_whose_pane_was_forgotten_comes_back_from_the_arrays() -> None:
    sums = flooded()
    again = empty(1_000)
    again.restore(sums.arrays())
    assert again.loss == pytest.approx(sums.loss)


def test_the_losses_of_an_earlier_version_come_back_too() -> None:
    sums = empty(1_000)
    for start in range(0, 5_000, 500):
        add(sums, list(range(start, start + 500)), FIRST)
    arrays = sums.arrays()
    del arrays["lossy"]
    again = empty(1_000)
    again.restore(arrays)
    assert again.loss == sums.loss > 0
