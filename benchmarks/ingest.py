"""Logs in, beside mawk and GoAccess (access logs) and polars (JSON Lines).

The hunt of an access log is the whole command: every line parsed, written to a lake, every
hunt asked. mawk counts per address and minute, GoAccess makes its JSON report. polars reads
the same JSON Lines and writes Parquet, text included, and computes no sketch.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.generate import native_jsonl, nginx_log
from benchmarks.timing import STILLHUNT, Run, in_turn, row, run

__all__ = ["jsonl", "memory", "nginx", "startup"]

NGINX_LINES = 4_000_000
JSONL_ROWS = 1_000_000
MAWK = """
{ split($4, t, ":"); n[$1 " " t[1] ":" t[2] ":" t[3]]++ }
END { for (k in n) if (n[k] > 100) print k, n[k] }
"""
POLARS = """
import sys, polars as pl
lines = pl.scan_ndjson(sys.argv[1])
lines.sink_parquet(sys.argv[2], compression="zstd", compression_level=1)
"""


def nginx() -> list[dict[str, Any]]:
    """Burst hunt of an access log."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "access.log"
        nginx_log(log, NGINX_LINES)
        commands: dict[str, Callable[[], Run]] = {
            "stillhunt": lambda: run(
                [*STILLHUNT, "hunt", str(log), "--as", "nginx", "--quiet", "--json",
                 f"{folder}/report.json"], allowed=(0, 1),
            ),
            "mawk": lambda: run(["mawk", MAWK, str(log)]),
        }  # fmt: skip
        runs = in_turn(commands)
        if shutil.which("goaccess"):  # once: it takes a minute and a half
            command = ["goaccess", str(log), "--log-format=COMBINED", "--no-progress", "-o",
                       f"{folder}/goaccess.json"]  # fmt: skip
            runs["goaccess, one run"] = [run(command)] * len(runs["mawk"])
    work = f"burst hunt, {NGINX_LINES / 1e6:g}M access log lines"
    return _with_ratios([row(who, work, NGINX_LINES, r) for who, r in runs.items()], runs)


def jsonl() -> list[dict[str, Any]]:
    """JSON Lines into a hot lake, without and with text, beside polars."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "exchanges.jsonl"
        native_jsonl(log, JSONL_ROWS)
        config = Path(folder) / "full.toml"
        config.write_text('[lake]\ntext = "full"\n')

        def ingest(*more: str) -> Run:
            lake = Path(folder) / "lake"
            shutil.rmtree(lake, ignore_errors=True)
            return run([*STILLHUNT, "ingest", str(log), "--lake", str(lake), "--quiet", *more])

        runs = in_turn(
            {
                "stillhunt, sketches, no text": ingest,
                "stillhunt, sketches, full text": lambda: ingest("--config", str(config)),
                "polars, no sketches, full text": lambda: run(
                    [sys.executable, "-c", POLARS, str(log), f"{folder}/out.parquet"]
                ),
            }
        )
    work = f"{JSONL_ROWS / 1e6:g}M exchanges with ~1 kB prompts -> Parquet"
    return _with_ratios([row(who, work, JSONL_ROWS, r) for who, r in runs.items()], runs)


def memory() -> list[dict[str, Any]]:
    """Peak memory of one log and of ten times as much."""
    rows = []
    for name, make, size, extra in (
        ("nginx", nginx_log, 1_000_000, ["--as", "nginx"]),
        ("native", native_jsonl, 100_000, ["--as", "native"]),
    ):
        peaks = {}
        for times in (1, 10):
            with tempfile.TemporaryDirectory() as folder:
                log = Path(folder) / "log"
                make(log, size * times)
                runs = [
                    run(
                        [*STILLHUNT, "hunt", str(log), *extra, "--quiet", "--json",
                         f"{folder}/report.json"], allowed=(0, 1),
                    )
                    for _ in range(3)
                ]  # fmt: skip
            peaks[times] = statistics.median(r.peak_mb for r in runs)
            rows.append(
                row("stillhunt", f"hunt {name}, {size * times:,} lines", size * times, runs)
            )
        rows[-1]["ratio"] = f"peak {peaks[10] / peaks[1]:.2f}x of a tenth of the file"
    return rows


def startup() -> list[dict[str, Any]]:
    """``stillhunt --help``, from start to end."""
    runs = in_turn({"stillhunt": lambda: run([*STILLHUNT, "--help"])}, times=9)
    return [row("stillhunt", "--help", 0, runs["stillhunt"])]


def _with_ratios(rows: list[dict[str, Any]], runs: dict[str, list[Run]]) -> list[dict[str, Any]]:
    """Add the peer's time over ours, the median of the rounds."""
    ours = next(iter(runs.values()))
    for one in rows[1:]:
        pairs = zip(runs[one["who"]], ours, strict=True)
        ratio = statistics.median(peer.seconds / mine.seconds for peer, mine in pairs)
        one["ratio"] = f"takes {ratio:.2f}x of {rows[0]['who']}"
    return rows


def version_of(command: str, flag: str = "--version") -> str:
    """Return the first line that *command* says of its version, or "absent"."""
    if shutil.which(command) is None:
        return "absent"
    done = subprocess.run([command, flag], capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip().splitlines()[0]
