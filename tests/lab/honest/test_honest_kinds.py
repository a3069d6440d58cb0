"""Honest kinds: each looks like the campaign that it must not be taken for, and is none."""

import datetime
from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from stillhunt.lab.accounts import DIRECTORY
from stillhunt.lab.crowd import Crowd
from stillhunt.lab.native import SCHEMA
from stillhunt.lab.population import MIX, honest
from stillhunt.registry import parts

START = datetime.date(2026, 9, 7)
START_US = int(datetime.datetime(2026, 9, 7, tzinfo=datetime.UTC).timestamp()) * 1_000_000
DAY_US = 86_400_000_000
KINDS = parts("stillhunt.lab.honest")
COUNT = 60
TOGETHER = ("suites", "classrooms", "dynamic", "hackathons", "offices", "agencies")
"""Kinds whose groups speak one language each, of which 60 accounts have few; suites, English."""


@cache
def crowd(name: str, *, days: int = 7, brief: bool = False, seed: int = 3) -> Crowd:
    actor = KINDS[name](count=COUNT, seed=seed, days=days, start_us=START_US, brief=brief)
    return Crowd(actors=(actor,), seed=seed, start=START, days=days)


@cache
def table(name: str) -> pa.Table:
    return pa.concat_tables(crowd(name).batches())


@cache
def records(name: str) -> dict[str, dict[str, Any]]:
    return {r["account_id"]: r for r in crowd(name).directory()}


def shared(name: str, column: str) -> int:
    """Return by how many accounts the most widely shared value of *column* is used."""
    pairs = {
        (a, v)
        for a, v in zip(*(table(name)[c].to_pylist() for c in ("account_id", column)), strict=True)
        if v is not None
    }
    return max(Counter(v for _, v in pairs).values(), default=0)


def test_the_mix_names_every_kind_and_leaves_room_for_people() -> None:
    assert set(MIX) == set(KINDS)
    assert 0.2 < sum(MIX.values()) < 0.5


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_sends_what_it_says_and_is_honest(name: str) -> None:
    made, actor = table(name), crowd(name).actors[0]
    assert made.schema.equals(SCHEMA)
    assert made.num_rows / COUNT / 7 == pytest.approx(KINDS[name].per_day, rel=0.5)
    assert len(pc.unique(made["account_id"])) > COUNT / 2
    truth = crowd(name).truth()
    assert {(t["label"], t["campaign"], t["group"], t["kind"]) for t in truth} == {
        ("benign", None, None, actor.kind)
    }
    assert all(tuple(r) == DIRECTORY for r in records(name).values())
    ours = ("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:")
    assert all(a.startswith(ours) for a in made["source_ip"].to_pylist())
    for column in ("asn", "country", "ja4", "header_order_hash", "model", "path", "prompt"):
        assert made[column].null_count == 0
    lines = zip(made["status"].to_pylist(), made["output_tokens"].to_pylist(), strict=True)
    assert all((status == 200) == (tokens is not None) for status, tokens in lines)


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_is_the_same_again_and_brief_where_asked(name: str) -> None:
    again = pa.concat_tables(crowd.__wrapped__(name).batches())
    assert again.equals(table(name))
    brief = pa.concat_tables(crowd(name, days=1, brief=True).batches())
    assert brief["output"].null_count == len(brief)


@pytest.mark.parametrize("name", KINDS)
def test_contents_are_many_and_in_several_languages(name: str) -> None:
    prompts = table(name)["prompt"]
    assert len(pc.unique(prompts)) > 1_000
    if name not in TOGETHER:
        text = "".join(prompts.to_pylist()[:8_000])
        assert sum(letter in text for letter in ("ñ", "ü", "ç", "ж", "的")) >= 2


@pytest.mark.parametrize("name", sorted(set(TOGETHER) - {"suites"}))
def test_groups_speak_one_language_each_and_not_all_the_same(name: str) -> None:
    actor = KINDS[name](count=1_500, seed=3)
    spoken = {(g, h) for g, h in zip(actor._cast.group, actor._cast.home.language, strict=True)}
    assert len(spoken) == len({g for g, _ in spoken})
    assert len({h for _, h in spoken}) >= 4


def test_a_class_shares_its_homework_its_school_and_its_hour_of_sign_up() -> None:
    found = records("classrooms")
    schools = Counter(r["email_domain"] for r in found.values())
    assert len(schools) < 7
    for school in schools:
        born = [np.datetime64(r["created_at"][:-1]) for r in found.values()
                if r["email_domain"] == school]  # fmt: skip
        assert max(born) - min(born) <= np.timedelta64(3600, "s")
    assert shared("classrooms", "source_ip") >= 5
    tasks = Counter(p for p in table("classrooms")["prompt"].to_pylist() if len(p) > 60)
    assert tasks.most_common(1)[0][1] >= 3


def test_an_agency_pays_with_one_card_and_sits_behind_one_address() -> None:
    cards = Counter(r["payment_hash"] for r in records("agencies").values() if r["payment_hash"])
    assert max(cards.values()) >= 4
    assert shared("agencies", "source_ip") >= 5
    assert shared("agencies", "system_prompt") >= 5


def test_strangers_share_a_public_frame_and_nothing_else() -> None:
    assert shared("rag", "system_prompt") > COUNT / 2
    assert shared("rag", "prompt") == 1
    assert max(Counter(r["payment_hash"] for r in records("rag").values() if r["payment_hash"])
               .values()) <= 3  # fmt: skip


