"""Rules in bins of the clock: episodes, ids that do not move, and answers without a directory."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from sweep_kit import DAY, HOUR, NOON, MemoryLake, Row, coverage, found, many, swept

from stillhunt.hunt.baseline import baseline
from stillhunt.hunt.directory import Directory, with_times
from stillhunt.hunt.settings import HuntSettings
from stillhunt.model.finding import Finding

MIDNIGHT = NOON - NOON % DAY
CROWD = {"many_accounts.accounts": "3"}


def crowd(day: float, n: int = 4, **known: Any) -> list[Row]:  # noqa: ANN401 - any column
    """Return *n* accounts at one address, an hour after noon of a day."""
    start = NOON + int(day * DAY) + HOUR
    return [row for k in range(n) for row in many(1, start=start + k, account_id=f"a{k}", **known)]


def crowds(*days: float) -> list[Finding]:
    return found([row for day in days for row in crowd(day)], "many_accounts", CROWD)


def test_days_side_by_side_are_one_episode() -> None:
    (one,) = crowds(0, 1, 2)
    assert one.evidence["bins_above"] == 3
    assert one.n == 12
    assert one.first_seen_us == NOON + HOUR
    assert one.last_seen_us == NOON + 2 * DAY + HOUR + 3


def test_a_day_below_the_bound_ends_an_episode() -> None:
    first, second = crowds(0, 2)
    assert first.id != second.id
    assert (first.evidence["bins_above"], second.evidence["bins_above"]) == (1, 1)


def test_the_evidence_is_that_of_the_fullest_bin() -> None:
    rows = [*crowd(0), *crowd(1, n=6), *crowd(2, n=6)]
    (one,) = found(rows, "many_accounts", CROWD)
    assert one.evidence["accounts"] == 6
    assert one.evidence["peak_bin"] == "2026-03-02T00:00:00Z"
    assert one.evidence["accounts_bound"] == 3
    assert one.evidence["episode_began"] == "2026-03-01T13:00:00Z"
    assert one.statistic == 2.0


def test_severity_is_that_of_the_gravest_bin() -> None:
    rows = [*crowd(0, network_kind="cloud"), *crowd(1, n=9)]
    (one,) = found(rows, "many_accounts", CROWD)
    assert (int(one.severity), one.evidence["accounts"]) == (2, 9)


@pytest.mark.parametrize("since", [NOON + DAY, NOON + 2 * DAY])
def test_an_id_does_not_depend_on_where_a_sweep_begins(since: int) -> None:
    rows = [*crowd(0), *crowd(1), *crowd(2), *crowd(6)]
    whole = [f.id for f in swept(rows, CROWD).findings if f.detector == "many_accounts"]
    later = [
        f.id for f in swept(rows, CROWD, since_us=since).findings if f.detector == "many_accounts"
    ]
    assert whole == later
    assert len(whole) == 2


def test_an_episode_that_ended_before_the_sweep_is_not_told() -> None:
    rows = [*crowd(0), *crowd(6)]
    result = swept(rows, CROWD, since_us=NOON + 5 * DAY)
    assert len([f for f in result.findings if f.detector == "many_accounts"]) == 1


def test_a_pivot_has_one_id_while_it_is_news() -> None:
    rows = [
        *many(300, start=NOON - 3 * DAY, step=HOUR // 6, model="m-1"),
        *many(300, start=NOON, step=HOUR // 60, model="m-2"),
    ]
    ids = set()
    for hours in (4, 5, 12):
        result = swept(rows, until_us=NOON + hours * HOUR)
        (one,) = [f for f in result.findings if f.detector == "new_model_pivot"]
        assert one.evidence["episode_began"] == "2026-03-01T12:00:00Z"
        ids.add(one.id)
    assert len(ids) == 1


def accounts(**columns: Sequence[str | None]) -> Directory:
    table = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    return Directory(table=pa.table(table), duplicates=0)


def test_without_a_directory_the_answer_is_no_and_says_why() -> None:
    result = swept(many(3))
    assert coverage(result, "out_of_plan").answered == "no"
    assert coverage(result, "out_of_plan").missing == ("tier (account directory)",)
    assert coverage(result, "bulk_signup").answered == "no"
    assert coverage(result, "bulk_signup").missing[0] == "created_at (account directory)"


def test_a_directory_that_knows_no_tier_is_none() -> None:
    known = accounts(account_id=["a1"], tier=[None])
    assert coverage(swept(many(3), accounts=known), "out_of_plan").answered == "no"
    known = accounts(account_id=["a1"], tier=["basic"])
    assert coverage(swept(many(3), accounts=known), "out_of_plan").answered == "yes"


def test_times_of_the_directory_are_utc_and_nonsense_is_unknown() -> None:
    texts = ["2026-03-01T12:00:00Z", "2026-03-01", "2026-03-01T13:00:00+01:00", "soon", None]
    known = accounts(account_id=list("abcde"), created_at=[*texts])
    midnight = MIDNIGHT
    assert with_times(known)["created_at_us"].to_pylist() == [NOON, midnight, NOON, None, None]


def test_the_baseline_knows_every_kind_of_rule() -> None:
    rows = [*crowd(0), *crowd(1, n=8, output_tokens=500)]
    known = accounts(account_id=[f"a{k}" for k in range(8)], tier=[*["basic"] * 7, "person"])
    answer = baseline(MemoryLake(rows), settings=HuntSettings(), overrides=CROWD, accounts=known)
    told = {(one["rule"], one.get("figure")): one for one in answer["rules"]}
    people = told["many_accounts", "accounts"]
    assert (people["figures"], people["max"], people["findings"]) == (2, 8, 1)
    assert people["quantiles"]["p50"]["set"] == "--set many_accounts.accounts=4"
    plans = [one for one in answer["rules"] if one["rule"] == "out_of_plan"]
    assert [one["answered"] for one in plans] == ["yes", "yes", "yes"]
    assert [one["figures"] for one in plans] == [0, 11, 1]
    assert plans[1]["bound"] == 200_000
    assert plans[1]["quantiles"]["p50"]["set"].startswith(
        "--set out_of_plan.tokens_per_day=basic="
    )
    assert told["bulk_signup", None]["missing"][0] == "created_at (account directory)"
    assert told["new_model_pivot", None]["missing"] == ["model"]
