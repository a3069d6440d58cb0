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

from stillhunt.lab.arrivals import DAY_US, SATURDAY, Arrivals, FloatArray, hour_of_day
from stillhunt.lab.grammar import LANGUAGES, IntArray, grammar, place
from stillhunt.lab.native import exchanges, hexes, mix, salt

__all__ = ["People"]

# Share of the day's sessions that begin in each local hour: low at 4, working hours, an evening
# peak; guess, because public traces of chat services mix time zones.
RHYTHM = np.array(
    [14, 8, 5, 3, 2, 3, 7, 16, 34, 50, 58, 56, 46, 50, 56, 57, 53, 48, 44, 46, 52, 54, 44, 27],
    dtype=float,
)
WEEKEND = 0.65  # sessions at weekends against working days; guess
SESSION_TURNS = 3.6  # mean requests of a session; WildChat (2024) counts 2.5 turns, API tools more
LONGEST = 40  # requests of one session
ACTIVITY_SIGMA = 1.1  # log-normal spread of people's activity: the busiest 1 % send 10 % of it all
# Answers: log-normal through the quartiles of the Azure chat trace (2023): 85, 129, 395 tokens.
ANSWER_MEDIAN, ANSWER_SIGMA = 175.0, 0.85
READING_S = 0.189  # seconds to read a token: 238 words a minute (Brysbaert 2019), 0.75 words each
SKIM_MEDIAN, SKIM_SIGMA = 0.55, 0.7  # share of the answer that is read; guess
TYPING_MEDIAN_S, TYPING_SIGMA = 11.0, 0.8  # to write the next prompt; 50 characters at 52 wpm
AGAIN = 0.04  # share of requests that are repeated at once, unread ("regenerate")
TOKEN_MS = 14.0  # a middling decoding speed, 70 tokens a second
OFFICE = 0.05  # share of people who sit behind one of the shared addresses of an office

ENGLISH = 0.15  # share of the others who write English all the same; guess
LOWER = 0.35  # share of people who type without capitals; guess
FOLLOW = 0.55  # share of later turns that only refine the answer
PASTE = 0.05  # share of requests that paste a document
TYPO = 0.04  # share of requests with each of the typing errors below
STREAMED = 0.8

