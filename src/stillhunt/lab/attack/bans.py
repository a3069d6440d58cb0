"""Accounts that are lost, and those that take their place."""

import numpy as np

from stillhunt.lab.arrivals import DAY_US
from stillhunt.lab.attack.roster import FOREVER, Roster
from stillhunt.lab.grammar import IntArray

__all__ = ["churned", "lost_at_once"]

MINUTE_US = 60_000_000
NOTICED_MIN = (1.0, 25.0)  # until the dispatcher has seen the refusals
WAKING_MIN = (2.0, 90.0)  # until accounts that stood by are at work
SIGNUP_H = (1.0, 8.0)  # until accounts that were bought anew are
LOSS = (0.02, 0.06)  # share of the working accounts that each wave takes
TURNOVER = 0.35  # share of all accounts that only come as a replacement, at most


def lost_at_once(
    rng: np.random.Generator, count: int, days: int, *, standing_by: float
) -> tuple[Roster, dict[int, int], IntArray]:
    """Return a roster of which one wave of bans takes the front, the bans, and who stood by.

    Half of the front falls at one moment near the middle of the period; those who stood by take
    over within minutes. *standing_by* is their share.
    """
    front = count - max(1, round(count * standing_by))
    ban = int(days * DAY_US * rng.uniform(0.4, 0.6))
    fallen = np.flatnonzero(rng.random(front) < rng.uniform(0.75, 1.0))
    noticed = ban + int(rng.uniform(*NOTICED_MIN) * MINUTE_US)
    begin = np.full(count, int(days * DAY_US * rng.uniform(0.02, 0.1)))
    begin[front:] = noticed + (rng.uniform(*WAKING_MIN, count - front) * MINUTE_US).astype(int)
    end = np.full(count, FOREVER)
    end[fallen] = noticed
    wave = (np.arange(count) >= front).astype(np.int64)
    made = np.where(wave, 0, begin)  # the reserve was there all the time
    roster = Roster(wave=wave, begin_us=begin, end_us=end, made_us=made)
    return roster, dict.fromkeys(fallen.tolist(), ban), np.arange(front, count)


def churned(rng: np.random.Generator, count: int, days: int) -> tuple[Roster, dict[int, int]]:
    """Return a roster that loses a few accounts to every wave and buys as many anew, and the bans.

    A service is shut out of accounts all the time; it lives by signing up faster.
    """
    loss = rng.uniform(*LOSS)
    number = max(0, min(days - 1, int(TURNOVER / loss), int(TURNOVER * count)))
    each = max(1, round(count * loss / (1 + loss * number)))
    first = count - each * number
    begin = np.full(count, int(days * DAY_US * rng.uniform(0.01, 0.08)))
    end = np.full(count, FOREVER)
    wave = np.zeros(count, dtype=np.int64)
    bans: dict[int, int] = {}
    for turn in range(number):
        moment = int((1 + turn * (days - 1) / number + rng.uniform(0, 0.8)) * DAY_US)
        working = np.flatnonzero((begin < moment) & (end == FOREVER))
        lost = rng.permutation(working)[:each]
        noticed = moment + int(rng.uniform(*NOTICED_MIN) * MINUTE_US)
        end[lost] = noticed
        bans |= dict.fromkeys(lost.tolist(), moment)
        fresh = slice(first + turn * each, first + (turn + 1) * each)
        begin[fresh] = noticed + int(rng.uniform(*SIGNUP_H) * 60 * MINUTE_US)
        wave[fresh] = turn + 1
    return Roster(wave=wave, begin_us=begin, end_us=end), bans
