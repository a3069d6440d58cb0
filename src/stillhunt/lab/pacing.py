"""When accounts ask: the ways in which people and programs spread their requests over a day.

Every function gives the requests of one day for all accounts at once. Which one an actor uses
is what tells people, programs and pools apart, so each says how uneven it is: the index is
variance over mean of the counts in 300 s, pooled over the accounts.
"""

from dataclasses import dataclass

import numpy as np

from stillhunt.lab.arrivals import (
    DAY_US,
    Arrivals,
    FloatArray,
    fill,
    gamma_shape,
    hour_of_day,
    renewals,
)
from stillhunt.lab.grammar import IntArray
from stillhunt.lab.native import mix
from stillhunt.lab.shapes import measured

__all__ = [
    "CHATTY",
    "EVEN",
    "RHYTHM",
    "SESSION_TURNS",
    "Answers",
    "asked",
    "dispatched",
    "loops",
    "scattered",
    "sessions",
    "workers",
]

# Share of the day's sessions that begin in each local hour: low at 4, working hours, an evening
# peak; guess, because public traces of chat services mix time zones.
RHYTHM = np.array(
    [14, 8, 5, 3, 2, 3, 7, 16, 34, 50, 58, 56, 46, 50, 56, 57, 53, 48, 44, 46, 52, 54, 44, 27],
    dtype=float,
)
EVEN = np.ones(24)
SESSION_TURNS = 3.6  # mean requests of a session; WildChat (2024) counts 2.5 turns, API tools more
LONGEST = 40  # requests of one session
READING_S = 0.189  # seconds to read a token: 238 words a minute (Brysbaert 2019), 0.75 words each
SKIM_MEDIAN, SKIM_SIGMA = 0.55, 0.7  # share of the answer that is read; guess
TYPING_MEDIAN_S, TYPING_SIGMA = 11.0, 0.8  # to write the next prompt; 50 characters at 52 wpm
AGAIN = 0.04  # share of requests that are repeated at once, unread ("regenerate")
FIRST_MS = 300  # until an answer begins
TIGHT = 1.05  # a full worker's day: 5 % of it goes into waiting
JITTER_S = 0.03  # mean delay of the network: without it bursts would share a microsecond


@dataclass(frozen=True, kw_only=True)
class Answers:
    """How long answers are: log-normal [tokens]."""

    median: float
    sigma: float
    most: int = 4000
    token_ms: float = 14.0
    """Decoding time; 14 is a middling speed, 70 tokens a second [ms]."""

    @property
    def mean_s(self) -> float:
        """Mean time that an answer takes [s]."""
        tokens = self.median * np.exp(self.sigma**2 / 2)
        return float(FIRST_MS + tokens * self.token_ms) / 1000

    def draw(self, rng: np.random.Generator, n: int) -> tuple[FloatArray, FloatArray]:
        """Return the lengths [tokens] and how long they take [ms] of *n* answers."""
        tokens = np.clip(rng.lognormal(np.log(self.median), self.sigma, n), 1, self.most)
        lasts = FIRST_MS + tokens * self.token_ms * rng.lognormal(0, 0.15, n)
        return tokens, lasts


CHATTY = Answers(median=measured("chat", "answer_median"), sigma=measured("chat", "answer_sigma"))
"""Answers to people, as in a trace of a chat service."""


def asked(
    rng: np.random.Generator,
    account: IntArray,
    seconds: FloatArray,
    *,
    day: int,
    start_us: int,
    answers: Answers,
    part: int | IntArray = 0,
) -> Arrivals:
    """Return single requests of *account* at *seconds* of *day*, each a session of its own."""
    n = len(account)
    tokens, lasts = answers.draw(rng, n)
    return Arrivals(
        ts_us=start_us + day * DAY_US + (seconds * 1e6).astype(np.int64),
        account=account.astype(np.int64),
        session=rng.integers(0, 1 << 62, n),
        turn=np.ones(n, dtype=np.int64),
        part=np.zeros(n, dtype=np.int64) + part,
        output_tokens=tokens.astype(np.int64),
        duration_ms=lasts.astype(np.int64),
    )


