"""Learners who put a key of their own into an app: its prompt, its exercises, their homes.

Accounts all over the world share a private system prompt and a bank of exercises.
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
from stillhunt.lab.forms import banked, forms
from stillhunt.lab.homelands import Homeland, settle
from stillhunt.lab.identity import PERSON
from stillhunt.lab.moments import release_us
from stillhunt.lab.native import hexes, mix
from stillhunt.lab.pacing import sessions

__all__ = ["Learning"]

SOFTWARE = (4, 8, 14, DESKTOP)  # an app is one program
TURNS = 5.0
BANK = 1200


@dataclass(frozen=True, kw_only=True)
class Learning:
    """Users of a few learning apps."""

    name: str = "learning"
    count: int
    seed: int
    days: int = 1
    start_us: int = 0
    per_day: float = 5.0
    brief: bool = False

    title = "Learning apps"
    kind = "learner"
    campaign = None

    @cached_property
    def _cast(self) -> Cast:
        return assemble(
            self.seed,
            self.name,
            self.count,
            sizes=(30, 140),
            software=SOFTWARE,
            shared=True,
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
        rng = np.random.default_rng([self.seed, 151, day + 1])
        cast = self._cast
        rate = self.per_day / TURNS * cast.activity
        asked = sessions(rng, rate, self._home.zone, day=day, start_us=start_us, turns=TURNS)
        asks_on = follows(rng, asked, 0.3)
        return answered(
            rng, asked, forms("learning"), np.where(asks_on, 2, rng.integers(0, 2, len(asked)))
        )

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the texts and every other column."""
        who, cast = arrivals.account, self._cast
        group = cast.group[who]
        step = (mix(arrivals.session) & 0xFFFF) % 40 + arrivals.turn + cast.draw("unit", 200)[who]
        number = (step + cast.draw("bank", BANK, group)) % BANK
        language = self._home.language[who]
        given = {
            "nr": pa.array(step).cast(pa.string()),
            "task": banked("app exercises", BANK, number, language),
        }
        said = forms("learning").write(
            rng,
            arrivals.part,
            group,
            language,
            given=given,
            output_tokens=None if self.brief else arrivals.output_tokens,
        )
        columns = {
            **places.homes(self.seed, self.name, who, arrivals.ts_us, self._home.country[who]),
            "session_id": hexes(arrivals.session, "s-{:015x}"),
            "stream": True,
            **cast.columns(arrivals),
        }
        return written(arrivals, rng, said, columns)

    @cached_property
    def _home(self) -> Homeland:
        """Return where each learner lives: not where his app comes from."""
        return settle(np.random.default_rng([self.seed, 152]), self.count)
