"""Staff of a firm: one address, one library of prompts, and often one handshake for all.

Where a proxy of the firm opens TLS, every browser shows the proxy's fingerprint.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from stillhunt.lab import clients, places
from stillhunt.lab.arrivals import SATURDAY, Arrivals
from stillhunt.lab.cast import DESKS, Cast, answered, assemble, follows, written
from stillhunt.lab.clients import CLIENTS, DESKTOP, INSPECTORS
from stillhunt.lab.forms import forms
from stillhunt.lab.identity import Identity
from stillhunt.lab.moments import release_us
from stillhunt.lab.native import hexes
from stillhunt.lab.pacing import (
    SESSION_TURNS,
    sessions,
)

__all__ = ["Offices"]

KIND = Identity(
    tiers=("person", "organisation"),
    uses=("writing", "office", "unknown"),
    card="org",
    email="own",
    member=0.8,
)
SOFTWARE = (0, 0, 0, 1, 3, DESKTOP, 6)
INSPECTED = 0.3  # share of firms whose proxy opens TLS; guess


@dataclass(frozen=True, kw_only=True)
class Offices:
    """Firms of five to forty people."""

    name: str = "offices"
    count: int
    seed: int
    days: int = 1
    start_us: int = 0
    per_day: float = 7.0
    brief: bool = False

    title = "Offices behind one address"
    kind = "office"
    campaign = None

    @cached_property
    def _cast(self) -> Cast:
        return assemble(
            self.seed,
            self.name,
            self.count,
            sizes=(5, 41),
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
        rng = np.random.default_rng([self.seed, 171, day + 1])
        cast = self._cast
        rate = self.per_day / SESSION_TURNS * 1.35 * cast.activity
        rate = rate * (0.05 if weekday >= SATURDAY else 1)
        asked = sessions(rng, rate, cast.home.zone, day=day, start_us=start_us, rhythm=DESKS)
        first = rng.choice(4, len(asked), p=[0.3, 0.25, 0.25, 0.2])
        asks_on = follows(rng, asked, 0.5)
        return answered(rng, asked, forms("offices"), np.where(asks_on, 4, first))

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the texts and every other column."""
        who, cast = arrivals.account, self._cast
        group = cast.group[who]
        said = forms("offices").write(
            rng,
            arrivals.part,
            group,
            cast.home.language[who],
            output_tokens=None if self.brief else arrivals.output_tokens,
        )
        opened = cast.draw("opened", 10, group) < INSPECTED * 10
        library = np.where(opened, len(CLIENTS) + group % len(INSPECTORS), cast.client[who])
        columns = {
            **places.offices(self.seed, self.name, group, cast.home.country[who]),
            "session_id": hexes(arrivals.session, "s-{:015x}"),
            **cast.columns(arrivals),
            **clients.columns(cast.client[who], who, library),
        }
        return written(arrivals, rng, said, columns)
