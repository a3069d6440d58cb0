"""Assistants whose system prompt changes with every request: date, user, what was retrieved.

No two prompts are equal, and thousands share the words around the fillings.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from stillhunt.lab import identity, places
from stillhunt.lab.arrivals import Arrivals
from stillhunt.lab.cast import Cast, answered, assemble, follows, written
from stillhunt.lab.clients import DESKTOP
from stillhunt.lab.forms import forms
from stillhunt.lab.grammar import IntArray
from stillhunt.lab.identity import PERSON
from stillhunt.lab.moments import release_us
from stillhunt.lab.native import hexes
from stillhunt.lab.pacing import sessions

__all__ = ["Dynamic"]

SOFTWARE = (4, DESKTOP, 6, 8, 14)
TURNS = 2.5
SYLLABLES = ("ma", "lo", "ri", "ka", "ne", "to", "su", "bel", "da", "vi", "jo", "el")


@dataclass(frozen=True, kw_only=True)
class Dynamic:
    """Owners of such an assistant, one user or a family each."""

    name: str = "dynamic"
    count: int
    seed: int
    days: int = 1
    start_us: int = 0
    per_day: float = 7.0
    brief: bool = False

    title = "Dynamic system prompts"
    kind = "assistant"
    campaign = None

    @cached_property
    def _cast(self) -> Cast:
        return assemble(
            self.seed,
            self.name,
            self.count,
            sizes=(1, 60),
            software=SOFTWARE,
            release=release_us(self.start_us, self.days),
        )

    def countries(self) -> list[str]:
        """Return the country of each account."""
        return self._cast.home.codes

    def records(self, ids: list[str], start_s: int) -> list[dict[str, Any]]:
        """Return the directory records."""
        return identity.records(
            PERSON, ids, self.countries(), seed=self.seed, name=self.name, start_s=start_s
        )

    def arrivals(self, day: int, start_us: int, weekday: int) -> Arrivals:
        """Return the requests of *day*."""
        rng = np.random.default_rng([self.seed, 251, day + 1])
        cast = self._cast
        rate = self.per_day / TURNS * cast.activity
        asked = sessions(rng, rate, cast.home.zone, day=day, start_us=start_us, turns=TURNS)
        asks_on = follows(rng, asked, 0.5)
        app = cast.draw("app", 2, cast.group)[asked.account]
        return answered(rng, asked, forms("dynamic"), np.where(asks_on, 2, app))

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the texts and every other column."""
        who, cast = arrivals.account, self._cast
        said = forms("dynamic").write(
            rng,
            arrivals.part,
            cast.group[who],
            cast.home.language[who],
            given={"now": _now(arrivals.ts_us), "user": self._names.take(pa.array(who))},
            output_tokens=None if self.brief else arrivals.output_tokens,
        )
        columns = {
            **places.homes(self.seed, self.name, who, arrivals.ts_us, cast.home.country[who]),
            "session_id": hexes(arrivals.session, "s-{:015x}"),
            "stream": True,
            **cast.columns(arrivals),
        }
        return written(arrivals, rng, said, columns)

    @cached_property
    def _names(self) -> pa.Array:
        """Return a name that nobody bears for each account's user."""
        rng = np.random.default_rng([self.seed, 252])
        drawn = rng.integers(0, len(SYLLABLES), (self.count, 3))
        return pa.array(["".join(SYLLABLES[i] for i in row).title() for row in drawn.tolist()])


def _now(ts_us: IntArray) -> pa.Array:
    return pa.array(ts_us // 60_000_000 * 60, pa.timestamp("s")).cast(pa.string())
