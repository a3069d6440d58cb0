"""Which questions the swept logs can answer: yes, partly, or no and what is missing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import duckdb
import pyarrow as pa

__all__ = ["Answered", "Filled", "answered", "fill", "lacking"]

Answered = Literal["yes", "partly", "no"]


@dataclass(frozen=True, kw_only=True)
class Filled:
    """What stands in a lake, source by source."""

    columns: Mapping[str, Collection[str]]
    """Source -> the columns that have a value somewhere."""
    exchanges: int
    output_tokens: int | None
    """None where no exchange tells it [tokens]."""
    first_us: int | None
    last_us: int | None

    def lacking(self, name: str) -> int:
        """Return how many sources never fill the column *name*."""
        return sum(name not in columns for columns in self.columns.values())


def fill(con: duckdb.DuckDBPyConnection, names: Sequence[str]) -> Filled:
    """Ask the view ``exchanges`` which of the columns *names* have values; one scan.

    A column that the view does not have has none.
    """
    there = {row[0] for row in con.execute("DESCRIBE exchanges").fetchall()}
    asked = [name for name in dict.fromkeys(names) if name in there]
    counts = "".join(f', COUNT("{name}")' for name in asked)
    rows = con.execute(
        f"""SELECT source, COUNT(*), SUM(output_tokens), MIN(ts_us), MAX(ts_us){counts}
            FROM exchanges GROUP BY source"""
    ).fetchall()
    tokens = [row[2] for row in rows if row[2] is not None]
    return Filled(
        columns={
            str(row[0]): {name for name, n in zip(asked, row[5:], strict=True) if n}
            for row in rows
        },
        exchanges=sum(row[1] for row in rows),
        output_tokens=int(sum(tokens)) if tokens else None,
        first_us=min((row[3] for row in rows), default=None),
        last_us=max((row[4] for row in rows), default=None),
    )


def answered(
    filled: Filled, needs: Sequence[str], either: Sequence[str], uses: Sequence[str]
) -> tuple[Answered, tuple[str, ...]]:
    """Return how far a hunt can be answered, and the columns that are missing.

    Args:
        filled: What stands in the lake.
        needs: No answer without every one of these.
        either: No answer without one of these at least; partial without one of them.
        uses: Partial without one of these.

    A column that some sources lack makes the answer partial, whatever it is.
    """
    sources = len(filled.columns)
    lacking = {name: filled.lacking(name) for name in (*needs, *either, *uses)}
    missing = tuple(name for name, n in lacking.items() if n)
    absent = {name for name, n in lacking.items() if n == sources}
    if not sources:
        return "no", tuple(dict.fromkeys((*needs, *either)))
    if absent.intersection(needs) or (either and absent.issuperset(either)):
        return "no", tuple(name for name in (*needs, *either) if name in absent)
    return ("partly" if missing else "yes"), missing


def lacking(accounts: pa.Table | None, names: Sequence[str]) -> tuple[str, ...]:
    """Return which columns *names* of the account directory nobody fills, said for a reader.

    Args:
        accounts: The directory; None where there is none.
        names: Columns that a hunt cannot do without.
    """
    return tuple(
        f"{name} (account directory)"
        for name in names
        if accounts is None
        or name not in accounts.column_names
        or accounts[name].null_count == len(accounts)
    )
