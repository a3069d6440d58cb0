"""Hot standby: after a wave of bans other accounts, idle so far, work within minutes."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from stillhunt.lab.arrivals import Arrivals
from stillhunt.lab.attack.bans import lost_at_once
from stillhunt.lab.attack.cover import Cover
from stillhunt.lab.attack.operation import HONEST, Operation
from stillhunt.lab.attack.roster import Roster
from stillhunt.lab.grammar import IntArray

__all__ = ["Standby"]

SHARE = (0.35, 0.5)  # of the accounts stand by
IDLE = 0.4  # requests a day by which they look alive


@dataclass(frozen=True, kw_only=True)
class Standby(Operation):
    """A front and a reserve."""

    per_day: float = 26.0

    title = "Hot standby after a ban"
    kind = "standby"
    families = ("solve", "code", "agent", "lesson", "retrospect")
    templates = (2, 5)

    @cached_property
    def _plan(self) -> tuple[Roster, dict[int, int], IntArray]:
        rng = self.rng(31)
        return lost_at_once(rng, self.count, self.days, standing_by=rng.uniform(*SHARE))

    @cached_property
    def roster(self) -> Roster:
        """The front until it falls, then the reserve."""
        return self._plan[0]

    @property
    def bans(self) -> Mapping[int, int]:
        """Who is shut out, and when [us since the start]."""
        return self._plan[1]

    @cached_property
    def _idle(self) -> Cover:
        return Cover(
            name=self.name, count=self.count, seed=self.salted, per_day=IDLE, brief=self.brief
        )

    def arrivals(self, day: int, start_us: int, weekday: int) -> Arrivals:
        """Return the requests of *day*, and the few by which the reserve looks alive."""
        found = super().arrivals(day, start_us, weekday)
        idle = self._idle.arrivals(day, start_us, weekday)
        waits = idle.ts_us - start_us < self.roster.begin_us[idle.account]
        idle = idle.take(waits & (idle.account >= self._plan[2].min()))
        return found.join(dataclasses.replace(idle, part=HONEST + idle.account))
