"""How well a score tells attackers from honest accounts, at rates that matter.

Everything rests on a ranking: at each score, how many attacking and how many honest accounts
stand at or above it. Accounts with equal scores are taken together, for no threshold parts
them. An account without a score is never accused at any threshold, but it counts in the rates.

Accounts may carry weights, which a bootstrap uses as the number of times each was drawn.
Source: Fawcett, An introduction to ROC analysis (2006), for curves of tied scores; Boyd, Eng
and Page (2013), for average precision as the area below a precision-recall curve.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

__all__ = [
    "Flags",
    "Floats",
    "Ints",
    "Order",
    "Ranking",
    "least_honest",
    "precision_at",
    "rank",
    "upper_rate",
    "upper_rate_of_repeats",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
DIGITS = 1e-6  # more than anybody reads


def precision_at(recall: Floats, fpr: Floats, base_rate: float) -> Floats:
    """Return the share of accused accounts that attack, where *base_rate* of all do.

    b R / (b R + (1 - b) FPR); NaN where nobody is accused.
    """
    hits = base_rate * np.asarray(recall, np.float64)
    accused = hits + (1 - base_rate) * np.asarray(fpr, np.float64)
    shares = np.full(accused.shape, np.nan)
    np.divide(hits, accused, out=shares, where=accused > 0)
    return shares


@dataclass(frozen=True)
class Order:
    """Accounts by falling score, worked out once for many weightings."""

    places: Ints
    """Accounts that have a score, highest first."""
    ends: Ints
    """Index into ``places`` of the last account of each distinct score."""
    scores: Floats
    """The distinct scores, falling."""
    is_attack: Flags

    @classmethod
    def of(cls, scores: Floats, is_attack: Flags) -> "Order":
        """Sort *scores*; NaN and minus infinity are no score."""
        known = np.flatnonzero(scores > -np.inf)
        places = known[np.argsort(-scores[known], kind="stable")]
        falling = scores[places]
        ends = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))[: len(falling)]
        return cls(places, ends, falling[ends], is_attack)

    def rank(self, weights: Floats | None = None) -> "Ranking":
        """Return the ranking in which account i counts *weights[i]* times, default once."""
        attack, honest = self.is_attack.astype(np.float64), (~self.is_attack).astype(np.float64)
        if weights is not None:
            attack, honest = attack * weights, honest * weights
        return Ranking(
            scores=self.scores,
            hits=np.cumsum(attack[self.places])[self.ends],
            alarms=np.cumsum(honest[self.places])[self.ends],
            attackers=float(attack.sum()),
            honest=float(honest.sum()),
        )


def rank(scores: Floats, is_attack: Flags, weights: Floats | None = None) -> "Ranking":
    """Return the ranking of accounts by *scores*."""
    return Order.of(scores, is_attack).rank(weights)


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """How many accounts of each label stand at or above each distinct score, highest first."""

    scores: Floats
    hits: Floats
    """Attacking accounts."""
    alarms: Floats
    """Honest accounts."""
    attackers: float
    """All attacking accounts, those without a score too."""
    honest: float

    @cached_property
    def recall(self) -> Floats:
        """Share of the attacking accounts at or above each score; NaN without any."""
        return self.hits / self.attackers if self.attackers else np.full_like(self.hits, np.nan)

    @cached_property
    def fpr(self) -> Floats:
        """Share of the honest accounts at or above each score; NaN without any."""
        return self.alarms / self.honest if self.honest else np.full_like(self.alarms, np.nan)

    def last_at_fpr(self, bound: float) -> int | None:
        """Return the lowest threshold's index with a rate of honest accounts <= *bound*."""
        within = np.flatnonzero(self.alarms <= bound * self.honest * (1 + 1e-12))
        return int(within[-1]) if len(within) else None

    def recall_at_fpr(self, bound: float) -> float:
        """Return the recall where at most *bound* of the honest accounts are accused.

        Thresholds are chosen knowing the truth. NaN without attackers.
        """
        if not self.attackers:
            return math.nan
        at = self.last_at_fpr(bound)
        return 0.0 if at is None else float(self.recall[at])

    def last_at_precision(self, bound: float, base_rate: float) -> int | None:
        """Return the lowest threshold's index with a precision >= *bound* at *base_rate*."""
        kept = precision_at(self.recall, self.fpr, base_rate) >= bound - 1e-12
        within = np.flatnonzero(kept)
        return int(within[-1]) if len(within) else None

    def recall_at_precision(self, bound: float, base_rate: float) -> float:
        """Return the most recall at a precision of *bound* or more, NaN without attackers."""
        if not self.attackers:
            return math.nan
        at = self.last_at_precision(bound, base_rate)
        return 0.0 if at is None else float(self.recall[at])

    def average_precision(self, base_rate: float | None = None) -> float:
        """Return the area below the precision-recall curve, as steps.

        Accounts without a score are the last step: at a recall of 1, precision is the base rate.

        Args:
            base_rate: Share of attackers to weigh the labels to; None leaves them as they are.
        """
        if not self.attackers or not self.honest:
            return math.nan
        base = self.attackers / (self.attackers + self.honest) if base_rate is None else base_rate
        recall = np.append(self.recall, 1.0)
        precision = precision_at(recall, np.append(self.fpr, 1.0), base)
        steps = np.diff(recall, prepend=0.0)
        return float(np.sum(steps[steps > 0] * precision[steps > 0]))

    def area(self) -> float:
        """Return the area below the ROC curve: the chance that an attacker outranks an honest."""
        if not self.attackers or not self.honest:
            return math.nan
        x = np.concatenate([[0.0], self.fpr, [1.0]])
        y = np.concatenate([[0.0], self.recall, [1.0]])
        return float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2))

    def curve(self, most: int = 200) -> list[tuple[float, float]]:
        """Return (FPR, recall) from (0, 0) to (1, 1), corners only, about *most* points."""
        if not self.attackers or not self.honest:
            return []
        x = np.concatenate([[0.0], self.fpr, [1.0]])
        y = np.concatenate([[0.0], self.recall, [1.0]])
        slopes = np.arctan2(np.diff(y), np.diff(x))
        kept = np.flatnonzero(np.concatenate([[True], np.diff(slopes) != 0, [True]]))
        if len(kept) > most:
            kept = kept[np.unique(np.linspace(0, len(kept) - 1, most).astype(np.int64))]
        return [(float(x[i]), float(y[i])) for i in kept]


