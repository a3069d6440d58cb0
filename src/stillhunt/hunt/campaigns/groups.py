"""Candidate groups: who shares the joined values, and the exchanges that carry them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from stillhunt.hunt.campaigns.accounts import Accounts
from stillhunt.hunt.campaigns.agreement import Linked, Members, rhythms_of
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


TRAITS: tuple[Trait, ...] = (
    Trait(name="user_agent", family="infrastructure", value="user_agent"),
    Trait(name="ja4", family="infrastructure", value="ja4"),
    Trait(name="header_order_hash", family="infrastructure", value="header_order_hash"),
    Trait(name="asn", family="infrastructure", value="asn"),
    Trait(name="source_ip", family="infrastructure", value="source_ip"),
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
    traits: Mapping[str, Ints]
    """Code of each trait of each linked exchange, -1 unknown."""
    shares: Mapping[str, Floats]
    """Share of all accounts that have each value of a trait."""
    rhythms: Floats
    """When everybody asks, and the commonest kinds of accounts, shape (rhythms, bins)."""
    start_us: int
    """Where bin 0 begins."""


def candidate_groups(
    con: duckdb.DuckDBPyConnection, accounts: Accounts, shared: Shared, kinds: Sequence[Kind]
) -> Groups:
    """Return the exchanges that carry *shared* values, group by group."""
    values = pa.table({"kind": shared.kind, "value": shared.value, "grp": shared.group})
    con.register("shared_values", values)
    start, end = con.sql("SELECT MIN(ts_us), MAX(ts_us) FROM exchanges").fetchall()[0]
    start = (start or 0) // BIN_US * BIN_US
    bins = ((end or 0) - start) // BIN_US + 1
    carried = " UNION ".join(
        f"""SELECT v.grp, c.account, s.account_id, s.ts_us
            FROM {kind.source} AS s
            JOIN shared_values AS v ON v.kind = {number} AND v.value = {kind.value}
            JOIN coded AS c ON c.account_id = s.account_id"""
        for number, kind in enumerate(kinds)
    )
    traits = ", ".join(
        f"CASE WHEN {t.value} IS NULL THEN -1 ELSE (hash({t.value}) >> 1)::BIGINT END AS {t.name}"
        for t in TRAITS
    )
    found = con.sql(
        f"""WITH carried AS ({carried})
            SELECT c.grp, c.account, e.ts_us, COALESCE(e.output_tokens, 0) AS tokens,
                   COALESCE((hash(e.template, e.fill_hash, e.simhash) >> 1)::BIGINT, 0) AS fill,
                   {traits}
            FROM carried AS c
            JOIN exchanges AS e ON e.account_id = c.account_id AND e.ts_us = c.ts_us"""
    ).fetchnumpy()
    con.unregister("shared_values")
    ts_us = found["ts_us"].astype(np.int64)
    account = found["account"].astype(np.int64)
    linked = Linked(
        group=found["grp"].astype(np.int64),
        account=accounts.tenant[account],
        bin=(ts_us - start) // BIN_US,
    )
    coded = {t.name: _coded(con, t, found[t.name], len(accounts)) for t in TRAITS}
    return Groups(
        members=Members(linked),
        shared=shared,
        account=account,
        ts_us=ts_us,
        output_tokens=found["tokens"].astype(np.int64),
        fill=found["fill"].astype(np.int64),
        traits={name: codes for name, (codes, _) in coded.items()},
        shares={name: shares for name, (_, shares) in coded.items()},
        rhythms=_rhythms(con, start, bins),
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


def _coded(
    con: duckdb.DuckDBPyConnection, trait: Trait, values: Ints, accounts: int
) -> tuple[Ints, Floats]:
    """Return *values* as codes from 0 on, and the share of the accounts that have each."""
    known, codes = np.unique(values, return_inverse=True)
    codes = codes.astype(np.int64)
    if len(known) and known[0] == -1:
        known, codes = known[1:], codes - 1
    shares = np.full(len(known), 1 / (accounts + 1))
    found = con.sql(
        f"""SELECT (hash(value) >> 1)::BIGINT AS value, COUNT(*) AS n
            FROM (SELECT DISTINCT {trait.value} AS value, account_id FROM exchanges
                  WHERE {trait.value} IS NOT NULL AND account_id IS NOT NULL)
            GROUP BY value"""
    ).fetchnumpy()
    places = np.searchsorted(known, found["value"])
    places = np.minimum(places, max(len(known) - 1, 0))
    if len(known):
        is_here = known[places] == found["value"]
        shares[places[is_here]] = (found["n"][is_here] + 1) / (accounts + 1)
    return codes, shares
