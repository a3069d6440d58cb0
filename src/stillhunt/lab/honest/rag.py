"""Unrelated customers of a public framework: the same frame, each with documents of his own.

Hundreds of accounts share a rare text word by word, and have nothing else in common.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from stillhunt.lab import places
from stillhunt.lab.arrivals import SATURDAY, Arrivals
from stillhunt.lab.cast import Cast, answered, assemble, written
from stillhunt.lab.forms import forms
from stillhunt.lab.identity import BUSINESS, PERSON
from stillhunt.lab.moments import release_us
from stillhunt.lab.pacing import RHYTHM, Answers, scattered

__all__ = ["Rag"]

FRAMES = (0, 1, 1, 4)  # forms that a kit uses first; some kits are more popular
SOFTWARE = (6, 7, 8, 11, 11, 12)  # libraries of such kits
USUAL = 0.8  # share of requests through the kit's main form
PRIVATE = 0.4  # share of owners who are people, not firms; guess
WEEKEND = 0.5
BUSY = (5 + 2 * WEEKEND) / 7
PACE = Answers(median=100, sigma=0.7)


@dataclass(frozen=True, kw_only=True)
class Rag:
    """Owners of document search, each on his own."""

    name: str = "rag"
    count: int
    seed: int
    days: int = 1
    start_us: int = 0
    per_day: float = 12.0
    brief: bool = False

    title = "Answers from documents"
    kind = "rag"
    campaign = None

    @cached_property
    def _cast(self) -> Cast:
        return assemble(
            self.seed,
            self.name,
            self.count,
            sigma=1.2,
            software=SOFTWARE,
            release=release_us(self.start_us, self.days),
        )

    def countries(self) -> list[str]:
        """Return the country of each account."""
        return self._cast.home.codes

    def records(self, ids: list[str], start_s: int) -> list[dict[str, Any]]:
        """Return the directory records."""
        private = np.random.default_rng([self.seed, 112]).random(self.count) < PRIVATE
        people = self._cast.records(PERSON, ids, start_s)
        firms = self._cast.records(BUSINESS, ids, start_s)
        return [p if one else f for p, f, one in zip(people, firms, private.tolist(), strict=True)]

    def arrivals(self, day: int, start_us: int, weekday: int) -> Arrivals:
        """Return the requests of *day*."""
        rng = np.random.default_rng([self.seed, 111, day + 1])
        cast = self._cast
        rate = self.per_day / BUSY * cast.activity * (WEEKEND if weekday >= SATURDAY else 1)
        asked = scattered(
            rng, rate, day=day, start_us=start_us, answers=PACE, rhythm=RHYTHM, zone=cast.home.zone
        )
        kit = cast.draw("kit", len(FRAMES))[asked.account]
        first = rng.random(len(asked)) < USUAL
        other = rng.integers(0, len(forms("rag")), len(asked))
        return answered(rng, asked, forms("rag"), np.where(first, np.array(FRAMES)[kit], other))

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the texts and every other column."""
        who, cast = arrivals.account, self._cast
        said = forms("rag").write(
            rng,
            arrivals.part,
            who,
            cast.home.language[who],
            output_tokens=None if self.brief else arrivals.output_tokens,
        )
        columns = {
            **places.clouds(self.seed, self.name, who, arrivals.session & 1),
            "temperature": 0.0,
            **cast.columns(arrivals),
        }
        return written(arrivals, rng, said, columns)
