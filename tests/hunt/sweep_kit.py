"""A lake in memory, and short ways to fill it and to ask it."""

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from stillhunt.hunt.settings import HuntSettings
from stillhunt.hunt.sweep import Coverage, SweepResult, sweep
from stillhunt.model.exchange import HOT, column
from stillhunt.model.finding import Finding

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NOON = 1_772_366_400 * SECOND
"""2026-03-01T12:00:00Z."""

Row = Mapping[str, Any]
_KINDS = {
    "int64": pa.int64(),
    "int32": pa.int32(),
    "int16": pa.int16(),
    "float32": pa.float32(),
    "bool": pa.bool_(),
    "string": pa.string(),
}


def table_of(rows: Sequence[Row]) -> pa.Table:
    """Return *rows* as exchanges; what a row does not say is unknown."""
    columns = {
        name: pa.array([row.get(name) for row in rows], _KINDS[column(name).kind]) for name in HOT
    }
    return pa.table(columns)


class MemoryLake:
    """Exchanges in memory; counts how often it was connected to."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.table = table_of(rows)
        self.connections = 0

    def connect(
        self, since_us: int | None = None, until_us: int | None = None, *, memory_mb: int = 1_500
    ) -> duckdb.DuckDBPyConnection:
        self.connections += 1
        con = duckdb.connect()
        con.execute(f"SET threads = 1; SET memory_limit = '{memory_mb}MB'")
        con.register("everything", self.table)
        low = -(2**62) if since_us is None else since_us
        high = 2**62 if until_us is None else until_us
        con.execute(
            "CREATE VIEW exchanges AS SELECT * FROM everything"
            f" WHERE ts_us >= {low} AND ts_us <= {high}"
        )
        return con


def exchange(ts_us: int, **known: object) -> dict[str, Any]:
    """Return an exchange of one account and address on a generation path."""
    usual = {
        "source": "native",
        "account_id": "a1",
        "source_ip": "192.0.2.1",
        "method": "POST",
        "path": "/v1/messages",
        "output_tokens": 1,
    }
    return {"ts_us": ts_us, "exchange_id": f"x{ts_us}", **usual, **known}


def many(n: int, *, start: int = NOON, step: int = SECOND, **known: object) -> list[Row]:
    """Return *n* exchanges, one every *step* microseconds."""
    return [exchange(start + k * step, **known) for k in range(n)]


def swept(
    rows: Sequence[Row],
    told: Mapping[str, str] | None = None,
    *,
    settings: HuntSettings | None = None,
    **more: Any,  # noqa: ANN401 - whatever sweep takes
) -> SweepResult:
    return sweep(
        MemoryLake(rows), settings=settings or HuntSettings(), overrides=told or {}, **more
    )


def found(
    rows: Sequence[Row], detector: str, told: Mapping[str, str] | None = None
) -> list[Finding]:
    """Return what *detector* finds in *rows*."""
    return [f for f in swept(rows, told).findings if f.detector == detector]


def coverage(result: SweepResult, name: str) -> Coverage:
    return next(one for one in result.detectors if one.name == name)
