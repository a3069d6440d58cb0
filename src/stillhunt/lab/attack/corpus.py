"""What a campaign asks about: a large bank of exercises that is worked through once.

Whoever harvests buys answers, so no question is wasted: the accounts of one campaign share the
bank out and repeat each other far less than chance. Question and detail come from two banks of
lengths without a common divisor, so that their pairs only repeat after all of them.
"""

from dataclasses import dataclass
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
QUESTIONS, DETAILS, ANSWERS = 9_973, 1_009, 4_999  # primes
COMMON = (0.1, 0.5)  # share of questions that people and schools might ask as well
LONGEST = 5  # sentences of an answer that is handed in


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """The questions of one campaign."""

    seed: int
    domains: tuple[str, ...]

    @cached_property
    def _questions(self) -> pa.Array:
        rng = np.random.default_rng([self.seed, 71])
        chosen = rng.integers(0, len(self.domains), QUESTIONS)
        common = rng.random(QUESTIONS) < rng.uniform(*COMMON)
        own, words = grammar("attack_items"), grammar("en")
        rows = np.flatnonzero(common)
        half = len(rows) // 2
        parts = [
            (rows[:half], words.sentences(rng, half, "exercise")),
            (rows[half:], words.sentences(rng, len(rows) - half, "ask")),
        ]
        for number, domain in enumerate(self.domains):
            rows = np.flatnonzero(~common & (chosen == number))
            parts.append((rows, own.sentences(rng, len(rows), domain)))
        return place(parts)

    @cached_property
    def _details(self) -> pa.Array:
        rng = np.random.default_rng([self.seed, 72])
        return grammar("attack_items").sentences(rng, DETAILS, "detail")

    @cached_property
    def _answers(self) -> pa.Array:
        rng = np.random.default_rng([self.seed, 73])
        kinds = [grammar("attack_items").texts(rng, rng.integers(1, LONGEST, n), "answer")
                 for n in (ANSWERS // 2,)]  # fmt: skip
        rest = rng.integers(1, LONGEST, ANSWERS - ANSWERS // 2)
        mixed = pa.concat_arrays([*kinds, grammar("en").texts(rng, rest, "state")])
        return mixed.take(pa.array(rng.permutation(ANSWERS)))

    def questions(self, number: IntArray) -> pa.Array:
        """Return the exercises *number*; different numbers give different ones for 10M."""
        question = self._questions.take(pa.array(number % QUESTIONS))
        detail = self._details.take(pa.array((number // QUESTIONS + number) % DETAILS))
        return pc.binary_join_element_wise(question, detail, " ")

    def answers(self, number: IntArray) -> pa.Array:
        """Return an answer for each *number*, perhaps a wrong one."""
        drawn = (mix(number + self.seed) & 0x7FFF_FFFF) % ANSWERS
        return self._answers.take(pa.array(drawn))
