"""With ``--lake``: the lines go into the lake as an ingest puts them there, findings beside.

An ingest is asked again and again to read the same files; it knows how far it got, commits
whole files, and doubles nothing. So the lake's place and the tail's are independent, and a kill
between them does no harm. It runs in a thread of its own and takes the files apart once more,
which costs a core about a quarter more than following alone.
"""

import os
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from stillhunt.hunt.settings import HuntSettings
from stillhunt.hunt.tail.output import is_torn, json_line
from stillhunt.model.errors import StillhuntError
from stillhunt.model.finding import Finding

__all__ = ["FINDINGS", "LakeWriter"]

FINDINGS = "findings"
"""Folder of the lake: one file of JSON lines for each UTC day of ``last_seen``."""


class LakeWriter:
    """Keeps a lake up with the logs."""

    def __init__(self, path: Path, settings: HuntSettings, reader: str) -> None:
        """Open the lake at *path*, or make one.

        Raises:
            InputError: There is something else.
            LakeError: It cannot be written.
        """
        from stillhunt.hunt.lake.store import Lake  # noqa: PLC0415 - only where there is one

        self._lake = Lake.create(path)
        self._findings = path / FINDINGS
        self._settings, self._reader = settings, reader
        self._pool = ThreadPoolExecutor(1, "stillhunt-lake")
        self._running: Future[None] | None = None
        self._wanted: dict[str, None] = {}
        self._lock = threading.Lock()
        self._trouble = ""

    def keep_up(self, paths: Sequence[str]) -> None:
        """Ingest what is new in *paths*, soon; files that are gone are passed over."""
        with self._lock:
            self._wanted |= dict.fromkeys(paths)
        if self._running is None or self._running.done():
            self._wait()
            self._running = self._pool.submit(self._ingest)

    def close(self, paths: Sequence[str]) -> None:
        """Ingest the rest, and stop."""
        self._wait()
        self.keep_up(paths)
        self._wait()
        self._pool.shutdown()

    def complaint(self) -> str:
        """Return what went wrong since this was asked before; an empty text is nothing."""
        with self._lock:
            said, self._trouble = self._trouble, ""
        return said

    def add(self, findings: Sequence[Finding]) -> None:
        """Append findings to the lake, and make sure that they are on the disk.

        Raises:
            OSError: They cannot be written.
        """
        days: dict[date, list[str]] = {}
        for finding in findings:
            day = datetime.fromtimestamp(finding.last_seen_us / 1e6, UTC).date()
            days.setdefault(day, []).append(json_line(finding))
        self._findings.mkdir(mode=0o700, exist_ok=True)
        for day, lines in days.items():
            path = self._findings / f"{day}.jsonl"
            start = "\n" if is_torn(path) else ""
            with open(path, "ab", opener=_private) as file:
                file.write((start + "".join(lines)).encode("ascii"))
                file.flush()
                os.fsync(file.fileno())

    def _wait(self) -> None:
        if self._running is not None:
            self._running.result()

    def _ingest(self) -> None:
        from stillhunt.hunt.ingest import ingest  # noqa: PLC0415 - loads kernels

        with self._lock:
            paths, self._wanted = [p for p in self._wanted if Path(p).exists()], {}
        if not paths:
            return
        try:
            ingest(paths, lake=self._lake, settings=self._settings, reader=self._reader)
        except (StillhuntError, OSError, duckdb.Error, pa.ArrowException) as error:
            with self._lock:
                self._trouble = f"cannot keep the lake up: {error}"
                self._wanted = dict.fromkeys(paths) | self._wanted


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
