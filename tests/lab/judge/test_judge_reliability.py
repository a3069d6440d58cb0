"""Reliability: bins, distances and intervals, by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillhunt.lab.judge.reliability import brier, expected_error, reliability, wilson


def test_the_bins_of_five_claims_are_those_worked_out_by_hand() -> None:
    said = np.array([0.05, 0.92, 0.98, 1.0, 0.5])
    true = np.array([False, True, False, True, True])
    low, middle, high = reliability(said, true)
    assert (low.low, low.high, low.claims, low.said, low.true) == (0.0, 0.1, 1, 0.05, 0.0)
    assert (middle.low, middle.claims, middle.true) == (0.5, 1, 1.0)
    assert (high.low, high.high, high.claims) == (0.9, 1.0, 3)
    assert high.said == pytest.approx(2.9 / 3)
    assert high.true == pytest.approx(2 / 3)
    assert expected_error([low, middle, high]) == pytest.approx((0.05 + 0.5 + 0.9) / 5)
    assert brier(said, true) == pytest.approx((0.05**2 + 0.08**2 + 0.98**2 + 0 + 0.25) / 5)


def test_no_claims_have_no_error() -> None:
    assert reliability(np.zeros(0), np.zeros(0, bool)) == []
    assert math.isnan(expected_error([]))
    assert math.isnan(brier(np.zeros(0), np.zeros(0, bool)))


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=50))
def test_every_claim_is_in_one_bin_and_within_its_bounds(claims: list[tuple[float, bool]]) -> None:
    said = np.array([c for c, _ in claims], dtype=float)
    bins = reliability(said, np.array([t for _, t in claims], dtype=bool))
    assert sum(one.claims for one in bins) == len(claims)
    assert sum(one.claims * one.true for one in bins) == pytest.approx(sum(t for _, t in claims))
    for one in bins:
        assert one.low - 1e-12 <= one.said <= one.high + 1e-12
        assert one.true_low - 1e-12 <= one.true <= one.true_high + 1e-12


def test_the_interval_of_a_share_is_wilsons() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(8, 10)
    assert low == pytest.approx(0.490, abs=1e-3)  # worked out in Wilson's formula
    assert high == pytest.approx(0.943, abs=1e-3)
    assert wilson(10, 10)[1] == pytest.approx(1.0)
    assert wilson(0, 10)[0] == pytest.approx(0.0)
