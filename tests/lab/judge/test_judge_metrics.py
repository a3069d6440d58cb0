"""Figures of a ranking, by hand and against definitions written out the long way."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillhunt.lab.judge.metrics import (
    Flags,
    Floats,
    Order,
    least_honest,
    precision_at,
    rank,
    upper_rate,
    upper_rate_of_repeats,
)

NEVER = -math.inf

labelled = st.lists(
    st.tuples(
        st.one_of(st.just(NEVER), st.integers(-3, 3).map(float), st.floats(-50, 50)),
        st.booleans(),
    ),
    min_size=1,
    max_size=60,
)


def split(pairs: list[tuple[float, bool]]) -> tuple[Floats, Flags]:
    return np.array([s for s, _ in pairs]), np.array([a for _, a in pairs])


def test_the_figures_of_a_small_ranking_are_those_worked_out_by_hand() -> None:
    scores = np.array([9.0, 8.0, 8.0, 7.0, NEVER, 6.0, NEVER, 5.0])
    attack = np.array([True, True, False, True, True, False, False, False])
    ranking = rank(scores, attack)
    assert ranking.scores.tolist() == [9, 8, 7, 6, 5]
    assert ranking.hits.tolist() == [1, 2, 3, 3, 3]
    assert ranking.alarms.tolist() == [0, 1, 1, 2, 3]
    assert (ranking.attackers, ranking.honest) == (4, 4)
    assert ranking.recall_at_fpr(0.0) == 0.25
    assert ranking.recall_at_fpr(0.25) == 0.75
    assert ranking.recall_at_fpr(0.2499) == 0.25
    assert ranking.scores[ranking.last_at_fpr(0.25) or 0] == 7
    # steps of 1/4 at precisions 1, 2/3, 3/4, and the last attacker with everybody, 4/8
    assert ranking.average_precision() == pytest.approx((1 + 2 / 3 + 3 / 4 + 1 / 2) / 4)
    # an attacker beats 4, 3.5, 3, and of those without a score a half: 4 + 3.5 + 3 + 0.5 of 16
    assert ranking.area() == pytest.approx((4 + 3.5 + 3 + 0.5) / 16)
    assert ranking.curve() == [(0, 0), (0, 0.25), (0.25, 0.5), (0.25, 0.75), (0.75, 0.75), (1, 1)]


def test_precision_at_a_base_rate_is_that_of_the_formula() -> None:
    precision = precision_at(np.array([0.95, 0.5, 0.0]), np.array([1e-4, 0.0, 0.0]), 0.01)
    assert precision[0] == pytest.approx(0.01 * 0.95 / (0.01 * 0.95 + 0.99 * 1e-4))
    assert precision[0] == pytest.approx(0.98969, abs=1e-5)
    assert precision[1] == 1
    assert math.isnan(precision[2])


def test_recall_at_a_precision_takes_the_lowest_threshold_that_keeps_it() -> None:
    scores = np.arange(100, 0, -1).astype(float)
    attack = np.zeros(100, bool)
    attack[[0, 2, 3, 4]] = True  # one honest account stands second, two at FPR 2/96 come later
    ranking = rank(scores, attack)
    # at base rate 0.5: after five, R = 1 and FPR = 1/96: precision 96/97
    assert ranking.recall_at_precision(0.98, 0.5) == 1
    assert ranking.recall_at_precision(96 / 97, 0.5) == 1
    assert ranking.recall_at_precision(0.99, 0.5) == 0.25
    assert ranking.recall_at_precision(0.99, 0.001) == 0.25


def test_no_threshold_at_all_is_a_recall_of_zero_and_no_attackers_are_no_recall() -> None:
    none = rank(np.full(4, NEVER), np.array([True, False, False, True]))
    assert none.recall_at_fpr(1.0) == none.recall_at_precision(0.1, 0.5) == 0
    assert none.average_precision() == 0.5  # everybody at once, half of them attackers
    assert none.area() == 0.5
    honest = rank(np.array([1.0, 2.0]), np.array([False, False]))
    for figure in (honest.recall_at_fpr(1.0), honest.average_precision(), honest.area()):
        assert math.isnan(figure)
    assert honest.curve() == []


@settings(deadline=None)
@given(labelled)
def test_at_its_own_base_rate_precision_is_the_share_of_the_accused_that_attack(
    pairs: list[tuple[float, bool]],
) -> None:
    scores, attack = split(pairs)
    ranking = rank(scores, attack)
    if not attack.any() or attack.all():
        return
    for threshold, recall, fpr in zip(ranking.scores, ranking.recall, ranking.fpr, strict=True):
        accused = scores >= threshold
        own = precision_at(np.array([recall]), np.array([fpr]), float(attack.mean()))[0]
        assert own == pytest.approx(attack[accused].mean())
        assert recall == pytest.approx(accused[attack].mean())
        assert fpr == pytest.approx(accused[~attack].mean())


@settings(deadline=None)
@given(labelled, st.floats(0, 1))
def test_recall_at_a_rate_is_the_best_of_all_thresholds_that_keep_it(
    pairs: list[tuple[float, bool]], bound: float
) -> None:
    scores, attack = split(pairs)
    if not attack.any():
        return
    best = 0.0
    for threshold in set(scores[scores > NEVER].tolist()):
        accused = scores >= threshold
        if (accused & ~attack).sum() <= bound * (~attack).sum() * (1 + 1e-12):
            best = max(best, accused[attack].mean())
    assert rank(scores, attack).recall_at_fpr(bound) == pytest.approx(best)


@settings(deadline=None)
@given(labelled, st.floats(0.001, 0.999), st.floats(0.1, 1))
def test_recall_at_a_precision_is_the_best_of_all_thresholds_that_keep_it(
    pairs: list[tuple[float, bool]], base_rate: float, bound: float
) -> None:
    scores, attack = split(pairs)
    if not attack.any() or attack.all():
        return
    ranking = rank(scores, attack)
    precision = precision_at(ranking.recall, ranking.fpr, base_rate)
    best = max(ranking.recall[precision >= bound - 1e-12], default=0.0)
    assert ranking.recall_at_precision(bound, base_rate) == best


@settings(deadline=None)
@given(labelled)
def test_the_area_is_the_chance_that_an_attacker_outranks_an_honest_account(
    pairs: list[tuple[float, bool]],
) -> None:
    scores, attack = split(pairs)
    if not attack.any() or attack.all():
        return
    ours, theirs = scores[attack][:, None], scores[~attack][None, :]
    chance = np.mean((ours > theirs) + 0.5 * (ours == theirs))
    assert rank(scores, attack).area() == pytest.approx(float(chance))


@settings(deadline=None)
@given(labelled)
def test_average_precision_is_the_mean_precision_where_attackers_stand(
    pairs: list[tuple[float, bool]],
) -> None:
    scores, attack = split(pairs)
    if not attack.any() or attack.all():
        return
    each = [attack[scores >= own].mean() for own in scores[attack]]
    assert rank(scores, attack).average_precision() == pytest.approx(float(np.mean(each)))


@settings(deadline=None)
@given(labelled)
def test_only_the_order_of_the_scores_counts(pairs: list[tuple[float, bool]]) -> None:
    scores, attack = split(pairs)
    order = {value: float(at) for at, value in enumerate(sorted(set(scores.tolist())))}
    moved = np.array([NEVER if s == NEVER else order[s] * 3 - 100 for s in scores.tolist()])
    one, other = rank(scores, attack), rank(moved, attack)
    assert one.hits.tolist() == other.hits.tolist()
    assert one.alarms.tolist() == other.alarms.tolist()


@settings(deadline=None)
@given(labelled, st.data())
def test_a_weight_is_the_number_of_times_that_an_account_stands_there(
    pairs: list[tuple[float, bool]], data: st.DataObject
) -> None:
    scores, attack = split(pairs)
    times = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(pairs),
                                        max_size=len(pairs))))  # fmt: skip
    weighted = Order.of(scores, attack).rank(times.astype(float))
    repeated = rank(np.repeat(scores, times), np.repeat(attack, times))
    for fpr in (0.0, 0.1, 0.5):
        assert weighted.recall_at_fpr(fpr) == pytest.approx(
            repeated.recall_at_fpr(fpr), nan_ok=True
        )
    assert weighted.average_precision() == pytest.approx(repeated.average_precision(), nan_ok=True)
    assert weighted.area() == pytest.approx(repeated.area(), nan_ok=True)


@settings(deadline=None)
@given(labelled)
def test_a_score_that_is_no_number_is_no_score(pairs: list[tuple[float, bool]]) -> None:
    scores, attack = split(pairs)
    unknown = np.where(scores == NEVER, np.nan, scores)
    assert rank(unknown, attack).hits.tolist() == rank(scores, attack).hits.tolist()


def test_a_thinned_curve_keeps_both_ends() -> None:
    rng = np.random.default_rng(1)
    curve = rank(rng.random(5_000), rng.random(5_000) < 0.3).curve(most=50)
    assert len(curve) <= 50
    assert [curve[0], curve[-1]] == [(0, 0), (1, 1)]


@pytest.mark.parametrize(
    ("fpr", "needed"), [(1e-3, 1_000), (1e-4, 10_000), (0.3, 4), (1.0, 1), (1 / 3, 3)]
)
def test_a_rate_needs_enough_honest_accounts_for_one_of_them(fpr: float, needed: int) -> None:
    assert least_honest(fpr) == needed


@pytest.mark.parametrize(
    ("false", "of", "bound"),
    [
        (0, 30_000, 1 - 0.05 ** (1 / 30_000)),  # none: (1 - p)^n = 0.05
        (0, 1, 0.95),
        (3, 3, 1.0),
        (1, 2, math.sqrt(0.95)),  # 1 - p^2 = 0.05
    ],
)
def test_the_upper_bound_of_a_rate_is_exact(false: int, of: int, bound: float) -> None:
    assert upper_rate(false, of) == pytest.approx(bound, rel=1e-5)


@pytest.mark.parametrize(
    ("false", "of", "distinct", "as_if"),
    [
        (0, 50, 10, 0),
        (1, 50, 10, 1),
        (5, 50, 10, 1),
        (6, 50, 10, 2),
        (50, 50, 10, 10),
        (3, 9, 9, 3),
    ],
)
def test_judging_an_account_again_is_no_new_account(
    false: int, of: int, distinct: int, as_if: int
) -> None:
    assert upper_rate_of_repeats(false, of, distinct) == upper_rate(as_if, distinct)


def test_nobody_has_no_rate() -> None:
    assert math.isnan(upper_rate(0, 0))
    assert math.isnan(upper_rate_of_repeats(0, 0, 0))


@settings(deadline=None)
@given(st.integers(1, 200), st.data())
def test_at_the_upper_bound_so_few_are_as_rare_as_it_says(of: int, data: st.DataObject) -> None:
    false = data.draw(st.integers(0, of - 1))
    rate = upper_rate(false, of)
    chance = sum(math.comb(of, k) * rate**k * (1 - rate) ** (of - k) for k in range(false + 1))
    assert chance == pytest.approx(0.05, rel=1e-3)
