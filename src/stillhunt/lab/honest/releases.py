"""People who try a new model within hours: strangers, with many of the same trick questions.

A campaign that pivots to the new model makes the same step on the same day.
"""

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.lab import places
from stillhunt.lab.arrivals import DAY_US, Arrivals
from stillhunt.lab.cast import Cast, answered, assemble, written
from stillhunt.lab.clients import BROWSERS, SDKS, TOOLS
from stillhunt.lab.forms import banked, forms
from stillhunt.lab.identity import PERSON
from stillhunt.lab.moments import NEWEST, RELEASE_HOUR, release_us
from stillhunt.lab.native import mix
from stillhunt.lab.pacing import SESSION_TURNS, Answers, loops, sessions

__all__ = ["Releases"]

KIND = dataclasses.replace(PERSON, uses=("coding", "writing", "research", "unknown"))
SOFTWARE = (*BROWSERS, *SDKS[:4], *TOOLS)
QUIET = 0.3  # share of their requests that do not belong to a release
BESIDE = 0.25  # share of the trick questions that the old model gets, for comparison
LIST = 60  # prompts on one's own list
TRICKS = 60_000
ON_NEW = 100  # added to the form of what is tried on release day
PACE = Answers(median=300, sigma=0.9)


@dataclass(frozen=True, kw_only=True)
class Releases:
    """Tinkerers and writers, each with a list of his own."""

    name: str = "releases"
    count: int
    seed: int
    days: int = 1
    start_us: int = 0
    per_day: float = 8.0
    brief: bool = False

    title = "Release-day benchmarkers"
    kind = "benchmarker"
    campaign = None

    @cached_property
    def _cast(self) -> Cast:
        return assemble(
            self.seed,
            self.name,
            self.count,
            sigma=0.9,
            software=SOFTWARE,
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
        rng = np.random.default_rng([self.seed, 221, day + 1])
        cast = self._cast
        usual = self.per_day * QUIET / SESSION_TURNS * cast.activity
        asked = sessions(rng, usual, cast.home.zone, day=day, start_us=start_us)
        release = self._cast.release
        since = day - (release - self.start_us) // DAY_US if release is not None else 0
        if since in (0, 1):
            rush = self.per_day * (1 - QUIET) * max(self.days, 1) / 2 * cast.activity
            begin = RELEASE_HOUR + rng.exponential(3.0, self.count) if since == 0 else 9.0
            runs = loops(
                rng,
                rng.poisson(rush),
                day=day,
                start_us=start_us,
                answers=PACE,
                cv=1.4,
                begin_h=begin,
                hours=rng.uniform(0.3, 4.0, self.count),
                part=1,
            )
            asked = asked.join(runs)
        new = asked.part == 1
        form = np.where(
            new,
            rng.choice(6, len(asked), p=[0.1, 0.12, 0.4, 0.2, 0.08, 0.1]),
            rng.choice([2, 5], len(asked), p=[0.7, 0.3]),
        )
        told = answered(rng, asked, forms("releases"), form)
        return dataclasses.replace(told, part=form + ON_NEW * new)

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the texts and every other column."""
        who, cast = arrivals.account, self._cast
        new, form = arrivals.part >= ON_NEW, arrivals.part % ON_NEW
        own = (
            mix(who * LIST + (mix(arrivals.session + arrivals.turn) & 0xFFFF) % LIST) & 0x7FFF_FFFF
        )
        given = {"mine": banked("tricks", TRICKS, own, cast.home.language[who])}
        said = forms("releases").write(
            rng,
            form,
            who,
            cast.home.language[who],
            given=given,
            output_tokens=None if self.brief else arrivals.output_tokens,
        )
        columns = {
            **places.homes(self.seed, self.name, who, arrivals.ts_us, cast.home.country[who]),
            **cast.columns(arrivals),
        }
        both = new & (rng.random(len(arrivals)) < BESIDE)
        columns["model"] = pc.if_else(
            pa.array(new), pc.if_else(pa.array(both), "m-2", NEWEST), columns["model"]
        )
        return written(arrivals, rng, said, columns)
