"""The figures of accounts: one score's, each severity's, each honest kind's."""

import math
from collections.abc import Iterator
from functools import partial

import numpy as np

from stillhunt.lab.judge import shape
from stillhunt.lab.judge.accounts import BELOW, Accounts
from stillhunt.lab.judge.bootstrap import Figure, Interval, intervals
from stillhunt.lab.judge.metrics import (
    Flags,
    Floats,
    Ranking,
    least_honest,
    precision_at,
    rank,
    upper_rate_of_repeats,
)

__all__ = ["BASE_RATES", "FPRS", "PRECISION", "SEVERITIES", "at_severity", "by_exchanges",
           "honest_kinds", "known", "parts", "recalls", "score"]  # fmt: skip

FPRS = (1e-3, 1e-4)
BASE_RATES = (0.01, 0.001)
PRECISION = 0.99
SEVERITIES = (2, 3, 4, 5)
CALIBRATED = -BELOW / 2
"""A threshold below this is one between scores that were never calibrated."""
EXCHANGES = ((1, 7), (8, 19), (20, 49), (50, 199), (200, None))
"""With 8 linked exchanges nobody can be convicted alone, from 50 on most can (DESIGN 6)."""


def known(value: float) -> float | None:
    """Return *value*, None for what is no number."""
    return float(value) if math.isfinite(value) else None


def _estimate(value: float, interval: Interval) -> shape.Estimate | None:
    if not math.isfinite(value):
        return None
    low, high = interval or (None, None)
    return shape.Estimate(value=value, low=low, high=high)


def _wanted() -> dict[str, Figure]:
    """Return what is worked out for a score, by name."""
    figures: dict[str, Figure] = {
        "pr_auc": Ranking.average_precision,
        "zero": lambda r: r.recall_at_fpr(0.0),
    }
    for fpr in FPRS:
        figures[f"fpr/{fpr}"] = partial(Ranking.recall_at_fpr, bound=fpr)
    for rate in BASE_RATES:
        figures[f"precision/{rate}"] = partial(
            Ranking.recall_at_precision, bound=PRECISION, base_rate=rate
        )
    return figures


def score(accounts: Accounts, scores: Floats, *, rounds: int, seed: int) -> shape.Score:
    """Return how well *scores* rank the accounts.

    Args:
        accounts: Those that are judged.
        scores: One for each; minus infinity for none.
        rounds: Bootstrap samples; 0 for no intervals.
        seed: Of the bootstrap.
    """
    ranking = rank(scores, accounts.is_attack)
    wanted = _wanted()
    spread = intervals(accounts, scores, wanted, rounds=rounds, seed=seed)
    had = {name: _estimate(figure(ranking), spread[name]) for name, figure in wanted.items()}
    distinct = accounts.distinct_honest
    return shape.Score(
        scored=int((scores > -np.inf).sum()),
        pr_auc=had["pr_auc"],
        pr_auc_at={f"{b:g}": known(ranking.average_precision(b)) for b in BASE_RATES},
        roc_auc=known(ranking.area()),
        recall_at_zero=had["zero"],
        at_fpr=[_at_rate(ranking, fpr, had[f"fpr/{fpr}"], distinct) for fpr in FPRS],
        at_precision=[
            _at_precision(ranking, b, had[f"precision/{b}"], distinct) for b in BASE_RATES
        ],
        curve=ranking.curve(),
    )


def _at_rate(
    ranking: Ranking, fpr: float, recall: shape.Estimate | None, distinct: int
) -> shape.AtRate:
    needed = least_honest(fpr)
    is_measurable = distinct >= needed
    at = ranking.last_at_fpr(fpr) if is_measurable else None
    return shape.AtRate(
        fpr=fpr,
        is_measurable=is_measurable,
        honest_needed=needed,
        recall=recall if is_measurable else None,
        false_accounts=_false(ranking, at) if is_measurable else None,
        threshold=_threshold(ranking, at),
    )


def _at_precision(
    ranking: Ranking, base_rate: float, recall: shape.Estimate | None, distinct: int
) -> shape.AtPrecision:
    at = ranking.last_at_precision(PRECISION, base_rate)
    false = _false(ranking, at)
    bound = upper_rate_of_repeats(false, int(ranking.honest), distinct)
    share = float(ranking.recall[at]) if at is not None else 0.0
    is_known = recall is not None
    return shape.AtPrecision(
        base_rate=base_rate,
        precision=PRECISION,
        recall=recall,
        false_accounts=false if is_known else None,
        fpr_bound=known(bound) if is_known else None,
        precision_bound=_precision(share, bound, base_rate) if is_known else None,
        threshold=_threshold(ranking, at),
    )


def _false(ranking: Ranking, at: int | None) -> int:
    return 0 if at is None else int(ranking.alarms[at])


