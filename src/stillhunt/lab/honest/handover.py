"""Teams that spread one product over several accounts; conversations change hands.

The next turn comes from another account, with the reasoning block of the first: what replayed
sessions and shared signatures look like.
"""

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from stillhunt.lab import places
from stillhunt.lab.arrivals import Arrivals
from stillhunt.lab.cast import DESKS, Cast, answered, assemble, written
from stillhunt.lab.forms import forms
from stillhunt.lab.identity import BUSINESS
from stillhunt.lab.moments import release_us
from stillhunt.lab.native import hexes, mix, signatures
from stillhunt.lab.pacing import sessions

__all__ = ["Handover"]

KIND = dataclasses.replace(BUSINESS, uses=("coding", "agents", "document processing"))
TURNS = 6.0
STAY = 5  # turns after which a conversation goes on under the next key
HOP = 0.04  # share of turns that another key takes over at once, after a refusal, say


@dataclass(frozen=True, kw_only=True)
class Handover:
    """Teams of two to five accounts."""

    name: str = "handover"
    count: int
    seed: int
    days: int = 1
    start_us: int = 0
    per_day: float = 22.0
    brief: bool = False

    title = "Conversations under several keys"
    kind = "handover"
    campaign = None

    @cached_property
    def _cast(self) -> Cast:
        return assemble(
            self.seed,
            self.name,
            self.count,
            sizes=(2, 6),
            shared=True,
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
        rng = np.random.default_rng([self.seed, 261, day + 1])
        cast = self._cast
        size = np.bincount(cast.group, minlength=1)
        busy = np.bincount(cast.group, weights=cast.activity, minlength=1).astype(float)
        rate = self.per_day / TURNS * busy
        zone = np.zeros(len(size), dtype=np.int64)
        zone[cast.group] = cast.home.zone
        asked = sessions(
            rng, rate, zone, day=day, start_us=start_us, turns=TURNS, rhythm=DESKS + 2
        )
        group = asked.account
        hops = rng.random(len(asked)) < HOP
        moved = (mix(asked.session) & 0xFF) + asked.turn // STAY + hops
        first = np.cumsum(size) - size
        member = first[group] + moved % size[group]
        form = np.where(asked.turn == 1, 0, 1 + rng.choice(2, len(asked), p=[0.6, 0.4]))
        return answered(rng, dataclasses.replace(asked, account=member), forms("handover"), form)

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the texts and every other column."""
        who, cast = arrivals.account, self._cast
        said = forms("handover").write(
            rng,
            arrivals.part,
            cast.group[who],
            cast.home.language[who],
            output_tokens=None if self.brief else arrivals.output_tokens,
        )
        columns = {
            **places.clouds(self.seed, self.name, cast.group[who], arrivals.session & 3),
            "session_id": hexes(arrivals.session, "s-{:015x}"),
            "tools": 6,
            "stream": True,
            "reasoning_tokens": arrivals.output_tokens // 2,
            "reasoning_signature_hash": signatures(arrivals.session, arrivals.turn),
            **cast.columns(arrivals),
        }
        return written(arrivals, rng, said, columns)
