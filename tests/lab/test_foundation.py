"""Identity, places, clients and pacing: what each promises, with theory where there is one."""

import datetime
from collections import Counter
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest

from stillhunt.lab import clients, identity, places
from stillhunt.lab.accounts import DIRECTORY, account_ids
from stillhunt.lab.arrivals import DAY_US, Arrivals
from stillhunt.lab.crowd import Crowd
from stillhunt.lab.native import SCHEMA, exchanges
from stillhunt.lab.pacing import Answers, dispatched, loops, scattered, sessions, workers
from stillhunt.lab.people import People
from stillhunt.model.exchange import column

START_S = 1_788_739_200
SHORT = Answers(median=200, sigma=0.4)
DAY: dict[str, Any] = {"day": 0, "start_us": 0, "answers": SHORT}
IDS = account_ids(1, "x", 600)
COUNTRY = ["DE"] * 600


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def records(kind: identity.Identity, **more: object) -> list[dict[str, Any]]:
    return identity.records(
        kind, IDS, COUNTRY, seed=1, name="x", start_s=START_S, **cast("Any", more)
    )


def index(times_us: np.ndarray, width_s: int = 300) -> float:
    counts = np.bincount(times_us // (width_s * 1_000_000), minlength=86_400 // width_s)
    return float(counts.var() / counts.mean())


@pytest.mark.parametrize("kind", [identity.PERSON, identity.BUSINESS, identity.SIGNUP_BURST])
def test_a_third_has_neither_card_nor_phone(kind: identity.Identity) -> None:
    found = records(kind)
    assert all(tuple(r) == DIRECTORY for r in found)
    bare = sum(r["payment_hash"] is None and r["phone_hash"] is None for r in found)
    assert bare / 600 == pytest.approx(1 / 3, abs=0.06)
    assert found == records(kind)


def test_cards_are_shared_as_the_kind_says() -> None:
    def cards(kind: identity.Identity, **more: object) -> Counter[str]:
        return Counter(r["payment_hash"] for r in records(kind, **more) if r["payment_hash"])

    assert max(cards(identity.CARD_EACH).values()) == 1
    assert len(cards(identity.ONE_CARD)) == 1
    assert len(cards(identity.ONE_CARD, groups=np.arange(600) // 100)) == 6
    assert 1 < max(cards(identity.SIGNUP_BURST).values()) <= identity.FEW


def test_a_burst_signs_up_within_its_hours_with_one_pattern() -> None:
    found = records(identity.SIGNUP_BURST)
    moments = [np.datetime64(r["created_at"][:-1]) for r in found]
    assert max(moments) - min(moments) <= np.timedelta64(6 * 3600, "s")
    assert len({r["email_pattern"] for r in found}) == 1
    honest = records(identity.PERSON)
    assert len({r["email_pattern"] for r in honest}) > 100
    assert max(np.datetime64(r["created_at"][:-1]) for r in honest) < np.datetime64(START_S, "s")


def test_aged_accounts_are_half_a_year_old() -> None:
    newest = max(np.datetime64(r["created_at"][:-1]) for r in records(identity.AGED))
    assert newest < np.datetime64(START_S - 180 * 86_400, "s")


def test_only_documentation_addresses_and_their_own_networks() -> None:
    n = np.arange(3_000)
    country = n % len(places.COUNTRIES)
    found = [
        places.homes(1, "x", n, n * 1_000_000, country),
        places.mobiles(1, "x", n, n, country),
        places.offices(1, "x", n, country),
        places.campuses(1, "x", n, n, country),
        places.clouds(1, "x", n, n % 4),
        places.prefixes(1, "x", n),
        places.vpns(1, "x", n, n),
        places.proxies(1, "x", n, country),
    ]
    ours = ("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:")
    for columns in found:
        assert all(a.startswith(ours) for a in columns["source_ip"].to_pylist())
        asn = columns["asn"].to_numpy()
        assert ((asn >= 64_512) & (asn <= 65_534)).all()
    networks = [set(columns["asn"].to_pylist()) for columns in found]
    assert not networks[0] & networks[4]
    assert networks[7] <= networks[0]
    assert len(set(found[6]["source_ip"].to_pylist())) <= places.VPN_EXITS
    assert (
        len({a.rsplit("::")[0].rsplit(":", 1)[0] for a in found[5]["source_ip"].to_pylist()}) == 1
    )


def test_a_home_keeps_its_prefix_and_changes_its_host() -> None:
    one = np.zeros(2, dtype=np.int64)
    first, second = places.homes(1, "x", one, np.array([0, DAY_US]), one)["source_ip"].to_pylist()
    assert first != second
    assert first.split(":")[:4] == second.split(":")[:4]
    other = places.homes(1, "y", one, np.array([0, DAY_US]), one)["source_ip"].to_pylist()
    assert first != other[0]


def test_a_borrowed_user_agent_keeps_its_own_handshake() -> None:
    browser, script = np.array([0]), np.array([9])
    honest, borrowed = clients.columns(browser, browser), clients.columns(browser, browser, script)
    assert honest["user_agent"].equals(borrowed["user_agent"])
    assert borrowed["ja4"].equals(clients.columns(script, script)["ja4"])
    assert not honest["ja4"].equals(borrowed["ja4"])
    assert not honest["header_order_hash"].equals(borrowed["header_order_hash"])


def test_people_are_uneven_chance_is_one_and_a_farm_is_even() -> None:
    people = sessions(rng(), np.full(300, 10.0), np.zeros(300, dtype=int), day=0, start_us=0)
    assert index(people.ts_us[people.ts_us < DAY_US]) > 3
    assert index(scattered(rng(), np.full(300, 20.0), **DAY).ts_us) == pytest.approx(1, abs=0.25)
    farm = dispatched(rng(), 8_000, accounts=300, cv=0.05, **DAY)
    assert index(farm.ts_us) < 0.1
    poisson = dispatched(rng(), 8_000, accounts=300, **DAY)
    assert index(poisson.ts_us) == pytest.approx(1, abs=0.25)


def test_a_dispatcher_gives_every_account_its_turn() -> None:
    dealt = np.bincount(dispatched(rng(), 999, accounts=10, **DAY).account)
    assert dealt.min() >= 99
    assert dealt.max() <= 100
    drawn = np.bincount(dispatched(rng(), 999, accounts=10, robin=False, **DAY).account)
    assert drawn.min() < 95


@pytest.mark.parametrize("stay", [0, 20])
def test_a_worker_begins_when_its_last_answer_has_ended(stay: int) -> None:
    one = workers(rng(), 10**9, accounts=7, number=1, stay=stay, **DAY)
    assert len(one) * SHORT.mean_s == pytest.approx(86_400, rel=0.1)
    ends = one.ts_us[:-1] + one.duration_ms[:-1] * 1000
    assert (one.ts_us[1:] >= ends - 1_000).mean() > 0.99
    assert set(one.account.tolist()) == set(range(7))
    pool = workers(rng(), 5_000, accounts=40, number=8, stay=stay, **DAY)
    assert len(pool) == 5_000
    assert len(set(pool.account.tolist())) > 36
    moves = (np.diff(one.account) != 0).mean()
    assert moves < 0.06 if stay else moves > 0.5


def test_a_loop_keeps_its_hours_and_its_count() -> None:
    run = loops(rng(), np.array([100, 0, 50]), begin_h=2.0, hours=3.0, **DAY)
    assert np.bincount(run.account, minlength=3).tolist() == [100, 0, 50]
    assert (run.ts_us >= 2 * 3_600_000_000).all()
    assert (run.ts_us < 5.01 * 3_600_000_000).all()


def test_nobody_at_all_is_fine() -> None:
    nobody = np.zeros(0)
    assert len(sessions(rng(), nobody, nobody.astype(int), **DAY)) == 0
    assert len(scattered(rng(), nobody, **DAY)) == 0
    assert len(loops(rng(), nobody.astype(int), **DAY)) == 0
    assert len(dispatched(rng(), 0, accounts=3, **DAY)) == 0
    assert len(workers(rng(), 0, accounts=3, number=2, **DAY)) == 0


def test_every_column_of_the_lab_has_the_exchange_s_kind() -> None:
    for field in SCHEMA:
        kind = {"bool": "bool", "double": "float32"}.get(str(field.type), str(field.type))
        assert column(field.name).kind == kind


@dataclass(frozen=True)
class Shut:
    """Ten accounts that ask every minute; six are shut out at noon, one an hour later."""

    name: str = "shut"
    count: int = 10
    kind: str = "test"
    campaign: str = "test"
    seed: int = 1

    @property
    def bans(self) -> dict[int, int]:
        noon = DAY_US // 2
        return dict.fromkeys(range(6), noon) | {6: noon + 3_600_000_000}

    def countries(self) -> list[str]:
        return ["US"] * 10

    def records(self, ids: list[str], start_s: int) -> list[dict[str, Any]]:
        kind = identity.BUSINESS
        return identity.records(kind, ids, self.countries(), seed=1, name="s", start_s=start_s)

    def groups(self) -> list[str]:
        return [f"half-{i // 5}" for i in range(10)]

    def arrivals(self, day: int, start_us: int, weekday: int) -> Arrivals:
        del weekday
        counts = np.full(10, 1440 if day >= 0 else 0)
        return loops(rng(), counts, day=day, start_us=start_us, answers=SHORT)

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        del rng
        keys = pa.array([None if a else "f" * 32 for a in arrivals.account.tolist()], pa.string())
        return exchanges(arrivals, {"key_hash": keys, "output": "x"}, np.full(len(arrivals), 200))


def test_a_ban_refuses_from_its_moment_on_and_a_wave_is_told() -> None:
    crowd = Crowd(actors=(Shut(),), seed=1, start=datetime.date(2026, 9, 7), days=1)
    table = pa.concat_tables(crowd.batches())
    number = {account: i for i, account in enumerate(crowd.ids[0])}
    orgs = {r["account_id"]: r["org_id"] for r in crowd.directory()}
    for row in table.to_pylist():
        moment = Shut().bans.get(number[row["account_id"]], 10**18)
        shut = row["ts_us"] - crowd.start_us >= moment
        assert row["status"] == (403 if shut else 200)
        assert (row["output_tokens"] is None) == (row["output"] is None) == shut
        assert row["duration_ms"] < 100 or not shut
        assert row["org_id"] == orgs[row["account_id"]]
        assert (row["key_hash"] == "f" * 32) == (number[row["account_id"]] == 0)
    assert crowd.waves() == [crowd.start_us + DAY_US // 2]
    assert Counter(r["group"] for r in crowd.truth()) == {"half-0": 5, "half-1": 5}


def test_people_behind_a_company_proxy_show_its_handshake() -> None:
    people = People(count=4_000, seed=3)
    table = people.exchanges(people.arrivals(0, 0, 0), rng())
    inspectors = len(clients.CLIENTS) + np.arange(len(clients.INSPECTORS))
    theirs = clients.columns(np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64), inspectors)
    behind = np.isin(table["ja4"].to_pylist(), theirs["ja4"].to_pylist())
    assert 0.002 < behind.mean() < 0.04