def least_honest(fpr: float) -> int:
    """Return how many honest accounts it takes before a rate of *fpr* allows one of them."""
    return math.ceil(1 / fpr - 1e-9)


def upper_rate(false: int, of: int, confidence: float = 0.95) -> float:
    """Return the highest rate at which *false* or fewer of *of* still happen in 1 - *confidence*.

    One-sided Clopper-Pearson bound, exact: what may be claimed after none of 30,000 is not a
    rate of zero but 1e-4. NaN when there is nobody.
    """
    if not of:
        return math.nan
    if false >= of:
        return 1.0
    low, high = false / of, 1.0
    while high - low > DIGITS * high:
        middle = (low + high) / 2
        if _at_most(false, of, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def upper_rate_of_repeats(false: int, of: int, distinct: int) -> float:
    """Return ``upper_rate`` where *of* accounts are only *distinct* ones, judged repeatedly.

    Judging an account again beside another campaign is no new account: both counts are divided
    by the mean number of times, the false ones rounded up.
    """
    if not of:
        return math.nan
    return upper_rate(min(distinct, math.ceil(false * distinct / of - 1e-9)), distinct)


def _at_most(count: int, of: int, rate: float) -> float:
    """Return the chance of *count* or fewer successes in *of* trials."""
    k = np.arange(count + 1)
    combinations = np.array(
        [math.lgamma(of + 1) - math.lgamma(i + 1) - math.lgamma(of - i + 1) for i in k.tolist()]
    )
    logs = combinations + k * math.log(rate) + (of - k) * math.log1p(-rate)
    return float(np.exp(logs).sum())
