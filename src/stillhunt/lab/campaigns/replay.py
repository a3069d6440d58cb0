"""Replay: conversations that were recorded elsewhere are sent again, whole.

Modelled after a disclosure of 2026: more than 400,000 requests through 1,500 accounts in 20 days.
Each request carries a long history from its first moment, dates that have passed, no wait that a
person would need, and nothing in the cache; the same conversation is sampled several times.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from stillhunt.lab.arrivals import DAY_US, Arrivals
from stillhunt.lab.attack.operation import Operation, spoken
from stillhunt.lab.attack.users import Users
from stillhunt.lab.forms import Said
from stillhunt.lab.grammar import IntArray
from stillhunt.lab.native import mix

__all__ = ["Replay"]

STORED = 4_001  # conversations that were recorded
AGE_DAYS = (30, 240)  # how long ago
LENGTH_MEDIAN, LENGTH_SIGMA = 11.0, 0.8  # turns of a stored conversation
LONGEST = 90
HISTORY = 700  # tokens of each of its turns


@dataclass(frozen=True, kw_only=True)
class Replay(Operation):
    """Stored sessions through accounts that never had them."""

    per_day: float = 13.0

    title = "Replay of stored sessions"
    kind = "replay"
    families = ("resume",)
    templates = (1, 2)

    @cached_property
    def _users(self) -> Users:
        return Users(seed=self.salted, count=STORED, varied=bool(self.ways.paraphrase))

    @cached_property
    def _stored(self) -> dict[str, IntArray]:
        """Return what was recorded: how long, and when."""
        rng = self.rng(61)
        turns = rng.lognormal(np.log(LENGTH_MEDIAN), LENGTH_SIGMA, STORED)
        return {
            "turns": np.clip(turns, 2, LONGEST).astype(np.int64),
            "age_us": rng.integers(*AGE_DAYS, STORED) * DAY_US,
        }

    def assigned(self, rng: np.random.Generator, arrivals: Arrivals) -> Arrivals:
        """Return *arrivals* with a place in a stored conversation each."""
        story = arrivals.session // 3 % STORED  # three places of each are of use
        turns = self._stored["turns"][story]
        turn = np.maximum(2, turns - arrivals.session % 3 * turns // 3)
        arrivals = super().assigned(rng, arrivals)
        return replace(arrivals, part=np.zeros_like(story), turn=turn)

    def said(self, arrivals: Arrivals, rng: np.random.Generator) -> Said:
        """Return the last message of each conversation, the same each time it is sent."""
        story = arrivals.session // 3 % STORED
        number = arrivals.session % (3 * STORED)
        prompt = self._messages.take(pa.array(number))
        when = arrivals.ts_us - self._stored["age_us"][story]
        anew = rng.integers(0, 1 << 30, len(story))
        session = anew if self.ways.paraphrase else story
        system = self._users.systems(story, session, when)
        none: IntArray = np.zeros(len(story), dtype=np.int64)
        said = spoken(rng, prompt, system, none, arrivals, brief=self.brief)
        more = (mix(story) & 0xFF) + (arrivals.turn - 1) * HISTORY
        return Said(
            said.system, said.prompt, said.output, said.input_tokens + more, said.max_tokens
        )

    @cached_property
    def _messages(self) -> pa.Array:
        number = np.arange(3 * STORED)
        return self._users.prompts(self.rng(62), number // 3, np.full(len(number), 2))

    def columns(self, arrivals: Arrivals, rng: np.random.Generator) -> dict[str, Any]:
        """Return the columns of the harvest that are not usual."""
        codes = self._users.codes[arrivals.session // 3 % STORED]
        return super().columns(arrivals, rng) | {
            "tools": np.where(codes, 9, 0),
            "turns": 2 * arrivals.turn,
            "cached_tokens": 0,
        }
