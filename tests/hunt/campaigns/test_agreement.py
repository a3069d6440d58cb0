import math

import numpy as np
import pytest
from campaign_kit import BINS, members, pool, strangers
from hypothesis import given, settings
from hypothesis import strategies as st

from stillhunt.hunt.campaigns.agreement import composition, times, volumes

EVEN = np.full((1, BINS), 1 / BINS)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(6, 60), st.integers(25, 200))
def test_a_pool_is_interchangeable_and_strangers_are_not(
    seed: int, accounts: int, each: int
) -> None:
    rng = np.random.default_rng(seed)
    both = members(pool(rng, accounts, each), strangers(rng, accounts, each))
    told = both.mean(times(both, EVEN) + volumes(both, BINS))
    assert told[0] > 0.5
    assert told[1] < told[0] - 1


def test_a_pool_is_known_by_its_days_where_all_others_have_theirs() -> None:
    """A pool that works when nobody else does says more than one that works evenly."""
    rng = np.random.default_rng(1)
    who, when = pool(rng, 20, 100)
    night = members((who, when // 4 * 4), (who, when))
    at_night, evenly = night.mean(times(night, EVEN))
    assert at_night > evenly + 0.2


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_one_account_with_a_night_job_does_not_change_what_the_others_are(seed: int) -> None:
    rng = np.random.default_rng(seed)
    who, when = pool(rng, 20, 100)
    jobs = np.full(300, 20)
    alone, mixed = (
        members((who, when)),
        members((np.append(who, jobs), np.append(when, np.zeros(300, np.int64)))),
    )
    before, after = times(alone, EVEN), times(mixed, EVEN)
    assert volumes(mixed, BINS)[20] < -3  # it stands out: all in one bin
    assert np.abs(after[:20] - before).max() < 6


def test_an_account_banned_in_the_middle_still_fits() -> None:
    rng = np.random.default_rng(3)
    who, when = pool(rng, 20, 150)
    kept = (who >= 10) | (when < BINS // 2)
    half = members((who[kept], when[kept]))
    assert half.mean(times(half, EVEN))[0] > 0
    assert volumes(half, BINS)[:10].mean() > 0.5


def test_nobody_supports_himself() -> None:
    """A rare trait that only one member has says nothing for him."""
    group = members((np.arange(10), np.zeros(10, np.int64)))
    values = np.where(np.arange(10) == 0, 0, 1)
    told = composition(group, values, np.array([1e-6, 0.5]))
    assert told[0] == pytest.approx(math.log(0.5))
    assert (told[1:] > 0).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-1, 5), min_size=4, max_size=60), st.integers(0, 99))
def test_unlike_members_lose_ln_2_at_most_and_the_unknown_nothing(
    values: list[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    group = members((rng.integers(0, 4, len(values)), np.zeros(len(values), np.int64)))
    told = composition(group, np.array(values), np.full(6, 0.1))
    assert (told >= math.log(0.5) - 1e-12).all()
    unknown = composition(group, np.full(len(values), -1), np.full(6, 0.1))
    assert (unknown == 0).all()


def test_a_busy_account_is_one_observation_of_a_trait() -> None:
    """Ten thousand requests from one client are not ten thousand accounts."""
    who = np.array([0] * 10_000 + [1, 2, 3])
    group = members((who, np.zeros(len(who), np.int64)))
    values = np.array([0] * 10_000 + [0, 1, 1])
    told = composition(group, values, np.array([0.01, 0.5]))
    assert told[1] == pytest.approx(math.log(0.5 * (1 / 3) / 0.01 + 0.5))


def test_no_group_is_no_group() -> None:
    empty = members((np.zeros(1, np.int64), np.zeros(1, np.int64)))
    empty.linked.group[:] = 0
    assert len(times(empty, EVEN)) == len(volumes(empty, BINS)) == 1
