"""Small populations of linked exchanges, for the tests of campaigns."""

from typing import Any

import numpy as np
import numpy.typing as npt

from stillhunt.hunt.campaigns.agreement import Linked, Members

BINS = 56
Ints = npt.NDArray[np.int64]


def pool(rng: np.random.Generator, accounts: int, each: float) -> tuple[Ints, Ints]:
    """Return accounts and bins of one queue that hands each request to any account."""
    n = rng.poisson(each * accounts)
    return rng.integers(0, accounts, n), rng.integers(0, BINS, n)


def strangers(rng: np.random.Generator, accounts: int, each: float) -> tuple[Ints, Ints]:
    """Return accounts and bins of people: appetites differ, and each comes in a few visits."""
    counts = np.maximum(1, rng.lognormal(np.log(each) - 0.6, 1.1, accounts).astype(np.int64))
    who = np.repeat(np.arange(accounts), counts)
    visits = rng.integers(0, BINS, (accounts, 6))
    return who, visits[who, rng.integers(0, 6, len(who))]


def members(*groups: tuple[Ints, Ints]) -> Members:
    """Return the members of *groups*, each (accounts, bins); no account is in two."""
    start, rows = 0, []
    for number, (who, when) in enumerate(groups):
        rows.append((np.full(len(who), number), who + start, when))
        start += int(who.max()) + 1
    columns: Any = [np.concatenate(column) for column in zip(*rows, strict=True)]
    return Members(Linked(group=columns[0], account=columns[1], bin=columns[2]))
