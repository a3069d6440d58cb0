"""Every rule and detector on three engines, whole answers compared: ``./dev bench engines``.

The same Parquet files for DuckDB, ClickHouse (chdb) and Spark (local): generated rows, and among
them the few thousand of ``tests/engines/population.py``, because in the generated ones nobody
shares an address or turns to another model. Rules that find nothing else get the population's
low bounds, all others their defaults. Each cell of the table is a process of its own, whose
answer is kept in ``build/``: a run that stops goes on where it was. Seconds are the query's own,
once, without starting the engine; bursts are asked over the whole period at once, which a sweep
does in slices.

A call takes ``BENCH_ENGINES_BUDGET_S`` at most (default 480 s; then call it again) and gives a
cell ``BENCH_ENGINES_CELL_S`` (default 420 s). ``BENCH_HUNT_ROWS`` says how many rows.
"""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.generate import START_US, hot_rows
from stillhunt.hunt.claims import detector_sql
from stillhunt.hunt.directory import COLUMNS as DIRECTORY
from stillhunt.hunt.export import ask, targets
from stillhunt.hunt.kusto.tables import TABLES
from stillhunt.hunt.lake.store import Lake
from stillhunt.hunt.parameters import resolve
from stillhunt.hunt.portable.dialects import written
from stillhunt.hunt.rule import load_rules
from stillhunt.hunt.rule_sql import rule_sql
from stillhunt.hunt.sweep import known_parameters
from stillhunt.model.errors import ExportError
from stillhunt.model.exchange import COLUMNS, HOT
from stillhunt.registry import parts

__all__ = ["rows"]

ROWS = int(os.environ.get("BENCH_HUNT_ROWS", "16000000"))
BUDGET_S = float(os.environ.get("BENCH_ENGINES_BUDGET_S", "480"))
CELL_S = float(os.environ.get("BENCH_ENGINES_CELL_S", "420"))
PLANTED = ("failover", "many_accounts", "many_addresses", "new_model_pivot", "signature_reuse")
"""Rules that find what the population planted, at its bounds."""
LEAST_S = 30.0
"""Less is not worth starting an engine for."""
ENGINES = ("duckdb", "clickhouse", "spark")
CLICKHOUSE = {
    "int64": "Int64", "int32": "Int32", "int16": "Int16", "float32": "Float32", "bool": "Bool",
    "string": "String",
}  # fmt: skip
DAY_US = 86_400_000_000
ACCOUNTS = 275_000
Answer = dict[str, Any]


def rows() -> list[dict[str, Any]]:
    """Return one row per rule and detector: rows found, seconds and equality per engine."""
    deadline = time.monotonic() + BUDGET_S
    answers = _inputs()[1]
    missing = 0
    for name, sql in _queries().items():
        for engine in ENGINES:
            kept = _cell(answers, name, engine, sql)
            left = deadline - time.monotonic()
            if kept.exists():
                continue
            if left < LEAST_S or not _ask(engine, name, kept, min(left, CELL_S)):
                missing += 1
    if missing:
        print(f"{missing} cells are missing; run it again to go on", file=sys.stderr)
    said = _analysed()
    return [
        _row(name, sql, answers) | {"kql": said.get(name, "no rule")}
        for name, sql in _queries().items()
    ]


def _analysed() -> dict[str, str]:
    """Return what Microsoft's analyser says of each rule's KQL: errors, and over how many tables.

    Tables that cannot answer a rule are not counted.
    """
    import pytest  # noqa: PLC0415 - only to hear why there is no analyser
    from kusto_analyser import analysed  # noqa: PLC0415 - on the path of tests, see the end

    rules = load_rules()
    written_for: dict[str, int] = dict.fromkeys((rule.name for rule in rules), 0)
    errors = dict(written_for)
    for table in TABLES.values():
        queries = {}
        for asked in ask(rules, table=table.name):
            with contextlib.suppress(ExportError):
                queries[asked.rule.name] = targets()["kql"].write(asked)
        try:
            found = analysed(table.declared, queries)
        except pytest.skip.Exception as error:
            return dict.fromkeys(errors, f"not analysed: {error}")
        for name, told in found.items():
            written_for[name] += 1
            errors[name] += len(told)
    return {name: f"{errors[name]} errors in {written_for[name]} tables" for name in errors}


