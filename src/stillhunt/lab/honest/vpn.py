"""People who browse through a VPN: shared exits, another country each day, nothing else odd."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from stillhunt.lab import identity, places
from stillhunt.lab.arrivals import Arrivals
from stillhunt.lab.identity import PERSON
from stillhunt.lab.moments import release_us
from stillhunt.lab.native import replaced
from stillhunt.lab.people import People

__all__ = ["Vpn"]


@dataclass(frozen=True, kw_only=True)
class Vpn:
    """People whose every session leaves through one of the exits that all VPN users share."""

    name: str = "vpn"
    count: int
    seed: int
    days: int = 1
    start_us: int = 0
    per_day: float = 6.0
    brief: bool = False

    title = "VPN users"
    kind = "vpn"
    campaign = None

    @cached_property
    def _people(self) -> People:
        return People(
            name=self.name, count=self.count, seed=self.seed + 1, per_day=self.per_day,
            brief=self.brief, release=release_us(self.start_us, self.days),
        )  # fmt: skip

    def countries(self) -> list[str]:
        """Return the country of each account."""
        return self._people.countries()

    def records(self, ids: list[str], start_s: int) -> list[dict[str, Any]]:
        """Return the directory records."""
        return identity.records(
            PERSON, ids, self.countries(), seed=self.seed, name=self.name, start_s=start_s
        )

    def arrivals(self, day: int, start_us: int, weekday: int) -> Arrivals:
        """Return the requests of *day*."""
        return self._people.arrivals(day, start_us, weekday)

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the texts and every other column."""
        table = self._people.exchanges(arrivals, rng)
        exits = places.vpns(self.seed, self.name, arrivals.account, arrivals.session)
        return replaced(table, exits)
