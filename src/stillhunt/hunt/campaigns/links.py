"""What accounts share: each shared value with its users, and values with the same users as one.

A value is shared text (a template, a system prompt, a beginning, a rare shingle), an address, a
reasoning signature, a card. One value says little; that the *same accounts* share many is the
trace of one hand. So values are joined when they have nearly the same users, which needs no
pair of accounts to be looked at: a template with 20,000 users costs 20,000 steps.

Source: Broder, On the resemblance and containment of documents (1997), for MinHash, here of the
sets of users.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from stillhunt.sketch.likelihood import Floats, Ints

__all__ = ["FEWEST", "KINDS", "Kind", "Shared", "shared_values"]

FEWEST = 4
"""Tenants that a value must join: fewer are a household, a team or a typing error."""
MOST_VALUES = 400_000
"""Values looked at, those with the most linked exchanges first."""
MOST_LINKED = 8_000_000
"""Linked exchanges looked at, about 3 GB: values that their users use most evenly come first, as
a pool does; what nearly everybody uses, each in his own measure, is what is left out."""
HASHES, BAND = 12, 2
SAME = 0.5
"""Share of the users that two values must have in common to be one group."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of value that exchanges or accounts share."""

    name: str
    family: str
    source: str
    """Relation that has it, with ``account_id`` and, unless it is of accounts, ``ts_us``."""
    value: str
    """SQL of the value, a BIGINT."""
    view: str
    """View that has its columns."""
    needs: tuple[str, ...]
    """Columns of the view."""
    repeats: float = 1.5
    """Linked exchanges of an account, on average, below which the value is no trace of work."""
    most: float = 1.0
    """Share of all tenants above which the value is nobody's: a browser, a provider."""
    is_of_accounts: bool = False
    """An account has one such value, on each of its exchanges."""


def _number(*columns: str) -> str:
    """Return SQL that makes one number of *columns*, NULL where one is unknown."""
    known = " AND ".join(f"{column} IS NOT NULL" for column in columns)
    return f"CASE WHEN {known} THEN (hash({', '.join(columns)}) >> 1)::BIGINT END"


_SIGNED_UP = "created_at_us - created_at_us % 86400000000"
_SIGN_UPS = f"""(
    SELECT account_id, email_pattern, day
    FROM (
        SELECT account_id, email_pattern, {_SIGNED_UP} AS day,
               COUNT(*) OVER (PARTITION BY email_pattern, {_SIGNED_UP}) AS here,
               COUNT(*) OVER (PARTITION BY email_pattern) AS of_pattern,
               COUNT(*) OVER (PARTITION BY {_SIGNED_UP}) AS of_day,
               COUNT(*) OVER () AS all_accounts
        FROM directory
        WHERE email_pattern IS NOT NULL AND created_at_us IS NOT NULL
    )
    WHERE here >= 3.0 * of_pattern * of_day / all_accounts
)"""


def _of_exchanges(
    name: str, family: str, *columns: str, repeats: float = 1.5, most: float = 1.0
) -> Kind:
    """Return what exchanges carry; a hash of *columns*, or the column *name* as it is."""
    return Kind(
        name=name, family=family, source="exchanges", view="exchanges",
        needs=columns or (name,), value=_number(*columns) if columns else name,
        repeats=repeats, most=most,
    )  # fmt: skip


def _of_directory(name: str, source: str, *columns: str, needs: tuple[str, ...]) -> Kind:
    """Return what the directory says of accounts, on each of their exchanges."""
    return Kind(
        name=name, family="identity", source=source, view="directory", needs=needs,
        value=_number(*columns), most=_FEW, is_of_accounts=True,
    )  # fmt: skip


