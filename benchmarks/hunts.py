"""The hunts on 16M generated rows, beside polars doing the same: ``./dev bench hunts``.

Every measurement is a process of its own on the same Parquet files (generated once, into
``build/``), so that peak memory is that of one hunt. Seconds are the hunt's own, without
starting Python, ``cpu`` those of the whole process on all cores (they tell more where others use
the machine too); medians of three, taken in turn. ``ratio`` is polars over ours.

Polars answers the four questions for which it has the words, and less than we do: volume without
the beginnings of episodes, bursts without their joining, entropy without the other tail and
near-duplicates, gap variation without hours and reading times.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.generate import hot_rows
from stillhunt.hunt.claims import Moment, Question, ask_detector, ask_rule
from stillhunt.hunt.lake.store import Lake
from stillhunt.hunt.parameters import resolve
from stillhunt.hunt.rule import load_rules
from stillhunt.hunt.rule_sql import GENERATION_PATHS
from stillhunt.hunt.slices import slices
from stillhunt.hunt.sweep import known_parameters
from stillhunt.registry import parts

__all__ = ["rows"]

ROWS = int(os.environ.get("BENCH_HUNT_ROWS", "16000000"))
TIMES = 3
DAY_US = 86_400_000_000
PEERS = {"volume": "volume", "burst": "burst", "repetition": "entropy", "cadence": "gaps"}


def rows() -> list[dict[str, Any]]:
    """Return seconds and peak memory of each hunt, and of polars where it has one."""
    lake = Path("build") / f"hunts-{ROWS}"
    done = lake.with_suffix(".done")
    if not done.exists():
        Lake.create(lake)
        hot_rows(lake, ROWS)
        done.touch()
    found = []
    for name in _questions():
        ours, theirs = [], []
        for _ in range(TIMES):
            ours.append(_measure("stillhunt", name, lake))
            if name in PEERS:
                theirs.append(_measure("polars", PEERS[name], lake))
        row = _row(name, ours)
        if theirs:
            peer = _row(name, theirs)
            row |= {f"polars_{key}": peer[key] for key in ("seconds", "cpu", "peak_mb", "found")}
            row["ratio"] = round(peer["seconds"] / row["seconds"], 2)
        found.append(row)
    return found


def _row(name: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "hunt": name,
        "rows": ROWS,
        "found": runs[0]["found"],
        "seconds": round(statistics.median(run["seconds"] for run in runs), 2),
        "cpu": round(statistics.median(run["cpu"] for run in runs), 2),
        "peak_mb": max(run["peak_mb"] for run in runs),
    }


def _measure(who: str, name: str, lake: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.hunts", who, name, str(lake)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.returncode}: {done.stderr[-2000:]}")
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def _questions() -> dict[str, Question]:
    values = resolve(known_parameters(), {}, {})
    detectors = parts("stillhunt.hunt.detectors")
    return {
        **{
            rule.name: ask_rule(rule, values[rule.name])
            for rule in load_rules()
            if not rule.of_accounts  # the benchmark's lake has no account directory
        },
        **{name: ask_detector(name, part()) for name, part in detectors.items()},
    }


def _hunt(name: str, lake: Path) -> int:
    with closing(Lake.open(lake).connect()) as con:
        until = con.execute("SELECT MAX(ts_us) FROM exchanges").fetchall()[0][0]
        moment = Moment(con=con, history=con, slices=slices(con), until_us=until)
        return len(_questions()[name].find(moment))


def _polars(name: str, lake: Path) -> int:
    import polars as pl  # noqa: PLC0415 - not in the processes that measure ours

    frame = pl.scan_parquet(lake / "hot/**/*.parquet", hive_partitioning=False)
    on_paths = pl.col("path").str.split("?").list.first().is_in(list(GENERATION_PATHS))
    account, template, ts = pl.col("account_id"), pl.col("template"), pl.col("ts_us")
    if name == "volume":
        until = frame.select(ts.max()).collect().item()
        tokens = pl.col("output_tokens").sum()
        answer = (
            frame.filter(on_paths & (ts > until - DAY_US))
            .group_by("account_id", "source_ip")
            .agg(pl.len().alias("n"), tokens)
            .filter((pl.col("n") > 5_000) | (pl.col("output_tokens") > 100_000))
        )
    elif name == "burst":
        answer = (
            frame.filter(on_paths & (pl.col("method") == "POST"))
            .select("source_ip", ts)
            .sort("source_ip", "ts_us")
            .rolling("ts_us", period="60000000i", group_by="source_ip")
            .agg(pl.len().alias("n"))
            .filter(pl.col("n") > 100)
            .select("source_ip")
            .unique()
        )
    elif name == "entropy":
        n = pl.col("n").cast(pl.Float64)
        answer = (
            frame.filter(account.is_not_null() & template.is_not_null())
            .group_by("account_id", "template")
            .agg(pl.len().alias("n"))
            .group_by("account_id")
            .agg(n.sum().alias("total"), (n * n.log()).sum().alias("s"))
            .filter(pl.col("total") >= 50)
            .with_columns((pl.col("total").log() - pl.col("s") / pl.col("total")).alias("h"))
            .filter(1 - pl.col("h") / pl.col("total").log() > 0.9)
        )
    else:
        gap = ts.sort().diff()
        answer = (
            frame.filter(account.is_not_null())
            .group_by("account_id")
            .agg(pl.len().alias("n"), (gap.std(ddof=0) / gap.mean()).alias("variation"))
            .filter((pl.col("n") >= 50) & (pl.col("variation") < 0.1))
        )
    return len(answer.collect(engine="streaming"))


def main(who: str, name: str, lake: str) -> None:
    """Answer one question in this process and print its seconds and memory."""
    work: dict[str, Callable[[str, Path], int]] = {"stillhunt": _hunt, "polars": _polars}
    began = time.perf_counter()
    found = work[who](name, Path(lake))
    seconds = time.perf_counter() - began
    print(
        json.dumps(
            {"seconds": seconds, "cpu": time.process_time(), "peak_mb": _peak_mb(), "found": found}
        )
    )


def _peak_mb() -> int:
    """Return the peak resident memory of this program [MB].

    Not ``ru_maxrss``: Linux hands that of the parent down through ``exec``.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
