"""What makes each campaign the one it is."""

import datetime
import re
from collections import Counter, defaultdict
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from stillhunt.lab.arrivals import DAY_US
from stillhunt.lab.attack.bans import churned, lost_at_once
from stillhunt.lab.attack.corpus import QUESTIONS, Corpus
from stillhunt.lab.attack.roster import FOREVER
from stillhunt.lab.attack.wording import draft, expand
from stillhunt.lab.crowd import Crowd
from stillhunt.lab.evasion import Evasion
from stillhunt.lab.grammar import phrases
from stillhunt.lab.moments import NEWEST, release_us
from stillhunt.registry import parts

PARTS = parts("stillhunt.lab.campaigns")
MONDAY = datetime.date(2026, 9, 7)
START_US = int(np.datetime64(MONDAY, "us").astype(int))
HOUR_US = 3_600_000_000
SEEDS = (3, 4, 5)
seeded = pytest.mark.parametrize("seed", SEEDS)


@cache
def crowd(name: str, *, count: int = 60, seed: int = 3, **told: Any) -> Crowd:  # noqa: ANN401
    actor = PARTS[name](count=count, seed=seed, days=7, start_us=START_US, **told)
    return Crowd(actors=(actor,), seed=seed, start=MONDAY, days=7)


@cache
def table(name: str, *, count: int = 60, seed: int = 3, **told: Any) -> pa.Table:  # noqa: ANN401
    return pa.concat_tables(crowd(name, count=count, seed=seed, **told).batches())


def columns(made: pa.Table, *names: str) -> list[tuple[Any, ...]]:
    return list(zip(*(made[n].to_pylist() for n in names), strict=True))


def users_of(made: pa.Table, column: str) -> dict[str, set[str]]:
    found = defaultdict(set)
    for value, account in columns(made, column, "account_id"):
        if value is not None:
            found[value].add(account)
    return found


@seeded
def test_a_pool_asks_each_question_as_often_as_it_samples_and_no_more(seed: int) -> None:
    one = crowd("pool", seed=seed).actors[0]
    samples = one.drawn["samples"]  # type: ignore[attr-defined]
    accounts = users_of(table("pool", seed=seed), "prompt")
    uses = Counter(table("pool", seed=seed)["prompt"].to_pylist())
    assert max(uses.values()) <= 3 * samples + 3  # by chance: some questions are short
    assert np.mean([n > samples for n in uses.values()]) < 0.05
    assert np.mean([len(a) > 1 for a in accounts.values()]) < 0.05 or samples > 1


@seeded
def test_a_pool_s_templates_are_used_by_all_its_accounts(seed: int) -> None:
    one = crowd("pool", seed=seed).actors[0]
    days = [one.arrivals(d, START_US, d) for d in range(7)]
    by: dict[int, set[int]] = defaultdict(set)
    for day in days:
        for job, account in zip(day.part.tolist(), day.account.tolist(), strict=True):
            by[job].add(account)
    assert len(by) >= 2
    assert max(map(len, by.values())) == 60


@seeded
def test_an_injected_prompt_is_the_same_everywhere_and_its_questions_are_not(seed: int) -> None:
    made = table("injected", seed=seed)
    systems = users_of(made, "system_prompt")
    assert 1 <= len(systems) <= 2
    assert max(map(len, systems.values())) == 60
    assert made["system_prompt"].null_count == 0
    assert len(set(made["prompt"].to_pylist())) > 0.2 * made.num_rows


@seeded
def test_grades_are_short_and_tasks_are_long(seed: int) -> None:
    grades, tasks = (
        np.nanmedian(table(n, seed=seed)["output_tokens"].to_numpy()) for n in ("rubric", "tasks")
    )
    assert grades < 400 < tasks
    assert 4 * grades < 3 * tasks


def test_reasoning_is_wanted_under_several_pretexts() -> None:
    families = {
        job.family for seed in range(30) for job in PARTS["reasoning"](count=8, seed=seed).jobs
    }
    assert families == set(PARTS["reasoning"].families)
    assert all(len({j.family for j in PARTS["reasoning"](count=8, seed=s).jobs}) >= 3
               for s in range(9))  # fmt: skip


@seeded
def test_a_relay_speaks_many_languages_and_mixes_people_in_each_account(seed: int) -> None:
    made = table("relay", seed=seed, per_day=12.0)
    scripts = Counter[str]()
    for text in made["prompt"].to_pylist():
        scripts["latin"] += bool(re.search("[a-z]", text))
        scripts["han"] += bool(re.search("[\u4e00-\u9fff]", text))
        scripts["kana"] += bool(re.search("[\u3040-\u30ff]", text))
        scripts["hangul"] += bool(re.search("[\uac00-\ud7af]", text))
        scripts["cyrillic"] += bool(re.search("[\u0400-\u04ff]", text))
        scripts["arabic"] += bool(re.search("[\u0600-\u06ff]", text))
    assert sum(n > 0 for n in scripts.values()) >= 5
    assert len(set(made["prompt"].to_pylist())) > 0.7 * made.num_rows
    tools = [t for t in made["tools"].to_pylist() if t]
    assert 0.2 * made.num_rows < len(tools) < 0.97 * made.num_rows
    assert max(made["turns"].to_pylist()) > 20


