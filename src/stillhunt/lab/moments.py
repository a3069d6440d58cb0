"""Moments that everybody lives through: a new model in the middle, an outage, who moves when."""

import numpy as np
import numpy.typing as npt

from stillhunt.lab.arrivals import DAY_US
from stillhunt.lab.grammar import IntArray
from stillhunt.lab.native import mix, salt

__all__ = ["MODELS", "NEWEST", "adopted", "models", "release_us"]

MODELS = ("m-1-mini", "m-1", "m-2")
NEWEST = "m-3"
"""The model that comes out in the middle of the period."""
HOUR_US = 3_600_000_000
RELEASE_HOUR = 15  # a Californian morning
SHORTEST = 3  # days; a shorter period sees no release
KEEN = 0.3  # share of accounts that move to a new model by themselves; guess
MEAN_WAIT_DAYS = 6.0  # until a keen account has moved; guess


def release_us(start_us: int, days: int) -> int | None:
    """Return when the newest model comes out [us since epoch], None in a short period."""
    if days < SHORTEST:
        return None
    return start_us + days // 3 * DAY_US + RELEASE_HOUR * HOUR_US


def adopted(
    seed: int, name: str, account: IntArray, ts_us: IntArray, release: int | None
) -> npt.NDArray[np.bool_]:
    """Return whether each *account* has moved to the newest model by then, in its own time."""
    if release is None:
        return np.zeros(len(account), dtype=bool)
    chance = (mix(account + salt(seed, f"{name} keen")) & 0xFFFF_FFFF) / 2**32
    wait = -MEAN_WAIT_DAYS * np.log(np.maximum(chance / KEEN, 1e-9))
    moved: npt.NDArray[np.bool_] = (chance < KEEN) & (ts_us > release + wait * DAY_US)
    return moved


def models(
    seed: int, name: str, account: IntArray, ts_us: IntArray, release: int | None
) -> IntArray:
    """Return which model each account uses: index into ``MODELS``, and the next for the newest."""
    usual = (mix(account + salt(seed, f"{name} model")) & 0xFFFF) % len(MODELS)
    return np.where(adopted(seed, name, account, ts_us, release), len(MODELS), usual)
