"""Intervals: whole clusters are drawn, and what comes out agrees with theory."""

import math

import numpy as np
import pytest

from stillhunt.lab.judge.accounts import Accounts
from stillhunt.lab.judge.bootstrap import FEWEST, Clusters, intervals
from stillhunt.lab.judge.metrics import Ranking


def accounts(groups: list[int], tenants: list[int]) -> Accounts:
    """Return attackers in groups of these sizes, then honest accounts of tenants of these."""
    names = [f"g{g}" for g, size in enumerate(groups) for _ in range(size)]
    orgs = [f"t{t}" for t, size in enumerate(tenants) for _ in range(size)]
    n, attackers = len(names) + len(orgs), len(names)
    return Accounts(
        ids=np.array([f"a{i}" for i in range(n)], dtype=object),
        is_attack=np.arange(n) < attackers,
        kind=np.array(["x"] * n, dtype=object),
        campaign=np.array(["pool"] * attackers + [None] * (n - attackers), dtype=object),
        group=np.array([*names, *[None] * len(orgs)], dtype=object),
        tenant=np.array([*names, *orgs], dtype=object),
        origin=np.array([f"a{i}" for i in range(n)], dtype=object),
        exchanges=np.full(n, 1),
        severity=np.zeros(n, np.int64),
        score=np.full(n, -np.inf),
        q_value=np.full(n, np.nan),
    )


def at_zero(ranking: Ranking) -> float:
    return ranking.recall_at_fpr(0.0)


def test_a_draw_takes_whole_groups_and_tenants_and_as_many_as_there_are() -> None:
    one = accounts([4, 1, 2, 3, 5], [1, 1, 6, 2, 1])
    clusters = Clusters.of_accounts(one)
    assert (clusters.groups, clusters.tenants) == (5, 5)
    rng = np.random.default_rng(3)
    for _ in range(20):
        times = clusters.draw(rng)
        for names, total in ((one.group[one.is_attack], 5), (one.tenant[one.is_honest], 5)):
            mine = times[one.is_attack] if len(names) == 15 else times[one.is_honest]
            each = {str(name): set(mine[names == name].tolist()) for name in names}
            assert {len(values) for values in each.values()} == {1}
            assert sum(values.pop() for values in each.values()) == total


def test_an_honest_tenant_named_like_a_group_is_another_cluster() -> None:
    one = accounts([2] * 5, [2] * 5)
    one.tenant[one.is_honest] = np.repeat([f"g{i}" for i in range(5)], 2)
    clusters = Clusters.of_accounts(one)
    assert (clusters.groups, clusters.tenants) == (5, 5)
    assert not set(clusters.of[one.is_attack]) & set(clusters.of[one.is_honest])


def test_the_interval_of_a_share_is_that_of_the_binomial_over_groups() -> None:
    one = accounts([10] * 100, [1] * 50)
    found = np.repeat(np.arange(100) % 4 != 0, 10)  # 75 of 100 groups, each all or nothing
    scores = np.concatenate([np.where(found, 1.0, -np.inf), np.full(50, -np.inf)])
    interval = intervals(one, scores, {"recall": at_zero}, rounds=4_000, seed=1)["recall"]
    assert interval is not None
    spread = 1.96 * math.sqrt(0.75 * 0.25 / 100)
    assert interval[0] == pytest.approx(0.75 - spread, abs=0.0101)
    assert interval[1] == pytest.approx(0.75 + spread, abs=0.0101)


@pytest.mark.parametrize(("groups", "tenants"), [(FEWEST - 1, 20), (20, FEWEST - 1)])
def test_a_handful_of_clusters_has_no_interval(groups: int, tenants: int) -> None:
    one = accounts([3] * groups, [1] * tenants)
    assert intervals(one, np.ones(len(one)), {"zero": at_zero}) == {"zero": None}


def test_from_enough_clusters_on_there_is_one_and_the_seed_decides() -> None:
    one = accounts([3] * FEWEST, [1] * FEWEST)
    rng = np.random.default_rng(2)
    scores = rng.random(len(one))
    first = intervals(one, scores, {"area": Ranking.area}, seed=1)
    assert first["area"] is not None
    assert first == intervals(one, scores, {"area": Ranking.area}, seed=1)
    assert first != intervals(one, scores, {"area": Ranking.area}, seed=2)
    assert intervals(one, scores, {"area": Ranking.area}, rounds=0) == {"area": None}


def test_a_figure_that_never_exists_has_no_interval() -> None:
    one = accounts([3] * 6, [1] * 6)
    assert intervals(one, np.ones(len(one)), {"none": lambda r: math.nan}) == {"none": None}
