"""Baselines: each sees what it is for, by hand on a handful of exchanges."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillhunt.lab.judge.baselines.components import component_of
from stillhunt.lab.judge.baselines.fraudar import densities
from stillhunt.lab.judge.baselines.mmd import distances
from stillhunt.lab.judge.contest import Contest
from stillhunt.lab.judge.embedding import Features, add_to_windows, embed
from stillhunt.lab.judge.exchanges import stage
from stillhunt.lab.judge.metrics import Floats
from stillhunt.lab.judge.shared import Shared, shared
from stillhunt.lab.judge.truth import Known

NEVER = -math.inf
DAY = 86_400_000_000
Rows = list[dict[str, object]]
Scored = Callable[[Rows], dict[str, dict[str, float]]]


@pytest.fixture
def scored(tmp_path: Path) -> Scored:
    """Return the scores of every baseline by account, for rows of accounts a to z."""
    names = [chr(ord("a") + i) for i in range(26)]

    def make(rows: Rows) -> dict[str, dict[str, float]]:
        path = tmp_path / "e.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        known = {name: Known(name == "z", "x" if name == "z" else None, "k", None)
                 for name in names}  # fmt: skip
        contest = Contest()
        exchanges = stage(path, known, tmp_path, contest)
        is_honest = np.array([not one.is_attack for one in known.values()])
        return {
            name: dict(zip(names, scores.tolist(), strict=True))
            for name, scores in contest.scores(exchanges, is_honest).items()
        }

    return make


def row(account: str, ts_us: int, **more: object) -> dict[str, object]:
    return {"ts_us": ts_us, "account_id": account, **more}


def test_every_baseline_of_the_issue_is_there() -> None:
    assert set(Contest().titles()) == {
        "address", "components", "fraudar", "gaps", "lexicon", "mmd", "requests", "volume",
    }  # fmt: skip


def test_volume_and_requests_take_the_busiest_day(scored: Scored) -> None:
    rows = [
        row("a", DAY - 1, output_tokens=5), row("a", DAY, output_tokens=7), row("a", DAY + 1),
        row("b", 1, output_tokens=9),
    ]  # fmt: skip
    found = scored(rows)
    assert (found["volume"]["a"], found["volume"]["b"], found["volume"]["c"]) == (7, 9, NEVER)
    assert (found["requests"]["a"], found["requests"]["b"]) == (2, 1)


def test_an_address_counts_its_accounts_once_each(scored: Scored) -> None:
    rows = [row(a, i, source_ip=ip) for i, (a, ip) in enumerate(
        [("a", "192.0.2.1"), ("a", "192.0.2.1"), ("b", "192.0.2.1"), ("c", "192.0.2.1"),
         ("c", "192.0.2.2"), ("d", "192.0.2.2"), ("e", None)])]  # fmt: skip
    found = scored(rows)["address"]
    assert [found[a] for a in "abcde"] == [3, 3, 3, 2, NEVER]


def test_a_loop_is_more_regular_than_a_person_and_few_gaps_say_nothing(scored: Scored) -> None:
    rng = np.random.default_rng(4)
    poisson = np.cumsum(rng.exponential(60e6, 400)).astype(int)
    rows = [row("a", i * 60_000_000) for i in range(21)] + [row("c", i * 100) for i in range(20)]
    rows += [row("b", int(t)) for t in poisson]
    found = scored(rows)["gaps"]
    assert found["a"] == 0
    assert found["b"] == pytest.approx(-1, abs=0.15)
    assert found["c"] == NEVER  # 19 gaps


def test_the_lexicon_knows_its_words_in_any_case(scored: Scored) -> None:
    rows = [row("a", i, prompt="Please think STEP BY STEP about it") for i in range(5)]
    rows += [row("a", 10 + i, prompt="hello") for i in range(5)] + [row("b", 20, prompt="hello")]
    found = scored(rows)["lexicon"]
    assert found["a"] == pytest.approx(5 / 15)
    assert found["b"] == NEVER


def test_components_join_through_addresses_and_templates(scored: Scored) -> None:
    rows = [
        row("a", 1, source_ip="192.0.2.1"), row("b", 2, source_ip="192.0.2.1"),
        row("b", 3, prompt="write a poem about 17 small boats on the river"),
        row("c", 4, prompt="write a poem about 99 small boats on the river"),
        row("d", 5, source_ip="192.0.2.9"), row("d", 6, prompt="something of my own entirely"),
    ]  # fmt: skip
    found = scored(rows)["components"]
    assert [found[a] for a in "abcde"] == [3, 3, 3, NEVER, NEVER]


def test_only_values_of_two_accounts_or_more_are_shared(tmp_path: Path) -> None:
    rows = [row(a, i, source_ip=ip, prompt=text) for i, (a, ip, text) in enumerate(
        [("a", "192.0.2.1", "alpha beta gamma delta"), ("b", "192.0.2.1", None),
         ("b", "192.0.2.1", None), ("c", "192.0.2.1", "epsilon zeta eta theta"),
         ("c", "192.0.2.2", "alpha beta gamma delta")])]  # fmt: skip
    path = tmp_path / "e.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    known = {name: Known(False, None, "k", None) for name in "abc"}
    exchanges = stage(path, known, tmp_path, Contest())
    found = shared(exchanges)
    assert found.account.tolist() == [0, 1, 2, 0, 2]
    assert found.value.tolist() == [0, 0, 0, 1, 1]
    assert found.users.tolist() == [3, 2]
    few = shared(exchanges, most=2)
    assert (few.account.tolist(), few.value.tolist(), few.users.tolist()) == ([0, 2], [0, 0], [2])


edges = st.sets(st.tuples(st.integers(0, 11), st.integers(0, 8)), max_size=30)


def pairs(found: set[tuple[int, int]]) -> Shared:
    """Return the edges with the values numbered without gaps."""
    values = sorted({v for _, v in found})
    account = np.array([a for a, _ in sorted(found)], np.int64)
    value = np.array([values.index(v) for _, v in sorted(found)], np.int64)
    return Shared(account, value, np.bincount(value, minlength=len(values)))


@settings(deadline=None)
@given(edges)
def test_components_are_those_of_a_walk(found: set[tuple[int, int]]) -> None:
    labels = component_of(pairs(found), 12)
    for start in range(12):
        reached, before = {start}, set[int]()
        while reached != before:
            before = set(reached)
            values = {v for a, v in found if a in reached}
            reached |= {a for a, v in found if v in values}
        assert {a for a in range(12) if labels[a] == labels[start]} == reached


def test_a_dense_block_stands_above_camouflage_through_a_popular_value() -> None:
    block = {(a, v) for a in range(5) for v in range(4)}
    popular = {(a, 4) for a in range(30)}  # everybody uses it, the block too
    chance = {(5 + i, 5 + i % 10) for i in range(20)}
    scores = densities(pairs(block | popular | chance), 30, blocks=1)
    assert min(scores[:5]) > max(scores[5:])
    # the block with the popular value: 20 edges to values of 5 accounts, 5 to one of 30
    weight = 20 / math.log(10) + 5 / math.log(35)
    assert scores[0] == pytest.approx(max(weight / 10, 20 / math.log(10) / 9))


def slow_density(found: set[tuple[int, int]]) -> float:
    """Peel as the paper says, written out; return the best density on the way."""
    users = {v: sum(1 for _, w in found if w == v) for _, v in found}
    nodes = {("a", a) for a, _ in found} | {("v", v) for _, v in found}
    left, best = set(found), 0.0
    while nodes:
        weight = {e: 1 / math.log(users[e[1]] + 5) for e in left}
        best = max(best, sum(weight.values()) / len(nodes))
        worth = {n: sum(w for (a, v), w in weight.items() if n in {("a", a), ("v", v)})
                 for n in nodes}  # fmt: skip
        gone = min(nodes, key=lambda n: (round(worth[n], 9), n))
        nodes.remove(gone)
        left = {(a, v) for a, v in left if gone not in {("a", a), ("v", v)}}
    return best


@settings(deadline=None)
@given(edges.filter(bool))
def test_the_best_density_is_that_of_plain_peeling_within_the_guarantee(
    found: set[tuple[int, int]],
) -> None:
    best = float(densities(pairs(found), 12, blocks=1).max())
    slow = slow_density(found)
    # ties may be broken otherwise; either way is at least half of the optimum
    assert slow / 2 - 1e-9 <= best <= 2 * slow + 1e-9


def test_a_second_block_is_found_once_the_first_is_taken_out() -> None:
    first = {(a, v) for a in range(6) for v in range(6)}
    second = {(10 + a, 10 + v) for a in range(4) for v in range(4)}
    chance = {(15, 20), (16, 20)}
    scores = densities(pairs(first | second | chance), 17, blocks=2)
    assert scores[:6].tolist() == pytest.approx([36 / math.log(11) / 12] * 6)
    assert scores[10:14].tolist() == pytest.approx([16 / math.log(9) / 8] * 4)
    assert scores[15] == pytest.approx(2 / math.log(7) / 3)
    assert scores[7] == NEVER


def test_texts_of_the_same_words_have_the_same_vector() -> None:
    vectors = embed(
        pa.array(["The cat, SAT!", "sat cat the", "", None, "a dog", "\u043a\u043e\u0442"])
    )
    lengths = np.linalg.norm(vectors, axis=1)
    assert lengths.tolist() == pytest.approx([1, 1, 0, 0, 1, 1])
    assert np.allclose(vectors[0], vectors[1])
    assert abs(float(vectors[0] @ vectors[4])) < 0.5
    sliced = embed(pa.chunked_array([pa.array(["x y", "the cat sat"])[1:], pa.array(["a dog"])]))
    assert np.allclose(sliced[0], vectors[0])
    assert np.allclose(sliced[1], vectors[4])


def test_the_features_are_a_gaussian_kernel() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(50, 128)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    features = Features.fitted(vectors, np.random.default_rng(1))
    phi = features.of(vectors)
    assert np.allclose(np.sum(phi**2, axis=1), 1, atol=1e-5)
    squares = np.sum((vectors[:, None] - vectors[None]) ** 2, axis=2)
    width = np.median(squares[squares > 1e-6])
    assert np.abs(phi @ phi.T - np.exp(-squares / (2 * width))).mean() < 0.1


def naive_windows(account: list[int], size: int) -> list[tuple[int, list[int]]]:
    open_: dict[int, list[int]] = {}
    full = []
    for at, who in enumerate(account):
        open_.setdefault(who, []).append(at)
        if len(open_[who]) == size:
            full.append((who, open_.pop(who)))
    return full


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 6), st.integers(1, 40))
def test_windows_are_the_same_however_the_rows_are_batched(
    account: list[int], size: int, batch: int
) -> None:
    features = np.random.default_rng(5).normal(size=(len(account), 4)).astype(np.float32)
    sums, counts = np.zeros((4, 4), np.float32), np.zeros(4, np.int64)
    found: list[tuple[int, Floats]] = []
    for first in range(0, len(account), batch):
        rows = np.array(account[first : first + batch], np.int64)
        full, owner = add_to_windows(
            rows, features[first : first + batch], size=size, sums=sums, counts=counts
        )
        found += list(zip(owner.tolist(), full, strict=True))
    wanted = naive_windows(account, size)
    assert [who for who, _ in found] == [who for who, _ in wanted]
    for (_, total), (_, rows_) in zip(found, wanted, strict=True):
        assert np.allclose(total, features[rows_].sum(axis=0), atol=1e-5)


def test_the_distance_of_a_window_is_the_mean_of_the_kernel_over_pairs() -> None:
    rng = np.random.default_rng(6)
    phi = rng.normal(size=(20, 8))
    phi /= np.linalg.norm(phi, axis=1, keepdims=True)
    window, pool = phi[:5], phi[5:]
    sums = np.stack([window.sum(axis=0), pool.sum(axis=0)]).astype(np.float32)
    found = distances(sums, np.array([5, 15]), np.array([False, True]))[0]
    within = (window @ window.T)[~np.eye(5, dtype=bool)].mean()
    assert found == pytest.approx(
        within - 2 * (window @ pool.T).mean() + (pool @ pool.T).mean(), abs=1e-6
    )


def test_mmd_sees_a_window_of_other_words(scored: Scored) -> None:
    rng = np.random.default_rng(7)
    words = [f"word{i}" for i in range(60)]
    rows = [
        row(name, i, prompt=" ".join(rng.choice(words, 12)))
        for name in "abcdefghijklmnopqrstuvwxy" for i in range(40)
    ]  # fmt: skip
    rows += [row("z", i, prompt=f"gamma delta theta kappa {i}") for i in range(40)]
    found = scored(rows)["mmd"]
    assert found["z"] > 5 * max(abs(found[name]) for name in "abcdefghijklmnopqrstuvwxy")
