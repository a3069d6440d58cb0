"""Run whole commands side by side and report medians, ratios and peak memory.

The machines that this runs on are shared and noisy, so commands take turns (A B A B ...),
medians are quoted, and a ratio is only ever taken within one run.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["STILLHUNT", "Run", "in_turn", "row", "run"]

STILLHUNT = [sys.executable, "-m", "stillhunt"]


@dataclass(frozen=True)
class Run:
    """One finished command."""

    seconds: float
    peak_mb: float
    code: int


LAUNCHER = """
import json, os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(json.dumps([time.perf_counter() - began, usage.ru_maxrss / 1024,
                  os.waitstatus_to_exitcode(status)]))
"""
"""A process starts with the peak memory of the one that forks it, so a small one does."""


def run(command: Sequence[str], *, allowed: Sequence[int] = (0,)) -> Run:
    """Run *command* to its end and return wall seconds and peak resident memory [MB].

    Raises:
        RuntimeError: It left with a code that is not *allowed*; its last words are quoted.
    """
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", LAUNCHER, *command], capture_output=True, check=True
    )
    result = Run(*json.loads(done.stdout))
    if result.code not in allowed:
        said = done.stderr[-2000:].decode("utf-8", "replace")
        raise RuntimeError(f"{command}: {result.code}: {said}")
    return result


def in_turn(
    commands: Mapping[str, Callable[[], Run]], *, times: int = 3, warm_up: int = 1
) -> dict[str, list[Run]]:
    """Run the commands in turn, *times* each after *warm_up* rounds that are thrown away."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for round_ in range(warm_up + times):
        for name, command in commands.items():
            result = command()
            if round_ >= warm_up:
                runs[name].append(result)
    return runs


def row(name: str, work: str, amount: int, runs: Sequence[Run]) -> dict[str, Any]:
    """Return one row of a result table: median seconds, amount per second, peak memory."""
    seconds = statistics.median(r.seconds for r in runs)
    return {
        "work": work,
        "who": name,
        "seconds": round(seconds, 3),
        "per_second": round(amount / seconds) if amount else None,
        "peak_mb": round(max(r.peak_mb for r in runs)),
    }
