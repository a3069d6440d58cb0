"""Prober: thousands of techniques are tried by a few accounts, and the winners are scaled.

Modelled after a disclosure of 2026 that counts about 12,000 techniques. Most attempts are
refused; the few that work become the templates of all other accounts a few days later.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.lab.arrivals import DAY_US, Arrivals
from stillhunt.lab.attack.operation import Operation, spoken
from stillhunt.lab.attack.roster import FOREVER, Roster
from stillhunt.lab.attack.wording import SWAPPED, expand, reworded
from stillhunt.lab.forms import Said
from stillhunt.lab.grammar import IntArray, phrases
from stillhunt.lab.native import mix, replaced

__all__ = ["Prober"]

TECHNIQUES = 12_000
WINNERS = (3, 7)  # techniques that are scaled: at least, below
PROBERS = (0.1, 0.25)  # share of the accounts that try
SCALED = (0.3, 0.5)  # when the others begin, share of the period
REFUSED = 0.78  # share of the attempts that are refused
REFUSAL_TOKENS = 28
TRIED, SCALED_UP, DECLINED = range(3)  # kinds of work
WAYS = 600  # wordings of what won, where every request is worded anew
TRIES = 3  # of each technique, in a row


@dataclass(frozen=True, kw_only=True)
class Prober(Operation):
    """A search, then a harvest with what it found."""

    per_day: float = 26.0

    title = "Prober of thousands of techniques"
    kind = "prober"
    families = ("solve",)
    templates = (1, 2)

    @cached_property
    def _probers(self) -> int:
        return max(1, round(self.count * self.rng(81).uniform(*PROBERS)))

    @cached_property
    def roster(self) -> Roster:
        """Those who try from the start; the others when it is worth their while."""
        scaled = int(self.days * DAY_US * self.rng(82).uniform(*SCALED))
        later = np.arange(self.count) >= self._probers
        return Roster(
            wave=later.astype(np.int64),
            begin_us=np.where(later, scaled, int(self.days * DAY_US * 0.02)),
            end_us=np.full(self.count, FOREVER),
        )

    @cached_property
    def _techniques(self) -> pa.Array:
        rng = self.rng(83)
        return pa.array([_technique(rng) for _ in range(TECHNIQUES)])

    @cached_property
    def _winners(self) -> IntArray:
        rng = self.rng(84)
        return rng.integers(0, TECHNIQUES, int(rng.integers(*WINNERS)))

    @cached_property
    def _ways(self) -> pa.Array:
        """Return other ways to want the same: techniques for one and the same goal."""
        rng = self.rng(85)
        goal = str(rng.choice(phrases("attack_probes")["goal"]))
        return pa.array([reworded(rng, _technique(rng, goal=goal), SWAPPED) for _ in range(WAYS)])

    def assigned(self, rng: np.random.Generator, arrivals: Arrivals) -> Arrivals:
        """Return *arrivals* that try a technique or use one that won."""
        found = super().assigned(rng, arrivals)
        tries = found.account < self._probers
        technique = np.where(
            tries,
            found.session // TRIES % TECHNIQUES,
            self._winners[rng.integers(0, len(self._winners), len(found))],
        )
        declined = tries & (rng.random(len(found)) < REFUSED)
        tokens = np.where(declined, REFUSAL_TOKENS + technique % 9, found.output_tokens)
        lasts = np.where(declined, 900 + technique % 400, found.duration_ms)
        return replace(
            found, part=np.select([declined, tries], [DECLINED, TRIED], SCALED_UP),
            session=technique + TECHNIQUES * found.session, output_tokens=tokens,
            duration_ms=lasts,
        )  # fmt: skip

    def said(self, arrivals: Arrivals, rng: np.random.Generator) -> Said:
        """Return a technique, and with those that won the question to be harvested."""
        technique = self._techniques.take(pa.array(arrivals.session % TECHNIQUES))
        question = self.corpus.questions(arrivals.session // TECHNIQUES)
        way = technique
        if self.ways.paraphrase:
            way = self._ways.take(pa.array(rng.integers(0, WAYS, len(arrivals))))
        scaled = pc.binary_join_element_wise(way, question, "\n\n")
        prompt = pc.if_else(pa.array(arrivals.part == SCALED_UP), scaled, technique)
        none: IntArray = np.zeros(len(arrivals), dtype=np.int64)
        system = pa.nulls(len(arrivals), pa.string())
        return spoken(rng, prompt, system, none, arrivals, brief=self.brief)

    def columns(self, arrivals: Arrivals, rng: np.random.Generator) -> dict[str, Any]:
        """Return the columns of the harvest that are not usual."""
        plain = replace(arrivals, part=np.zeros_like(arrivals.part))
        declined = pa.array(arrivals.part == DECLINED)
        return super().columns(plain, rng) | {
            "finish_reason": pc.if_else(declined, "refusal", "stop"),
        }

    def rows(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out attempts and harvest; who is refused reads why."""
        table = super().rows(arrivals, rng)
        if self.brief:
            return table
        said = pa.array(phrases("attack_probes")["refusal"])
        refusals = said.take(pa.array((mix(arrivals.session) & 0xFF) % len(said)))
        declined = pa.array(arrivals.part == DECLINED)
        return replaced(table, {"output": pc.if_else(declined, refusals, table["output"])})


def _technique(rng: np.random.Generator, goal: str | None = None) -> str:
    """Return one attempt: a pretext, a way, a goal and a disguise."""
    file = phrases("attack_probes")
    words = dict(file) | ({} if goal is None else {"goal": [goal]})
    shape = " ".join(
        _one(rng, file["way"]) if word == "way" else "{" + word + "}"
        for word in _one(rng, file["order"]).split(" ")
    )
    return expand(rng, shape, words).replace("{n}", str(rng.integers(2, 400)))


def _one(rng: np.random.Generator, words: list[str]) -> str:
    return words[rng.integers(len(words))]