@seeded
def test_a_replay_sends_the_same_old_conversation_through_several_accounts(seed: int) -> None:
    made = table("replay", seed=seed)
    whole = Counter(columns(made, "prompt", "system_prompt", "turns"))
    assert (
        sum(n for n in whole.values() if n > 1) > 0.1 * made.num_rows or max(whole.values()) == 1
    )
    assert np.median(made["turns"].to_numpy()) > 8
    assert np.median(made["input_tokens"].to_numpy()) > 2_000
    assert set(made["cached_tokens"].to_pylist()) == {0}
    today = {m[0] for s in made["system_prompt"].to_pylist() for m in re.finditer("2026-09", s)}
    assert not today


@seeded
def test_blocks_of_reasoning_are_sent_back_by_several_accounts(seed: int) -> None:
    made = table("signatures", seed=seed)
    holders = users_of(made, "reasoning_signature_hash")
    back = made.num_rows - made["reasoning_signature_hash"].null_count
    assert 0.3 * made.num_rows < back < 0.7 * made.num_rows
    assert np.mean([len(a) > 1 for a in holders.values()]) > 0.3
    late = [t for t, s in columns(made, "turns", "reasoning_signature_hash") if s]
    assert set(late) <= {3, 4}


@seeded
def test_a_prober_tries_thousands_and_its_winners_are_used_by_the_others(seed: int) -> None:
    made = table("prober", seed=seed, count=100)
    declined = made.filter(pc.equal(made["finish_reason"], "refusal"))
    probers = set(declined["account_id"].to_pylist())
    assert 8 <= len(probers) <= 27
    first = min(t for t, a in columns(made, "ts_us", "account_id") if a not in probers)
    assert first - START_US > 0.25 * 7 * DAY_US
    tried = {p for p, a in columns(made, "prompt", "account_id") if a in probers}
    assert len(tried) > 200
    scaled = Counter(
        p.split("\n\n")[0] for p, a in columns(made, "prompt", "account_id") if a not in probers
    )
    assert len(scaled) <= 7
    assert min(scaled.values()) > 100
    assert max(declined["output_tokens"].to_pylist()) < 40


@seeded
def test_a_pivot_moves_half_of_the_traffic_within_a_day_of_the_release(seed: int) -> None:
    release = release_us(START_US, 7)
    assert release is not None
    rows = columns(table("pivot", seed=seed, count=120), "ts_us", "model")
    before = [m for t, m in rows if t < release]
    after = [m for t, m in rows if t > release + DAY_US]
    assert NEWEST not in before
    assert 0.35 < np.mean([m == NEWEST for m in after]) < 0.8
    on_the_way = [m == NEWEST for t, m in rows if release < t < release + DAY_US]
    assert 0 < np.mean(on_the_way) < np.mean([m == NEWEST for m in after])


def test_without_a_release_a_pivot_is_a_pool() -> None:
    short = PARTS["pivot"](count=20, seed=3, days=2, start_us=START_US)
    asked = short.arrivals(1, START_US, 1)
    assert NEWEST not in short.exchanges(asked, np.random.default_rng(1))["model"].to_pylist()


