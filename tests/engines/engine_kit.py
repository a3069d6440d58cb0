"""Three engines under one name: tables in, rows of plain Python values out."""

import decimal
import io
import math
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillhunt.hunt.portable.dialects import Executed, written

__all__ = [
    "ENGINES",
    "ClickHouse",
    "Duck",
    "Engine",
    "Row",
    "Spark",
    "answers",
    "difference",
    "opened",
    "plain",
]

Row = dict[str, Any]


class Engine(Protocol):
    """Answers queries in its own spelling over tables that it was given."""

    dialect: Executed

    def load(self, tables: Mapping[str, pa.Table]) -> None:
        """Make views of *tables*; they replace those of the same name."""
        ...

    def run(self, sql: str) -> list[Row]:
        """Return the answer to *sql*, which is in the engine's own spelling."""
        ...


class Duck:
    """DuckDB on one thread."""

    dialect: Executed = "duckdb"

    def __init__(self) -> None:
        self._con = duckdb.connect()
        self._con.execute("SET threads = 1")

    def load(self, tables: Mapping[str, pa.Table]) -> None:
        for name, table in tables.items():
            self._con.register(name, table)

    def run(self, sql: str) -> list[Row]:
        answer = self._con.execute(sql)
        names = [column[0] for column in answer.description or ()]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


class ClickHouse:
    """ClickHouse in this process (chdb); a process has one, so views are made in turn."""

    dialect: Executed = "clickhouse"

    def __init__(self, folder: Path) -> None:
        from chdb import session  # noqa: PLC0415 - half a gigabyte, only where it is used

        self._folder = folder
        self._session = session.Session()
        self._loads = 0
        self._session.query("CREATE DATABASE IF NOT EXISTS parity")
        self._session.query("USE parity")

    def load(self, tables: Mapping[str, pa.Table]) -> None:
        self._loads += 1
        for name, table in tables.items():
            path = self._folder / f"click-{name}-{self._loads}.parquet"
            pq.write_table(table, path)
            self._session.query(
                f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM file('{path}', Parquet)"
            )

    def run(self, sql: str) -> list[Row]:
        data = self._session.query(sql, "ArrowStream").bytes()
        if not data:
            return []
        with pa.ipc.open_stream(io.BytesIO(data)) as reader:
            rows: list[Row] = reader.read_all().to_pylist()
        return [{name: _text(value) for name, value in row.items()} for row in rows]

    def close(self) -> None:
        self._session.close()


def _text(value: object) -> object:
    return value.decode() if isinstance(value, bytes) else value


class Spark:
    """Spark on this machine: one JVM, two threads, nothing that listens beyond it."""

    dialect: Executed = "spark"

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says that pandas is too new; we use none
            from pyspark.sql import SparkSession  # noqa: PLC0415 - half a gigabyte

        self._folder = folder
        self._loads = 0
        told = {
            "spark.ui.enabled": "false",
            # For a few thousand rows planning is what takes time: 4 s in place of 18 s.
            "spark.sql.shuffle.partitions": "1",
            "spark.sql.adaptive.enabled": "false",
            "spark.sql.codegen.wholeStage": "false",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.memory": "1g",
            "spark.sql.warehouse.dir": str(folder / "warehouse"),
            "spark.sql.session.timeZone": "UTC",
            "spark.log.level": "ERROR",
        }
        builder = SparkSession.builder.master("local[2]").appName("parity")
        for key, value in told.items():
            builder = builder.config(key, value)
        self._session = builder.getOrCreate()

    def load(self, tables: Mapping[str, pa.Table]) -> None:
        self._loads += 1
        for name, table in tables.items():
            path = self._folder / f"spark-{name}-{self._loads}.parquet"
            pq.write_table(table, path)
            self._session.read.parquet(str(path)).createOrReplaceTempView(name)

    def run(self, sql: str) -> list[Row]:
        return [row.asDict() for row in self._session.sql(sql).collect()]

    def close(self) -> None:
        self._session.stop()


ENGINES: tuple[Executed, ...] = ("duckdb", "clickhouse", "spark")


@contextmanager
def opened(dialect: Executed, folder: Path) -> Iterator[Engine]:
    """Open the engine, or skip the test with what is missing; close it at the end."""
    if dialect == "duckdb":
        yield Duck()
    elif dialect == "clickhouse":
        pytest.importorskip("chdb", reason="chdb is not installed (dependency group engines)")
        with closing(ClickHouse(folder)) as click:
            yield click
    else:
        pytest.importorskip("pyspark", reason="pyspark is not installed (group engines)")
        if shutil.which("java") is None:
            pytest.skip("no java on the PATH (Debian: default-jre-headless)")
        with closing(Spark(folder)) as spark:
            yield spark


def answers(engine: Engine, sql: str) -> list[Row]:
    """Return what *engine* answers to portable *sql*, written for it."""
    return engine.run(written(sql, engine.dialect))


def difference(ours: Sequence[Row], theirs: Sequence[Row]) -> str | None:
    """Say how two answers differ, None if they do not: order aside, whole rows are compared.

    Integers, text and unknowns have to be equal, floating-point numbers to 1e-9 of their size.
    """
    if len(ours) != len(theirs):
        return f"{len(ours)} rows and {len(theirs)}"
    pairs = zip(sorted(ours, key=_place), sorted(theirs, key=_place), strict=True)
    for number, (left, right) in enumerate(pairs):
        if list(left) != list(right):
            return f"columns {list(left)} and {list(right)}"
        for name in left:
            if not _is_same(left[name], right[name]):
                return f"row {number}, {name}: {left[name]!r} and {right[name]!r}; {left}"
    return None


def _place(row: Row) -> tuple[str, ...]:
    """Sort by everything but floating-point numbers, which may differ in the last digit."""
    return tuple(repr(v) for v in map(plain, row.values()) if not isinstance(v, float))


def plain(value: object) -> object:
    """Return a whole decimal, in which sums may come, as an integer."""
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _is_same(left: object, right: object) -> bool:
    left, right = plain(left), plain(right)
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9)
    return type(left) is type(right) and left == right
