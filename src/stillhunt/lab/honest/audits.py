"""Banks, insurers and offices that must give reasons: they ask for reasoning step by step.

Their words are those of somebody who harvests reasoning, and their answers are long.
"""

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from stillhunt.lab import places
from stillhunt.lab.arrivals import SATURDAY, Arrivals
from stillhunt.lab.cast import DESKS, Cast, answered, assemble, written
from stillhunt.lab.forms import forms
from stillhunt.lab.identity import BUSINESS
from stillhunt.lab.moments import release_us
from stillhunt.lab.native import mix
from stillhunt.lab.pacing import Answers, scattered

__all__ = ["Audits"]

KIND = dataclasses.replace(BUSINESS, uses=("audit", "credit decisions", "claims", "unknown"))
PACE = Answers(median=450, sigma=0.45)


@dataclass(frozen=True, kw_only=True)
class Audits:
    """Houses that document decisions; one or two accounts each."""

    name: str = "audits"
    count: int
    seed: int
    days: int = 1
    start_us: int = 0
    per_day: float = 18.0
    brief: bool = False

    title = "Decisions explained"
    kind = "audit"
    campaign = None

    @cached_property
    def _cast(self) -> Cast:
        return assemble(
            self.seed,
            self.name,
            self.count,
            sizes=(1, 3),
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
        rng = np.random.default_rng([self.seed, 121, day + 1])
        cast = self._cast
        rate = self.per_day * 7 / 5 * cast.activity * (weekday < SATURDAY)
        asked = scattered(
            rng, rate, day=day, start_us=start_us, answers=PACE, rhythm=DESKS, zone=cast.home.zone
        )
        step = mix(asked.session) & 1  # two forms for each house: by file, and on second look
        owner = cast.group[asked.account] * 2 + step
        form = forms("audits").pick(owner, cast.home.language[asked.account])
        return answered(rng, asked, forms("audits"), form)

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the texts and every other column."""
        who, cast = arrivals.account, self._cast
        said = forms("audits").write(
            rng,
            arrivals.part,
            cast.group[who],
            cast.home.language[who],
            output_tokens=None if self.brief else arrivals.output_tokens,
        )
        columns = {
            **places.clouds(self.seed, self.name, who, arrivals.session & 1),
            "temperature": 0.0,
            **cast.columns(arrivals),
        }
        return written(arrivals, rng, said, columns)
