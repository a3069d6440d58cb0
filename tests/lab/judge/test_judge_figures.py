"""Figures at their bounds: when a rate can be seen, and where a threshold stands."""

import numpy as np
import pytest

from stillhunt.lab.judge.accounts import Accounts
from stillhunt.lab.judge.figures import by_exchanges, parts, score


def accounts(scores: list[float], honest: int) -> Accounts:
    """Return one attacker for each of *scores*, then honest accounts; the first scores 5."""
    n = len(scores) + honest
    names = np.array([f"a{i}" for i in range(n)], dtype=object)
    is_attack = np.arange(n) < len(scores)
    return Accounts(
        ids=names, origin=names, tenant=names,
        is_attack=is_attack,
        kind=np.array(["x"] * n, dtype=object),
        campaign=np.array(["pool"] * len(scores) + [None] * honest, dtype=object),
        group=np.array(["g"] * len(scores) + [None] * honest, dtype=object),
        exchanges=np.array([*range(1, len(scores) + 1), *[9] * honest]),
        severity=np.zeros(n, np.int64),
        score=np.array([*scores, *([5.0] if honest else []), *[-np.inf] * (honest - 1)]),
        q_value=np.full(n, 0.1),
    )  # fmt: skip


@pytest.mark.parametrize(("honest", "recall"), [(1_000, 1.0), (999, None)])
def test_a_rate_is_seen_from_enough_honest_accounts_on(honest: int, recall: float | None) -> None:
    one = accounts([9.0, 5.0, 4.0], honest)
    at = score(one, one.score, rounds=0, seed=0).at_fpr[0]
    assert at.is_measurable is (recall is not None)
    assert (at.recall.value if at.recall else None) == recall
    assert at.threshold == (4.0 if recall else None)
    (part,) = parts(one, {"all": one.is_attack})
    assert part.recall_at_fpr == {"0.001": recall, "0.0001": None}


def test_an_account_at_the_threshold_itself_is_accused() -> None:
    one = accounts([9.0, 5.0, 2.0], 1_000)
    one.score[5] = 4.0  # a second honest account: the threshold is that of the first, 5
    at = score(one, one.score, rounds=0, seed=0).at_fpr[0]
    assert at.recall is not None
    assert (at.threshold, at.false_accounts) == (5.0, 1)
    assert at.recall.value == pytest.approx(2 / 3)
    (part,) = parts(one, {"all": one.is_attack})
    assert part.recall_at_fpr["0.001"] == pytest.approx(2 / 3)


def test_attackers_are_told_apart_by_their_exchanges_at_both_ends() -> None:
    one = accounts([1.0] * 200, 1)
    counts = {name: int(mine.sum()) for name, mine in by_exchanges(one).items()}
    assert counts == {"1-7": 7, "8-19": 12, "20-49": 30, "50-199": 150, "200+": 1}
