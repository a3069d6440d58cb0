"""Accounts and the values that they share: addresses and templates."""

from dataclasses import dataclass

import numpy as np

from stillhunt.lab.judge.exchanges import Exchanges
from stillhunt.lab.judge.metrics import Ints

__all__ = ["Shared", "shared"]

LEAST = 2  # accounts of a value, or it joins nobody


@dataclass(frozen=True)
class Shared:
    """Pairs of an account and a value that it used, each once, sorted by value and account."""

    account: Ints
    value: Ints
    """From 0, without gaps."""
    users: Ints
    """Accounts of each value."""


def shared(exchanges: Exchanges, *, most: int | None = None) -> Shared:
    """Return the pairs of all values that two accounts or more have used.

    Args:
        exchanges: With the column ``template``.
        most: A value of more accounts than this is left out.
    """
    parts = [_pairs(exchanges, column, most) for column in ("address", "template")]
    before = np.cumsum([0, *(len(part.users) for part in parts)])
    return Shared(
        account=np.concatenate([part.account for part in parts]),
        value=np.concatenate([p.value + n for p, n in zip(parts, before.tolist(), strict=False)]),
        users=np.concatenate([part.users for part in parts]),
    )


def _pairs(exchanges: Exchanges, column: str, most: int | None) -> Shared:
    """Return the pairs of one column; sorted as arrays, for 16M rows are small as numbers."""
    rows = exchanges.ask(
        f"SELECT account, {column} AS value FROM exchanges WHERE {column} IS NOT NULL"
    )
    account, value = rows["account"].to_numpy(), rows["value"].to_numpy()
    order = np.lexsort((account, value))
    account, value = account[order], value[order]
    is_new = np.append(True, (account[1:] != account[:-1]) | (value[1:] != value[:-1]))
    account, value = account[is_new[: len(account)]], value[is_new[: len(value)]]
    _, code, users = np.unique(value, return_inverse=True, return_counts=True)
    is_kept = (users >= LEAST) & (users <= (most or len(account)))
    kept = is_kept[code]
    number = np.cumsum(is_kept) - 1
    return Shared(account[kept].astype(np.int64), number[code[kept]], users[is_kept])
