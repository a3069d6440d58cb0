"""An agency keeps an account for each customer and pays them all with one card.

Shared card, shared address, shared house prompt; what differs is whom they write for.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.lab import places
from stillhunt.lab.arrivals import SATURDAY, Arrivals
from stillhunt.lab.cast import DESKS, Cast, answered, assemble, written
from stillhunt.lab.clients import BROWSERS
from stillhunt.lab.forms import bank, forms
from stillhunt.lab.identity import Identity
from stillhunt.lab.moments import release_us
from stillhunt.lab.native import mix
from stillhunt.lab.pacing import (
    SESSION_TURNS,
    Answers,
    loops,
    sessions,
)

__all__ = ["Agencies"]

KIND = Identity(
    tiers=("person", "organisation"),
    uses=("marketing", "media", "writing"),
    card="one",
    device="few",
    email="own",
    member=0.4,
    oldest_days=500,
)
SOFTWARE = (*BROWSERS[:4], 6, 9)
CUSTOMERS = 5000
PACE = Answers(median=380, sigma=0.5)


@dataclass(frozen=True, kw_only=True)
class Agencies:
    """Agencies of five to sixteen accounts."""

    name: str = "agencies"
    count: int
    seed: int
    days: int = 1
    start_us: int = 0
    per_day: float = 11.0
    brief: bool = False

    title = "Agencies with one card"
    kind = "agency"
    campaign = None

    @cached_property
    def _cast(self) -> Cast:
        return assemble(
            self.seed,
            self.name,
            self.count,
            sizes=(5, 17),
            software=SOFTWARE,
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
        rng = np.random.default_rng([self.seed, 181, day + 1])
        cast = self._cast
        rate = self.per_day * 1.3 * cast.activity * (0.1 if weekday >= SATURDAY else 1)
        hour = (cast.draw("hour", 8, cast.group) + 9 - cast.home.zone) % 24
        asked = sessions(
            rng,
            rate * 0.7 / SESSION_TURNS,
            cast.home.zone,
            day=day,
            start_us=start_us,
            rhythm=DESKS,
        ).join(
            loops(
                rng,
                rng.poisson(rate * 0.3),
                day=day,
                start_us=start_us,
                answers=PACE,
                cv=1.5,
                begin_h=hour.astype(float),
                hours=0.5,
            )
        )
        form = rng.choice(4, len(asked), p=[0.45, 0.25, 0.2, 0.1])
        return answered(rng, asked, forms("agencies"), form)

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the texts and every other column."""
        who, cast = arrivals.account, self._cast
        group = cast.group[who]
        names = bank("customers", CUSTOMERS, "ask", "en")
        customer = pc.binary_join_element_wise(
            "customer",
            pa.array(mix(who) & 0xFFFF).cast(pa.string()),
            pc.utf8_slice_codeunits(names.take(pa.array(mix(who) % CUSTOMERS)), 0, 40),
            " ",
        )
        said = forms("agencies").write(
            rng,
            arrivals.part,
            group,
            cast.home.language[who],
            given={"client": customer},
            output_tokens=None if self.brief else arrivals.output_tokens,
        )
        columns = {
            **places.offices(self.seed, self.name, group, cast.home.country[who]),
            **cast.columns(arrivals),
        }
        return written(arrivals, rng, said, columns)
