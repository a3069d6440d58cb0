"""The exchanges of a few subjects through time, in sums or one by one."""

from collections.abc import Iterator, Mapping, Sequence
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

EVER = (0, 2**62, 0, 0)


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

    def coarse(
        self, subjects: Sequence[tuple[object, ...]], step_us: int, first: int
    ) -> Iterator[tuple[int, Rows]]:
        """Yield (place in *subjects*, sums by step), with the column ``step`` from *first* on.

        Step k is (k * step_us, (k + 1) * step_us] since the epoch; *first* is numbered 0.
        """
        each = "".join(
            f", CAST(COALESCE(SUM({c}), 0) AS BIGINT) AS {c}, COUNT({c}) AS {c}_known"
            for c in measured_columns(self.rule)
        )
        rows = self._joined(subjects, [EVER] * len(subjects), first * step_us)
        yield from self._answers(
            f"""SELECT number, (ts_us - 1) // {step_us} - {first} AS step, COUNT(*) AS n{each}
                FROM ({rows}) GROUP BY number, step ORDER BY number, step"""
        )

    def fine(
        self, subjects: Sequence[tuple[object, ...]], ranges: Sequence[Ranges]
    ) -> Iterator[tuple[int, Rows]]:
        """Yield (place in *subjects*, its single exchanges in its *ranges*)."""
        each = "".join(
            f", COALESCE({c}, 0) AS {c}, CASE WHEN {c} IS NULL THEN 0 ELSE 1 END AS {c}_known"
            for c in measured_columns(self.rule)
        )
        rows = self._joined(subjects, ranges, min(min(a, c) for a, _, c, _ in ranges))
        yield from self._answers(
            f"SELECT number, ts_us, 1 AS n{each} FROM ({rows}) ORDER BY number, ts_us"
        )

    def _joined(
        self, subjects: Sequence[tuple[object, ...]], ranges: Sequence[Ranges], from_us: int
    ) -> str:
        """Register the subjects and return their rows; unknown equals unknown."""
        columns: dict[str, Any] = {
            name: pa.array([subject[k] for subject in subjects], pa.string())
            for k, name in enumerate(self.rule.subject)
        }
        for name, limits in zip(("a", "b", "c", "d"), zip(*ranges, strict=True), strict=True):
            columns[f"{name}_us"] = pa.array(limits, pa.int64())
        columns["number"] = pa.array(range(len(subjects)), pa.int64())
        self.con.register("found", pa.table(columns))
        wanted = ", ".join(f"r.{c}" for c in ("ts_us", *measured_columns(self.rule)))
        same = " AND ".join(f"r.{c} IS NOT DISTINCT FROM f.{c}" for c in self.rule.subject)
        sql = f"""SELECT f.number, {wanted}
            FROM ({rows_sql(self.rule, self.values)}) AS r
            JOIN found AS f ON {same}
             AND (r.ts_us > f.a_us AND r.ts_us <= f.b_us OR r.ts_us > f.c_us AND r.ts_us <= f.d_us)
        """
        return render(sql, dict(self.values) | {"from_us": from_us, "until_us": self.until_us})

    def _answers(self, sql: str) -> Iterator[tuple[int, Rows]]:
        """Yield (number, its rows) of an answer that is sorted by ``number``."""
        answer = self.con.sql(sql).to_arrow_table()
        self.con.unregister("found")
        table = {name: answer.column(name).to_numpy() for name in answer.column_names}
        numbers = table["number"]
        edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
        for a, b in pairwise(edges):
            if b > a:
                yield int(numbers[a]), {name: column[a:b] for name, column in table.items()}
