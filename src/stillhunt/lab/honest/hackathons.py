"""Two days in one hall: fresh accounts on free credits, one network, one starter kit, no sleep."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from stillhunt.lab import places
from stillhunt.lab.arrivals import Arrivals
from stillhunt.lab.cast import Cast, answered, assemble, written
from stillhunt.lab.clients import BROWSERS, DESKTOP, SDKS, TOOLS
from stillhunt.lab.forms import banked, forms
from stillhunt.lab.identity import Identity
from stillhunt.lab.moments import release_us
from stillhunt.lab.native import mix
from stillhunt.lab.pacing import Answers, loops, sessions

__all__ = ["Hackathons"]

KIND = Identity(
    tiers=("basic",), uses=("coding", "hackathon"), oldest_days=6, burst_h=8, unpaid=0.85
)
SOFTWARE = (*BROWSERS, DESKTOP, *SDKS[:5], *TOOLS)
AWAKE = np.array([7, 6, 5, 4, 3, 3, 4, 5, 6, 8, 9, 9, 8, 8, 9, 9, 9, 9, 8, 8, 9, 9, 9, 8.0])
TURNS = 4.0
LASTS = 2  # days
IDEAS = 3000
PACE = Answers(median=300, sigma=0.7)


@dataclass(frozen=True, kw_only=True)
class Hackathons:
    """Teams of some events."""

    name: str = "hackathons"
    count: int
    seed: int
    days: int = 1
    start_us: int = 0
    per_day: float = 30.0
    brief: bool = False

    title = "Hackathons"
    kind = "hackathon"
    campaign = None

    @cached_property
    def _cast(self) -> Cast:
        return assemble(
            self.seed,
            self.name,
            self.count,
            sizes=(12, 32),
            software=SOFTWARE,
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
        rng = np.random.default_rng([self.seed, 161, day + 1])
        cast = self._cast
        on = (day - cast.draw("first", max(1, self.days - 1), cast.group)) % max(
            self.days, LASTS
        ) < LASTS
        busy = self.per_day * max(self.days, LASTS) / LASTS / 2  # half typed, half by programs
        asked = sessions(
            rng,
            busy / TURNS * cast.activity * on,
            cast.home.zone,
            day=day,
            start_us=start_us,
            rhythm=AWAKE,
            turns=TURNS,
        ).join(
            loops(
                rng,
                rng.poisson(busy * cast.activity * on),
                day=day,
                start_us=start_us,
                answers=PACE,
                cv=2.5,
            )
        )
        form = np.where(
            asked.turn > 1, rng.integers(1, 5, len(asked)), rng.integers(0, 4, len(asked))
        )
        return answered(rng, asked, forms("hackathons"), form)

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the texts and every other column."""
        who, cast = arrivals.account, self._cast
        group = cast.group[who]
        team = group * 97 + cast.draw("team", 6)[who]
        given = {"idea": banked("ideas", IDEAS, mix(team), cast.home.language[who])}
        said = forms("hackathons").write(
            rng,
            arrivals.part,
            group,
            cast.home.language[who],
            given=given,
            output_tokens=None if self.brief else arrivals.output_tokens,
        )
        columns = {
            **places.offices(self.seed, self.name, group, cast.home.country[who]),
            **cast.columns(arrivals),
        }
        return written(arrivals, rng, said, columns)
