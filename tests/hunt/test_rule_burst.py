"""The burst rules: any 60 s, wherever the minute begins, and what makes an episode."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sweep_kit import DAY, MINUTE, NOON, SECOND, MemoryLake, Row, exchange, found, many

from stillhunt.hunt.claims import Moment, ask_rule
from stillhunt.hunt.parameters import resolve
from stillhunt.hunt.rule import load_rules
from stillhunt.hunt.slices import slices
from stillhunt.model.finding import Finding, Severity

RULE = next(rule for rule in load_rules() if rule.name == "burst")
FIVE = {"burst.requests_per_minute": "5"}


@pytest.mark.parametrize(("n", "is_found"), [(100, False), (101, True)])
def test_more_than_100_requests_in_a_minute_are_found(n: int, is_found: bool) -> None:
    assert bool(found(many(n, step=500_000), "burst")) is is_found


@pytest.mark.parametrize("start", [NOON, NOON + 30 * SECOND, NOON + MINUTE - 1])
@pytest.mark.parametrize(("last", "is_found"), [(MINUTE, False), (MINUTE - 1, True)])
def test_the_101st_request_less_than_60_s_after_the_first_is_too_many(
    start: int, last: int, is_found: bool
) -> None:
    rows = [*many(100, start=start, step=1_000), exchange(start + last)]
    assert bool(found(rows, "burst")) is is_found


def test_requests_of_the_same_microsecond_all_count() -> None:
    (finding,) = found(many(101, step=0), "burst")
    assert finding.evidence["peak_requests"] == 101


@pytest.mark.parametrize(("method", "counts"), [("POST", True), (None, True), ("GET", False)])
def test_only_post_counts_unless_the_log_knows_no_methods(
    method: str | None, counts: bool
) -> None:
    assert bool(found(many(6, method=method), "burst", FIVE)) is counts


def test_only_the_paths_told_count() -> None:
    rows = many(6, path="/api/ask?x=1")
    assert not found(rows, "burst", FIVE)
    assert found(rows, "burst", FIVE | {"burst.paths": "/api/ask"})


def test_the_evidence_names_the_fullest_window() -> None:
    rows = [*many(6), *many(9, start=NOON + 10 * MINUTE)]
    (finding,) = found(rows, "burst", FIVE)
    assert finding.evidence["peak_requests"] == 9
    assert finding.evidence["peak_at"] == "2026-03-01T12:10:08Z"
    assert finding.evidence["requests_above"] == 5
    assert finding.evidence["seconds_above"] == 5
    assert finding.evidence["episode_began"] == "2026-03-01T12:00:05Z"
    assert (finding.n, finding.statistic) == (9, 1.8)
    assert (finding.first_seen_us, finding.last_seen_us) == (
        NOON + 5 * SECOND,
        NOON + 10 * MINUTE + 8 * SECOND,
    )


def test_of_two_equal_peaks_the_first_is_named() -> None:
    (finding,) = found([*many(6), *many(6, start=NOON + 10 * MINUTE)], "burst", FIVE)
    assert finding.evidence["peak_at"] == "2026-03-01T12:00:05Z"


def test_seconds_above_counts_seconds_not_requests() -> None:
    (finding,) = found(many(25, step=100_000), "burst", FIVE)
    assert finding.evidence["requests_above"] == 20
    assert finding.evidence["seconds_above"] == 3


@pytest.mark.parametrize(("n", "severity"), [(50, Severity.LOW), (51, Severity.MEDIUM)])
def test_ten_times_the_bound_is_medium(n: int, severity: Severity) -> None:
    (finding,) = found(many(n, step=1_000), "burst", FIVE)
    assert finding.severity == severity


@pytest.mark.parametrize(("pause", "episodes"), [(DAY, 1), (DAY + 1, 2)])
def test_exceedings_more_than_a_day_apart_are_two_findings(pause: int, episodes: int) -> None:
    first, last = NOON, NOON + 5 * SECOND
    # Each burst stands above the bound at its sixth request alone.
    rows = [*many(6, start=first), *many(6, start=last + pause - 5 * SECOND)]
    findings = found(rows, "burst", FIVE)
    assert len(findings) == len({f.id for f in findings}) == episodes


def test_burst_account_joins_addresses_and_burst_prefix_joins_neighbours() -> None:
    rows = [exchange(NOON + k, source_ip=f"192.0.2.{k}") for k in range(6)]
    told = {f"{name}.requests_per_minute": "5" for name in ("burst_account", "burst_prefix")}
    assert not found(rows, "burst", FIVE)
    assert [f.subject for f in found(rows, "burst_account", told)] == [{"account_id": "a1"}]
    assert [f.subject for f in found(rows, "burst_prefix", told)] == [
        {"source_prefix": "192.0.2.0/24"}
    ]


def test_an_unknown_address_is_no_subject() -> None:
    assert not found(many(6, source_ip=None), "burst", FIVE)


def _asked(rows: Sequence[Row], bound: int, slice_rows: int) -> list[Finding]:
    values = resolve(RULE.known_parameters, {}, {"burst.requests_per_minute": str(bound)})
    con = MemoryLake(rows).connect()
    moment = Moment(
        con=con,
        history=con,
        slices=slices(con, slice_rows),
        until_us=max(row["ts_us"] for row in rows),
    )
    return ask_rule(RULE, values["burst"]).find(moment)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 400 * SECOND), st.sampled_from("ab")), min_size=1, max_size=60
    ),
    st.integers(1, 8),
)
def test_any_traffic_is_counted_as_a_plain_loop_counts_it(
    sent: list[tuple[int, str]], bound: int
) -> None:
    """Also when the lake is cut into slices of a few exchanges."""
    rows = [exchange(NOON + t, source_ip=ip) for t, ip in sent]
    expected = {}
    for ip in "ab":
        times = np.array(sorted(NOON + t for t, own in sent if own == ip))
        counts = np.array([((times > t - MINUTE) & (times <= t)).sum() for t in times])
        above = times[counts > bound]
        if len(above):
            expected[ip] = (counts.max(), above[0], above[-1], len(above))
    for slice_rows in (3, 1_000):
        seen = {
            f.subject["source_ip"]: (
                f.evidence["peak_requests"],
                f.first_seen_us,
                f.last_seen_us,
                f.evidence["requests_above"],
            )
            for f in _asked(rows, bound, slice_rows)
        }
        assert seen == expected
