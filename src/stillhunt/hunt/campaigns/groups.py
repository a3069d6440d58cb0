"""Candidate groups: who shares the joined values, and the exchanges that carry them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from stillhunt.hunt.campaigns.accounts import Accounts
from stillhunt.hunt.campaigns.agreement import Linked, Members, rhythms_of
from stillhunt.hunt.campaigns.carried import Codes, carried
from stillhunt.hunt.campaigns.links import Kind, Shared
from stillhunt.sketch.likelihood import Floats, Ints

__all__ = ["BIN_US", "TRAITS", "Groups", "Trait", "candidate_groups"]

SAMPLE = 8_000
"""Accounts whose rhythms are looked at."""
BIN_US = 3 * 3_600_000_000
"""Bins of the times of a group [us]."""


@dataclass(frozen=True, kw_only=True)
class Trait:
    """Something that an exchange has and that may be alike within a group."""

    name: str
    family: str
    value: str
    """SQL over ``exchanges``; NULL is unknown."""
    has_shares: bool = True
    """Whether somebody asks how many accounts have each value."""


TRAITS: tuple[Trait, ...] = (
    Trait(name="user_agent", family="infrastructure", value="user_agent"),
    Trait(name="ja4", family="infrastructure", value="ja4"),
    Trait(name="header_order_hash", family="infrastructure", value="header_order_hash"),
    Trait(name="asn", family="infrastructure", value="asn"),
    Trait(name="source_ip", family="infrastructure", value="source_ip", has_shares=False),
    Trait(name="model", family="usage", value="model"),
    Trait(name="path", family="usage", value="path"),
    Trait(name="max_tokens", family="usage", value="max_tokens"),
    Trait(name="temperature", family="usage", value="temperature"),
    Trait(
        name="output_tokens", family="usage",
        value="CASE WHEN output_tokens > 0 THEN FLOOR(2 * LOG2(output_tokens)) END",
    ),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Candidate groups and their linked exchanges."""

    members: Members
    """Tenants: accounts of one organisation are one member."""
    shared: Shared
    """The values behind them."""
    account: Ints
    """Of each linked exchange."""
    ts_us: Ints
    """Of each linked exchange."""
    output_tokens: Ints
    fill: Ints
    """Hash of what fills the shared text, with the text; 0 where it is not known."""
    traits: Mapping[str, Codes]
    """Code of each trait of each linked exchange, -1 unknown."""
    shares: Mapping[str, Floats]
    """Share of all accounts that have each value of a trait, where it is asked for."""
    rhythms: Floats
    """When everybody asks, and the commonest kinds of accounts, shape (rhythms, bins)."""
    start_us: int
    """Where bin 0 begins."""


def candidate_groups(
    con: duckdb.DuckDBPyConnection, accounts: Accounts, shared: Shared, kinds: Sequence[Kind]
) -> Groups:
    """Return the exchanges that carry *shared* values, group by group."""
    start, end = con.sql("SELECT MIN(ts_us), MAX(ts_us) FROM exchanges").fetchall()[0]
    start = (start or 0) // BIN_US * BIN_US
    bins = ((end or 0) - start) // BIN_US + 1
    rhythms = _rhythms(con, start, bins)
    seen = {trait.name: _seen(con, trait, len(accounts)) for trait in TRAITS}
    known = {t.name: (t.value, seen[t.name][0]) for t in TRAITS if len(seen[t.name][0])}
    found = carried(con, shared, kinds, known, accounts.tenant)
    account = found.pop("account").astype(np.int64)
    ts_us = found.pop("ts_us").astype(np.int64)
    linked = Linked(
        group=found.pop("group").astype(np.int64),
        account=accounts.tenant[account],
        bin=(ts_us - start) // BIN_US,
    )
    unknown = np.broadcast_to(np.int32(-1), account.shape)
    return Groups(
        members=Members(linked),
        shared=shared,
        account=account,
        ts_us=ts_us,
        output_tokens=found.pop("tokens").astype(np.int64),
        fill=found.pop("fill").astype(np.int64),
        traits={trait.name: found.get(f"trait_{trait.name}", unknown) for trait in TRAITS},
        shares={name: shares for name, (_, shares) in seen.items()},
        rhythms=rhythms,
        start_us=start,
    )


def _rhythms(con: duckdb.DuckDBPyConnection, start: int, bins: int) -> Floats:
    """Return the rhythms of a sample of the accounts, the same at each run."""
    found = con.sql(
        f"""SELECT c.account, (e.ts_us - {start}) // {BIN_US} AS bin
            FROM exchanges AS e JOIN coded AS c ON c.account_id = e.account_id
            WHERE c.account % (1 + (SELECT COUNT(*) FROM coded) // {SAMPLE}) = 0"""
    ).fetchnumpy()
    return rhythms_of(found["account"].astype(np.int64), found["bin"].astype(np.int64), bins)


def _seen(con: duckdb.DuckDBPyConnection, trait: Trait, accounts: int) -> tuple[pa.Array, Floats]:
    """Return the hashes of the values of *trait*, ascending, and the share of accounts of each.

    No shares where nobody asks for them: each costs all pairs of a value and an account.
    """
    number = f"(hash({trait.value}) >> 1)::BIGINT"
    where = f"WHERE {trait.value} IS NOT NULL AND account_id IS NOT NULL"
    if not trait.has_shares:
        found = con.sql(f"SELECT DISTINCT {number} AS value FROM exchanges {where} ORDER BY value")
        return pa.array(found.fetchnumpy()["value"], pa.int64()), np.zeros(0)
    pairs = f"SELECT DISTINCT {number} AS value, account_id FROM exchanges {where}"
    rows = con.sql(
        f"SELECT value, COUNT(*) AS n FROM ({pairs}) GROUP BY value ORDER BY value"
    ).fetchnumpy()
    return pa.array(rows["value"], pa.int64()), (rows["n"] + 1) / (accounts + 1)
