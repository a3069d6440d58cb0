"""The crowd: in order, without gaps in its columns, and actors that look like what they are."""

import datetime
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stillhunt.lab.arrivals import Arrivals
from stillhunt.lab.crowd import Crowd, Outage
from stillhunt.lab.harvesters import Harvesters
from stillhunt.lab.people import People
from stillhunt.lab.pipelines import Pipelines
from stillhunt.model.exchange import COLUMNS

MONDAY = datetime.date(2026, 9, 7)
HOUR_US = 3_600_000_000


def crowd(*, seed: int = 3, days: int = 2, outages: tuple[Outage, ...] = ()) -> Crowd:
    actors = (
        People(count=120, seed=seed, per_day=8),
        Pipelines(count=6, seed=seed, per_day=150),
        Harvesters(count=1, seed=seed, requests=600, days=days),
    )
    return Crowd(actors=actors, seed=seed, start=MONDAY, days=days, outages=outages)


@pytest.fixture(scope="module")
def made() -> pa.Table:
    return pa.concat_tables(crowd().batches())


@pytest.fixture(scope="module")
def kinds() -> dict[str, str]:
    return {record["account_id"]: record["kind"] for record in crowd().truth()}


def rows(table: pa.Table, kinds: dict[str, str], kind: str) -> Iterator[dict[str, Any]]:
    return (row for row in table.to_pylist() if kinds[row["account_id"]] == kind)


def test_exchanges_come_in_order_of_time_and_inside_the_period(made: pa.Table) -> None:
    times = made["ts_us"].to_numpy()
    assert (np.diff(times) >= 0).all()
    assert times[0] >= crowd().start_us
    assert times[-1] < crowd().end_us


def test_every_column_is_one_of_the_exchange(made: pa.Table) -> None:
    assert set(made.column_names) <= {c.name for c in COLUMNS}


def test_ids_are_unique(made: pa.Table) -> None:
    assert len(set(made["exchange_id"].to_pylist())) == made.num_rows


def test_only_documentation_addresses_appear(made: pa.Table) -> None:
    ours = ("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:")
    assert all(a.startswith(ours) for a in made["source_ip"].to_pylist())


def test_the_same_seed_gives_the_same_exchanges_and_another_does_not(made: pa.Table) -> None:
    assert pa.concat_tables(crowd().batches()).equals(made)
    assert not pa.concat_tables(crowd(seed=4).batches()).equals(made)


def test_a_new_actor_does_not_change_what_the_others_do() -> None:
    alone = Crowd(actors=crowd().actors[:1], seed=3, start=MONDAY, days=1)
    more = Crowd(actors=crowd().actors, seed=3, start=MONDAY, days=1)
    people = set(alone.ids[0])
    mine = [t for b in alone.batches() for t in b["ts_us"].to_pylist()]
    among = [
        t
        for b in more.batches()
        for t, a in zip(b["ts_us"].to_pylist(), b["account_id"].to_pylist(), strict=True)
        if a in people
    ]
    assert mine == among


def test_a_session_goes_on_past_midnight() -> None:
    people = Crowd(actors=(People(count=3_000, seed=3),), seed=3, start=MONDAY, days=2)
    later, today = people._day(0, [Arrivals.none()])
    over = set(later[0].session.tolist()) & set(today[0].session.tolist())
    assert over
    _, tomorrow = people._day(1, later)
    assert over <= set(tomorrow[0].session.tolist())
    assert len(later[0]) == sum(s in set(later[0].session) for s in tomorrow[0].session)


def test_turns_of_a_session_count_up_and_cost_more_input(
    made: pa.Table, kinds: dict[str, str]
) -> None:
    sessions: dict[str, list[dict[str, Any]]] = {}
    for row in rows(made, kinds, "person"):
        sessions.setdefault(row["session_id"], []).append(row)
    whole = [s for s in sessions.values() if s[0]["turns"] == 1]
    assert len(whole) > 100
    for session in whole:
        assert [row["turns"] for row in session] == list(range(1, 2 * len(session), 2))
    late = [r["input_tokens"] for s in whole for r in s if r["turns"] >= 9]
    assert np.mean(late) > 4 * np.mean([s[0]["input_tokens"] for s in whole])


