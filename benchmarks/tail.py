"""Following a log, beside fail2ban (Debian) on the same lines.

Both follow one growing file of nginx's combined format, in processes of their own, and are asked
for the same: more than 100 POSTs of an address within 60 s. fail2ban bans nobody: its action
is an empty one, and its log says when it would have banned. Times are from the write of the line
that crosses the bound until the answer can be read.

``rate``: that many lines are written at once, a burst behind them; lines over the time until
the burst was answered. ``latency``: bursts one by one. ``flood``: thousands of addresses that
stand at the bound cross it in one write. ``memory``: every line another address.
"""

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import STILLHUNT

__all__ = ["rows"]

RATE_LINES = {"stillhunt": 2_000_000, "fail2ban": 50_000}
BURSTS = 40
FLOODED = 3_000  # addresses
MEMORY_LINES = 5_000_000
PATIENCE_S = 180.0
FILTER = """
[Definition]
failregex = ^<HOST> - - \\s*"POST /v1/messages
datepattern = \\[%%d/%%b/%%Y:%%H:%%M:%%S %%z\\]
"""
JAIL = """
[DEFAULT]
backend = pyinotify
[burst]
enabled = true
filter = burst
logpath = {log}
maxretry = 101
findtime = 60
bantime = 3600
usedns = no
action = nothing
"""
FAIL2BAN = """
[Definition]
loglevel = NOTICE
logtarget = {folder}/f2b.log
socket = {folder}/f2b.sock
pidfile = {folder}/f2b.pid
dbfile = :memory:
"""


@dataclass
class Follower:
    """A program that follows a log."""

    log: Path
    process: "subprocess.Popen[bytes]"
    answered: Callable[[str], bool]
    """Whether it has said anything of an address."""

    def wait_for(self, address: str) -> float:
        """Return when *address* was answered [s, monotonic]."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and self.process.poll() is None:
            if self.answered(address):
                return time.monotonic()
            time.sleep(0.002)
        raise RuntimeError(f"{address} was never answered")

    def peak_mb(self) -> float:
        """Return the peak resident memory so far [MB]."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
        return 0.0


def rows() -> list[dict[str, Any]]:
    """Return one row for each program and question."""
    found = []
    for name, begin in (("stillhunt", _stillhunt), ("fail2ban", _fail2ban)):
        if name == "fail2ban" and not shutil.which("fail2ban-server"):
            continue
        with tempfile.TemporaryDirectory() as folder, begin(Path(folder)) as follower:
            found.append(_rate(name, follower, RATE_LINES[name]))
            found.append(_latency(name, follower))
        if name == "stillhunt":
            with tempfile.TemporaryDirectory() as folder, begin(Path(folder)) as follower:
                found.append(_flood(name, follower))
            with tempfile.TemporaryDirectory() as folder, begin(Path(folder)) as follower:
                found.append(_memory(name, follower))
    return found


def _rate(name: str, follower: Follower, lines: int) -> dict[str, Any]:
    now = time.time()
    began = time.monotonic()
    with follower.log.open("ab") as log:
        for chunk in _crowd(lines, now, 20_000):
            log.write(chunk)
        log.write(_burst("192.0.2.1", now))
    took = follower.wait_for("192.0.2.1") - began
    return {
        "question": f"{lines:,} lines at once, then a burst",
        "who": name,
        "lines_per_s": round(lines / took),
        "peak_mb": round(follower.peak_mb()),
    }


def _latency(name: str, follower: Follower) -> dict[str, Any]:
    times = []
    for k in range(BURSTS):
        address = f"198.51.100.{k + 1}"
        with follower.log.open("ab") as log:
            log.write(_burst(address, time.time()))
        began = time.monotonic()
        times.append(follower.wait_for(address) - began)
        time.sleep(0.05)
    return {
        "question": f"{BURSTS} bursts, from the crossing line to the answer",
        "who": name,
        "p50_ms": round(statistics.median(times) * 1000),
        "p99_ms": round(float(np.quantile(times, 0.99)) * 1000),
        "peak_mb": round(follower.peak_mb()),
    }


def _flood(name: str, follower: Follower) -> dict[str, Any]:
    now = time.time()
    addresses = [f"10.{k >> 8}.{k & 255}.1" for k in range(FLOODED)]  # a /24 each
    lines = b"".join(_line(address, now) for address in addresses)
    with follower.log.open("ab") as log:
        for _ in range(100):
            log.write(lines)
        log.write(_burst("192.0.2.1", now))
    follower.wait_for("192.0.2.1")  # everything before it was looked at
    with follower.log.open("ab") as log:
        log.write(lines)
    began = time.monotonic()
    blocks = [f"10.{k >> 8}.{k & 255}.0/24" for k in range(FLOODED)]
    times = sorted(follower.wait_for(subject) - began for subject in (*addresses, *blocks))
    return {
        "question": f"{FLOODED:,} addresses and their blocks cross at once, until the answer",
        "who": name,
        "first_s": round(times[0], 2),
        "last_s": round(times[-1], 2),
        "peak_mb": round(follower.peak_mb()),
    }


