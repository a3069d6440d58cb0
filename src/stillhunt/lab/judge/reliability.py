"""Whether a confidence of 0.9 is right nine times in ten.

Source: Murphy and Winkler, Reliability of subjective probability forecasts (1977); Wilson
(1927) for the interval of a share.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stillhunt.lab.judge.metrics import Flags, Floats

__all__ = ["Bin", "brier", "expected_error", "reliability", "wilson"]

BINS = 10


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Claims of similar confidence."""

    low: float
    high: float
    claims: int
    said: float
    """Mean confidence."""
    true: float
    """Share that came true."""
    true_low: float
    true_high: float


def reliability(confidence: Floats, is_true: Flags, bins: int = BINS) -> list[Bin]:
    """Return the bins of equal width that hold a claim; a confidence of 1 is in the last."""
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    found = []
    for at in np.unique(place).tolist():
        inside = place == at
        claims, true = int(inside.sum()), int(is_true[inside].sum())
        low, high = wilson(true, claims)
        found.append(
            Bin(
                low=at / bins, high=(at + 1) / bins, claims=claims,
                said=float(confidence[inside].mean()), true=true / claims,
                true_low=low, true_high=high,
            )
        )  # fmt: skip
    return found


def expected_error(bins: Sequence[Bin]) -> float:
    """Return the mean distance of what was said from what came true; NaN without claims."""
    claims = sum(one.claims for one in bins)
    if not claims:
        return math.nan
    return sum(one.claims * abs(one.said - one.true) for one in bins) / claims


def brier(confidence: Floats, is_true: Flags) -> float:
    """Return the mean squared distance of confidence from truth; NaN without claims."""
    if not len(confidence):
        return math.nan
    return float(np.mean((confidence - is_true) ** 2))


def wilson(true: int, claims: int, z: float = 1.959964) -> tuple[float, float]:
    """Return the 95 % interval of a share."""
    if not claims:
        return 0.0, 1.0
    share, spread = true / claims, z * z / claims
    middle = (share + spread / 2) / (1 + spread)
    reach = z * math.sqrt(share * (1 - share) / claims + spread / (4 * claims)) / (1 + spread)
    return max(0.0, middle - reach), min(1.0, middle + reach)