def _threshold(ranking: Ranking, at: int | None) -> float | None:
    if at is None or ranking.scores[at] < CALIBRATED:
        return None
    return known(ranking.scores[at])


def _precision(recall: float, fpr: float, base_rate: float) -> float | None:
    return known(float(precision_at(np.array([recall]), np.array([fpr]), base_rate)[0]))


def at_severity(accounts: Accounts, *, rounds: int, seed: int) -> Iterator[shape.AtSeverity]:
    """Yield what the report accuses at each severity or more."""
    for least in SEVERITIES:
        accused = accounts.severity >= least
        ranking = rank(np.where(accused, 1.0, -np.inf), accounts.is_attack)
        figures: dict[str, Figure] = {"recall": _last_recall, "fpr": _last_fpr}
        spread = intervals(
            accounts, np.where(accused, 1.0, -np.inf), figures, rounds=rounds, seed=seed
        )
        recall, fpr = _last_recall(ranking), _last_fpr(ranking)
        false = int((accused & accounts.is_honest).sum())
        bound = upper_rate_of_repeats(false, int(ranking.honest), accounts.distinct_honest)
        own = ranking.attackers / len(accounts)
        yield shape.AtSeverity(
            severity=least,
            attackers=int((accused & accounts.is_attack).sum()),
            honest=false,
            recall=_estimate(recall, spread["recall"]),
            fpr=_estimate(fpr, spread["fpr"]),
            fpr_bound=known(bound),
            precision=_precision(recall, fpr, own),
            precision_at={f"{b:g}": _precision(recall, fpr, b) for b in BASE_RATES},
            precision_bound_at={f"{b:g}": _precision(recall, bound, b) for b in BASE_RATES},
        )


def _last_recall(ranking: Ranking) -> float:
    if not ranking.attackers:
        return math.nan
    return float(ranking.recall[-1]) if len(ranking.recall) else 0.0


def _last_fpr(ranking: Ranking) -> float:
    if not ranking.honest:
        return math.nan
    return float(ranking.fpr[-1]) if len(ranking.fpr) else 0.0


def honest_kinds(accounts: Accounts) -> list[shape.HonestKind]:
    """Return the honest accounts of each kind and how many are accused, the worst first."""
    found = []
    for kind in sorted(set(accounts.kind[accounts.is_honest])):
        mine = accounts.is_honest & (accounts.kind == kind)
        severity = accounts.severity[mine]
        accused = {str(least): int((severity >= least).sum()) for least in SEVERITIES}
        found.append(
            shape.HonestKind(
                kind=kind,
                accounts=int(mine.sum()),
                accused=accused,
                share_medium=accused["3"] / int(mine.sum()),
                share_high=accused["4"] / int(mine.sum()),
                score=_calibrated(float(accounts.score[mine].max())),
            )
        )
    return sorted(found, key=lambda one: (-one.share_high, -one.share_medium, one.kind))


def _calibrated(value: float) -> float | None:
    return known(value) if value > CALIBRATED else None


def parts(accounts: Accounts, which: dict[str, Flags]) -> list[shape.Part]:
    """Return the recall of each part of the attackers, against all honest accounts.

    Args:
        accounts: Those that are judged.
        which: Name of a part -> its attackers.
    """
    whole = rank(accounts.score, accounts.is_attack)
    return [_part(accounts, whole, name, mine) for name, mine in which.items() if mine.any()]


def _part(accounts: Accounts, whole: Ranking, name: str, mine: Flags) -> shape.Part:
    shares: dict[str, float | None] = {}
    for fpr in FPRS:
        at = whole.last_at_fpr(fpr)
        least = math.inf if at is None else whole.scores[at]
        is_measurable = accounts.distinct_honest >= least_honest(fpr)
        share = float((accounts.score[mine] >= least).mean())
        shares[f"{fpr:g}"] = share if is_measurable else None
    return shape.Part(
        name=name,
        accounts=int(mine.sum()),
        recall_at_fpr=shares,
        recall_at_severity=recalls(accounts, mine),
    )


def recalls(accounts: Accounts, mine: Flags) -> dict[str, float]:
    """Return the share of some accounts that is accused at each severity or more."""
    return {str(s): float((accounts.severity[mine] >= s).mean()) for s in SEVERITIES}


def by_exchanges(accounts: Accounts) -> dict[str, Flags]:
    """Return the attackers by the number of their exchanges; none where it is not known."""
    found = {}
    for low, high in EXCHANGES:
        most = np.iinfo(np.int64).max if high is None else high
        inside = (accounts.exchanges >= low) & (accounts.exchanges <= most)
        found[f"{low}+" if high is None else f"{low}-{high}"] = inside & accounts.is_attack
    return found