def _memory(name: str, follower: Follower) -> dict[str, Any]:
    now = time.time()
    began = time.monotonic()
    with follower.log.open("ab") as log:
        for chunk in _crowd(MEMORY_LINES, now - 3_600, MEMORY_LINES, seconds=3_600):
            log.write(chunk)
        log.write(_burst("192.0.2.1", now))
    took = follower.wait_for("192.0.2.1") - began
    return {
        "question": f"{MEMORY_LINES:,} lines, as many addresses, in an hour of log time",
        "who": name,
        "lines_per_s": round(MEMORY_LINES / took),
        "peak_mb": round(follower.peak_mb()),
    }


def _crowd(lines: int, start_s: float, addresses: int, *, seconds: int = 0) -> Iterator[bytes]:
    """Yield lines of many addresses, none of which is above the bound, in order of time."""
    rng = np.random.default_rng(1)
    for first in range(0, lines, 50_000):
        n = min(50_000, lines - first)
        if addresses >= lines:
            who = np.arange(first, first + n) * 53
        else:
            who = rng.integers(0, addresses, n)
        at = _stamp(start_s + seconds * first // max(lines, 1))
        method = np.where(rng.random(n) < 0.3, "POST", "GET")
        yield "".join(
            f"10.{w >> 16 & 255}.{w >> 8 & 255}.{w & 255} - - [{at}] "
            f'"{m} /v1/messages HTTP/1.1" 200 612 "-" "python-requests/2.31"\n'
            if w < 1 << 24
            else f"{11 + (w >> 24)}.{w >> 16 & 255}.{w >> 8 & 255}.{w & 255} - - [{at}] "
            f'"{m} /v1/messages HTTP/1.1" 200 612 "-" "python-requests/2.31"\n'
            for w, m in zip(who.tolist(), method.tolist(), strict=True)
        ).encode()


def _burst(address: str, now_s: float) -> bytes:
    return _line(address, now_s) * 101


def _line(address: str, now_s: float) -> bytes:
    line = f'{address} - - [{_stamp(now_s)}] "POST /v1/messages HTTP/1.1" 200 612 "-" "x"\n'
    return line.encode()


def _stamp(moment_s: float) -> str:
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(moment_s))


@contextmanager
def _stillhunt(folder: Path) -> Iterator[Follower]:
    log, out = folder / "access.log", folder / "found.jsonl"
    log.touch()
    out.touch()
    command = [*STILLHUNT, "tail", str(log), "--as", "nginx", "--from", "start", "--quiet",
               "--state", str(folder / "state"), "--json", str(out)]  # fmt: skip
    said: dict[str, None] = {}
    place = 0

    def answered(address: str) -> bool:
        nonlocal place
        with out.open("rb") as file:
            file.seek(place)
            *lines, rest = file.read().split(b"\n")  # the last one may be half-written
            place = file.tell() - len(rest)
        for line in lines:
            said.update(dict.fromkeys(map(str, json.loads(line)["subject"].values())))
        return address in said

    with _running(command, folder) as process:
        while not (folder / "state").exists():
            time.sleep(0.02)
        yield Follower(log, process, answered)


@contextmanager
def _fail2ban(folder: Path) -> Iterator[Follower]:
    log = folder / "access.log"
    log.touch()
    settings = folder / "fail2ban"
    shutil.copytree("/etc/fail2ban", settings)
    for name in ("jail.local", "jail.d", "fail2ban.local"):
        path = settings / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    (settings / "filter.d" / "burst.conf").write_text(FILTER)
    (settings / "action.d" / "nothing.conf").write_text("[Definition]\nactionban = true\n")
    (settings / "jail.conf").write_text(JAIL.format(log=log))
    (settings / "fail2ban.conf").write_text(FAIL2BAN.format(folder=folder))
    command = ["fail2ban-server", "-xf", "-c", str(settings), "-s", f"{folder}/f2b.sock",
               "-p", f"{folder}/f2b.pid", "start"]  # fmt: skip
    said = folder / "f2b.log"
    with _running(command, folder) as process:
        until = time.monotonic() + 30
        while time.monotonic() < until and not (folder / "f2b.sock").exists():
            time.sleep(0.1)
        time.sleep(3)  # the jail starts behind the socket
        yield Follower(log, process, lambda address: f"Ban {address}\n" in said.read_text())


@contextmanager
def _running(command: list[str], folder: Path) -> "Iterator[subprocess.Popen[bytes]]":
    with (folder / "stderr.txt").open("wb") as said:
        environment = {**os.environ, "TZ": "UTC"}
        process = subprocess.Popen(command, stdout=said, stderr=said, env=environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)
