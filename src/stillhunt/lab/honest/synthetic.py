"""Teams under contract that make data for small models of their own, and say so.

In text and pace they are a distillation campaign; what differs is the contract.
"""

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from stillhunt.lab import places
from stillhunt.lab.arrivals import SATURDAY, Arrivals
from stillhunt.lab.cast import Cast, assemble, written
from stillhunt.lab.forms import forms
from stillhunt.lab.identity import BUSINESS
from stillhunt.lab.moments import release_us
from stillhunt.lab.pacing import Answers, workers

__all__ = ["Synthetic"]

KIND = dataclasses.replace(
    BUSINESS, tiers=("contract",), uses=("synthetic data",), unpaid=0.1, oldest_days=400
)
PACE = Answers(median=420, sigma=0.6)


@dataclass(frozen=True, kw_only=True)
class Synthetic:
    """Teams of three to nine accounts."""

    name: str = "synthetic"
    count: int
    seed: int
    days: int = 1
    start_us: int = 0
    per_day: float = 90.0
    brief: bool = False

    title = "Declared synthetic data"
    kind = "synthetic"
    campaign = None

    @cached_property
    def _cast(self) -> Cast:
        return assemble(
            self.seed,
            self.name,
            self.count,
            sizes=(3, 10),
            shared=True,
            release=release_us(self.start_us, self.days),
        )

    def countries(self) -> list[str]:
        """Return the country of each account."""
        return self._cast.home.codes

    def records(self, ids: list[str], start_s: int) -> list[dict[str, Any]]:
        """Return the directory records."""
        return self._cast.records(KIND, ids, start_s)

    def arrivals(self, day: int, start_us: int, weekday: int) -> Arrivals:
        """Return the requests of *day*."""
        rng = np.random.default_rng([self.seed, 231, day + 1])
        cast = self._cast
        asked = Arrivals.none()
        for group in range(int(cast.group.max(initial=0)) + 1):
            mine = np.flatnonzero(cast.group == group)
            if weekday >= SATURDAY and group % 2:
                continue
            total = int(rng.poisson(self.per_day * len(mine)))
            some = workers(
                rng,
                total,
                accounts=len(mine),
                number=2 + group % 7,
                day=day,
                start_us=start_us,
                answers=PACE,
                begin_h=float(group % 5) * 3,
                hours=9.0,
            )
            asked = asked.join(dataclasses.replace(some, account=mine[some.account]))
        form = rng.choice(4, len(asked), p=[0.5, 0.2, 0.2, 0.1])
        return dataclasses.replace(asked, part=form)

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the texts and every other column."""
        who, cast = arrivals.account, self._cast
        said = forms("synthetic").write(
            rng,
            arrivals.part,
            cast.group[who],
            cast.home.language[who],
            output_tokens=None if self.brief else arrivals.output_tokens,
        )
        columns = {
            **places.clouds(self.seed, self.name, cast.group[who], arrivals.session & 7),
            "temperature": 1.0,
            **cast.columns(arrivals),
        }
        return written(arrivals, rng, said, columns)
