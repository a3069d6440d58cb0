"""Renewals: theory as the oracle for their unevenness, and exact counts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillhunt.lab.arrivals import Arrivals, fill, gamma_shape, hour_of_day, renewals


@pytest.mark.parametrize("cv", [0.05, 0.5, 1.0, 2.0])
def test_gaps_vary_as_asked(cv: float) -> None:
    rng = np.random.default_rng(7)
    times = renewals(rng, np.array([40_000]), gamma_shape(np.array([cv])))
    gaps = np.diff(times)
    assert gaps.std() / gaps.mean() == pytest.approx(cv, rel=0.05)


@given(st.lists(st.integers(0, 40), max_size=30), st.floats(0.005, 400))
@settings(max_examples=60, deadline=None)
def test_each_account_gets_its_count_in_order_and_inside(counts: list[int], shape: float) -> None:
    wanted = np.array(counts, dtype=np.int64)
    times = renewals(np.random.default_rng(1), wanted, np.full(len(counts), shape))
    assert len(times) == sum(counts)
    assert np.isfinite(times).all()
    assert ((times >= 0) & (times < 1)).all()
    for part in np.split(times, np.cumsum(wanted)[:-1]) if counts else []:
        assert (np.diff(part) >= 0).all()


def test_a_busy_account_does_not_blur_the_next_one() -> None:
    gaps = np.concatenate([np.full(11, 1e9), np.full(5, 1e-9)])
    times = fill(gaps, np.array([10, 4]))
    assert times[10:] == pytest.approx([0.2, 0.4, 0.6, 0.8], abs=2e-3)


def test_hours_follow_their_weights() -> None:
    weights = np.array([0.0, 3.0, 1.0, 0.0])
    hours = hour_of_day(weights, np.linspace(0, 1, 10_000, endpoint=False))
    assert hours.min() >= 1
    assert hours.max() < 3
    assert (hours < 2).mean() == pytest.approx(0.75, abs=0.001)


def test_arrivals_join_and_select_in_all_columns() -> None:
    one = Arrivals(**{name: np.arange(3) for name in vars(Arrivals.none())})
    both = one.join(one).take(np.array([5, 0]))
    assert {tuple(values) for values in vars(both).values()} == {(2, 0)}
