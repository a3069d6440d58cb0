"""Findings out: one line of JSON each, flushed at once; or a line to read, or a live view."""

import json
import os
import stat
from pathlib import Path
from typing import BinaryIO, TextIO

from stillhunt.hunt.report.document import finding_line
from stillhunt.hunt.report.figures import clock, times
from stillhunt.hunt.report.terminal import printable, subject_text
from stillhunt.model.errors import OutputError
from stillhunt.model.finding import Finding

__all__ = ["JsonLines", "TextLines", "last_lines"]

LOOKED_AT = 1 << 20
"""Bytes at the end of an output file in which findings are looked for that were said before."""


class JsonLines:
    """Writes ``findings[]`` of a report, a line each."""

    def __init__(self, target: str, stdout: BinaryIO) -> None:
        """Write to the file *target*, behind what it has; "-" is *stdout*.

        Raises:
            OutputError: It cannot be opened.
        """
        self.name = target
        try:
            self._file = stdout if target == "-" else _appended(target)
        except OSError as error:
            raise OutputError(
                f"cannot write --json {target}: {error.strerror or error}"
            ) from error
        self.said_before = last_lines(self._file.fileno())
        """Lines that a run before this one wrote there."""
        self._is_file = stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)

    def deliver(self, finding: Finding) -> None:
        """Write *finding*, and return when it is out.

        Raises:
            BrokenPipeError: Nobody reads any more.
            OutputError: It cannot be written.
        """
        line = json.dumps(finding_line(finding).model_dump(mode="json"), ensure_ascii=False)
        try:
            self._file.write(line.encode("utf-8", "replace") + b"\n")
            self._file.flush()
            if self._is_file:
                os.fsync(self._file.fileno())
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(
                f"cannot write --json {self.name}: {error.strerror or error}"
            ) from error


def _appended(target: str) -> BinaryIO:
    file = os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    return os.fdopen(file, "ab")


class TextLines:
    """Writes a line for people. Nothing from a log reaches a terminal as it was written."""

    WORDS = ("", "info", "low", "medium", "high", "critical")

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def deliver(self, finding: Finding) -> None:
        """Write *finding*."""
        self._stream.write(self.line(finding) + "\n")
        self._stream.flush()

    def line(self, finding: Finding) -> str:
        """Return *finding* in one line of plain text."""
        allowed = f" (allowed: {printable(finding.allowed, 60)})" if finding.allowed else ""
        return (
            f"{clock(finding.last_seen_us, seconds=True)} {self.WORDS[int(finding.severity)]:8} "
            f"{printable(finding.detector, 24)} {subject_text(finding, 60)} "
            f"{times(finding.statistic)}{allowed}"
        )


def last_lines(file: int) -> list[bytes]:
    """Return the last lines of the regular file that *file* writes to; none of another kind."""
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode) or not status.st_size:
        return []
    try:
        with Path(f"/proc/self/fd/{file}").open("rb") as again:
            again.seek(max(0, status.st_size - LOOKED_AT))
            return again.read().splitlines()
    except OSError:  # written only, or no /proc: then the journal alone tells
        return []
