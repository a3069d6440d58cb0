import numpy as np
import pytest

from stillhunt.sketch.cadence import DAY_S, HOUR_S, gap_variation, hour_entropy, idle_gaps


def test_a_metronome_gives_zero() -> None:
    assert gap_variation(np.arange(100) * 60) == 0.0
    assert gap_variation(np.zeros(5)) == 0.0


def test_a_poisson_process_gives_one() -> None:
    times = np.cumsum(np.random.default_rng(1).exponential(3.0, 200_000))
    assert gap_variation(times) == pytest.approx(1.0, abs=0.01)


def test_bursts_give_more_than_one() -> None:
    times = np.concatenate([day * DAY_S + np.arange(10) for day in range(10)])
    assert gap_variation(times) > 2.5


def test_gap_variation_by_hand_and_free_of_unit() -> None:
    times = np.array([0, 1, 4])
    assert gap_variation(times) == pytest.approx(np.sqrt(2) / 2)
    in_us = times * 1_000_000 + 1_700_000_000_000_000
    assert gap_variation(in_us) == pytest.approx(gap_variation(times))


def test_hours_by_hand() -> None:
    nightly = np.arange(30) * DAY_S + 2 * HOUR_S
    assert hour_entropy(nightly) == 0.0
    twice = np.concatenate([nightly, nightly + 12 * HOUR_S])
    assert hour_entropy(twice) == pytest.approx(1 + 1 / 120 / np.log(2))


def test_round_the_clock_is_even_on_small_samples_too() -> None:
    rng = np.random.default_rng(5)
    found = np.mean([hour_entropy(rng.uniform(0, 7 * DAY_S, 100)) for _ in range(500)])
    assert found == pytest.approx(np.log2(24), abs=0.03)  # the plain entropy lacks 0.17


def test_a_whole_hour_of_offset_changes_nothing() -> None:
    times = np.random.default_rng(2).uniform(8 * HOUR_S, 12 * HOUR_S, 500)
    assert hour_entropy(times, 5 * HOUR_S) == pytest.approx(hour_entropy(times))


def test_idle_gaps_are_longer_than_the_bound() -> None:
    assert idle_gaps(np.array([0, 10, 30, 31]), 10).tolist() == [20.0]
    assert idle_gaps(np.array([5.0]), 1).tolist() == []


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        gap_variation(np.array([1, 2]))
    with pytest.raises(ValueError, match="ascending"):
        gap_variation(np.array([1, 3, 2]))
    with pytest.raises(ValueError, match="at least 1"):
        idle_gaps(np.array([]), 1)
    with pytest.raises(ValueError, match="counts"):
        hour_entropy(np.array([]))
