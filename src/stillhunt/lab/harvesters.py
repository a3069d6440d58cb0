"""The clumsy harvester: what an amateur does who wants a model's answers for training.

Two or three templates, the longest answers he can get, a loop with a fixed wait from a couple
of addresses, and an impatient start that runs into the rate limit. Every rule of the first
hour should see him; if one does not, it is broken.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.lab import clients, places
from stillhunt.lab.arrivals import (
    DAY_S,
    DAY_US,
    Arrivals,
    FloatArray,
    gamma_shape,
    renewals,
)
from stillhunt.lab.grammar import grammar, phrases
from stillhunt.lab.identity import AMATEUR, records
from stillhunt.lab.native import exchanges, hexes

__all__ = ["Harvesters"]

BURST = 140  # requests at the start: above the 100 a minute that a burst rule allows
BURST_S = 50.0
PACE_CV = 0.05  # a loop with a fixed wait, plus the jitter of a network
TEMPLATES = (0.86, 0.14)  # how often each of a harvester's templates is used
ANSWER_MEDIAN, ANSWER_SIGMA = 950.0, 0.35  # tokens: reasoning written out in full
MAX_TOKENS = 4096
WARMTH = 0.7  # sampling is wanted: the same exercise twice shall not give the same answer
SECOND = 0.45  # share of the loop that goes through the second address
TOKEN_MS = 14.0
REFUSED = 0.35  # share of the burst that the rate limit answers with 429
SOFTWARE = (6, 9, 10)  # of ``clients.CLIENTS``: plain libraries


@dataclass(frozen=True, kw_only=True)
class Harvesters:
    """Harvesters that know nothing of each other."""

    name: str = "clumsy"
    count: int
    seed: int
    requests: float = 2_600.0
    """Mean requests of one harvester in all."""
    days: int = 1
    """Length of the period: each begins in its first two thirds and stays for up to two days."""

    kind = "harvester"
    campaign = "clumsy"

    @cached_property
    def _traits(self) -> dict[str, Any]:
        rng = np.random.default_rng([self.seed, 31])
        span = max(self.days, 1) * DAY_S
        return {
            "requests": rng.lognormal(np.log(self.requests) - 0.02, 0.2, self.count).astype(int),
            "begin_s": span * rng.uniform(0.05, 0.12 if self.days <= 1 else 0.6, self.count),
            "lasts_s": DAY_S * rng.uniform(0.7, 0.85 if self.days <= 1 else 1.6, self.count),
            "agent": np.array(SOFTWARE)[rng.integers(0, len(SOFTWARE), self.count)],
            "path": rng.integers(0, 2, self.count),
        }

    @cached_property
    def _wording(self) -> dict[str, Any]:
        """Return two templates for each harvester, at rows 2 i and 2 i + 1."""
        rng = np.random.default_rng([self.seed, 32])
        file = phrases("harvest")
        rows: dict[str, list[str]] = {"lead": [], "middle": [], "tail": []}
        for _ in range(self.count):
            subject = file["subject"][rng.integers(len(file["subject"]))]
            leads = rng.permutation(len(file["lead"]))
            for number in range(len(TEMPLATES)):
                rows["lead"].append(file["lead"][leads[number]].format(subject=subject))
                for name in ("middle", "tail"):
                    rows[name].append(file[name][rng.integers(len(file[name]))])
        return {name: pa.array(values, pa.string()) for name, values in rows.items()}

    def records(self, ids: list[str], start_s: int) -> list[dict[str, Any]]:
        """Return the directory records: fresh accounts without a past."""
        return records(
            AMATEUR, ids, self.countries(), seed=self.seed, name=self.name, start_s=start_s
        )

    def groups(self) -> list[str]:
        """Return a group for each harvester: none knows of another."""
        return [f"{self.campaign}-{number:05d}" for number in range(self.count)]

    def countries(self) -> list[str]:
        """Return the country that each claims."""
        return ["US" if i % 3 else "NL" for i in range(self.count)]

    @cached_property
    def _all(self) -> Arrivals:
        """Every request: a harvest is short, so it is drawn in one go and cut into days."""
        rng = np.random.default_rng([self.seed, 33])
        t = self._traits
        burst = np.minimum(BURST, t["requests"] // 2)
        rest = t["requests"] - burst
        opening = t["begin_s"].repeat(burst) + BURST_S * renewals(rng, burst, np.ones(self.count))
        pace = renewals(rng, rest, np.full(self.count, gamma_shape(np.array(PACE_CV))))
        loop = t["begin_s"].repeat(rest) + 120 + t["lasts_s"].repeat(rest) * pace
        each = np.arange(self.count)
        who = np.concatenate([each.repeat(burst), each.repeat(rest)])
        n = len(who)
        tokens = np.minimum(rng.lognormal(np.log(ANSWER_MEDIAN), ANSWER_SIGMA, n), MAX_TOKENS)
        seconds = np.concatenate([opening, loop])
        return Arrivals(
            ts_us=(seconds * 1e6).astype(np.int64),
            account=who,
            session=np.arange(n) < burst.sum(),  # 1 in the opening burst, else 0
            turn=np.ones(n, dtype=np.int64),
            part=np.zeros(n, dtype=np.int64),
            output_tokens=tokens.astype(np.int64),
            duration_ms=(300 + tokens * TOKEN_MS * rng.lognormal(0, 0.1, n)).astype(np.int64),
        )

    def arrivals(self, day: int, start_us: int, weekday: int) -> Arrivals:
        """Return the requests of *day*; a loop knows no weekend."""
        del weekday
        every = self._all
        today = every.take(every.ts_us // DAY_US == day)
        moved = {"ts_us": today.ts_us + start_us, "session": today.session.astype(np.int64)}
        return Arrivals(**(vars(today) | moved))

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the prompts and every other column."""
        n, who = len(arrivals), arrivals.account
        opening = arrivals.session == 1
        row = who * len(TEMPLATES) + rng.choice(len(TEMPLATES), n, p=TEMPLATES)
        parts = {name: values.take(pa.array(row)) for name, values in self._wording.items()}
        words = grammar("en")
        prompt = pc.binary_join_element_wise(
            parts["lead"],
            words.sentences(rng, n, "exercise"),
            parts["middle"],
            hexes(rng.integers(1, 100, n), "{}"),
            parts["tail"],
            "",
        )
        refused = np.where(opening, REFUSED, 0.01)
        status = np.where(rng.random(n) < refused, 429, 200)
        second = (rng.random(n) < SECOND) & ~opening  # the burst comes from the first address
        columns: dict[str, Any] = {
            **places.clouds(self.seed, self.name, 2 * who + second, np.zeros_like(who)),
            **clients.columns(self._traits["agent"][who], who),
            "path": pa.array(["/v1/chat/completions", "/v1/messages"]).take(
                pa.array(self._traits["path"][who])
            ),
            "model": "m-2",
            "stream": False,
            "input_tokens": (6 + _lengths(prompt) / words.characters_per_token).astype(np.int64),
            "max_tokens": MAX_TOKENS,
            "temperature": WARMTH,
            "turns": 1,
            "tools": 0,
            "finish_reason": pc.if_else(
                pa.array(arrivals.output_tokens >= MAX_TOKENS), "length", "stop"
            ),
            "prompt": prompt,
            "output": words.texts(rng, np.full(n, 3), "state"),
        }
        return exchanges(arrivals, columns, status)


def _lengths(texts: pa.Array) -> FloatArray:
    values: FloatArray = pc.utf8_length(texts).to_numpy()
    return values
