"""Episodes: when a figure rose above its bound, and how long it has to be quiet."""

import numpy as np

from stillhunt.hunt.episodes import QUIET_US, began, sliding_windows, starts


def test_a_window_is_open_on_the_left_and_closed_on_the_right() -> None:
    windows = sliding_windows(np.array([10, 15]), 10, 100)
    assert windows.moments.tolist() == [10, 15, 20, 25]
    assert windows.total(np.array([1.0, 2.0])).tolist() == [1, 3, 2, 0]


def test_nothing_after_the_moment_of_the_sweep_is_looked_at() -> None:
    assert sliding_windows(np.array([10, 15]), 10, 16).moments.tolist() == [10, 15]


def test_an_episode_ends_after_24_hours_below_the_bound() -> None:
    up = np.array([True, False, True])
    assert began(np.array([0, 5, 5 + QUIET_US]), up) == 0
    assert began(np.array([0, 5, 6 + QUIET_US]), up) == 6 + QUIET_US


def test_no_exceeding_is_no_episode() -> None:
    assert began(np.array([0, 5]), np.array([False, False])) is None


def test_exceedings_are_joined_across_a_long_one_before() -> None:
    first, last = np.array([0, 1, 50]), np.array([45, 2, 51])
    assert starts(first, last, 10).tolist() == [True, False, False]
    assert starts(first, np.array([1, 2, 51]), 10).tolist() == [True, False, True]
    assert starts(first[:0], last[:0]).tolist() == []
