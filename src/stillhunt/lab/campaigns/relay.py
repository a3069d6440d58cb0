"""Relay: a lab sends its own users' requests on, and keeps the answers.

Modelled after a disclosure of 2026: about 300,000 requests in ten days through 5,380 accounts.
No template and no bank of questions: high entropy, a dozen languages, coding harnesses, and in
every account people who cannot be one. Its pace is that of its users, whatever the knob says.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from stillhunt.lab.arrivals import Arrivals
from stillhunt.lab.attack.operation import Operation, spoken
from stillhunt.lab.attack.users import Users
from stillhunt.lab.forms import Said
from stillhunt.lab.grammar import IntArray
from stillhunt.lab.native import hexes, mix

__all__ = ["Relay"]

EACH = (2, 6)  # users for each account
STICKY = 0.5  # share of relays that keep a conversation in one account
HISTORY = 420  # tokens that each turn adds


@dataclass(frozen=True, kw_only=True)
class Relay(Operation):
    """Six requests a day through each account, of many people each."""

    per_day: float = 6.0

    title = "Relay of a lab's own users"
    kind = "relay"

    @cached_property
    def _users(self) -> Users:
        each = int(self.rng(41).integers(*EACH))
        return Users(seed=self.salted, count=each * self.count, varied=bool(self.ways.paraphrase))

    @cached_property
    def _sticky(self) -> bool:
        """Whether a conversation stays with its account."""
        return bool(self.rng(42).random() < STICKY)

    def harvest(self, day: int, start_us: int, rate: float) -> Arrivals:
        """Return the users' requests of *day*; ``part`` is the user."""
        rng = self.rng(43, day)
        works, busy, covered = self.roster.share(day)
        if not covered:
            return Arrivals.none()
        weekday = (start_us // 86_400_000_000 + 3 + day) % 7  # the epoch was a Thursday
        asked = self._users.arrivals(
            rng, rate * busy / covered, day=day, start_us=start_us, weekday=weekday
        )
        held = asked.session if self._sticky else asked.session + asked.turn
        through = works[(mix(held) & 0x7FFF_FFFF) % len(works)]
        sent = replace(asked, part=asked.account, account=through)
        return self.roster.stand_in(rng, sent, start_us)

    def said(self, arrivals: Arrivals, rng: np.random.Generator) -> Said:
        """Return what the users say, under the lab's system prompts."""
        users, who = self._users, arrivals.part
        prompt = users.prompts(rng, who, arrivals.turn)
        system = users.systems(who, arrivals.session, arrivals.ts_us)
        none: IntArray = np.zeros(len(who), dtype=np.int64)
        return spoken(rng, prompt, system, none, arrivals, brief=self.brief)

    def columns(self, arrivals: Arrivals, rng: np.random.Generator) -> dict[str, Any]:
        """Return the columns of the harvest that are not usual."""
        codes = self._users.codes[arrivals.part]
        history = ((arrivals.turn - 1) * HISTORY * rng.lognormal(0, 0.3, len(codes))).astype(int)
        found: dict[str, Any] = {
            "model": self.models(arrivals, rng),
            "stream": True,
            "tools": np.where(codes, 9, 0),
            "cached_tokens": np.where(self._sticky, history * 8 // 10, 0),
            "reasoning_tokens": (
                self.drawn["thinking"] * arrivals.output_tokens * rng.random(len(codes))
            ).astype(np.int64),
        }
        disguise = self.disguise(arrivals, rng)
        if disguise:
            disguise["session_id"] = hexes(arrivals.session, "s-{:015x}")
        return found | disguise

    def models(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Array:
        """Return the best model for those who write software."""
        del rng
        codes = pa.array(self._users.codes[arrivals.part])
        return pa.compute.if_else(codes, "m-2", "m-1")