def test_a_suite_is_sent_by_many_on_one_day_word_by_word() -> None:
    assert shared("suites", "prompt") >= 8
    days = Counter(((t - START_US) // DAY_US) for t in table("suites")["ts_us"].to_pylist())
    assert days.most_common(1)[0][1] > len(table("suites")) / 3


def test_a_product_has_hundreds_of_users_and_half_name_them() -> None:
    made = table("saas")
    named = made["end_user_id"].to_pylist()
    accounts = made["account_id"].to_pylist()
    by = Counter(a for a, u in zip(accounts, named, strict=True) if u)
    assert 0.2 * COUNT < len(by) < 0.8 * COUNT
    users = len({u for u in named if u})
    assert users > 20 * len(by)


def test_a_migration_goes_from_nothing_to_everything() -> None:
    made = table("migrations")
    per: dict[str, np.ndarray] = {}
    for account, ts in zip(made["account_id"].to_pylist(), made["ts_us"].to_pylist(), strict=True):
        per.setdefault(account, np.zeros(7))[(ts - START_US) // DAY_US] += 1
    steep = [c for c in per.values() if c[-1] > 20 and c[0] < c[-1] / 10]
    assert len(steep) > COUNT / 3


def test_bots_keep_time_like_a_farm() -> None:
    made = table("bots")
    times: dict[str, list[int]] = {}
    for account, ts in zip(made["account_id"].to_pylist(), made["ts_us"].to_pylist(), strict=True):
        times.setdefault(account, []).append(ts)
    variation = [np.diff(t).std() / np.diff(t).mean() for t in times.values() if len(t) > 200]
    assert sum(v < 0.4 for v in variation) >= 5
    assert any(v > 0.8 for v in variation)


def test_tinkerers_move_to_the_new_model_on_its_day() -> None:
    made = table("releases")
    release = crowd("releases").actors[0]._cast.release  # type: ignore[attr-defined]
    new = pc.filter(made["ts_us"], pc.equal(made["model"], "m-3")).to_numpy()
    assert len(new) > 0.3 * len(made)
    assert new.min() >= release
    assert ((new - release) < 2 * DAY_US).mean() > 0.8


def test_a_conversation_is_handed_over_with_its_reasoning() -> None:
    made = table("handover").select(["session_id", "account_id", "reasoning_signature_hash"])
    sessions: dict[str, set[str]] = {}
    for row in made.to_pylist():
        sessions.setdefault(row["session_id"], set()).add(row["account_id"])
    assert sum(len(s) > 1 for s in sessions.values()) > 50
    orgs = records("handover")
    assert all(len({orgs[a]["org_id"] for a in s}) == 1 for s in sessions.values())
    assert made["reasoning_signature_hash"].null_count < made.num_rows / 2


def test_a_dynamic_system_prompt_never_repeats() -> None:
    assert len(pc.unique(table("dynamic")["system_prompt"])) == len(table("dynamic"))
    assert "Now: 2026-09-" in " ".join(table("dynamic")["system_prompt"].to_pylist()[:50])


def test_declared_teams_say_so_in_the_directory() -> None:
    assert {r["declared_use"] for r in records("synthetic").values()} == {"synthetic data"}
    assert {r["declared_use"] for r in records("redteams").values()} == {"safety testing"}
    declined = table("redteams")["finish_reason"].to_pylist().count("refusal")
    assert declined > 0.2 * len(table("redteams"))


def test_vpn_users_leave_through_exits_that_all_share() -> None:
    assert all(a.startswith("203.0.113.") for a in table("vpn")["source_ip"].to_pylist())
    assert shared("vpn", "source_ip") > 3


def test_auditors_ask_for_reasons_and_get_long_answers() -> None:
    made = table("audits")
    assert pc.mean(made["output_tokens"]).as_py() > 350
    assert {"step by step" in p or "Schritt" in p or "pas à pas" in p or "paso a paso" in p
            or "reason" in p or "Reason" in p
            for p in made["prompt"].to_pylist()} == {True}  # fmt: skip


def test_hackathons_have_two_days_and_one_hall() -> None:
    days = {(t - START_US) // DAY_US for t in table("hackathons")["ts_us"].to_pylist()}
    assert len(days) < 7
    assert shared("hackathons", "source_ip") >= 10


def test_a_firm_s_proxy_shows_one_handshake_for_all_browsers() -> None:
    made = table("offices")
    both = {(j, u) for j, u in zip(
        made["ja4"].to_pylist(), made["user_agent"].to_pylist(), strict=True)}  # fmt: skip
    agents = Counter(j for j, _ in both)
    assert max(agents.values()) >= 5


def test_learners_share_an_app_s_prompt_and_no_address() -> None:
    assert shared("learning", "system_prompt") >= 25
    assert shared("learning", "source_ip") <= 2


def test_a_synthetic_team_is_never_busier_than_its_workers() -> None:
    made = table("synthetic")
    assert pc.mean(made["output_tokens"]).as_py() > 300
    assert set(made["temperature"].to_pylist()) == {1.0}


def test_the_population_shares_accounts_as_the_mix_says() -> None:
    actors = honest(10_000, seed=1, days=7, start_us=START_US, people_per_day=5.5, exchanges=1.2e6)
    counts = {a.name: a.count for a in actors}
    assert sum(counts.values()) == 10_000
    assert counts["pipelines"] == 300
    assert counts["rag"] == round(10_000 * MIX["rag"])


def test_a_small_population_leaves_rare_kinds_out() -> None:
    actors = honest(40, seed=1, days=1, start_us=START_US, people_per_day=5.5, exchanges=1e3)
    assert sum(a.count for a in actors) == 40
    assert all(a.count for a in actors)
