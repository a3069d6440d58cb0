"""Numbers, times and money as people read them."""

import math

import pytest

from stillhunt.hunt.report import figures

US = 1_000_000


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0"), (999, "999"), (9_999, "9,999"), (12_345, "12.3k"), (999_600, "1M"),
     (1_240_000, "1.24M"), (7.8e9, "7.8G"), (3.2e13, "32T"), (0.123456, "0.123"),
     (None, figures.DASH), (math.nan, figures.DASH), (math.inf, figures.DASH)],
)  # fmt: skip
def test_large_numbers_are_short(number: float | None, shown: str) -> None:
    assert figures.compact(number) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(True, "yes"), (False, "no"), (None, figures.DASH), (1_234_567, "1,234,567"),
     (0.97654321, "0.9765"), (569.81, "569.81"), (3.0, "3"), (math.nan, figures.DASH), ("x", "x")],
)  # fmt: skip
def test_figures_of_evidence_are_exact_enough(value: object, shown: str) -> None:
    assert figures.plain(value) == shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(0.0, "USD 0.00"), (0.004, "less than USD 0.01"), (19.2, "USD 19.20"),
     (12_345.6, "USD 12,346"), (None, figures.DASH), (math.nan, figures.DASH)],
)  # fmt: skip
def test_money_has_cents_only_where_they_matter(amount: float | None, shown: str) -> None:
    assert figures.money(amount, "USD") == shown


def test_shares_of_nothing_are_a_dash() -> None:
    assert figures.share(1, 0) == figures.share(None, 5) == figures.share(1, None) == figures.DASH
    assert figures.share(541, 1000) == "54 %"
    assert figures.share(54, 1000) == "5.4 %"
    assert figures.share(1, 100_000) == "< 0.1 %"
    assert figures.share(0, 5) == "0.0 %"


def test_lengths_of_time_show_their_two_largest_units() -> None:
    assert figures.span(3 * 86_400 * US + 4 * 3_600 * US + 59 * US) == "3 d 4 h"
    assert figures.span(12 * 60 * US) == "12 min"
    assert figures.span(61 * US) == "1 min 1 s"
    assert figures.span(10) == "under 1 s"


def test_times_are_utc_and_come_back() -> None:
    moment = 1_772_672_400_000_123
    assert figures.rfc3339(moment) == "2026-03-05T01:00:00.000123Z"
    assert figures.us("2026-03-05T01:00:00.000123Z") == moment
    assert figures.rfc3339(None) is None
    assert figures.clock(moment) == "2026-03-05 01:00"
    assert figures.clock(moment, seconds=True) == "2026-03-05 01:00:00"
    assert figures.clock(None) == figures.DASH
    assert figures.day(moment) == "5 Mar 2026"


def test_rules_say_how_many_times_their_bound() -> None:
    assert figures.times(2.4) == "2.4" + figures.TIMES
    assert figures.times(1234.5) == "1,234" + figures.TIMES
    assert figures.times(math.nan) == figures.DASH


def test_words_agree_with_their_number() -> None:
    assert figures.plural(1, "address", "addresses") == "1 address"
    assert figures.plural(1_200, "address", "addresses") == "1,200 addresses"
    assert figures.plural(0, "request") == "0 requests"
    assert figures.count(None) == figures.DASH
