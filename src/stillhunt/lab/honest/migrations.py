"""A customer moves a running product over: nothing until Tuesday, everything from then on.

The step is joint for all accounts of the firm, and it is the largest that there is.
"""

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from stillhunt.lab import places
from stillhunt.lab.arrivals import SATURDAY, Arrivals
from stillhunt.lab.cast import Cast, answered, assemble, written
from stillhunt.lab.forms import forms
from stillhunt.lab.identity import BUSINESS
from stillhunt.lab.moments import release_us
from stillhunt.lab.native import mix
from stillhunt.lab.pacing import RHYTHM, Answers, scattered

__all__ = ["Migrations"]

KIND = dataclasses.replace(BUSINESS, oldest_days=90, team=3)
TRIED, TRIAL = 0.4, 2.0  # share of accounts that try before, and how often a day
PACE = Answers(median=110, sigma=0.6)


@dataclass(frozen=True, kw_only=True)
class Migrations:
    """Firms that move in the middle of the period; one to four accounts."""

    name: str = "migrations"
    count: int
    seed: int
    days: int = 1
    start_us: int = 0
    per_day: float = 60.0
    brief: bool = False

    title = "Migrations in a day"
    kind = "migration"
    campaign = None

    @cached_property
    def _cast(self) -> Cast:
        return assemble(
            self.seed,
            self.name,
            self.count,
            sizes=(1, 5),
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
        rng = np.random.default_rng([self.seed, 201, day + 1])
        cast = self._cast
        first = cast.draw("day", max(1, self.days // 2), cast.group) + self.days // 4
        left = np.maximum(self.days - first, 1)
        full = self.per_day * max(self.days, 1) / left * cast.activity
        before = rng.random(self.count) < TRIED
        rate = np.where(day < first, TRIAL * before, full)
        rate = rate * np.where(
            (weekday >= SATURDAY) & (cast.draw("week", 2, cast.group) == 0), 0.3, 1
        )
        asked = scattered(
            rng, rate, day=day, start_us=start_us, answers=PACE, rhythm=RHYTHM, zone=cast.home.zone
        )
        owner = cast.group[asked.account] * 2 + (mix(asked.session) & 1)
        form = forms("migrations").pick(owner, cast.home.language[asked.account])
        return answered(rng, asked, forms("migrations"), form)

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the texts and every other column."""
        who, cast = arrivals.account, self._cast
        said = forms("migrations").write(
            rng,
            arrivals.part,
            cast.group[who],
            cast.home.language[who],
            output_tokens=None if self.brief else arrivals.output_tokens,
        )
        columns = {
            **places.clouds(self.seed, self.name, cast.group[who], arrivals.session & 7),
            "temperature": 0.0,
            **cast.columns(arrivals),
        }
        return written(arrivals, rng, said, columns)