_FEW = 0.05
KINDS: tuple[Kind, ...] = (
    _of_exchanges("template", "content"),
    _of_exchanges("system_template", "content"),
    _of_exchanges("prefix_hash", "content"),
    Kind(
        name="piece", family="content", source="pieces", view="pieces", needs=("hash",),
        value="hash",
    ),
    _of_exchanges(
        "reasoning_signature_hash", "content", "reasoning_signature_hash", repeats=1.0
    ),
    _of_exchanges("source_ip", "infrastructure", "source_ip", most=_FEW),
    _of_exchanges(
        "client", "infrastructure", "ja4", "header_order_hash", "user_agent", most=_FEW
    ),
    *(
        _of_directory(name, "directory", name, needs=(name,))
        for name in ("payment_hash", "phone_hash", "device_hash")
    ),
    _of_directory(
        "sign_up", _SIGN_UPS, "day", "email_pattern", needs=("email_pattern", "created_at_us")
    ),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Shared:
    """Shared values, one element each."""

    kind: Ints
    """Index into the kinds."""
    value: Ints
    tenants: Ints
    exchanges: Ints
    group: Ints
    """From 0, without gaps: values with nearly the same users."""


def shared_values(con: duckdb.DuckDBPyConnection, kinds: Sequence[Kind]) -> Shared:
    """Return what FEWEST or more tenants share, joined into groups.

    Args:
        con: With the views of *kinds* and the table ``coded`` of ``known_accounts``.
        kinds: What to look for.
    """
    tenants = con.sql("SELECT COUNT(DISTINCT tenant) FROM coded").fetchall()[0][0]
    parts = [_of_kind(con, number, kind, tenants) for number, kind in enumerate(kinds)]
    kind, value, users, exchanges, uneven = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    evenest = np.lexsort((value, kind, uneven))
    kept = evenest[np.cumsum(exchanges[evenest]) <= MOST_LINKED]
    order = kept[np.lexsort((value[kept], kind[kept], -exchanges[kept]))][:MOST_VALUES]
    kind, value, users, exchanges = (column[order] for column in (kind, value, users, exchanges))
    return Shared(
        kind=kind,
        value=value,
        tenants=users,
        exchanges=exchanges,
        group=_joined(_minima(con, kinds, kind, value), users),
    )


def _of_kind(
    con: duckdb.DuckDBPyConnection, number: int, kind: Kind, tenants: int
) -> tuple[Ints, Ints, Ints, Ints, Floats]:
    """Return number, value, tenants and exchanges of each value of *kind* that is shared.

    And how unevenly its users use it: the spread of the logarithms, less where they use it much.

    One kind at a time: DuckDB would hold the tables of all of them at once.
    """
    times = "SUM(c.exchanges)" if kind.is_of_accounts else "COUNT(*)"
    found = con.sql(f"""
        SELECT value, COUNT(*) AS tenants, SUM(times)::BIGINT AS exchanges,
               STDDEV_POP(LN(times)) - AVG(LN(times)) / 4 AS uneven
        FROM (
            SELECT {kind.value} AS value, c.tenant, {times} AS times
            FROM {kind.source} AS s
            JOIN coded AS c ON c.account_id = s.account_id
            WHERE {kind.value} IS NOT NULL
            GROUP BY {kind.value}, c.tenant
        )
        GROUP BY value
        HAVING COUNT(*) BETWEEN {FEWEST} AND {kind.most} * {tenants}
           AND SUM(times) >= {kind.repeats} * COUNT(*)
        ORDER BY exchanges DESC, value
        LIMIT {MOST_VALUES}
    """).fetchnumpy()
    value, users, exchanges = (
        found[n].astype(np.int64) for n in ("value", "tenants", "exchanges")
    )
    return np.full(len(value), number, np.int64), value, users, exchanges, found["uneven"]


def _minima(
    con: duckdb.DuckDBPyConnection, kinds: Sequence[Kind], kind: Ints, value: Ints
) -> np.ndarray[tuple[int, int], np.dtype[np.uint64]]:
    """Return the smallest hashes of the users of each value, shape (HASHES, values)."""
    minima = ", ".join(f"MIN(hash(c.tenant + {k} * 1000003)) AS h{k}" for k in range(HASHES))
    hashes = np.zeros((HASHES, len(value)), np.uint64)
    for number in np.unique(kind).tolist():
        one, rows = kinds[number], np.flatnonzero(kind == number)
        con.register("looked_at", pa.table({"row": rows, "number": value[rows]}))
        found = con.sql(f"""
            SELECT v.row, {minima}
            FROM {one.source} AS s
            JOIN looked_at AS v ON v.number = {one.value}
            JOIN coded AS c ON c.account_id = s.account_id
            GROUP BY v.row
        """).fetchnumpy()
        con.unregister("looked_at")
        for k in range(HASHES):
            hashes[k, found["row"]] = found[f"h{k}"]
    return hashes


def _joined(hashes: np.ndarray[tuple[int, int], np.dtype[np.uint64]], tenants: Ints) -> Ints:
    """Return a group for each value: one leader, and those whose users are nearly its own.

    Values are taken in their order; each joins the first earlier leader that shares a band of
    hashes and SAME of all hashes, so that groups cannot drift along a chain of likenesses.
    """
    n = hashes.shape[1]
    group = np.full(n, -1, np.int64)
    leaders: dict[tuple[int, ...], list[int]] = {}
    lists = hashes.T.tolist()
    sizes = tenants.tolist()
    groups = 0
    for i in range(n):
        bands = [(b, *lists[i][b : b + BAND]) for b in range(0, HASHES, BAND)]
        best = -1
        for band in bands:
            for leader in leaders.get(band, ()):
                alike = sum(a == b for a, b in zip(lists[i], lists[leader], strict=True))
                close = min(sizes[i], sizes[leader]) >= SAME * max(sizes[i], sizes[leader])
                if alike >= SAME * HASHES and close:
                    best = int(group[leader])
                    break
            if best >= 0:
                break
        if best < 0:
            best, groups = groups, groups + 1
            for band in bands:
                leaders.setdefault(band, []).append(i)
        group[i] = best
    return group
