"""Pivot: within a day of a new model's release, half of the traffic has moved to it.

Honest accounts move one by one over weeks; here one switch is turned for all of them.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from stillhunt.lab import moments
from stillhunt.lab.arrivals import DAY_US, Arrivals
from stillhunt.lab.attack.operation import Operation

__all__ = ["Pivot"]

MOVED = (0.45, 0.7)  # share of the traffic that has moved after a day
WHOLE = 0.4  # share of such campaigns that move account by account, not request by request
HESITATION_H = (0.5, 9.0)  # from the release to the first request


@dataclass(frozen=True, kw_only=True)
class Pivot(Operation):
    """A pool that turns to the newest model; in a period without a release it is a plain pool."""

    per_day: float = 30.0

    title = "Pivot to a new model"
    kind = "pivot"
    families = ("solve", "code", "agent", "lesson", "tags")
    templates = (3, 6)

    @cached_property
    def _move(self) -> dict[str, Any]:
        rng = self.rng(21)
        return {
            "share": rng.uniform(*MOVED),
            "begin_us": int(rng.uniform(*HESITATION_H) * 3.6e9),
            "by_account": bool(rng.random() < WHOLE),
        }

    def models(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Array:
        """Return the model of each request: more and more of them the newest."""
        before = super().models(arrivals, rng)
        release = moments.release_us(self.start_us, self.days)
        if release is None:
            return before
        m = self._move
        since = (arrivals.ts_us - release - m["begin_us"]) / (DAY_US - m["begin_us"])
        share = m["share"] * np.clip(since, 0, 1)
        chance = rng.random(len(arrivals))
        if m["by_account"]:
            chance = self.rng(22).random(self.count)[arrivals.account]
        return pa.compute.if_else(pa.array(chance < share), moments.NEWEST, before)
