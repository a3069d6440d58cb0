"""What a campaign asks about: a large bank of exercises that is worked through once.

Whoever harvests buys answers, so no question is wasted: the accounts of one campaign share the
bank out and repeat each other far less than chance. When the bank is used up its questions come
again, each with a detail that it has not had.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.lab.grammar import IntArray, grammar, place
from stillhunt.lab.native import mix

__all__ = ["DOMAINS", "Corpus"]

DOMAINS = (
    "maths", "coding", "law", "medicine", "science", "business", "puzzles", "agentic", "writing",
)  # fmt: skip
BLOCK, BLOCKS = 4_001, 10  # questions are written so many at a time, when they are wanted
QUESTIONS = BLOCK * BLOCKS
DETAILS, ANSWERS = 1_009, 4_999  # primes, so that pairs only repeat after all of them
SCHOOL = 4  # one in so many of the questions that others ask too is a school's
LONGEST = 5  # sentences of an answer that is handed in


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """The questions of one campaign."""

    seed: int
    domains: tuple[str, ...]
    common: tuple[float, float] = (0.3, 0.7)
    """Share of questions that people and schools might ask as well: at least, below."""
    _blocks: dict[tuple[int, str], pa.Array] = field(
        default_factory=dict, compare=False, repr=False
    )

    def _block(self, number: int, language: str) -> pa.Array:
        key = number, language
        if key not in self._blocks:
            self._blocks[key] = self._abroad(*key) if language != "en" else self._written(number)
        return self._blocks[key]

    def _abroad(self, number: int, language: str) -> pa.Array:
        """Return questions in another language: those that its people have."""
        rng = np.random.default_rng([self.seed, 74, number])
        words = grammar(language)
        kind = "exercise" if words.knows("exercise") else "ask"
        rows = np.arange(BLOCK)
        return place(
            [
                (rows[::SCHOOL], words.sentences(rng, len(rows[::SCHOOL]), kind)),
                (
                    rows[rows % SCHOOL > 0],
                    words.texts(rng, rng.integers(1, 4, int((rows % SCHOOL > 0).sum())), "ask"),
                ),
            ]
        )

    def _written(self, number: int) -> pa.Array:
        share = np.random.default_rng([self.seed, 70]).uniform(*self.common)
        rng = np.random.default_rng([self.seed, 71, number])
        chosen = rng.integers(0, len(self.domains), BLOCK)
        common = rng.random(BLOCK) < share
        own, words = grammar("attack_items"), grammar("en")
        rows = np.flatnonzero(common)
        school = len(rows) // SCHOOL
        parts = [
            (rows[:school], words.sentences(rng, school, "exercise")),
            (rows[school:], words.sentences(rng, len(rows) - school, "ask")),
        ]
        for one, domain in enumerate(self.domains):
            rows = np.flatnonzero(~common & (chosen == one))
            parts.append((rows, own.sentences(rng, len(rows), domain)))
        return place(parts)

    @cached_property
    def _details(self) -> pa.Array:
        rng = np.random.default_rng([self.seed, 72])
        return grammar("attack_items").sentences(rng, DETAILS, "detail")

    def _handed_in(self, language: str) -> pa.Array:
        key = -1, language
        if key not in self._blocks:
            rng = np.random.default_rng([self.seed, 73])
            half, counts = ANSWERS // 2, rng.integers(1, LONGEST, ANSWERS)
            words = grammar(language)
            own = ("attack_items", "answer") if language == "en" else (language, "state")
            mixed = pa.concat_arrays(
                [
                    grammar(own[0]).texts(rng, counts[:half], own[1]),
                    words.texts(rng, counts[half:], "state"),
                ]
            )
            self._blocks[key] = mixed.take(pa.array(rng.permutation(ANSWERS)))
        return self._blocks[key]

    def questions(self, number: IntArray, language: str = "en") -> pa.Array:
        """Return the exercises *number*; different numbers give different ones for 40M."""
        place_ = number % QUESTIONS
        question = place(
            [
                (
                    np.flatnonzero(place_ // BLOCK == block),
                    self._block(block, language).take(
                        pa.array(place_[place_ // BLOCK == block] % BLOCK)
                    ),
                )
                for block in np.unique(place_ // BLOCK).tolist()
            ]
        )
        again = number >= QUESTIONS
        if not again.any() or language != "en":
            return question
        detail = self._details.take(pa.array((number // QUESTIONS + number) % DETAILS))
        varied = pc.binary_join_element_wise(question, detail, " ")
        return pc.if_else(pa.array(again), varied, question)

    def answers(self, number: IntArray, language: str = "en") -> pa.Array:
        """Return an answer for each *number*, perhaps a wrong one."""
        drawn = (mix(number + self.seed) & 0x7FFF_FFFF) % ANSWERS
        return self._handed_in(language).take(pa.array(drawn))
