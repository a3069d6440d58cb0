"""Hydra: a proxy service with thousands of accounts at once, for several labs and for anybody.

Modelled after a disclosure of February 2026: one network ran 20,000 accounts at once, mixed its
customers' harvests with requests of unrelated people, and replaced what was shut out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa

from stillhunt.lab.arrivals import Arrivals
from stillhunt.lab.attack.bans import churned
from stillhunt.lab.attack.cover import Cover
from stillhunt.lab.attack.operation import Operation
from stillhunt.lab.attack.roster import Roster
from stillhunt.lab.native import mix

__all__ = ["Hydra"]

HARVEST = (0.4, 0.65)  # share of the traffic that labs pay for; the rest are unrelated customers
CUSTOMERS = 2_000_000  # customers are numbered from here, behind the people of the cover


@dataclass(frozen=True, kw_only=True)
class Hydra(Operation):
    """Every account serves every customer."""

    per_day: float = 11.0

    title = "Proxy service with many heads"
    kind = "hydra"
    families = ("solve", "code", "agent", "rubric", "tags", "tasks")
    templates = (4, 8)

    @cached_property
    def _plan(self) -> tuple[Roster, dict[int, int]]:
        return churned(self.rng(51), self.count, self.days)

    @cached_property
    def roster(self) -> Roster:
        """Who works until shut out, and who comes instead."""
        return self._plan[0]

    @property
    def bans(self) -> Mapping[int, int]:
        """Who is shut out, and when [us since the start]."""
        return self._plan[1]

    @cached_property
    def _paid(self) -> float:
        return float(self.rng(52).uniform(*HARVEST))

    @cached_property
    def _customers(self) -> Cover:
        return Cover(
            name=f"{self.name} customers", count=2 * self.count, seed=self.salted + 1,
            per_day=self.per_day / 2, brief=self.brief, spread=0.9,
        )  # fmt: skip

    def harvest(self, day: int, start_us: int, rate: float) -> Arrivals:
        """Return the harvest of *day* and the customers' requests, through any account."""
        found = super().harvest(day, start_us, rate * self._paid)
        works, busy, covered = self.roster.share(day)
        if not covered:
            return found
        weekday = (start_us // 86_400_000_000 + 3 + day) % 7  # the epoch was a Thursday
        asked = self._customers.arrivals(day, start_us, weekday)
        rng = self.rng(53, day)
        share = rate * (1 - self._paid) * busy / (self.per_day * self.count)
        asked = asked.take(rng.random(len(asked)) < share)
        through = works[(mix(asked.session + asked.turn) & 0x7FFF_FFFF) % len(works)]
        sent = replace(asked, part=CUSTOMERS + asked.account, account=through)
        return found.join(self.roster.stand_in(rng, sent, start_us))

    def honest_rows(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the cover, and what customers ask."""
        customer = arrivals.part >= CUSTOMERS
        if not customer.any():
            return super().honest_rows(arrivals, rng)
        if not customer.all():
            return self.parted(arrivals, rng, customer, self._asked, super().honest_rows)
        return self._asked(arrivals, rng)

    def _asked(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        mine = replace(
            arrivals, account=arrivals.part - CUSTOMERS, part=np.zeros_like(arrivals.part)
        )
        return self._customers.exchanges(mine, rng)
