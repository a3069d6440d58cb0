"""Classes: the same homework from one school's address, by accounts made in the same lesson.

Sign-up burst, shared network, shared text, shared hours: everything that a pool has.
"""

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from stillhunt.lab import places
from stillhunt.lab.arrivals import DAY_US, SATURDAY, Arrivals
from stillhunt.lab.cast import Cast, answered, assemble, follows, written
from stillhunt.lab.clients import BROWSERS, DESKTOP
from stillhunt.lab.forms import banked, forms
from stillhunt.lab.identity import Identity
from stillhunt.lab.native import hexes, mix
from stillhunt.lab.pacing import sessions

__all__ = ["Classrooms"]

KIND = Identity(
    tiers=("basic",),
    uses=("education", "study"),
    oldest_days=60,
    burst_h=1,
    email="school",
    unpaid=0.8,
)
SOFTWARE = (*BROWSERS, DESKTOP)
IN_CLASS = 0.6  # share of a pupil's sessions that fall into the lesson; guess
LESSONS = 2  # lessons a week, out of five working days
TURNS = 3.0
FIRST_HOUR = np.array([1.0] + [0.0] * 23)  # a lesson begins, and half of an hour later it ends
EVENING = np.array([0] * 14 + [2, 3, 4, 5, 6, 6, 4, 2, 1, 0], dtype=float)
TASKS = 9  # of one week's homework
BANK = 4000
FOLLOW = 4  # the last form only asks on
AT_HOME = 100  # added to the form, to remember where it was asked


@dataclass(frozen=True, kw_only=True)
class Classrooms:
    """Pupils and students, twelve to thirty in a class."""

    name: str = "classrooms"
    count: int
    seed: int
    days: int = 1
    start_us: int = 0
    per_day: float = 4.0
    brief: bool = False

    title = "Classes with homework"
    kind = "class"
    campaign = None

    @cached_property
    def _cast(self) -> Cast:
        return assemble(
            self.seed, self.name, self.count, sizes=(12, 31), software=SOFTWARE, sigma=0.6
        )

    def countries(self) -> list[str]:
        """Return the country of each account."""
        return self._cast.home.codes

    def records(self, ids: list[str], start_s: int) -> list[dict[str, Any]]:
        """Return the directory records."""
        return self._cast.records(KIND, ids, start_s)

    def arrivals(self, day: int, start_us: int, weekday: int) -> Arrivals:
        """Return the requests of *day*."""
        rng = np.random.default_rng([self.seed, 141, day + 1])
        cast = self._cast
        if weekday >= SATURDAY:
            rate = self.per_day / TURNS * 0.3 * cast.activity
            return self._asked(
                rng, sessions(rng, rate, cast.home.zone, day=day, start_us=start_us, turns=TURNS)
            )
        rate = self.per_day / TURNS * 1.28 * cast.activity
        lesson = ((cast.draw("lesson", 6, cast.group) + weekday) % 6 + 8.3) - cast.home.zone
        evening = sessions(
            rng,
            rate * (1 - IN_CLASS),
            cast.home.zone,
            day=day,
            start_us=start_us,
            turns=TURNS,
            part=1,
            rhythm=EVENING,
        )
        taught = cast.draw(f"taught {weekday}", 5, cast.group) < LESSONS
        within = sessions(
            rng,
            rate * IN_CLASS * taught * 5 / LESSONS,
            np.zeros(self.count, dtype=np.int64),
            day=day,
            start_us=start_us,
            turns=TURNS,
            rhythm=FIRST_HOUR,
        )
        moved = within.ts_us + (lesson[within.account] % 24 * 3.6e9).astype(np.int64)
        return self._asked(rng, dataclasses.replace(within, ts_us=moved).join(evening))

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the texts and every other column."""
        who, cast = arrivals.account, self._cast
        home = arrivals.part >= AT_HOME
        group, form = cast.group[who], arrivals.part % AT_HOME
        week = arrivals.ts_us // (7 * DAY_US)
        task = (mix(group * 53 + week) + mix(arrivals.session) % TASKS) & 0x7FFF_FFFF
        said = forms("classes").write(
            rng,
            form,
            group,
            cast.home.language[who],
            given={"task": banked("homework", BANK, task, cast.home.language[who])},
            output_tokens=None if self.brief else arrivals.output_tokens,
        )
        country, where = cast.home.country[who], (self.seed, self.name)
        rows = [np.flatnonzero(~home), np.flatnonzero(home)]
        columns = {
            **places.merge(
                [
                    (
                        rows[0],
                        places.campuses(*where, group[rows[0]], group[rows[0]], country[rows[0]]),
                    ),
                    (
                        rows[1],
                        places.homes(
                            *where, who[rows[1]], arrivals.ts_us[rows[1]], country[rows[1]]
                        ),
                    ),
                ]
            ),
            "session_id": hexes(arrivals.session, "s-{:015x}"),
            "stream": True,
            **cast.columns(arrivals),
        }
        return written(arrivals, rng, said, columns)

    def _asked(self, rng: np.random.Generator, asked: Arrivals) -> Arrivals:
        """Let a session begin with a task and go on with questions about it."""
        first = rng.integers(0, FOLLOW, len(asked))
        asks_on = follows(rng, asked, 0.6)
        form = np.where(asks_on, FOLLOW, first)
        home = asked.part
        told = answered(rng, asked, forms("classes"), form)
        return dataclasses.replace(told, part=form + AT_HOME * home)
