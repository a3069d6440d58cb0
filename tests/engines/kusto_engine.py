"""Exported KQL, executed: ClickHouse speaks a good part of the language (``dialect = 'kusto'``).

It has neither of the two window functions that the rules use, so they are stood in for: ``prev``
is defined as what it means, and ``row_cumsum``, whose name the parser refuses, is called
``running_sum`` and defined so.
"""

import datetime
import io
from collections.abc import Collection, Mapping

import pyarrow as pa
from engine_kit import ClickHouse, Row

from stillhunt.hunt.kusto.literals import pascal

__all__ = ["Kusto", "as_canonical", "as_logs", "merged"]

STAND_INS = (
    "CREATE FUNCTION IF NOT EXISTS prev AS (x) -> lagInFrame(x)"
    " OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)",
    "CREATE FUNCTION IF NOT EXISTS running_sum AS (x) -> sum(x)"
    " OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
)


SETTINGS = (
    "max_threads = 1",  # rows stay in the order that a step has sorted them in
    "query_plan_remove_redundant_sorting = 0",
    "optimize_duplicate_order_by_and_distinct = 0",
    "join_use_nulls = 1",  # what an outer join does not find is unknown
    "use_variant_as_common_type = 0",  # a union of like columns is one column
)


class Kusto:
    """Answers KQL over the tables of a ClickHouse."""

    def __init__(self, click: ClickHouse) -> None:
        self.click = click
        self._query = click._session.query
        for text in STAND_INS:
            self._query(text)

    def run(self, kql: str) -> list[Row]:
        """Return the rows that *kql* gives, in order."""
        text = kql.replace("row_cumsum(", "running_sum(")
        self._query("SET allow_experimental_kusto_dialect = 1")
        self._query(f"SET {', '.join(SETTINGS)}")
        self._query("SET dialect = 'kusto'")
        try:
            data = self._query(text, "ArrowStream").bytes()
        finally:
            self._query("SET dialect = 'clickhouse'")
        if not data:
            return []
        with pa.ipc.open_stream(io.BytesIO(data)) as reader:
            rows: list[Row] = reader.read_all().to_pylist()
        return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: object) -> object:
    return value.decode() if isinstance(value, bytes) else value


def as_logs(table: pa.Table, *, but: Collection[str] = ()) -> pa.Table:
    """Return our columns in Azure's spelling: ``APILogs``, or ``APIAccounts``."""
    columns = {}
    for name in table.column_names:
        if name in but:
            continue
        is_time = name in ("ts_us", "created_at_us")
        column = table[name].cast(pa.timestamp("us", "UTC")) if is_time else table[name]
        columns["CreatedAt" if name == "created_at_us" else pascal(name)] = column
    return pa.table(columns)


def as_canonical(rows: list[Row], names: Mapping[str, str]) -> list[Row]:
    """Return rows with our names in place of Azure's, and times as microseconds since epoch."""
    ours = {column: name for name, column in names.items()}
    return [{ours[column]: _micros(value) for column, value in row.items()} for row in rows]


def _micros(value: object) -> object:
    if isinstance(value, datetime.datetime):
        return round(value.timestamp() * 1_000_000)
    return value


def merged(rows: list[Row], subject: str) -> list[Row]:
    """Return one row per subject of a sliding rule's answer, as an exported query gives it."""
    found: dict[object, Row] = {}
    for row in rows:
        one = found.setdefault(row[subject], dict(row))
        for name, value in row.items():
            if name != subject:
                one[name] = (min if name == "first_seen" else max)(one[name], value)
    for one in found.values():
        for name in ("peak_us", "requests_above", "seconds_above"):
            one.pop(name, None)
    return list(found.values())
