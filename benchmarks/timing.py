"""Run whole commands side by side and report medians, ratios and peak memory.

The machines that this runs on are shared and noisy, so commands take turns (A B A B ...),
medians are quoted, and a ratio is only ever taken within one run.
"""

import os
import statistics
import subprocess
import sys
import time
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


def run(command: Sequence[str], *, allowed: Sequence[int] = (0,)) -> Run:
    """Run *command* to its end and return wall seconds and peak resident memory [MB].

    Raises:
        RuntimeError: It left with a code that is not *allowed*; its last words are quoted.
    """
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode not in allowed:
        raise RuntimeError(
            f"{command}: {process.returncode}: {said[-2000:].decode('utf-8', 'replace')}"
        )
    return Run(seconds, usage.ru_maxrss / 1024, process.returncode)


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
