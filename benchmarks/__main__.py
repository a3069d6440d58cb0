"""``python -m benchmarks [NAME ...]``: a table on standard output, JSON beside it.

``python -m benchmarks judgement [OPTIONS]`` is the whole judgement of the hunt, an hour long.
"""

import json
import os
import platform
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import engines, hunts, ingest, judgement, sketch, tail

OUT = Path("build/benchmarks.json")
BENCHMARKS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "startup": ingest.startup,
    "nginx": ingest.nginx,
    "jsonl": ingest.jsonl,
    "memory": ingest.memory,
    "hunts": hunts.rows,
    "engines": engines.rows,
    "sketch": sketch.rows,
    "tail": tail.rows,
}


def main(names: list[str]) -> None:
    """Run the named benchmarks, or all of them."""
    if unknown := set(names) - set(BENCHMARKS):
        sys.exit(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    results: dict[str, Any] = {"machine": _machine(), "results": {}}
    for name in names or BENCHMARKS:
        print(f"-- {name}", file=sys.stderr, flush=True)
        results["results"][name] = BENCHMARKS[name]()
        _print(name, results["results"][name])
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(results, indent=1) + "\n")
    print(f"JSON: {OUT}")


def _machine() -> dict[str, Any]:
    packages = ("duckdb", "pyarrow", "numba", "numpy", "polars")
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
        "goaccess": ingest.version_of("goaccess"),
        "mawk": ingest.version_of("mawk", "-W version"),
    }


def _print(name: str, rows: list[dict[str, Any]]) -> None:
    table = Table(title=name, title_justify="left")
    keys = list(dict.fromkeys(key for one in rows for key in one))
    for key in keys:
        numeric = all(isinstance(one.get(key), int | float | None) for one in rows)
        table.add_column(key, justify="right" if numeric else "left")
    for one in rows:
        table.add_row(*(_cell(one.get(key)) for key in keys))
    Console(width=140).print(table)


def _cell(value: object) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    if sys.argv[1:2] == ["judgement"]:
        judgement.main(sys.argv[2:])
    else:
        main(sys.argv[1:])
