"""Many who run the same public suite on the same day: identical prompts, hundreds of them.

Each is on his own. Some suites ask for thinking step by step, and all are sampled coldly.
"""

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from stillhunt.lab import places
from stillhunt.lab.arrivals import DAY_US, Arrivals
from stillhunt.lab.cast import Cast, answered, assemble, written
from stillhunt.lab.forms import bank, forms
from stillhunt.lab.identity import PERSON
from stillhunt.lab.moments import release_us
from stillhunt.lab.pacing import Answers, loops

__all__ = ["Suites"]

KIND = dataclasses.replace(PERSON, uses=("research", "evaluation", "study", "unknown"), member=0.5)
ITEMS = 1500  # of a suite, as many as the well-known ones have
SUITES = 5
CROWD, STRAY = 0.6, 0.05  # shares of accounts that run a suite on its day and on others
PACE = Answers(median=150, sigma=0.6)


@dataclass(frozen=True, kw_only=True)
class Suites:
    """Labs, students and firms that measure models."""

    name: str = "suites"
    count: int
    seed: int
    days: int = 1
    start_us: int = 0
    per_day: float = 40.0
    brief: bool = False

    title = "Public evaluation suites"
    kind = "suite"
    campaign = None

    @cached_property
    def _cast(self) -> Cast:
        return assemble(
            self.seed,
            self.name,
            self.count,
            sigma=0.7,
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
        rng = np.random.default_rng([self.seed, 131, day + 1])
        cast = self._cast
        big = day in self._days
        share = CROWD if big else STRAY
        runs = rng.random(self.count) < share
        size = self.per_day * max(self.days, 1) / (CROWD * len(self._days) + STRAY * self.days)
        counts = np.minimum(rng.poisson(size * cast.activity * runs), ITEMS)
        begin = (9 - cast.home.zone + rng.exponential(4.0, self.count)) % 24
        asked = loops(
            rng,
            counts,
            day=day,
            start_us=start_us,
            answers=PACE,
            cv=0.7,
            begin_h=begin,
            hours=np.maximum(counts * PACE.mean_s / 3600 / rng.integers(1, 9, self.count), 0.02),
        )
        suite = np.full(self.count, self._days.index(day)) if big else cast.draw("suite", SUITES)
        return answered(rng, asked, forms("suites"), suite[asked.account] % len(forms("suites")))

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the texts and every other column."""
        who, cast = arrivals.account, self._cast
        suite, n = arrivals.part, len(arrivals)
        turn = np.zeros(n, dtype=np.int64)  # in which place of its run each request stands
        order = np.lexsort((arrivals.ts_us, who))
        same = np.r_[False, np.diff(who[order]) == 0] if n else np.zeros(0, dtype=bool)
        start = np.maximum.accumulate(np.where(same, 0, np.arange(n))) if n else turn
        turn[order] = np.arange(n) - start
        item = (turn + arrivals.ts_us // DAY_US * 131 + cast.draw("first", ITEMS)[who]) % ITEMS
        given = {
            "item": bank("suite items", ITEMS * SUITES, "exercise", "en").take(
                pa.array(item * SUITES + suite)
            ),
            "options": bank("suite options", ITEMS, "state", "en", 3).take(pa.array(item)),
        }
        said = forms("suites").write(
            rng,
            suite,
            who,
            np.zeros(n, dtype=np.int64),
            given=given,
            output_tokens=None if self.brief else arrivals.output_tokens,
        )
        columns = {
            **places.clouds(self.seed, self.name, who, arrivals.session & 3),
            "temperature": 0.0,
            **cast.columns(arrivals),
        }
        return written(arrivals, rng, said, columns)

    @cached_property
    def _days(self) -> list[int]:
        """Return the days on which everybody runs the same suite."""
        rng = np.random.default_rng([self.seed, 132])
        return sorted(rng.permutation(self.days)[: max(1, self.days // 5)].tolist())
