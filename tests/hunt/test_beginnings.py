"""Beginnings, found by the hour, are those that every single exchange would give."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sweep_kit import DAY, HOUR, MINUTE, NOON, SECOND, MemoryLake, exchange, many

from stillhunt.hunt import beginnings as module
from stillhunt.hunt.beginnings import beginnings, step_us
from stillhunt.hunt.episodes import began, sliding_windows
from stillhunt.hunt.parameters import ALL_US, Value, resolve
from stillhunt.hunt.rule import Rule, load_rules

RULES = {rule.name: rule for rule in load_rules()}
VOLUME = RULES["volume"]
SUBJECT = ("a1", "192.0.2.1")


def _values(rule: Rule, **told: str) -> dict[str, Value]:
    overrides = {f"{rule.name}.{name}": value for name, value in told.items()}
    return resolve(rule.known_parameters, {}, overrides)[rule.name]


def _plainly(sent: Sequence[tuple[int, int | None]], values: dict[str, Value]) -> int | None:
    """Return the begin by looking at every moment."""
    times = np.array([t for t, _ in sent])
    tokens = np.array([float(n or 0) for _, n in sent])
    windows = sliding_windows(times, int(values["lookback"]), int(times[-1]))
    above = windows.total(np.ones(len(times))) > float(values["requests_per_day"])
    above |= windows.total(tokens) > float(values["tokens_per_day"])
    return began(windows.moments, above) if above[-1] else None


TIMES = st.builds(
    lambda day, hour, minute, rest: day * DAY + hour * HOUR + minute * MINUTE + rest,
    st.integers(0, 7),
    st.sampled_from([0, 1, 5, 6, 7, 11, 12, 13, 23]),
    st.sampled_from([0, 0, 5, 30, 55]),
    st.sampled_from([-1, 0, 1, 3 * SECOND]),
)
"""Times near each other a window, a step or a quiet day apart, a microsecond more or less."""


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(TIMES, st.sampled_from([None, 0, 1, 5, 9])), min_size=1, max_size=30),
    st.integers(0, 5),
    st.integers(1, 20),
    st.sampled_from(["12h", "1d", "60m", "25h", "all"]),
)
def test_the_begin_is_exact(
    sent: list[tuple[int, int | None]], requests: int, tokens: int, lookback: str
) -> None:
    values = _values(
        VOLUME, requests_per_day=str(requests), tokens_per_day=str(tokens), lookback=lookback
    )
    rows = sorted(((NOON + t, n) for t, n in sent), key=lambda one: one[0])
    expected = _plainly(rows, values)
    if expected is None:
        return
    con = MemoryLake([exchange(t, output_tokens=n) for t, n in rows]).connect()
    assert beginnings(con, VOLUME, values, [SUBJECT], rows[-1][0]) == [expected]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(TIMES, st.integers(0, 9)), min_size=1, max_size=30),
    st.integers(0, 3),
    st.integers(0, 9),
    st.sampled_from(["12h", "1d", "all"]),
)
def test_the_begin_of_a_mean_is_exact(
    sent: list[tuple[int, int]], requests: int, mean: int, lookback: str
) -> None:
    """A mean may rise when exchanges leave, so sums are no ceiling for it."""
    rule = RULES["heavy_output"]
    values = _values(rule, requests=str(requests), mean_tokens=str(mean), lookback=lookback)
    rows = sorted(((NOON + t, n) for t, n in sent), key=lambda one: one[0])
    windows = sliding_windows(np.array([t for t, _ in rows]), int(values["lookback"]), rows[-1][0])
    counts = windows.total(np.ones(len(rows)))
    means = windows.total(np.array([float(n) for _, n in rows])) / np.maximum(counts, 1)
    above = (counts > requests) & (means > mean)
    if not above[-1]:
        return
    con = MemoryLake([exchange(t, output_tokens=n) for t, n in rows]).connect()
    expected = began(windows.moments, above)
    assert beginnings(con, rule, values, [("a1",)], rows[-1][0]) == [expected]


def test_subjects_without_an_account_are_found_again() -> None:
    values = _values(VOLUME, requests_per_day="1")
    con = MemoryLake([*many(3, account_id=None), *many(9, start=NOON + 1)]).connect()
    subjects = [SUBJECT, (None, "192.0.2.1"), ("gone", None)]
    assert beginnings(con, VOLUME, values, subjects, NOON + 9 * SECOND) == [
        NOON + SECOND + 1,
        NOON + SECOND,
        None,
    ]


def test_a_long_episode_is_followed_back_through_many_reaches() -> None:
    values = _values(VOLUME, requests_per_day="1", lookback="60m")
    rows = many(60, step=12 * HOUR) + many(60, start=NOON + MINUTE, step=12 * HOUR)
    con = MemoryLake(rows).connect()
    until = NOON + 59 * 12 * HOUR + MINUTE
    assert beginnings(con, VOLUME, values, [SUBJECT], until) == [NOON + MINUTE]


def test_whoever_floods_is_said_to_begin_at_the_end_of_the_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "FINE_ROWS", 10)
    values = _values(VOLUME, requests_per_day="5")
    rows = [*many(50), exchange(NOON + 2 * HOUR)]
    con = MemoryLake(rows).connect()
    (begin,) = beginnings(con, VOLUME, values, [SUBJECT], NOON + 2 * HOUR)
    assert begin == NOON + HOUR


def test_an_account_of_heavy_output_begins_when_mean_and_count_are_above() -> None:
    rule = RULES["heavy_output"]
    values = _values(rule, requests="3", mean_tokens="100")
    rows = many(6, output_tokens=10) + many(30, start=NOON + 3 * HOUR, output_tokens=200)
    con = MemoryLake(rows).connect()
    # (6 * 10 + k * 200) / (6 + k) > 100 from k = 6 on: (60 + 1,200) / 12 = 105.
    begin = beginnings(con, rule, values, [("a1",)], NOON + 4 * HOUR)
    assert begin == [NOON + 3 * HOUR + 5 * SECOND]


def test_what_leaves_the_window_in_the_doubtful_step_leaves_on_time() -> None:
    values = _values(VOLUME, requests_per_day="3", lookback="12h")
    at = NOON + 10 * MINUTE
    late = NOON + 12 * HOUR
    rows = [exchange(at), exchange(at + 1)]
    rows += [exchange(late + minute * MINUTE + k) for minute in (30, 50) for k in range(2)]
    con = MemoryLake(rows).connect()
    (begin,) = beginnings(con, VOLUME, values, [SUBJECT], late + HOUR)
    assert begin == late + 50 * MINUTE + 1


def test_a_mean_may_rise_between_two_hours_when_short_answers_leave() -> None:
    rule = RULES["heavy_output"]
    values = _values(rule, requests="1", mean_tokens="10", lookback="12h")
    at, late = NOON + 10 * MINUTE, NOON + 12 * HOUR
    rows = many(100, start=at, step=0, output_tokens=0)
    rows += many(2, start=late + 5 * MINUTE, output_tokens=20)
    rows += many(50, start=late + 30 * MINUTE, output_tokens=0)
    rows += many(200, start=late + 8 * HOUR, step=0, output_tokens=20)
    con = MemoryLake(rows).connect()
    assert beginnings(con, rule, values, [("a1",)], late + 8 * HOUR) == [at + 12 * HOUR]


@pytest.mark.parametrize(
    ("span", "step"),
    [
        (DAY, HOUR),
        (12 * HOUR, HOUR),
        (60 * MINUTE, 5 * MINUTE),
        (90 * MINUTE, 5 * MINUTE),
        (90 * SECOND, SECOND),
        (ALL_US, HOUR),
    ],
)
def test_the_step_divides_the_window(span: int, step: int) -> None:
    assert step_us(span) == step