def sessions(
    rng: np.random.Generator,
    rate: FloatArray,
    zone: IntArray,
    *,
    day: int,
    start_us: int,
    answers: Answers = CHATTY,
    rhythm: FloatArray = RHYTHM,
    turns: float = SESSION_TURNS,
    longest: int = LONGEST,
    part: int = 0,
) -> Arrivals:
    """Return people at work: sessions by the rhythm of their day, each answer read in part.

    Pooled, people are far more uneven than chance: an index of 5 to 20.

    Args:
        rng: Where chance comes from.
        rate: Mean sessions of each account on this day, shape (accounts,).
        zone: Hours from UTC of each account, shape (accounts,).
        day: From 0; the last sessions may end after it.
        start_us: First moment of day 0 [us since epoch].
        answers: How long answers are.
        rhythm: Share of the sessions that begin in each local hour, shape (24,).
        turns: Mean requests of a session, at least 1.
        longest: Most requests of a session.
        part: What is put into ``Arrivals.part``.
    """
    who = np.repeat(np.arange(len(rate)), rng.poisson(rate))
    hour = (hour_of_day(rhythm, rng.random(len(who))) - zone[who]) % 24
    count = np.minimum(rng.geometric(1 / turns, len(who)), longest)
    first = np.concatenate([[0], np.cumsum(count)[:-1]]).astype(np.int64)
    total = int(count.sum())
    row = np.repeat(np.arange(len(who)), count)
    tokens, lasts = answers.draw(rng, total)
    pause = lasts / 1000 + np.where(
        rng.random(total) < AGAIN,
        rng.uniform(1, 5, total),
        tokens * READING_S * rng.lognormal(np.log(SKIM_MEDIAN), SKIM_SIGMA, total)
        + rng.lognormal(np.log(TYPING_MEDIAN_S), TYPING_SIGMA, total),
    )
    waited = np.concatenate([[0.0], np.cumsum(pause)[:-1]]) if total else np.zeros(0)
    seconds = (hour * 3600)[row] + (waited - waited[first][row] if total else waited)
    numbers = rng.integers(0, 1 << 62, len(who))
    return Arrivals(
        ts_us=start_us + day * DAY_US + (seconds * 1e6).astype(np.int64),
        account=who[row],
        session=numbers[row],
        turn=np.arange(total) - first[row] + 1,
        part=np.full(total, part, dtype=np.int64),
        output_tokens=tokens.astype(np.int64),
        duration_ms=lasts.astype(np.int64),
    )


def scattered(
    rng: np.random.Generator,
    rate: FloatArray,
    *,
    day: int,
    start_us: int,
    answers: Answers,
    rhythm: FloatArray = EVEN,
    zone: int | IntArray = 0,
    part: int = 0,
) -> Arrivals:
    """Return single requests without memory: Poisson, with the swell of *rhythm*. Index 1.

    *rate* is the mean of each account on this day; *zone* as in ``sessions`` or one for all.
    """
    who = np.repeat(np.arange(len(rate)), rng.poisson(rate))
    shift = np.broadcast_to(np.asarray(zone), len(rate))[who]
    seconds = (hour_of_day(rhythm, rng.random(len(who))) - shift) % 24 * 3600
    return asked(rng, who, seconds, day=day, start_us=start_us, answers=answers, part=part)


def loops(
    rng: np.random.Generator,
    counts: IntArray,
    *,
    day: int,
    start_us: int,
    answers: Answers,
    cv: float | FloatArray = 0.05,
    begin_h: float | FloatArray = 0.0,
    hours: float | FloatArray = 24.0,
    part: int = 0,
) -> Arrivals:
    """Return loops and cron jobs: each account spreads *counts* requests with even gaps.

    Args:
        rng: Where chance comes from.
        counts: Requests of each account on this day, shape (accounts,).
        day: From 0.
        start_us: First moment of day 0 [us since epoch].
        answers: How long answers are.
        cv: Variation of the gaps; 0.05 is a fixed wait, 1 Poisson, above 2 bursts.
        begin_h: When the run begins [hours of the day, UTC].
        hours: How long it takes.
        part: What is put into ``Arrivals.part``.
    """
    every = len(counts)
    shape = np.broadcast_to(gamma_shape(np.asarray(cv, dtype=float)), every)
    who = np.repeat(np.arange(every), counts)
    begin = np.broadcast_to(np.asarray(begin_h, dtype=float), every)[who]
    length = np.broadcast_to(np.asarray(hours, dtype=float), every)[who]
    seconds = 3600 * (begin + length * renewals(rng, counts, shape))
    seconds = seconds + rng.exponential(JITTER_S, len(who))
    return asked(rng, who, seconds, day=day, start_us=start_us, answers=answers, part=part)


