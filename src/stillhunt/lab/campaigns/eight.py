"""Eight accounts: as small as a campaign gets, and busier for it.

More accounts than eight are several such campaigns that know nothing of each other.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from stillhunt.lab.arrivals import Arrivals
from stillhunt.lab.attack.operation import Operation
from stillhunt.lab.grammar import IntArray, place
from stillhunt.lab.native import SCHEMA

__all__ = ["Eight"]

RING = 8


@dataclass(frozen=True, kw_only=True)
class Ring(Operation):
    """One group of eight."""

    number: int
    per_day: float = 90.0

    kind = "eight"
    families = ("solve", "code", "retrospect", "tasks", "lesson", "agent")
    templates = (1, 4)

    @property
    def name(self) -> str:
        """Each is a campaign of its own."""
        return f"eight {self.number}"


@dataclass(frozen=True, kw_only=True)
class Eight(Operation):
    """One small campaign, or several."""

    per_day: float = 90.0

    title = "Eight accounts"
    kind = "eight"

    @cached_property
    def _rings(self) -> tuple[Ring, ...]:
        sizes = [min(RING, self.count - first) for first in range(0, self.count, RING)]
        return tuple(
            Ring(
                number=number, count=size, seed=self.seed, days=self.days, brief=self.brief,
                start_us=self.start_us, per_day=self.per_day, evasion=self.evasion,
            )
            for number, size in enumerate(sizes)
        )  # fmt: skip

    def groups(self) -> list[str]:
        """Return which of them each account belongs to."""
        return [f"eight-{i // RING:05d}" for i in range(self.count)]

    def countries(self) -> list[str]:
        """Return the country that each account claims."""
        return [code for ring in self._rings for code in ring.countries()]

    def records(self, ids: list[str], start_s: int) -> list[dict[str, Any]]:
        """Return the directory records."""
        return [
            record
            for n, ring in enumerate(self._rings)
            for record in ring.records(ids[n * RING : (n + 1) * RING], start_s)
        ]

    def arrivals(self, day: int, start_us: int, weekday: int) -> Arrivals:
        """Return the requests of *day* of all."""
        found = Arrivals.none()
        for number, ring in enumerate(self._rings):
            one = ring.arrivals(day, start_us, weekday)
            found = found.join(replace(one, account=one.account + number * RING))
        return found

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the texts and every other column."""
        tables: list[tuple[IntArray, pa.Table]] = []
        for number in np.unique(arrivals.account // RING).tolist():
            rows = np.flatnonzero(arrivals.account // RING == number)
            mine = arrivals.take(rows)
            mine = replace(mine, account=mine.account - number * RING)
            tables.append((rows, self._rings[number].exchanges(mine, rng)))
        columns = {
            name: place([(rows, table[name].combine_chunks()) for rows, table in tables])
            for name in SCHEMA.names
        }
        return pa.table(columns, schema=SCHEMA)
