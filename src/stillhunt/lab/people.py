"""Ordinary people: sessions by the rhythm of their day, typed prompts, time to read and think.

Parameters were chosen to look like public traces, and say which; where none speaks of single
users, they are guesses and called so.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.lab import clients, places
from stillhunt.lab.arrivals import SATURDAY, Arrivals, FloatArray
from stillhunt.lab.clients import BROWSERS, DESKTOP, SDKS, TOOLS
from stillhunt.lab.grammar import LANGUAGES, IntArray, grammar, place
from stillhunt.lab.homelands import Homeland, settle
from stillhunt.lab.identity import PERSON, records
from stillhunt.lab.moments import MODELS, NEWEST, adopted
from stillhunt.lab.native import exchanges, hexes, mix, salt, signatures
from stillhunt.lab.pacing import SESSION_TURNS, sessions

__all__ = ["People"]

WEEKEND = 0.65  # sessions at weekends against working days; guess
ACTIVITY_SIGMA = 1.1  # log-normal spread of people's activity: the busiest 1 % send 10 % of it all
OFFICE = 0.05  # share of people who sit behind one of the shared addresses of an office

LOWER = 0.35  # share of people who type without capitals; guess
FOLLOW = 0.55  # share of later turns that only refine the answer
PASTE = 0.05  # share of requests that paste a document
TYPO = 0.04  # share of requests with each of the typing errors below
STREAMED = 0.8

SOFTWARE = (*BROWSERS, DESKTOP, *SDKS[:3], TOOLS[0])
MOBILE = 0.12  # share of sessions on the way, over a mobile network; guess
VPN = 0.03  # share of people whose sessions leave through a VPN; guess
INSPECTED = 0.3  # share of offices whose proxy opens TLS and shows its own handshake; guess
PATHS = ("/v1/chat/completions", "/v1/messages")
SYSTEMS = (
    None, None, None, "You are a helpful assistant.", "You are a helpful assistant.",
    "You are a careful writing partner. Ask when something is unclear.",
    "Answer in the language of the question and keep it short.",
)  # fmt: skip
TYPOS = (("because", "becuase"), ("the ", "teh "), ("please", "pls"), ("What", "what"))


@dataclass(frozen=True, kw_only=True)
class People:
    """A crowd of people who type."""

    name: str = "people"
    count: int
    seed: int
    per_day: float = 5.5
    """Mean requests of a person on a working day; many send nothing at all."""
    brief: bool = False
    """Leave out answers and pasted documents: for sizes that would fill a disk."""
    release: int | None = None
    """When the newest model comes out [us since epoch]."""

    kind = "person"
    campaign = None

    @cached_property
    def _homeland(self) -> Homeland:
        return settle(np.random.default_rng([self.seed, 10]), self.count)

    @cached_property
    def _traits(self) -> dict[str, IntArray]:
        rng = np.random.default_rng([self.seed, 11])
        return {
            "language": self._homeland.language,
            "software": np.array(SOFTWARE)[rng.integers(0, len(SOFTWARE), self.count)],
            "path": rng.integers(0, len(PATHS), self.count),
            "system": rng.integers(0, len(SYSTEMS), self.count),
            "maximum": rng.choice([0, 0, 0, 1024, 2048, 4096], self.count),
            "warmth": rng.choice([-1, -1, -1, 7, 10], self.count),  # tenths; -1: not sent
            "lower": (rng.random(self.count) < LOWER).astype(np.int64),
            "office": np.where(
                rng.random(self.count) < OFFICE,
                rng.integers(1, 6 + self.count // 160, self.count),
                0,
            ),
            "vpn": (rng.random(self.count) < VPN).astype(np.int64),
        }

    @cached_property
    def _activity(self) -> FloatArray:
        rng = np.random.default_rng([self.seed, 12])
        drawn = rng.lognormal(0, ACTIVITY_SIGMA, self.count)
        sessions: FloatArray = drawn * (
            self.per_day / SESSION_TURNS / np.exp(ACTIVITY_SIGMA**2 / 2)
        )
        return sessions

    def records(self, ids: list[str], start_s: int) -> list[dict[str, Any]]:
        """Return the directory records of the people."""
        return records(
            PERSON, ids, self.countries(), seed=self.seed, name=self.name, start_s=start_s
        )

    def countries(self) -> list[str]:
        """Return the country of each person."""
        return self._homeland.codes

    def arrivals(self, day: int, start_us: int, weekday: int) -> Arrivals:
        """Return the requests of the sessions that begin on *day*; the last may end after it."""
        rng = np.random.default_rng([self.seed, 13, day + 1])
        rate = self._activity * (WEEKEND if weekday >= SATURDAY else 1)
        return sessions(rng, rate, self._homeland.zone, day=day, start_us=start_us)

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the prompts and every other column."""
        n = len(arrivals)
        mine = {name: values[arrivals.account] for name, values in self._traits.items()}
        prompt, output = self._texts(rng, arrivals, mine)
        per_token = np.array([grammar(x).characters_per_token for x in LANGUAGES])
        typed = pc.utf8_length(prompt).to_numpy() / per_token[mine["language"]]
        history = (arrivals.turn - 1) * 260 * rng.lognormal(0, 0.3, n)
        warmth = pa.array(mine["warmth"] / 10, mask=mine["warmth"] < 0)
        status = rng.choice([200, 429, 500], n, p=[0.993, 0.004, 0.003])
        system = pa.array(SYSTEMS).take(pa.array(mine["system"]))
        maximum = pa.array(mine["maximum"], mask=mine["maximum"] == 0)
        cut = (mine["maximum"] > 0) & (arrivals.output_tokens >= mine["maximum"])
        coder = mine["software"] == TOOLS[0]
        columns: dict[str, Any] = {
            "session_id": hexes(arrivals.session, "s-{:015x}"),
            **self._places(arrivals, mine),
            **clients.columns(mine["software"], arrivals.account, self._library(mine)),
            "path": pa.array(PATHS).take(pa.array(mine["path"])),
            "model": self._models(arrivals),
            "stream": rng.random(n) < STREAMED,
            "input_tokens": 8 + typed + history,
            "cached_tokens": np.where(arrivals.turn > 1, history * 0.9, 0),
            "output_tokens": np.where(cut, mine["maximum"], arrivals.output_tokens),
            "max_tokens": maximum,
            "temperature": warmth,
            "turns": 2 * arrivals.turn - 1,
            "tools": np.where(mine["software"] == DESKTOP, 4, 0) + 9 * coder,
            "reasoning_tokens": np.where(coder, arrivals.output_tokens // 3, 0),
            "reasoning_signature_hash": pc.if_else(
                pa.array(coder), signatures(arrivals.session, arrivals.turn), None
            ),
            "ttft_ms": rng.lognormal(np.log(380), 0.4, n).clip(80, arrivals.duration_ms),
            "finish_reason": pc.if_else(pa.array(cut), "length", "stop"),
            "system_prompt": system,
            "prompt": prompt,
            "output": output,
        }
        for name in ("input_tokens", "cached_tokens", "ttft_ms"):
            columns[name] = columns[name].astype(np.int64)
        return exchanges(arrivals, columns, status)

    def _texts(
        self, rng: np.random.Generator, arrivals: Arrivals, mine: dict[str, IntArray]
    ) -> tuple[pa.Array, pa.Array | None]:
        prompts, answers = [], []
        for number, language in enumerate(LANGUAGES):
            rows = np.flatnonzero(mine["language"] == number)
            words = grammar(language)
            prompts.append((rows, self._prompts(rng, language, arrivals.turn[rows])))
            if not self.brief:
                lengths = np.minimum(1 + arrivals.output_tokens[rows] // 60, 3)
                answers.append((rows, words.texts(rng, lengths, "state")))
        typed = place(prompts)
        lower = pa.array(mine["lower"] == 1)
        typed = pc.if_else(lower, pc.utf8_rtrim(pc.utf8_lower(typed), "?."), typed)
        for right, wrong in TYPOS:
            hasty = pa.array(rng.random(len(arrivals)) < TYPO)
            typed = pc.if_else(hasty, pc.replace_substring(typed, right, wrong), typed)
        return typed, place(answers) if answers else None

    def _prompts(self, rng: np.random.Generator, language: str, turn: IntArray) -> pa.Array:
        """Mix first questions, follow-ups and, now and then, a pasted document."""
        words, n = grammar(language), len(turn)
        draw = rng.random(n)
        follows = (turn > 1) & (draw < FOLLOW)
        pastes = ~follows & (draw > 1 - PASTE) & (not self.brief)
        asks = ~follows & ~pastes
        counts = rng.choice([1, 2, 3, 5], n, p=[0.55, 0.27, 0.12, 0.06])
        pasted = pc.binary_join_element_wise(
            words.sentences(rng, int(pastes.sum()), "ask"),
            words.texts(rng, rng.integers(6, 30, int(pastes.sum())), "state"),
            "\n\n",
        )
        return place(
            [
                (np.flatnonzero(follows), words.sentences(rng, int(follows.sum()), "follow")),
                (np.flatnonzero(asks), words.texts(rng, counts[asks], "ask")),
                (np.flatnonzero(pastes), pasted),
            ]
        )

    def _models(self, arrivals: Arrivals) -> pa.Array:
        """Return a model for each session; who has moved to the newest stays there."""
        moved = adopted(self.seed, self.name, arrivals.account, arrivals.ts_us, self.release)
        usual = mix(arrivals.session) % len(MODELS)
        return pa.array((*MODELS, NEWEST)).take(pa.array(np.where(moved, len(MODELS), usual)))

    def _library(self, mine: dict[str, IntArray]) -> IntArray:
        """Return whose handshake is seen: the client's own, or that of the office's proxy."""
        office = mine["office"]
        chance = mix(office + salt(self.seed, "inspected")) & 0xFF
        behind = (office > 0) & (chance < INSPECTED * 256)
        return np.where(behind, len(clients.CLIENTS) + office % 3, mine["software"])

    def _places(self, arrivals: Arrivals, mine: dict[str, IntArray]) -> places.Columns:
        """Return a home, an office's address, a mobile network or a VPN's exit."""
        where = (self.seed, self.name)
        country = self._homeland.country[arrivals.account]
        on_the_way = (mix(arrivals.session + 3) & 0xFF) < MOBILE * 256
        office, vpn = mine["office"] > 0, mine["vpn"] > 0
        out = np.select([vpn, office, on_the_way], [0, 1, 2], 3)
        rows = [np.flatnonzero(out == number) for number in range(4)]
        who, session, ts_us = arrivals.account, arrivals.session, arrivals.ts_us
        return places.merge(
            [
                (rows[0], places.vpns(*where, who[rows[0]], session[rows[0]])),
                (rows[1], places.offices(*where, mine["office"][rows[1]], country[rows[1]])),
                (rows[2], places.mobiles(*where, who[rows[2]], session[rows[2]],
                                         country[rows[2]])),
                (rows[3], places.homes(*where, who[rows[3]], ts_us[rows[3]], country[rows[3]])),
            ]
        )  # fmt: skip
