"""Accounts and the values that they share: addresses and templates."""

from dataclasses import dataclass

import pyarrow as pa

from stillhunt.lab.judge.exchanges import Exchanges
from stillhunt.lab.judge.metrics import Ints

__all__ = ["Shared", "shared"]


@dataclass(frozen=True)
class Shared:
    """Pairs of an account and a value that it used, each once."""

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
    pairs: pa.Table = exchanges.ask(f"""
        WITH pairs AS (
            SELECT DISTINCT account, 0 AS kind, address::VARCHAR AS value FROM exchanges
            WHERE address IS NOT NULL
            UNION ALL
            SELECT DISTINCT account, 1, template::VARCHAR FROM exchanges
            WHERE template IS NOT NULL
        ),
        used AS (
            SELECT kind, value, COUNT(*) AS users,
                   ROW_NUMBER() OVER (ORDER BY kind, value) - 1 AS n
            FROM pairs GROUP BY kind, value
            HAVING COUNT(*) BETWEEN 2 AND {most or 2**31}
        )
        SELECT account, n AS value, users FROM pairs JOIN used USING (kind, value)
        ORDER BY value, account
    """)
    value = pairs["value"].to_numpy()
    users = pairs["users"].to_numpy()
    first = [] if not len(value) else [0, *(1 + (value[1:] != value[:-1]).nonzero()[0]).tolist()]
    return Shared(pairs["account"].to_numpy().astype("int64"), value, users[first])