def test_people_are_quiet_at_night_where_they_live() -> None:
    people = People(count=4_000, seed=3)
    asked = people.arrivals(0, 0, 0)
    country = np.array(people.countries())[asked.account]
    for name, zone in (("GB", 0), ("DE", 1), ("IN", 5)):
        hours = (asked.ts_us[country == name] // HOUR_US + zone) % 24
        night, day = np.isin(hours, range(1, 6)).sum(), np.isin(hours, range(9, 14)).sum()
        assert day > 5 * night


def test_pipelines_send_more_tokens_than_people(made: pa.Table, kinds: dict[str, str]) -> None:
    def total(kind: str) -> int:
        return sum(r["input_tokens"] + (r["output_tokens"] or 0) for r in rows(made, kinds, kind))

    assert made.num_rows > 1_000
    assert 0 < total("person") < total("pipeline") + total("harvester")


def test_a_pipeline_keeps_to_its_template(made: pa.Table, kinds: dict[str, str]) -> None:
    heads: dict[str, set[str]] = {}
    for row in rows(made, kinds, "pipeline"):
        assert row["temperature"] == 0
        heads.setdefault(row["account_id"], set()).add(row["prompt"].split('"')[0])
    assert all(len(h) <= 3 for h in heads.values())


def test_the_harvester_begins_with_a_burst_and_goes_on_like_a_clock(
    made: pa.Table, kinds: dict[str, str]
) -> None:
    his = list(rows(made, kinds, "harvester"))
    first = [r for r in his if r["ts_us"] < his[0]["ts_us"] + 60_000_000]
    assert len(first) > 100
    assert len({r["source_ip"] for r in first}) == 1
    assert len({r["source_ip"] for r in his}) == 2
    gaps = np.diff([r["ts_us"] for r in his[len(first) :]])
    assert gaps.std() / gaps.mean() < 0.1
    assert np.mean([r["output_tokens"] for r in his if r["output_tokens"]]) > 500
    assert any(r["status"] == 429 for r in first)


def test_what_failed_has_no_answer(made: pa.Table) -> None:
    failed = [r for r in made.to_pylist() if r["status"] != 200]
    assert failed
    for name in ("output_tokens", "ttft_ms", "finish_reason", "output"):
        assert {r[name] for r in failed} == {None}


def test_an_outage_fails_most_requests_and_only_then() -> None:
    start = crowd().start_us + 14 * HOUR_US
    table = pa.concat_tables(
        crowd(days=1, outages=(Outage(start_us=start, end_us=start + HOUR_US),)).batches()
    )
    down = [r["ts_us"] for r in table.to_pylist() if r["status"] == 503]
    assert down
    assert min(down) >= start
    assert max(down) < start + HOUR_US


def test_ids_and_directory_do_not_give_the_harvester_away() -> None:
    directory = crowd().directory()
    assert all(set(a) == set(b) for a, b in pairwise(directory))
    assert [r["account_id"] for r in directory] == sorted(r["account_id"] for r in directory)
    unpaid = sum(r["payment_hash"] is None and r["phone_hash"] is None for r in directory)
    assert unpaid / len(directory) == pytest.approx(1 / 3, abs=0.1)


def test_people_ask_less_at_weekends_and_office_jobs_rest() -> None:
    people, jobs = People(count=4_000, seed=3), Pipelines(count=400, seed=3)
    friday, saturday = 4, 5
    assert len(people.arrivals(0, 0, saturday)) < 0.8 * len(people.arrivals(0, 0, friday))
    at_work = set(jobs.arrivals(0, 0, friday).account.tolist())
    at_weekend = set(jobs.arrivals(0, 0, saturday).account.tolist())
    assert len(at_weekend) < 0.9 * len(at_work)


def test_half_of_the_pipelines_have_more_than_one_template() -> None:
    jobs = Pipelines(count=60, seed=3, per_day=60)
    table = jobs.exchanges(jobs.arrivals(0, 0, 0), np.random.default_rng(1))
    leads: dict[str, set[str]] = {}
    for row in table.to_pylist():
        leads.setdefault(row["source_ip"].rsplit(":", 1)[0], set()).add(
            row["prompt"].split('"')[0]
        )
    assert 10 < sum(len(several) > 1 for several in leads.values()) < 50


def test_the_period_begins_in_the_middle_of_things() -> None:
    people = Crowd(actors=(People(count=6_000, seed=3),), seed=3, start=MONDAY, days=1)
    first = next(people.batches())
    began: dict[str, int] = {}
    for row in first.select(["session_id", "turns"]).to_pylist():
        began.setdefault(row["session_id"], row["turns"])
    assert any(turns > 1 for turns in began.values())


def test_pipelines_do_not_grow_for_ever() -> None:
    jobs = Pipelines(count=200, seed=3, per_day=60)
    later, soon = (
        sum(len(jobs.arrivals(d, 0, d % 5)) for d in days) for days in ((170, 171), (14, 15))
    )
    assert later < 1.2 * soon
