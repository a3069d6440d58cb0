"""Cadence: signs of a program, each from both sides of its bound."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from detector_kit import DAY, HOUR, MIDNIGHT, SECOND, measured, rows_of

from stillhunt.hunt.detectors.cadence import Cadence

READ_1000 = 189_076_000
"""Time to read 1,000 tokens: 750 words at 238 a minute [us]."""


def _signs(
    times: Sequence[int], known: dict[str, Any] | None = None, **told: float
) -> dict[str, Any]:
    rows = rows_of(times, **(known or {}))
    return {row["sign"]: row for row in measured(Cadence(**told), rows)}  # type: ignore[arg-type]


def _even(n: int, gap: int = 10 * SECOND, start: int = MIDNIGHT) -> list[int]:
    return [start + k * gap for k in range(n)]


def _person() -> list[int]:
    """Return three weeks of working days, 12 questions each, at a Poisson pace."""
    rng = np.random.default_rng(3)
    times = []
    for day in (d for d in range(21) if d % 7 < 5):
        hours = np.sort(rng.uniform(9, 17, 12))
        times += [int(MIDNIGHT + day * DAY + h * HOUR) for h in hours]
    return times


def test_a_metronome_has_even_gaps() -> None:
    sign = _signs(_even(50))["even_gaps"]
    assert (sign["statistic"], sign["gap_variation"]) == (1_000, 0)
    assert (sign["n"], sign["severity"]) == (50, 1)
    assert (sign["mean_gap_s"], sign["longest_idle_s"]) == (10, 10)
    assert (sign["first_seen"], sign["last_seen"]) == (MIDNIGHT, MIDNIGHT + 490 * SECOND)


@pytest.mark.parametrize(("n", "is_found"), [(49, False), (50, True)])
def test_few_requests_say_nothing(n: int, is_found: bool) -> None:
    assert bool(_signs(_even(n))) is is_found


def test_the_even_bound_is_strict() -> None:
    gaps = [9, 11] * 30  # variation 0.1, so 1 / variation is 10
    times = [MIDNIGHT + int(t) * SECOND for t in np.cumsum(gaps)]
    gaps_of = np.diff(times)
    statistic = float(gaps_of.mean() / gaps_of.std())
    assert _signs(times, even=statistic - 0.001)["even_gaps"]["statistic"] == pytest.approx(
        statistic
    )
    assert "even_gaps" not in _signs(times, even=statistic + 0.001)


def test_a_person_shows_no_sign() -> None:
    known = {"output_tokens": 300, "duration_ms": 4_000}
    assert not _signs(_person(), known)


def test_dense_runs_and_one_long_pause_are_uneven_gaps() -> None:
    times = _even(300, SECOND) + _even(300, SECOND, MIDNIGHT + 30 * DAY)
    gaps = np.diff(times)
    sign = _signs(times)["uneven_gaps"]
    assert sign["statistic"] == pytest.approx(gaps.std() / gaps.mean())
    assert sign["longest_idle_s"] == gaps.max() / 1e6
    assert "uneven_gaps" not in _signs(times, uneven=sign["statistic"])


def test_round_the_clock_for_days_is_all_hours() -> None:
    times = _even(24 * 4, HOUR)
    sign = _signs(times)["all_hours"]
    assert sign["statistic"] == pytest.approx(math.log2(24))
    assert "all_hours" not in _signs(times, idle_hours=1)
    assert "all_hours" in _signs(times, idle_hours=1.001)
    assert "all_hours" not in _signs(_even(24 * 4 + 1, HOUR), days=4)
    assert "all_hours" in _signs(_even(24 * 4 + 1, HOUR), days=3.99)


def test_the_hour_entropy_is_corrected_for_small_samples() -> None:
    times = _person()
    hours = np.array([(t - MIDNIGHT) % DAY // HOUR for t in times])
    p = np.bincount(hours) / len(hours)
    p = p[p > 0]
    nats = -(p * np.log(p)).sum() + (len(p) - 1) / (2 * len(hours))
    sign = _signs(times, even=0.01)["even_gaps"]
    assert sign["hour_entropy_bits"] == pytest.approx(nats / math.log(2))


@pytest.mark.parametrize(("gap", "share"), [(READ_1000 - 1, 1.0), (READ_1000, None)])
def test_the_next_request_comes_before_the_answer_was_read(gap: int, share: float | None) -> None:
    signs = _signs(_even(60, gap), {"output_tokens": 1_000})
    assert (signs["unread"]["statistic"] if share else signs.get("unread")) == share


def test_the_answer_has_to_be_complete_before_it_can_be_read() -> None:
    times = _even(60, READ_1000 + SECOND)
    assert "unread" not in _signs(times, {"output_tokens": 1_000, "duration_ms": 1_000})
    assert "unread" in _signs(times, {"output_tokens": 1_000, "duration_ms": 1_001})


def test_answers_of_unknown_length_are_not_judged() -> None:
    assert "unread" not in _signs(_even(60, SECOND), {"output_tokens": None, "duration_ms": 9_000})
    half = {"output_tokens": [1_000, None]}
    assert _signs(_even(60, SECOND), half, even=0)["even_gaps"]["answers_known"] == 30
    assert "unread" not in _signs(_even(60, SECOND), half)
    assert _signs(_even(110, SECOND), half)["unread"]["statistic"] == 1.0


def test_the_longest_answers_do_not_overflow() -> None:
    known = {"output_tokens": 2**31 - 1, "duration_ms": 2**31 - 1}
    assert _signs(_even(60, SECOND), known)["unread"]["statistic"] == 1.0


def test_requests_of_one_microsecond_have_no_gap_variation() -> None:
    assert "even_gaps" not in _signs([MIDNIGHT] * 60)


def test_the_order_of_ties_does_not_matter() -> None:
    times = sorted(_even(60, SECOND) * 2)
    known = {"output_tokens": [5, 900, None]}
    rows = rows_of(times, **known)
    first = measured(Cadence(even=0), rows)
    assert measured(Cadence(even=0), rows[::-1]) == first


def test_a_batch_job_looks_the_same() -> None:
    """Cron, every hour for a week: even gaps, all hours. Informational, and the docs say so."""
    signs = _signs(_even(24 * 7, HOUR))
    assert set(signs) == {"even_gaps", "all_hours"}
    assert {sign["severity"] for sign in signs.values()} == {1}


def test_accounts_are_measured_apart() -> None:
    rows = rows_of(_even(100), account_id=["a1", "a2"]) + rows_of(_even(90), account_id=None)
    found = measured(Cadence(), rows)
    assert {(row["account_id"], row["n"], row["mean_gap_s"]) for row in found} == {
        ("a1", 50, 20),
        ("a2", 50, 20),
    }