@seeded
def test_the_reserve_takes_over_within_hours_of_the_ban(seed: int) -> None:
    made, who = table("standby", seed=seed), crowd("standby", seed=seed)
    (wave,) = who.waves()
    bans = who.actors[0].bans  # type: ignore[attr-defined]
    banned = {who.ids[0][i] for i in bans}
    rows = columns(made, "ts_us", "account_id", "status")
    assert {s for t, a, s in rows if a in banned and t >= wave} <= {403}
    assert max(t for t, a, _ in rows if a in banned) < wave + HOUR_US
    hours = Counter((t - wave) // (6 * HOUR_US) for t, a, s in rows if s == 200)
    assert hours[1] > 0.5 * hours[-1]


@seeded
def test_the_reserve_looks_alive_and_no_more_until_it_is_wanted(seed: int) -> None:
    made, who = table("standby", seed=seed), crowd("standby", seed=seed)
    (wave,) = who.waves()
    begin = who.actors[0].roster.begin_us  # type: ignore[attr-defined]
    reserve = {who.ids[0][i] for i in np.flatnonzero(begin > wave - START_US)}
    rows = [(t, a) for t, a in columns(made, "ts_us", "account_id") if a in reserve]
    before, after = (wave - START_US) / DAY_US, 7 - (wave - START_US) / DAY_US
    idle = sum(t < wave for t, _ in rows) / len(reserve) / before
    busy = sum(t > wave for t, _ in rows) / len(reserve) / after
    assert 0.1 < idle < 1.5
    assert busy > 18


@seeded
def test_a_hydra_loses_heads_every_day_and_grows_others(seed: int) -> None:
    who = crowd("hydra", seed=seed, count=300)
    actor = who.actors[0]
    bans = actor.bans  # type: ignore[attr-defined]
    assert len(who.waves()) >= 4
    assert 0.1 * 300 < len(bans) < 0.4 * 300
    days = np.bincount(
        (table("hydra", seed=seed, count=300)["ts_us"].to_numpy() - START_US) // DAY_US
    )
    assert days[2:].min() > 0.6 * days[2:].max()


def test_eight_accounts_keep_to_themselves() -> None:
    who = crowd("eight", count=20)
    groups = Counter(t["group"] for t in who.truth())
    assert sorted(groups.values()) == [4, 8, 8]
    group = {t["account_id"]: t["group"] for t in who.truth()}
    made = table("eight", count=20)
    addresses, agents = defaultdict(set), defaultdict(set)
    for account, address, agent in columns(made, "account_id", "source_ip", "user_agent"):
        addresses[address].add(group[account])
        agents[group[account]].add(agent)
    assert max(map(len, addresses.values())) == 1
    assert all(len(a) == 1 for a in agents.values())
    assert who.directory() == crowd("eight", count=20).directory()


def test_the_slow_one_needs_months_and_old_accounts() -> None:
    made = table("slow")
    counts = Counter(made["account_id"].to_pylist())
    assert max(counts.values()) < 7 * 8
    assert all(r["created_at"] < "2026-03-12" for r in crowd("slow").directory())


# What campaigns are made of.


def test_those_who_fall_together_are_the_front_and_the_reserve_waits() -> None:
    rng = np.random.default_rng(1)
    roster, bans, reserve = lost_at_once(rng, 100, 10, standing_by=0.4)
    assert len(reserve) == 40
    assert set(bans).isdisjoint(reserve.tolist())
    (moment,) = set(bans.values())
    assert 4 * DAY_US <= moment <= 6 * DAY_US
    assert (roster.begin_us[reserve] > moment).all()
    assert (roster.end_us[list(bans)] > moment).all()
    assert (roster.end_us[reserve] == FOREVER).all()


@pytest.mark.parametrize("count", [1, 2, 7, 50, 3_000])
def test_a_churned_roster_never_runs_dry(count: int) -> None:
    roster, bans = churned(np.random.default_rng(2), count, 7)
    assert len(roster.begin_us) == count
    for day in range(1, 7):
        _, busy, covered = roster.share(day)
        assert busy >= 0.4 * count
        assert covered == pytest.approx(1)
    assert all(0 <= b < 8 * DAY_US for b in bans.values())


def test_questions_do_not_repeat_until_the_bank_is_used_up_and_then_get_details() -> None:
    corpus = Corpus(seed=5, domains=("maths", "law"))
    first = corpus.questions(np.arange(3_000))
    assert len(set(first.to_pylist())) > 2_700  # other people's questions are few
    again = corpus.questions(np.arange(3_000) + QUESTIONS)
    assert all(b.as_py().startswith(a.as_py()) for a, b in zip(first, again, strict=True))
    assert set(first.to_pylist()).isdisjoint(again.to_pylist())
    assert corpus.questions(np.arange(9)).equals(Corpus(
        seed=5, domains=("maths", "law")).questions(np.arange(9)))  # fmt: skip


def test_every_frame_can_be_drafted_and_no_slot_is_left_open() -> None:
    for frame in phrases("attack_frames")["frame"]:
        for seed in range(12):
            made = draft(np.random.default_rng(seed), frame["family"])
            texts = [w for p in (*made.system, *made.text) if not isinstance(p, str)
                     for w in p.to_pylist()]  # fmt: skip
            assert not [t for t in texts if re.search(r"[{}]", t)]


def test_two_campaigns_draft_different_templates() -> None:
    drafts = set()
    for seed in range(40):
        made = draft(np.random.default_rng(seed), "solve")
        drafts.add(tuple(p if isinstance(p, str) else p[0].as_py() for p in made.text))
    assert len(drafts) > 36


def test_articles_fit_the_words_that_are_drawn() -> None:
    rng = np.random.default_rng(1)
    assert expand(rng, "a {x} and an {y}.", {"x": ["apple"], "y": ["pear"]}) == (
        "An apple and a pear."
    )


def test_cover_is_evasion_alone() -> None:
    one = PARTS["pool"](count=10, seed=1, days=7, evasion=Evasion(cover=1.0))
    assert (one.arrivals(6, 0, 0).part >= 1_000_000).all()