def workers(
    rng: np.random.Generator,
    total: int,
    *,
    accounts: int,
    number: int,
    day: int,
    start_us: int,
    answers: Answers,
    begin_h: float = 0.0,
    hours: float = 24.0,
    stay: int = 0,
    part: int = 0,
) -> Arrivals:
    """Return a pool of workers, each serial: the next request begins after the last answer.

    Pooled it is steadier than chance, the more so the less the workers wait: index 0.02 to 1.

    Args:
        rng: Where chance comes from.
        total: Requests of all workers on this day; what does not fit into their time is left.
        accounts: Accounts that the workers use.
        number: Workers.
        day: From 0.
        start_us: First moment of day 0 [us since epoch].
        answers: How long answers are; the time they take is what paces the workers.
        begin_h: When work begins [hours of the day, UTC].
        hours: How long it goes on.
        stay: Requests before a worker moves to another account; 0: accounts are shared out
            and each stays with its worker.
        part: What is put into ``Arrivals.part``.
    """
    span = hours * 3600
    fits = int(number * span / (answers.mean_s * TIGHT))
    counts = rng.multinomial(min(total, fits), np.full(number, 1 / number)).astype(np.int64)
    owner = np.repeat(np.arange(number), counts + 1)
    tokens, lasts = answers.draw(rng, len(owner))
    ends = np.cumsum(counts + 1)
    busy = np.add.reduceat(lasts, ends - counts - 1) / 1000
    wait = np.maximum(span - busy, 0.01 * span) / (counts + 1)  # mean of each worker [s]
    gaps = lasts / 1000 + rng.gamma(2.0, wait[owner] / 2)
    moments = begin_h * 3600 + span * fill(gaps, counts)
    first = np.zeros(len(owner), dtype=bool)
    first[ends - counts - 1] = True  # the gap before an answer is the one that it does not fill
    who, place = owner[~first], (np.arange(len(owner)) - (ends - counts)[owner])[~first]
    mine = place // stay if stay else rng.integers(0, max(1, accounts // number), len(who))
    account = mix(who * 1_000_003 + mine + day * stay * 7) & 0x7FFF_FFFF
    return Arrivals(
        ts_us=start_us + day * DAY_US + (moments * 1e6).astype(np.int64),
        account=account % accounts if stay else (who + number * mine) % accounts,
        session=rng.integers(0, 1 << 62, len(who)),
        turn=np.ones(len(who), dtype=np.int64),
        part=np.full(len(who), part, dtype=np.int64),
        output_tokens=tokens[~first].astype(np.int64),
        duration_ms=lasts[~first].astype(np.int64),
    )


def dispatched(
    rng: np.random.Generator,
    total: int,
    *,
    accounts: int,
    day: int,
    start_us: int,
    answers: Answers,
    cv: float = 1.0,
    robin: bool = True,
    begin_h: float = 0.0,
    hours: float = 24.0,
    rhythm: FloatArray = EVEN,
    part: int = 0,
) -> Arrivals:
    """Return one stream that is dealt out to many accounts: no account shows its pace.

    Args:
        rng: Where chance comes from.
        total: Requests of the stream on this day.
        accounts: Accounts that take turns.
        day: From 0.
        start_us: First moment of day 0 [us since epoch].
        answers: How long answers are.
        cv: Variation of the stream's gaps: 0.05 a farm (pooled index 0.03), 1 Poisson.
        robin: Every account once, in another order each round; else any account each time.
        begin_h: When the stream begins [hours of the day, UTC].
        hours: How long it goes on.
        rhythm: Weights of the hours in between; even by default, shape (24,).
        part: What is put into ``Arrivals.part``.
    """
    spread = renewals(rng, np.array([total]), np.array([1 / cv**2]))
    seconds = 3600 * (begin_h + hours / 24 * hour_of_day(rhythm, spread))
    if robin:
        rounds = rng.permuted(
            np.tile(np.arange(accounts), (-(-total // accounts), 1)), axis=1
        ).ravel()
        account = rounds[:total]
    else:
        account = rng.integers(0, accounts, total)
    return asked(rng, account, seconds, day=day, start_us=start_us, answers=answers, part=part)
