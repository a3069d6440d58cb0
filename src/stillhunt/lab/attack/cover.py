"""Cover: traffic of accounts that would rather be taken for people."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stillhunt.lab.arrivals import FloatArray
from stillhunt.lab.pacing import SESSION_TURNS
from stillhunt.lab.people import WEEKEND, People

__all__ = ["Cover"]

WEEK = (5 + 2 * WEEKEND) / 7  # mean of the days of a week against a working day


@dataclass(frozen=True, kw_only=True)
class Cover(People):
    """People by text, session and rhythm; but as busy as their accounts shall be, not as people.

    An account with the habits of the busiest people would stand out by its volume and run into
    its limits, so the spread of activity is small.
    """

    spread: float = 0.25
    """Log-normal spread of the accounts' activity."""

    @cached_property
    def _activity(self) -> FloatArray:
        rng = np.random.default_rng([self.seed, 14])
        drawn = rng.lognormal(-(self.spread**2) / 2, self.spread, self.count)
        sessions: FloatArray = drawn * self.per_day / SESSION_TURNS / WEEK
        return sessions