def _cell(answers: Path, name: str, engine: str, sql: str) -> Path:
    """Return where an answer is kept: another query is another cell."""
    mark = hashlib.sha256(sql.encode()).hexdigest()[:8]
    return answers / f"{name}.{engine}.{mark}.json"


def _inputs() -> tuple[Path, Path]:
    """Return the lake, shared with the other hunts, and the folder of answers; make them once."""
    lake = Path("build") / f"hunts-{ROWS}"
    done = lake.with_suffix(".done")
    if not done.exists():
        Lake.create(lake)
        hot_rows(lake, ROWS, accounts=ACCOUNTS)
        done.touch()
    answers = Path("build") / f"engines-{ROWS}"
    answers.mkdir(parents=True, exist_ok=True)
    if not (answers / "directory.parquet").exists():
        pq.write_table(_planted(), answers / "planted.parquet")
        pq.write_table(_directory(), answers / "directory.parquet")
    return lake, answers


def _planted() -> pa.Table:
    """Return the population, moved by whole days to the end of the generated week."""
    from population import UNTIL_US, population  # noqa: PLC0415 - on the path of tests, see the end

    table = population()
    moved = pc.add(table["ts_us"], START_US + 7 * DAY_US - UNTIL_US)
    place = table.schema.get_field_index("ts_us")
    return table.set_column(place, table.schema.field(place), moved)


def _directory() -> pa.Table:
    """Return the generated accounts: three tiers, a thousand mail domains, 90 days of sign-ups."""
    rng = np.random.default_rng(3)
    who = np.arange(ACCOUNTS)
    tiers = np.array(["anonymous", "basic", "contract"])
    columns: dict[str, Any] = {name: pa.nulls(ACCOUNTS, pa.string()) for name in DIRECTORY}
    columns |= {
        "account_id": pa.array([f"acct_{k:08x}" for k in who]),
        "tier": pa.array(tiers[rng.integers(0, 3, ACCOUNTS)]),
        "email_domain": pa.array([f"d{k}.example.com" for k in rng.integers(0, 1_000, ACCOUNTS)]),
        "email_pattern": pa.array(np.array(["a.a", "aa00"])[rng.integers(0, 2, ACCOUNTS)]),
        "created_at": pa.array(["see created_at_us"] * ACCOUNTS),
        "created_at_us": START_US - rng.integers(0, 90 * DAY_US, ACCOUNTS),
    }
    return pa.table(columns)


def _ask(engine: str, name: str, kept: Path, limit_s: float) -> bool:
    """Ask one cell and keep what it says; False if only the budget was too short."""
    command = [sys.executable, "-m", "benchmarks.engines", engine, name]
    print(f"   {name} on {engine}", file=sys.stderr, flush=True)
    said: Answer
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=limit_s
        )
    except subprocess.TimeoutExpired:
        if limit_s < CELL_S:
            return False
        said = {"error": f"over {CELL_S:.0f} s"}
    else:
        lines = done.stdout.splitlines()
        said = json.loads(lines[-1]) if not done.returncode else {"error": done.stderr[-400:]}
    kept.write_text(json.dumps(said))
    return True


def _row(name: str, sql: str, answers: Path) -> dict[str, Any]:
    found = {engine: _kept(_cell(answers, name, engine, sql)) for engine in ENGINES}
    ours = found["duckdb"]
    row: dict[str, Any] = {"hunt": name, "rows": ROWS, "found": len(ours.get("answer", ()))}
    for engine in ENGINES:
        row[f"{engine}_s"] = found[engine].get("seconds")
    for engine in ENGINES[1:]:
        row[f"{engine}_equal"] = _verdict(ours, found[engine])
    return row


def _kept(path: Path) -> Answer:
    answer: Answer = json.loads(path.read_text()) if path.exists() else {"error": "not asked yet"}
    return answer


def _verdict(ours: Answer, theirs: Answer) -> str:
    from engine_kit import difference  # noqa: PLC0415 - on the path of tests, see the end

    for one in (ours, theirs):
        if "error" in one:
            return " ".join(str(one["error"]).split())[:80]
    return difference(ours["answer"], theirs["answer"]) or "yes"


