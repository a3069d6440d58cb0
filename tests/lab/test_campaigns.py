"""Every campaign: rows in the schema, the rate it promises, knobs that do what they say."""

import dataclasses
import datetime
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pytest

from stillhunt.lab.arrivals import DAY_US
from stillhunt.lab.attack.operation import HONEST, Operation
from stillhunt.lab.crowd import Crowd
from stillhunt.lab.evasion import Evasion, Pacing
from stillhunt.lab.native import SCHEMA
from stillhunt.lab.places import FIRST_ASN
from stillhunt.lab.simulate import simulate
from stillhunt.model.errors import ConfigError
from stillhunt.registry import parts

PARTS = parts("stillhunt.lab.campaigns")
MONDAY = datetime.date(2026, 9, 7)
START_US = int(np.datetime64(MONDAY, "us").astype(int))
ACCESS = 150  # networks of homes are numbered below this
WINDOW_US = 300_000_000
SHORT = 40  # characters: "why?" is asked by everybody
OWN_PACE = {"relay"}  # its users' pace is none of the dispatcher's
every = pytest.mark.parametrize("name", PARTS)


def built(name: str, *, count: int = 40, seed: int = 3, **told: Any) -> Operation:  # noqa: ANN401
    made: Operation = PARTS[name](
        count=count, seed=seed, **({"days": 7, "start_us": START_US} | told)
    )
    return made


def crowd(*actors: Operation, days: int = 7) -> Crowd:
    return Crowd(actors=actors, seed=3, start=MONDAY, days=days)


@cache
def told(name: str, evasion: Evasion = Evasion(), seed: int = 3) -> pa.Table:  # noqa: B008
    slower: dict[str, Any] = {"per_day": 25.0} if name == "eight" else {}  # keeps the test short
    one = built(name, seed=seed, evasion=evasion, **slower)
    return pa.concat_tables(crowd(one).batches())


def pairs(table: pa.Table, *names: str) -> list[tuple[Any, ...]]:
    return list(zip(*(table[n].to_pylist() for n in names), strict=True))


