"""The exchanges of a few subjects through time, in sums or one by one."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillhunt.hunt.parameters import Value
from stillhunt.hunt.rule import Rule
from stillhunt.hunt.rule_sql import measured_columns, render, rows_sql

__all__ = ["Ranges", "Rows", "Traces"]

Rows = Mapping[str, npt.NDArray[np.int64]]
"""Columns of one subject, by time: ``n``, and for each measured column its sum and, as
``COLUMN_known``, how many of its values are known."""
Ranges = tuple[int, int, int, int]
"""Two stretches of log time, (a, b] and (c, d] [us since epoch]."""

KEPT_ROWS = 50_000_000
"""Up to so many exchanges in the period asked, those of the subjects are kept in a table of
numbers (and spilled, if need be); above, they are read anew for each question."""


@dataclass(frozen=True, kw_only=True)
class Traces:
    """Reads what a rule counts, for the subjects that it found."""

    con: duckdb.DuckDBPyConnection
    rule: Rule
    values: Mapping[str, Value]
    until_us: int

    @property
    def names(self) -> tuple[str, ...]:
        """Return the columns of ``Rows`` that can be added up."""
        measured = measured_columns(self.rule)
        return ("n", *measured, *(f"{column}_known" for column in measured))

    def load(self, subjects: Sequence[tuple[object, ...]], from_us: int) -> None:
        """Name the subjects that are asked about, and how far back; unknown equals unknown."""
        columns: dict[str, Any] = {
            name: pa.array([subject[k] for subject in subjects], pa.string())
            for k, name in enumerate(self.rule.subject)
        }
        columns["number"] = pa.array(range(len(subjects)), pa.int64())
        self.con.register("found", pa.table(columns))
        seen = f"SELECT COUNT(*) FROM exchanges WHERE ts_us > {from_us}"
        kind = "TABLE" if self.con.execute(seen).fetchall()[0][0] <= KEPT_ROWS else "VIEW"
        wanted = ", ".join(f"r.{c}" for c in ("ts_us", *measured_columns(self.rule)))
        same = " AND ".join(f"r.{c} IS NOT DISTINCT FROM f.{c}" for c in self.rule.subject)
        sql = f"""CREATE TEMP {kind} traced AS
            SELECT f.number, {wanted}
            FROM ({rows_sql(self.rule, self.values)}) AS r
            JOIN found AS f ON {same}"""
        limits = {"from_us": from_us, "until_us": self.until_us}
        self.drop()
        self.con.execute(render(sql, dict(self.values) | limits))

    def drop(self) -> None:
        """Forget the subjects."""
        for kind in ("TABLE", "VIEW"):
            with suppress(duckdb.CatalogException):
                self.con.execute(f"DROP {kind} IF EXISTS traced")

    def coarse(self, step_us: int, first: int) -> Iterator[tuple[int, Rows]]:
        """Yield (number of the subject, sums by step), with ``step`` from *first* on.

        Step k is (k * step_us, (k + 1) * step_us] since the epoch; *first* is numbered 0.
        """
        each = "".join(
            f", CAST(COALESCE(SUM({c}), 0) AS BIGINT) AS {c}, COUNT({c}) AS {c}_known"
            for c in measured_columns(self.rule)
        )
        yield from self._answers(
            f"""SELECT number, (ts_us - 1) // {step_us} - {first} AS step, COUNT(*) AS n{each}
                FROM traced GROUP BY number, step ORDER BY number, step"""
        )

    def fine(self, ranges: Mapping[int, Ranges]) -> Iterator[tuple[int, Rows]]:
        """Yield (number of the subject, its single exchanges in its *ranges*)."""
        limits = zip(*ranges.values(), strict=True)
        columns = {
            name: pa.array(values, pa.int64()) for name, values in zip("abcd", limits, strict=True)
        }
        self.con.register("ranges", pa.table({"number": pa.array(ranges, pa.int64()), **columns}))
        each = "".join(
            f", COALESCE({c}, 0) AS {c}, CASE WHEN {c} IS NULL THEN 0 ELSE 1 END AS {c}_known"
            for c in measured_columns(self.rule)
        )
        yield from self._answers(
            f"""SELECT number, ts_us, 1 AS n{each}
                FROM traced JOIN ranges USING (number)
                WHERE ts_us > a AND ts_us <= b OR ts_us > c AND ts_us <= d
                ORDER BY number, ts_us"""
        )
        self.con.unregister("ranges")

    def _answers(self, sql: str) -> Iterator[tuple[int, Rows]]:
        """Yield (number, its rows) of an answer that is sorted by ``number``."""
        answer = self.con.sql(sql).to_arrow_table()
        table = {name: answer.column(name).to_numpy() for name in answer.column_names}
        numbers = table["number"]
        edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
        for a, b in pairwise(edges):
            if b > a:
                yield int(numbers[a]), {name: column[a:b] for name, column in table.items()}
