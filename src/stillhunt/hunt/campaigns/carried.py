"""The exchanges that carry shared values: one pass over the lake, batch by batch.

An exchange is linked to a group once, however many of the group's values it carries. DuckDB is
asked for one scan with a group beside each kind of value; which of them count is decided here,
in arrays, because DuckDB would have to hash every linked exchange to tell.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.hunt.campaigns.links import Kind, Shared
from stillhunt.sketch.likelihood import Ints

__all__ = ["ROW", "Codes", "Columns", "Dictionary", "carried"]

BATCH = 1_000_000
"""Rows taken from DuckDB at once."""
ROW = {
    "account": "c.account::INTEGER",
    "ts_us": "e.ts_us",
    "tokens": "COALESCE(e.output_tokens, 0)::INTEGER",
    "fill": "COALESCE((hash(e.template, e.fill_hash, e.simhash) >> 1)::BIGINT, 0)",
}
"""What is kept of an exchange beside its group and its traits, as SQL."""

Codes = npt.NDArray[Any]
"""int32 in truth, half the memory of Ints, for which they stand in."""
Columns = dict[str, npt.NDArray[Any]]
Dictionary = Mapping[str, tuple[str, pa.Array]]
"""By trait: its SQL, and the hashes of its values, ascending; the place of one is its code."""


def carried(
    con: duckdb.DuckDBPyConnection,
    shared: Shared,
    kinds: Sequence[Kind],
    traits: Dictionary,
    tenant: Ints,
) -> Columns:
    """Return ``group``, ROW and the codes (``trait_NAME``) of what carries *shared* values.

    By group, tenant and time, so that whoever counts members need not sort. Codes are int32,
    -1 unknown.

    Args:
        con: With the views of *kinds* and the table ``coded`` of ``known_accounts``.
        shared: Values of *kinds*.
        kinds: All of them, as *shared* numbers them.
        traits: Their values.
        tenant: Of each account.
    """
    con.register(
        "shared_values",
        pa.table({"kind": shared.kind, "number": shared.value, "grp": shared.group}),
    )
    parts: dict[str, list[npt.NDArray[Any]]] = {
        name: [np.zeros(0, np.int32)]
        for name in ("group", *ROW, *(f"trait_{name}" for name in traits))
    }
    for batch in _batches(con, shared, kinds, traits):
        for name, column in batch.items():
            parts[name].append(column)
    con.unregister("shared_values")
    found: Columns = {name: np.concatenate(parts.pop(name)) for name in list(parts)}
    pair = found["group"] * np.int64(len(tenant)) + tenant[found["account"]]
    order = np.lexsort((found["ts_us"], pair))
    del pair
    return {name: found.pop(name)[order] for name in list(found)}


def _batches(
    con: duckdb.DuckDBPyConnection, shared: Shared, kinds: Sequence[Kind], traits: Dictionary
) -> Iterator[Columns]:
    """Yield linked exchanges, each once for each of its groups."""
    here = np.unique(shared.kind).tolist()
    direct = [n for n in here if kinds[n].source == "exchanges" or kinds[n].is_of_accounts]
    apart = [n for n in here if n not in direct]
    if direct:
        known = " OR ".join(f"v{number}.grp IS NOT NULL" for number in direct)
        for batch in _read(con, f"{_scan(kinds, direct, traits)} WHERE {known}", traits):
            groups = [batch.pop(f"group_{number}") for number in direct]
            for k, group in enumerate(groups):
                yield _rows(batch, group, groups[:k])
    if apart:
        scan = _scan(kinds, direct, traits, "a.grp AS own, ")
        for batch in _read(con, f"{scan} JOIN ({_apart(kinds, apart)}) AS a {_SAME}", traits):
            groups = [batch.pop(f"group_{number}") for number in direct]
            yield _rows(batch, batch.pop("own"), groups)


_SAME = "ON a.account_id = e.account_id AND a.ts_us = e.ts_us"
"""What lies apart names an exchange by account and time."""


def _apart(kinds: Sequence[Kind], numbers: Sequence[int]) -> str:
    """Return SQL of what carries values elsewhere than in the exchange: account, time, group."""
    return " UNION ".join(
        f"""SELECT DISTINCT s.account_id, s.ts_us, v.grp::INTEGER AS grp
            FROM {kinds[number].source} AS s
            JOIN shared_values AS v ON v.kind = {number} AND v.number = {kinds[number].value}"""
        for number in numbers
    )


def _scan(
    kinds: Sequence[Kind], numbers: Sequence[int], traits: Dictionary, more: str = ""
) -> str:
    """Return SQL of the exchanges with the group of each kind of value, -1 for none."""
    columns = [f"{sql} AS {name}" for name, sql in ROW.items()]
    columns += [f"(hash({sql}) >> 1)::BIGINT AS trait_{n}" for n, (sql, _) in traits.items()]
    columns += [f"COALESCE(v{number}.grp, -1)::INTEGER AS group_{number}" for number in numbers]
    joins = [
        f"""LEFT JOIN (
            SELECT s.account_id, v.grp
            FROM {kind.source} AS s
            JOIN shared_values AS v ON v.kind = {number} AND v.number = {kind.value}
        ) AS v{number} ON v{number}.account_id = e.account_id"""
        if kind.is_of_accounts
        else f"""LEFT JOIN (SELECT number, grp FROM shared_values WHERE kind = {number})
        AS v{number} ON v{number}.number = {kind.value}"""
        for number, kind in ((number, kinds[number]) for number in numbers)
    ]
    return (
        f"SELECT {more}{', '.join(columns)}"
        " FROM exchanges AS e JOIN coded AS c ON c.account_id = e.account_id "
        + " ".join(joins)
    )  # fmt: skip


def _read(con: duckdb.DuckDBPyConnection, query: str, traits: Dictionary) -> Iterator[Columns]:
    """Yield what *query* finds, traits as codes."""
    for batch in con.sql(query).to_arrow_reader(BATCH):
        columns = {name: batch[name] for name in batch.schema.names}
        for name, (_, hashes) in traits.items():
            # The hash of NULL is no value's, so the unknown is not found.
            codes = pc.index_in(columns.pop(f"trait_{name}"), value_set=hashes)
            columns[f"trait_{name}"] = pc.fill_null(codes, -1)
        yield {name: column.to_numpy(zero_copy_only=False) for name, column in columns.items()}


def _rows(batch: Columns, group: Ints, before: Sequence[Ints]) -> Columns:
    """Return the rows of *batch* that have a *group* that none *before* has."""
    is_new = group >= 0
    for other in before:
        is_new &= group != other
    rows = np.flatnonzero(is_new)
    return {"group": group[rows], **{name: column[rows] for name, column in batch.items()}}
