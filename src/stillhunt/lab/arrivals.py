"""When requests come: renewals with a chosen unevenness, and the rhythm of a day.

Everything works on whole populations at once, in arrays; a loop over accounts would take
hours for the large size.
"""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt

from stillhunt.lab.grammar import IntArray

__all__ = [
    "DAY_S",
    "DAY_US",
    "SATURDAY",
    "Arrivals",
    "FloatArray",
    "fill",
    "gamma_shape",
    "hour_of_day",
    "renewals",
]

DAY_S = 86_400
DAY_US = DAY_S * 1_000_000
SATURDAY = 5
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """Requests of one actor, before their text is written; arrays of equal length."""

    ts_us: IntArray
    account: IntArray
    """Which of the actor's accounts, from 0."""
    session: IntArray
    turn: IntArray
    """Place in the conversation, from 1."""
    part: IntArray
    """Which of the actor's kinds of work this is, from 0; the actor says what they are."""
    output_tokens: IntArray
    duration_ms: IntArray

    def __len__(self) -> int:
        return len(self.ts_us)

    def take(self, rows: IntArray | npt.NDArray[np.bool_]) -> Self:
        """Return the arrivals at *rows*."""
        return type(self)(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def join(self, other: Self) -> Self:
        """Return these and then *other*'s."""
        both = {
            f.name: np.concatenate([getattr(self, f.name), getattr(other, f.name)])
            for f in fields(self)
        }
        return type(self)(**both)

    @classmethod
    def none(cls) -> Self:
        """Return no arrivals."""
        return cls(**{f.name: np.zeros(0, dtype=np.int64) for f in fields(cls)})


def gamma_shape(cv: FloatArray) -> FloatArray:
    """Return the shape of Gamma gaps whose coefficient of variation is *cv*: 1 / cv^2."""
    return 1 / np.square(cv)


def renewals(rng: np.random.Generator, counts: IntArray, shape: FloatArray) -> FloatArray:
    """Return, for each account in turn, *counts* arrival times spread over [0, 1).

    Args:
        rng: Where chance comes from.
        counts: Arrivals of each account, shape (accounts,), >= 0.
        shape: Gamma shape of each account's gaps, shape (accounts,); 1 is Poisson, above is
            more even.
    """
    return fill(rng.standard_gamma(np.repeat(shape, counts + 1)), counts)


def fill(gaps: FloatArray, counts: IntArray) -> FloatArray:
    """Scale each account's *gaps* to fill [0, 1), and return when its requests come.

    The rate is then exact, and the unevenness is that of the gaps.

    Args:
        gaps: *counts* + 1 gaps for each account in turn, >= 0; an account's last one only
            closes its interval.
        counts: Arrivals of each account, shape (accounts,), >= 0.
    """
    gaps = gaps + 1e-12  # an account whose gaps are all 0 spreads evenly
    ends = np.cumsum(counts + 1)
    totals = np.add.reduceat(gaps, ends - counts - 1) if len(counts) else gaps
    # Each account's gaps are scaled to sum to 1 before they are added up: one running sum then
    # serves all accounts without losing the small gaps of one behind the large ones of another.
    spread = np.cumsum(gaps / np.repeat(totals, counts + 1))
    spread -= np.repeat(np.arange(len(counts)), counts + 1)
    last = np.zeros(len(gaps), dtype=bool)
    last[ends - 1] = True
    inside: FloatArray = np.clip(spread[~last], 0, 1 - 1e-9)
    return inside


def hour_of_day(weights: FloatArray, quantiles: FloatArray) -> FloatArray:
    """Map uniform *quantiles* in [0, 1) to hours of the day with the given hourly *weights*."""
    cumulative = np.concatenate([[0.0], np.cumsum(weights) / weights.sum()])
    hours: FloatArray = np.interp(quantiles, cumulative, np.arange(len(weights) + 1.0))
    return hours