def _queries() -> dict[str, str]:
    """Return the portable query of each rule and detector over the generated week."""
    from population import TOLD  # noqa: PLC0415 - on the path of tests, see the end

    low = {name: bound for name, bound in TOLD.items() if name.partition(".")[0] in PLANTED}
    values = resolve(known_parameters(), {}, low | {"bulk_signup.accounts": "6"})
    queries = {}
    until = START_US + 7 * DAY_US
    for rule in load_rules():
        parameter = rule.window.parameter
        length = int(values[rule.name][parameter]) if parameter else 366 * DAY_US
        queries[rule.name] = rule_sql(rule, values[rule.name], until - length, until)
    for name, part in parts("stillhunt.hunt.detectors").items():
        queries[name] = detector_sql(part())
    return queries


def _timed(ask: Callable[[], list[Answer]]) -> Answer:
    began = time.perf_counter()
    answer = ask()
    return {"seconds": round(time.perf_counter() - began, 2), "answer": answer}


def _duckdb(sql: str, lake: Path, answers: Path) -> Answer:
    with duckdb.connect() as con:
        hot = con.read_parquet([f"{lake}/hot/**/*.parquet", f"{answers}/planted.parquet"])
        hot.create_view("exchanges")
        con.read_parquet(f"{answers}/directory.parquet").create_view("directory")
        return _timed(lambda: con.sql(sql).to_arrow_table().to_pylist())


def _clickhouse(sql: str, lake: Path, answers: Path) -> Answer:
    from chdb import session  # noqa: PLC0415 - half a gigabyte

    click = session.Session()
    click.query("CREATE DATABASE hunt")
    click.query("USE hunt")
    each = [f"{lake}/hot/**/*.parquet", f"{answers}/planted.parquet"]
    # A file of the lake has only the columns that are filled; the others are NULL.
    columns = ", ".join(
        f"{c.name} Nullable({CLICKHOUSE[c.kind]})" for c in COLUMNS if c.name in HOT
    )
    both = " UNION ALL ".join(
        f"SELECT * FROM file('{path}', Parquet, '{columns}')" for path in each
    )
    click.query(f"CREATE VIEW exchanges AS {both}")
    directory = f"SELECT * FROM file('{answers}/directory.parquet', Parquet)"
    click.query(f"CREATE VIEW directory AS {directory}")

    def ask() -> list[Answer]:
        data = click.query(sql, "ArrowStream").bytes()
        rows: list[Answer] = pa.ipc.open_stream(data).read_all().to_pylist() if data else []
        return rows

    return _timed(ask)


def _spark(sql: str, lake: Path, answers: Path) -> Answer:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that pandas is too new; we use none
        from pyspark.sql import SparkSession  # noqa: PLC0415 - half a gigabyte

    told = {
        "spark.ui.enabled": "false", "spark.driver.memory": "6g",
        "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": "8", "spark.log.level": "ERROR",
    }  # fmt: skip
    builder = SparkSession.builder.master("local[*]").appName("engines")
    for key, value in told.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    read = spark.read.option("recursiveFileLookup", "true")
    both = read.parquet(f"{lake}/hot", f"{answers}/planted.parquet")
    both.createOrReplaceTempView("exchanges")
    read.parquet(f"{answers}/directory.parquet").createOrReplaceTempView("directory")
    return _timed(lambda: [row.asDict() for row in spark.sql(sql).collect()])


def main(engine: str, name: str) -> None:
    """Ask one cell in this process and print what it says as JSON."""
    lake, answers = _inputs()
    asked = {"duckdb": _duckdb, "clickhouse": _clickhouse, "spark": _spark}
    sql = _queries()[name]
    if engine != "duckdb":
        sql = written(sql, "clickhouse" if engine == "clickhouse" else "spark")
    print(json.dumps(asked[engine](sql, lake.resolve(), answers.resolve()), default=_plain))


def _plain(value: object) -> object:
    """Return text, or a decimal, in which large sums come, as JSON knows it."""
    if isinstance(value, bytes):
        return value.decode()
    number = float(str(value))
    return int(number) if number.is_integer() else number


sys.path.append(str(Path(__file__).parents[1] / "tests" / "engines"))  # where answers are compared

if __name__ == "__main__":
    main(*sys.argv[1:])
