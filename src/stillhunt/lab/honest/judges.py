"""Evaluation teams that let the model grade answers: a rubric, a question, a reply, a score.

Harvesting judgements looks the same. Here a team grades its own product: some accounts belong
to one large organisation and share its rubric, the others have one each.
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
from stillhunt.lab.pacing import Answers, loops

__all__ = ["Judges"]

KIND = dataclasses.replace(BUSINESS, uses=("evaluation", "quality assurance", *BUSINESS.uses))
TOGETHER = 0.4  # share of the accounts that belong to the large organisation
WORKDAY, WEEKEND = 0.6, 0.2  # shares of days on which an evaluation runs; guess
RUNS = (5 * WORKDAY + 2 * WEEKEND) / 7
PACE = Answers(median=40, sigma=0.7)


@dataclass(frozen=True, kw_only=True)
class Judges:
    """Accounts that grade; two fifths of them belong to one organisation."""

    name: str = "judges"
    count: int
    seed: int
    days: int = 1
    start_us: int = 0
    per_day: float = 45.0
    brief: bool = False

    title = "Grading by a model"
    kind = "judge"
    campaign = None

    @cached_property
    def _cast(self) -> Cast:
        one = assemble(
            self.seed,
            self.name,
            self.count,
            sigma=1.1,
            release=release_us(self.start_us, self.days),
        )
        group = np.where(np.arange(self.count) < TOGETHER * self.count, 0, one.group + 1)
        return dataclasses.replace(one, group=group)

    def countries(self) -> list[str]:
        """Return the country of each account."""
        return self._cast.home.codes

    def records(self, ids: list[str], start_s: int) -> list[dict[str, Any]]:
        """Return the directory records."""
        return self._cast.records(KIND, ids, start_s)

    def arrivals(self, day: int, start_us: int, weekday: int) -> Arrivals:
        """Return the requests of *day*."""
        rng = np.random.default_rng([self.seed, 101, day + 1])
        cast = self._cast
        runs = rng.random(self.count) < (WEEKEND if weekday >= SATURDAY else WORKDAY)
        rate = self.per_day / RUNS * cast.activity * runs
        begin = (cast.draw("hour", 24) + rng.normal(0, 0.5, self.count)) % 24
        asked = loops(
            rng,
            rng.poisson(rate),
            day=day,
            start_us=start_us,
            answers=PACE,
            cv=1.1,
            begin_h=begin,
            hours=rng.uniform(0.2, 3.0, self.count),
        )
        form = forms("judges").pick(cast.group, cast.home.language)[asked.account]
        return answered(rng, asked, forms("judges"), form)

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the texts and every other column."""
        who, cast = arrivals.account, self._cast
        said = forms("judges").write(
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
