"""Testers who probe a product for its owner, and have said so beforehand.

Thousands of techniques and many refusals, like a prober; declared, few and slow to change.
"""

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.lab import places
from stillhunt.lab.arrivals import SATURDAY, Arrivals
from stillhunt.lab.cast import DESKS, Cast, answered, assemble, written
from stillhunt.lab.forms import forms
from stillhunt.lab.identity import BUSINESS
from stillhunt.lab.moments import release_us
from stillhunt.lab.pacing import SESSION_TURNS, Answers, loops, sessions

__all__ = ["Redteams"]

KIND = dataclasses.replace(
    BUSINESS, tiers=("organisation", "contract"), uses=("safety testing",), unpaid=0.1
)
PROBES, DECLINED = (0, 1, 2, 5), 0.45  # forms that are attempts, and how many are declined
PACE = Answers(median=80, sigma=0.9)


@dataclass(frozen=True, kw_only=True)
class Redteams:
    """Teams of two to seven accounts."""

    name: str = "redteams"
    count: int
    seed: int
    days: int = 1
    start_us: int = 0
    per_day: float = 25.0
    brief: bool = False

    title = "Declared red teams"
    kind = "redteam"
    campaign = None

    @cached_property
    def _cast(self) -> Cast:
        return assemble(
            self.seed,
            self.name,
            self.count,
            sizes=(2, 8),
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
        rng = np.random.default_rng([self.seed, 241, day + 1])
        cast = self._cast
        rate = self.per_day * 1.4 * cast.activity * (weekday < SATURDAY)
        asked = sessions(
            rng,
            rate * 0.5 / SESSION_TURNS,
            cast.home.zone,
            day=day,
            start_us=start_us,
            rhythm=DESKS,
        ).join(
            loops(
                rng,
                rng.poisson(rate * 0.5),
                day=day,
                start_us=start_us,
                answers=PACE,
                cv=0.9,
                begin_h=((18 - cast.home.zone) % 24).astype(float),
                hours=1.5,
            )
        )
        first = rng.choice(5, len(asked), p=[0.35, 0.2, 0.2, 0.1, 0.15])
        return answered(rng, asked, forms("redteams"), np.where(asked.turn > 1, 5, first))

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the texts and every other column."""
        who, cast = arrivals.account, self._cast
        said = forms("redteams").write(
            rng,
            arrivals.part,
            cast.group[who],
            cast.home.language[who],
            output_tokens=None if self.brief else arrivals.output_tokens,
        )
        declined = np.isin(arrivals.part, PROBES) & (rng.random(len(arrivals)) < DECLINED)
        columns = {
            **places.offices(self.seed, self.name, cast.group[who], cast.home.country[who]),
            "finish_reason": pc.if_else(pa.array(declined), "refusal", "stop"),
            **cast.columns(arrivals),
        }
        return written(arrivals, rng, said, columns)