# country, hours from UTC, language (index into LANGUAGES), weight
COUNTRIES = (
    ("US", -5, 0, 24), ("US", -8, 0, 9), ("GB", 0, 0, 8), ("IN", 5, 0, 11), ("CA", -5, 0, 4),
    ("AU", 10, 0, 3), ("MX", -6, 1, 5), ("ES", 1, 1, 4), ("AR", -3, 1, 2), ("DE", 1, 2, 7),
    ("FR", 1, 3, 6), ("BR", -3, 4, 7), ("PT", 0, 4, 1), ("KZ", 5, 5, 3), ("SG", 8, 6, 2),
    ("TW", 8, 6, 4),
)  # fmt: skip
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/19.0 Safari/605",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "openai-python/1.99.9", "anthropic-sdk-python/0.69.0", "example-chat-desktop/4.2.1",
)  # fmt: skip
DESKTOP = len(AGENTS) - 1  # the only one that offers tools
PATHS = ("/v1/chat/completions", "/v1/messages")
MODELS = ("m-1", "m-1-mini", "m-2")
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

    kind = "person"
    campaign = None

    @cached_property
    def _traits(self) -> dict[str, IntArray]:
        rng = np.random.default_rng([self.seed, 11])
        weights = np.array([c[3] for c in COUNTRIES], dtype=float)
        home = rng.choice(len(COUNTRIES), self.count, p=weights / weights.sum())
        own = np.array([c[2] for c in COUNTRIES])[home]
        return {
            "home": home,
            "language": np.where(rng.random(self.count) < ENGLISH, 0, own),
            "agent": rng.integers(0, len(AGENTS), self.count),
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
        }

    @cached_property
    def _activity(self) -> FloatArray:
        rng = np.random.default_rng([self.seed, 12])
        drawn = rng.lognormal(0, ACTIVITY_SIGMA, self.count)
        sessions: FloatArray = drawn * (
            self.per_day / SESSION_TURNS / np.exp(ACTIVITY_SIGMA**2 / 2)
        )
        return sessions

    def countries(self) -> list[str]:
        """Return the country of each person."""
        return [COUNTRIES[h][0] for h in self._traits["home"]]

    def arrivals(self, day: int, start_us: int, weekday: int) -> Arrivals:
        """Return the requests of the sessions that begin on *day*; the last may end after it."""
        rng = np.random.default_rng([self.seed, 13, day + 1])
        rate = self._activity * (WEEKEND if weekday >= SATURDAY else 1)
        who = np.repeat(np.arange(self.count), rng.poisson(rate))
        zone = np.array([c[1] for c in COUNTRIES])[self._traits["home"][who]]
        hour = (hour_of_day(RHYTHM, rng.random(len(who))) - zone) % 24
        turns = np.minimum(rng.geometric(1 / SESSION_TURNS, len(who)), LONGEST)
        first = np.concatenate([[0], np.cumsum(turns)[:-1]]).astype(np.int64)
        total = int(turns.sum())
        row = np.repeat(np.arange(len(who)), turns)
        tokens = np.clip(rng.lognormal(np.log(ANSWER_MEDIAN), ANSWER_SIGMA, total), 1, 4000)
        lasts = 350 + tokens * TOKEN_MS * rng.lognormal(0, 0.15, total)  # [ms]
        pause = lasts / 1000 + np.where(
            rng.random(total) < AGAIN,
            rng.uniform(1, 5, total),
            tokens * READING_S * rng.lognormal(np.log(SKIM_MEDIAN), SKIM_SIGMA, total)
            + rng.lognormal(np.log(TYPING_MEDIAN_S), TYPING_SIGMA, total),
        )
        waited = np.concatenate([[0.0], np.cumsum(pause)[:-1]])
        seconds = (hour * 3600)[row] + (waited - waited[first][row] if total else waited)
        numbers = rng.integers(0, 1 << 62, len(who))
        return Arrivals(
            ts_us=start_us + day * DAY_US + (seconds * 1e6).astype(np.int64),
            account=who[row],
            session=numbers[row],
            turn=np.arange(total) - first[row] + 1,
            output_tokens=tokens.astype(np.int64),
            duration_ms=lasts.astype(np.int64),
        )

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
        columns: dict[str, Any] = {
            "session_id": hexes(arrivals.session, "s-{:015x}"),
            "source_ip": self._addresses(rng, arrivals, mine["office"]),
            "user_agent": pa.array(AGENTS).take(pa.array(mine["agent"])),
            "path": pa.array(PATHS).take(pa.array(mine["path"])),
            "model": pa.array(MODELS).take(pa.array(mix(arrivals.session) % 3)),
            "stream": rng.random(n) < STREAMED,
            "input_tokens": 8 + typed + history,
            "cached_tokens": np.where(arrivals.turn > 1, history * 0.9, 0),
            "output_tokens": np.where(cut, mine["maximum"], arrivals.output_tokens),
            "max_tokens": maximum,
            "temperature": warmth,
            "turns": 2 * arrivals.turn - 1,
            "tools": np.where(mine["agent"] == DESKTOP, 4, 0),
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

    def _addresses(
        self, rng: np.random.Generator, arrivals: Arrivals, office: IntArray
    ) -> pa.Array:
        """Return a home /64 with a new host part each day, or an office's address."""
        home = mix(arrivals.account * 2 + (arrivals.session & 7 == 0) + salt(self.seed, "home"))
        host = mix(home + arrivals.ts_us // DAY_US)
        return pa.array(
            [
                f"192.0.2.{o % 250 + 1}" if o
                else f"2001:db8:{0x1000 | h & 0x3FFF:x}:{h >> 16 & 0xFFFF:x}"
                f":{t >> 48 & 0xFFFF:x}:{t >> 32 & 0xFFFF:x}:{t >> 16 & 0xFFFF:x}:{t & 0xFFFF:x}"
                for o, h, t in zip(office.tolist(), home.tolist(), host.tolist(), strict=True)
            ],
            pa.string(),
        )  # fmt: skip
