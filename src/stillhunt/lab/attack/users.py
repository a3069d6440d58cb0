"""A lab's own users, whose requests it sends on: a dozen languages, chat and coding, real people.

They cost a harvester nothing to invent and look like everybody, because they are.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.lab.arrivals import DAY_US, SATURDAY, Arrivals
from stillhunt.lab.attack.wording import expand
from stillhunt.lab.grammar import LANGUAGES, IntArray, grammar, phrases, place
from stillhunt.lab.native import mix
from stillhunt.lab.pacing import SESSION_TURNS, sessions
from stillhunt.lab.people import WEEKEND

__all__ = ["TONGUES", "Users"]

TONGUES = (*LANGUAGES, *(f"attack_{code}" for code in ("ja", "ko", "it", "tr", "id", "ar")))
ZONES = (-5, -5, 1, 1, -3, 3, 8, 9, 9, 1, 3, 7, 2)  # hours from UTC, where each is spoken
AT_HOME = 6  # index of the language of the lab's home market
HOME_SHARE = (0.2, 0.6)
CODERS = (0.3, 0.7)  # share of users who work with the lab's coding harness
CODER_TURNS = 3  # a coding session is this much longer
WEEK = (5 + 2 * WEEKEND) / 7
AT_WORK = 0.85  # share of what a coder asks that is about code
FOLLOW = 0.5  # share of later turns that only ask on
_SLOT = re.compile(r"\{(date|folder|os)\}")
DATES = ("%Y-%m-%d", "%d %B %Y", "%B %d, %Y", "%d/%m/%Y")


@dataclass(frozen=True, kw_only=True)
class Users:
    """People who do not know where their questions go."""

    seed: int
    count: int
    varied: bool = False
    """Whether the lab words its system prompt anew for every conversation."""

    @cached_property
    def language(self) -> IntArray:
        """Index into ``TONGUES`` of each user."""
        rng = np.random.default_rng([self.seed, 61])
        weights = rng.dirichlet(np.full(len(TONGUES), 2.0))
        home = rng.uniform(*HOME_SHARE)
        weights = (1 - home) * weights + home * (np.arange(len(TONGUES)) == AT_HOME)
        return rng.choice(len(TONGUES), self.count, p=weights)

    @cached_property
    def codes(self) -> npt.NDArray[np.bool_]:
        """Whether each user writes software."""
        rng = np.random.default_rng([self.seed, 62])
        return rng.random(self.count) < rng.uniform(*CODERS)

    def arrivals(
        self, rng: np.random.Generator, total: float, *, day: int, start_us: int, weekday: int
    ) -> Arrivals:
        """Return about *total* requests on a mean day; ``account`` is the user."""
        share = (WEEKEND if weekday >= SATURDAY else 1) / WEEK
        busy = rng.lognormal(-0.3, 0.8, self.count)
        turns = np.where(self.codes, CODER_TURNS, 1) * SESSION_TURNS
        rate = busy / busy.mean() * total * share / self.count / turns.mean()
        found = Arrivals.none()
        for codes in (False, True):
            mine = np.where(self.codes == codes, rate, 0)
            found = found.join(
                sessions(
                    rng, mine, np.array(ZONES)[self.language], day=day, start_us=start_us,
                    turns=SESSION_TURNS * (CODER_TURNS if codes else 1),
                )
            )  # fmt: skip
        return found

    def prompts(self, rng: np.random.Generator, user: IntArray, turn: IntArray) -> pa.Array:
        """Return what each *user* asks at each *turn*."""
        coding = self.codes[user] & (rng.random(len(user)) < AT_WORK)
        follows = (turn > 1) & (rng.random(len(user)) < FOLLOW) & ~coding
        rows = np.flatnonzero(coding)
        parts = [(rows, grammar("attack_items").sentences(rng, len(rows), "technical"))]
        for number, name in enumerate(TONGUES):
            speaks = (self.language[user] == number) & ~coding
            words = grammar(name)
            asks = np.flatnonzero(speaks & ~follows)
            later = np.flatnonzero(speaks & follows)
            counts = rng.choice([1, 1, 2, 3], len(asks))
            parts.append((asks, words.texts(rng, counts, "ask")))
            parts.append((later, words.sentences(rng, len(later), "follow")))
        return place(parts)

    def systems(self, user: IntArray, session: IntArray, ts_us: IntArray) -> pa.Array:
        """Return the lab's own system prompts: one for its assistant, one for its harness."""
        codes = self.codes[user]
        parts = []
        for number, (kind, rows) in enumerate(
            (("assistant", np.flatnonzero(~codes)), ("harness", np.flatnonzero(codes)))
        ):
            forms = self._forms[kind]
            drawn = (mix(session[rows] + number) & 0x7FFF) % len(forms)
            for form in range(len(forms)):
                at = rows[drawn == form]
                parts.append((at, self._filled(forms[form], user[at], ts_us[at])))
        return place(parts)

    @cached_property
    def _forms(self) -> Mapping[str, list[str]]:
        """Return the wordings of each system prompt: one, or many."""
        rng = np.random.default_rng([self.seed, 63])
        words = dict(phrases("attack_words")["words"])
        words = {name: words[name] for name in ("product", "company")}
        own = {name: [str(rng.choice(w))] for name, w in words.items()}
        shapes = phrases("attack_relay")
        number = 24 if self.varied else 1
        return {
            kind: [expand(rng, str(rng.choice(shapes[kind])), own) for _ in range(number)]
            for kind in ("assistant", "harness")
        }

    def _filled(self, form: str, user: IntArray, ts_us: IntArray) -> pa.Array:
        rng = np.random.default_rng([self.seed, 64])
        written = DATES[rng.integers(len(DATES))]
        words: dict[str, list[str]] = phrases("attack_words")["words"]
        arrays: list[Any] = []
        for number, piece in enumerate(_SLOT.split(form)):
            if number % 2 == 0:
                arrays.append(pa.repeat(piece, len(user)))
            elif piece == "date":
                days = pa.array(ts_us // DAY_US * DAY_US, pa.timestamp("us"))
                arrays.append(pc.strftime(days, format=written))
            else:
                chance = (mix(user * 3 + len(piece)) & 0x7FFF) % len(words[piece])
                arrays.append(pa.array(words[piece]).take(pa.array(chance)))
        return pc.binary_join_element_wise(*arrays, "")