def directory(name: str, **knobs: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    return crowd(built(name, evasion=Evasion(**knobs))).directory()


@every
def test_rows_are_in_the_schema_and_make_sense(name: str) -> None:
    table = told(name)
    assert table.schema == SCHEMA
    good = table.filter(pa.compute.equal(table["status"], 200))
    for column in ("output_tokens", "input_tokens", "duration_ms", "turns"):
        assert good[column].null_count == 0
        assert pa.compute.min(good[column]).as_py() >= 1
    assert pa.compute.min(pa.compute.utf8_length(table["prompt"])).as_py() > 0
    assert not [p for p in table["prompt"].to_pylist() if "{" in p and "}" in p]
    spent = pa.compute.subtract(good["output_tokens"], good["reasoning_tokens"])
    assert pa.compute.min(spent).as_py() >= 0


@every
def test_only_documentation_addresses_appear(name: str) -> None:
    for proxies in (True, False):
        addresses = told(name, Evasion(proxies=proxies))["source_ip"].to_pylist()
        ours = ("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:")
        assert all(a.startswith(ours) for a in addresses)


@every
def test_an_account_that_works_sends_as_much_as_is_promised(name: str) -> None:
    one = built(name, count=64)
    rings = getattr(one, "_rings", (one,))
    worked = sum(ring.roster.share(day)[1] for ring in rings for day in range(7))
    sent = sum(len(one.arrivals(day, START_US, day)) for day in range(7))
    assert sent / worked == pytest.approx(one.per_day, rel=0.2)


@every
def test_no_account_comes_near_a_limit(name: str) -> None:
    one = built(name)
    minutes, days = Counter[Any](), Counter[Any]()
    for day in range(7):
        asked = one.arrivals(day, START_US, day)
        minutes.update(zip(asked.account, asked.ts_us // 60_000_000, strict=True))
        days.update(zip(asked.account, asked.ts_us // DAY_US, strict=True))
    assert max(minutes.values()) <= 20
    talk = 150 if name in OWN_PACE else 20  # a conversation may be long
    assert max(days.values()) < 6 * one.per_day + talk


@every
def test_cover_keeps_the_volume_and_takes_its_share_of_it(name: str) -> None:
    totals, shares = [], []
    for cover in (0.0, 0.5, 0.8):
        one = built(name, count=64, evasion=Evasion(cover=cover))
        asked = [one.arrivals(day, START_US, day) for day in range(7)]
        totals.append(sum(map(len, asked)))
        honest = sum(int((a.part >= HONEST).sum()) for a in asked)
        if name == "hydra":  # its customers are numbered behind
            honest = sum(int(((a.part >= HONEST) & (a.part < 2 * HONEST)).sum()) for a in asked)
        shares.append(honest / totals[-1])
    assert totals[1] == pytest.approx(totals[0], rel=0.15)
    assert totals[2] == pytest.approx(totals[0], rel=0.15)
    assert shares[1:] == pytest.approx([0.5, 0.8], abs=0.06)
    assert shares[0] < 0.02


@every
def test_the_same_seed_gives_the_same_bytes_and_another_does_not(name: str) -> None:
    one = told(name)
    assert told.__wrapped__(name).equals(one)
    assert crowd(built(name)).directory() == crowd(built(name)).directory()
    other = told(name, seed=4)
    assert set(one["source_ip"].to_pylist()).isdisjoint(other["source_ip"].to_pylist())
    mine, theirs = ({p for p in t["prompt"].to_pylist() if len(p) > SHORT} for t in (one, other))
    assert len(mine & theirs) < 0.1 * len(mine)


@every
def test_the_truth_names_its_members(name: str) -> None:
    made = crowd(built(name))
    truth = made.truth()
    assert {(t["label"], t["campaign"], t["kind"]) for t in truth} == {("attack", name, name)}
    assert {t["account_id"] for t in truth} == set(made.ids[0])
    groups = Counter(t["group"] for t in truth)
    assert len(groups) == (5 if name == "eight" else 1)
    assert all(group.startswith(f"{name}-") for group in groups)
    assert set(told(name)["account_id"].to_pylist()) <= set(made.ids[0])


@every
def test_a_title_and_the_file_s_name_say_what_it_is(name: str) -> None:
    assert built(name).name == built(name).campaign == name
    assert len(PARTS[name].title) > 8


@every
def test_proxies_are_homes_and_without_them_it_is_rented_machines(name: str) -> None:
    homes = {a - FIRST_ASN for a in told(name, Evasion(proxies=True))["asn"].to_pylist()}
    rented = {a - FIRST_ASN for a in told(name, Evasion(proxies=False))["asn"].to_pylist()}
    assert max(homes) < ACCESS <= min(rented)
    several = {a[:16] for a in told(name, Evasion(proxies=True))["source_ip"].to_pylist()}
    assert len(several) > 30


@every
def test_cards_are_shared_as_told(name: str) -> None:
    one, few, each = (
        Counter(r["payment_hash"] for r in directory(name, cards=c) if r["payment_hash"])
        for c in ("one", "few", "each")
    )
    rings = 5 if name == "eight" else 1
    assert len(one) == rings
    assert rings < len(few) < len(each)
    assert set(each.values()) == {1}
    unpaid = [r for r in directory(name) if r["payment_hash"] is None]
    assert unpaid
    assert all(r["phone_hash"] is None for r in unpaid)


@every
def test_aged_accounts_are_old_and_others_are_not(name: str) -> None:
    start = datetime.datetime.combine(MONDAY, datetime.time(), datetime.UTC)
    for aged in (True, False):
        made = [
            datetime.datetime.fromisoformat(r["created_at"]) for r in directory(name, aged=aged)
        ]
        days = [(start - t).total_seconds() / 86_400 for t in made]
        assert (min(days) > 180) if aged else (max(days) < 60)


@every
def test_nobody_asks_before_he_signed_up(name: str) -> None:
    made = {r["account_id"]: r["created_at"] for r in directory(name, aged=False)}
    first: dict[str, int] = {}
    for account, ts_us in pairs(told(name, Evasion(aged=False)), "account_id", "ts_us"):
        first.setdefault(account, ts_us)
    for account, ts_us in first.items():
        assert np.datetime64(made[account].rstrip("Z"), "us").astype(int) <= ts_us


@every
def test_mimicry_borrows_names_and_keeps_its_handshake(name: str) -> None:
    plain, mimic = told(name, Evasion(mimic=False)), told(name, Evasion(mimic=True))
    rings = 5 if name == "eight" else 1
    assert len(set(plain["user_agent"].to_pylist())) <= rings
    assert len(set(mimic["user_agent"].to_pylist())) > 8
    assert len(set(mimic["ja4"].to_pylist())) <= rings
    assert mimic["session_id"].null_count == 0


@pytest.mark.parametrize("name", sorted(set(PARTS) - OWN_PACE - {"eight", "hydra", "standby"}))
def test_pacing_is_what_was_told(name: str) -> None:
    indices = {}
    for pacing in get_args(Pacing):
        one = built(name, count=150, per_day=40.0, evasion=Evasion(cover=0.0, pacing=pacing))
        times = np.concatenate([one.arrivals(d, START_US, d).ts_us for d in (5, 6)])
        bins = np.bincount((times - START_US - 5 * DAY_US) // WINDOW_US, minlength=576)
        indices[pacing] = bins.var() / bins.mean()
    assert indices["loop"] < 0.4
    assert indices["poisson"] == pytest.approx(1, abs=0.3)
    assert indices["workers"] < 0.9
    assert indices["daynight"] > 2


@every
def test_paraphrase_words_every_request_anew(name: str) -> None:
    def commonest(table: pa.Table) -> float:
        texts = [f"{s or ''} {p}" for s, p in pairs(table, "system_prompt", "prompt")]
        found = Counter[str]()
        for text in texts:
            words = text.split()
            found.update({" ".join(words[i : i + 5]) for i in range(len(words) - 4)})
        return sum(n for _, n in found.most_common(20)) / 20 / len(texts)

    once, anew = told(name), told(name, Evasion(paraphrase=True))
    assert commonest(anew) < 0.6 * commonest(once)


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"cover": 1.5}, "cover is 1.5"),
        ({"cover": float("nan")}, "cover is nan"),
        ({"pacing": "poison"}, "did you mean poisson"),
        ({"cards": "two"}, "cards is 'two'"),
    ],
)
def test_a_knob_that_means_nothing_is_refused(knobs: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Evasion(**knobs)


def test_knobs_are_read_from_words_and_the_rest_stays_a_habit() -> None:
    knobs = Evasion.told(["cover=0.4", "proxies=no", "pacing=loop", "aged=yes"])
    assert knobs == Evasion(cover=0.4, proxies=False, pacing="loop", aged=True)
    over = knobs.over(Evasion(cover=0.0, cards="one", aged=False))
    assert over == dataclasses.replace(knobs, cards="one")


@pytest.mark.parametrize("word", ["cover", "covr=1", "cover=much", "aged=maybe", "cards=1"])
def test_words_that_are_no_knobs_are_refused(word: str) -> None:
    with pytest.raises(ConfigError):
        Evasion.told([word])


def test_simulate_builds_them_all_by_name(tmp_path: Path) -> None:
    made = simulate(
        tmp_path / "sim", accounts=400, days=3, base_rate=0.42, campaigns=tuple(PARTS),
        evasion=Evasion(cover=0.3),
    )  # fmt: skip
    truth = (made.folder / "truth.jsonl").read_text()
    for name in PARTS:
        assert truth.count(f'"campaign": "{name}"') == 12


@every
def test_cover_and_harvest_of_an_account_are_sent_by_one_client(name: str) -> None:
    one = built(name, evasion=Evasion(cover=0.5))
    asked = one.arrivals(6, START_US, 6)
    made = one.exchanges(asked, np.random.default_rng(1))
    honest = pa.array(asked.part >= HONEST)
    cover, harvest = made.filter(honest), made.filter(pa.compute.invert(honest))
    for column in ("path", "user_agent", "ja4", "header_order_hash"):
        assert set(cover[column].to_pylist()) == set(harvest[column].to_pylist())
    assert cover["session_id"].null_count == harvest["session_id"].null_count == 0
    share = pa.compute.mean(harvest["stream"]).as_py()
    assert share > 0.6
