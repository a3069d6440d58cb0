"""The heavy_output rule: many requests, and long answers on average; both or nothing."""

import pytest
from sweep_kit import DAY, NOON, exchange, found, many

from stillhunt.model.finding import Severity

NAME = "heavy_output"


@pytest.mark.parametrize(
    ("n", "mean", "is_found"), [(1_000, 600, False), (1_001, 500, False), (1_001, 501, True)]
)
def test_both_bounds_have_to_be_exceeded(n: int, mean: int, is_found: bool) -> None:
    assert bool(found(many(n, output_tokens=mean), NAME)) is is_found


def test_a_mean_just_above_the_bound_is_above_it() -> None:
    rows = [*many(1_000, output_tokens=500), exchange(NOON - 1, output_tokens=501)]
    (finding,) = found(rows, NAME)
    assert finding.evidence["mean_output_tokens"] == pytest.approx(500 + 1 / 1_001)
    assert finding.evidence["total_requests"] == 1_001
    assert finding.severity == Severity.MEDIUM
    assert finding.statistic == pytest.approx(1 + 1 / 1_001 / 500)


def test_exchanges_without_a_token_count_are_left_out() -> None:
    rows = [*many(1_000, output_tokens=600), *many(500, start=NOON + DAY, output_tokens=None)]
    assert not found(rows, NAME)


def test_everything_swept_is_looked_at_unless_a_window_is_told() -> None:
    rows = [*many(600, output_tokens=600), *many(600, start=NOON + 30 * DAY, output_tokens=600)]
    assert found(rows, NAME)
    assert not found(rows, NAME, {f"{NAME}.lookback": "7d"})


@pytest.mark.parametrize(("asked", "share"), [(None, None), (0, None), (1_200, 0.5), (-5, None)])
def test_the_share_of_what_was_asked_for_is_told_where_it_is_known(
    asked: int | None, share: float | None
) -> None:
    (finding,) = found(many(1_001, output_tokens=600, max_tokens=asked), NAME)
    assert finding.evidence["share_of_max_tokens"] == share


def test_rows_without_an_account_belong_to_nobody() -> None:
    assert not found(many(1_001, output_tokens=600, account_id=None), NAME)


def test_an_episode_begins_when_both_bounds_are_exceeded() -> None:
    """The mean is above the bound at once, the count only at the 1,001st request."""
    (finding,) = found(many(1_500, output_tokens=600), NAME)
    assert finding.evidence["episode_began"] == "2026-03-01T12:16:40Z"
