"""One account, hundreds of strangers in every language, at every hour.

A relay that sells somebody else's access looks just like this. Half of them name the end user.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.lab import places
from stillhunt.lab.arrivals import Arrivals
from stillhunt.lab.cast import Cast, answered, assemble, follows, written
from stillhunt.lab.forms import forms
from stillhunt.lab.grammar import IntArray
from stillhunt.lab.homelands import Homeland, settle
from stillhunt.lab.identity import BUSINESS
from stillhunt.lab.moments import release_us
from stillhunt.lab.native import hexes, mix
from stillhunt.lab.pacing import sessions
from stillhunt.lab.shapes import hours

__all__ = ["Saas"]

SOFTWARE = (6, 7, 8, 12, 13, 15)
TURNS = 3.0
WORLDLY = 0.6  # share of products with users in every language; guess
WORLD = 5000
USERS = 600  # of one product; the first of them come most often
SWELL = hours("clients")


@dataclass(frozen=True, kw_only=True)
class Saas:
    """Products built on the model."""

    name: str = "saas"
    count: int
    seed: int
    days: int = 1
    start_us: int = 0
    per_day: float = 70.0
    brief: bool = False

    title = "Products with their own users"
    kind = "saas"
    campaign = None

    @cached_property
    def _cast(self) -> Cast:
        return assemble(
            self.seed,
            self.name,
            self.count,
            sigma=1.3,
            software=SOFTWARE,
            release=release_us(self.start_us, self.days),
        )

    def countries(self) -> list[str]:
        """Return the country of each account."""
        return self._cast.home.codes

    def records(self, ids: list[str], start_s: int) -> list[dict[str, Any]]:
        """Return the directory records."""
        return self._cast.records(BUSINESS, ids, start_s)

    def arrivals(self, day: int, start_us: int, weekday: int) -> Arrivals:
        """Return the requests of *day*."""
        rng = np.random.default_rng([self.seed, 191, day + 1])
        cast = self._cast
        rate = self.per_day / TURNS * cast.activity
        asked = sessions(
            rng, rate, cast.home.zone, day=day, start_us=start_us, turns=TURNS, rhythm=SWELL
        )
        asks_on = follows(rng, asked, 0.5)
        form = np.where(asks_on, 2, rng.choice(2, len(asked), p=[0.75, 0.25]))
        return answered(rng, asked, forms("saas"), form)

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the texts and every other column."""
        who, cast = arrivals.account, self._cast
        user = self._users(arrivals)
        worldly = cast.draw("worldly", 10)[who] < WORLDLY * 10
        language = np.where(
            worldly, self._world.language[mix(user) % WORLD], cast.home.language[who]
        )
        said = forms("saas").write(
            rng,
            arrivals.part,
            who,
            language,
            output_tokens=None if self.brief else arrivals.output_tokens,
        )
        names = pc.if_else(
            pa.array(cast.draw("named", 2)[who] == 0), hexes(mix(user), "u-{:012x}"), None
        )
        columns = {
            **places.clouds(self.seed, self.name, who, arrivals.session & 3),
            "end_user_id": names,
            "session_id": hexes(arrivals.session, "s-{:015x}"),
            "stream": True,
            "temperature": 0.7,
            **cast.columns(arrivals),
        }
        return written(arrivals, rng, said, columns)

    @cached_property
    def _world(self) -> Homeland:
        return settle(np.random.default_rng([self.seed, 192]), WORLD)

    def _users(self, arrivals: Arrivals) -> IntArray:
        """Return the number of the end user of each request: a few come often, most seldom."""
        chance = (mix(arrivals.session) & 0xFFFF_FFFF) / 2**32
        mine: IntArray = arrivals.account * USERS + (USERS * chance**2).astype(np.int64)
        return mine
