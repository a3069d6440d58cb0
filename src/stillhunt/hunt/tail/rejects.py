"""Lines that are no exchanges: counted, and listed beside the checkpoint."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from stillhunt.hunt.framing import Reject, add_reject
from stillhunt.hunt.intake import MAX_RECORDS, UNLISTED

__all__ = ["Quarantine"]

REASONS = 100
"""Different reasons counted; a reader has about ten, and clients write none of them."""


class Quarantine:
    """Takes rejects; writes them to a file like that of an ingest, MAX_RECORDS in a run."""

    def __init__(self, path: Path | None) -> None:
        """Write to *path*; None only counts."""
        self.path = path
        self.count = 0
        self.reasons: Counter[str] = Counter()
        self.trouble = ""
        """Why the file could not be written."""
        self._records = 0

    def add(self, name: str, read: Sequence[tuple[int, str]], framed: Iterable[Reject]) -> None:
        """Take the rejects of a reader, by line number, and those of the framing."""
        runs: list[Reject] = []
        told = [Reject(path=name, line=line, reason=reason) for line, reason in read]
        for reject in sorted([*told, *framed], key=lambda reject: reject.line):
            add_reject(runs, reject)
        for run in runs:
            self.count += run.count
            known = run.reason in self.reasons or len(self.reasons) < REASONS
            self.reasons[run.reason if known else "other"] += run.count
        if runs and self.path is not None:
            self._write(self.path, runs)

    def _write(self, path: Path, runs: list[Reject]) -> None:
        room = max(0, MAX_RECORDS - self._records)
        lines = [_line(run) for run in runs[:room]]
        if len(runs) > room and self._records <= MAX_RECORDS:
            first = runs[room]
            lines.append(_line(Reject(path=first.path, line=first.line, reason=UNLISTED)))
        self._records += len(runs)
        try:
            with open(path, "a", encoding="utf-8", opener=_private) as file:
                file.write("".join(lines))
        except OSError as error:
            self.trouble = f"cannot write {path}: {error.strerror or error}"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _line(reject: Reject) -> str:
    record = {
        "path": reject.path,
        "line": reject.line,
        "to_line": reject.to_line or reject.line,
        "count": reject.count,
        "reason": reject.reason,
    }
    return json.dumps(record, ensure_ascii=False) + "\n"
