"""The accounts of a campaign: when each joins, and when it is lost."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from stillhunt.lab.arrivals import DAY_US, Arrivals
from stillhunt.lab.grammar import IntArray

__all__ = ["FOREVER", "Roster", "waves"]

FOREVER = np.int64(1) << 62
ONSET = (0.02, 0.2)  # when the first wave begins to harvest, share of the period
LATEST = 0.5  # share of the period after which no wave joins


@dataclass(frozen=True, kw_only=True)
class Roster:
    """Arrays with one entry for each account; times are us since the start of the period."""

    wave: IntArray
    """With whom it signed up."""
    begin_us: IntArray
    """When it begins to work; 0 or below: before the period."""
    end_us: IntArray
    """When the dispatcher has noticed that it is lost; ``FOREVER`` for never."""
    made_us: IntArray | None = None
    """When it signed up at the latest, where that is long before it begins to work."""

    def share(self, day: int) -> tuple[IntArray, float, float]:
        """Return who works on *day*, how many on average, and in which share of it anybody."""
        left, right = day * DAY_US, (day + 1) * DAY_US
        begin, end = np.maximum(self.begin_us, left), np.minimum(self.end_us, right)
        works = np.flatnonzero(begin < end)
        if not len(works):
            return works, 0.0, 0.0
        spans = (end - begin)[works] / DAY_US
        marks = self._marks(left, right)
        covered = sum(b - a for a, b in pairwise(marks) if len(self._at(a)))
        return works, float(spans.sum()), covered / DAY_US

    def stand_in(self, rng: np.random.Generator, arrivals: Arrivals, start_us: int) -> Arrivals:
        """Return *arrivals* with other accounts where one does not work then, or is nobody's."""
        moment = arrivals.ts_us - start_us
        who = arrivals.account.copy()
        absent = (moment < self.begin_us[who]) | (moment >= self.end_us[who])
        kept = np.ones(len(who), dtype=bool)
        if absent.any():
            times = moment[absent]
            marks = self._marks(int(times.min()), int(times.max()) + 1)
            for left, right in pairwise(marks):
                rows = np.flatnonzero(absent & (moment >= left) & (moment < right))
                here = self._at(left)
                if len(here):
                    who[rows] = here[rng.integers(0, len(here), len(rows))]
                else:
                    kept[rows] = False
        moved = type(arrivals)(**(vars(arrivals) | {"account": who}))
        return moved.take(kept)

    def within(self, arrivals: Arrivals, start_us: int) -> Arrivals:
        """Return those of *arrivals* that their accounts were there for."""
        moment, who = arrivals.ts_us - start_us, arrivals.account
        return arrivals.take((moment >= self.begin_us[who]) & (moment < self.end_us[who]))

    def _at(self, moment: int) -> IntArray:
        return np.flatnonzero((self.begin_us <= moment) & (moment < self.end_us))

    def _marks(self, left: int, right: int) -> list[int]:
        """Return the moments between which nobody comes or goes."""
        changes = np.unique(np.concatenate([self.begin_us, self.end_us]))
        inside = changes[(changes > left) & (changes < right)].tolist()
        return [left, *inside, right]


def waves(rng: np.random.Generator, count: int, days: int, *, most: int = 4) -> Roster:
    """Return accounts that sign up in one to *most* waves and stay.

    The first wave begins soon after the period does, the others in its first half, each at
    once: that is how a batch that was bought is put to work.
    """
    number = int(rng.integers(1, 1 + max(1, min(most, count // 6))))
    wave = np.sort(rng.integers(0, number, count))
    share = np.concatenate([[rng.uniform(*ONSET)], rng.uniform(ONSET[1], LATEST, number - 1)])
    begin = (share * days * DAY_US).astype(np.int64)
    return Roster(wave=wave, begin_us=begin[wave], end_us=np.full(count, FOREVER))
