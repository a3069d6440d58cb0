"""Findings out: one line of JSON each, flushed at once; or a line to read, or a live view.

What becomes true at the same moment goes out as a group, the gravest first: the disk is waited
for once in each, so that three thousand subjects that cross a bound at once are all told in time.
"""

import json
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from stillhunt.hunt.report.document import finding_line
from stillhunt.hunt.report.figures import clock, times
from stillhunt.hunt.report.terminal import printable, subject_text
from stillhunt.hunt.tail.checkpoint import Delivered
from stillhunt.model.errors import OutputError
from stillhunt.model.finding import Finding

__all__ = ["JsonLines", "TextLines", "groups", "is_torn", "json_line", "text_line"]

LOOKED_AT = 4 << 20
"""Bytes at the end of an output file in which findings are looked for that were said before. No
group is larger."""
MOST = 1_000
"""Findings of a group."""
LINE = 2_000  # bytes of a line besides its subject, at most
WORDS = ("", "info", "low", "medium", "high", "critical")


def groups(findings: Iterable[Finding]) -> Iterator[list[Finding]]:
    """Yield *findings* in groups to be delivered at once, the gravest first, each id once."""
    group: list[Finding] = []
    taken, size = set[str](), 0
    for finding in sorted(findings, key=lambda one: -int(one.severity)):
        if finding.id in taken:
            continue
        taken.add(finding.id)
        bytes_ = LINE + sum(len(_ascii(value)) for value in finding.subject.values())
        if group and (len(group) == MOST or size + bytes_ > LOOKED_AT):
            yield group
            group, size = [], 0
        group.append(finding)
        size += bytes_
    if group:
        yield group


class JsonLines:
    """Writes ``findings[]`` of a report, a line each."""

    def __init__(self, target: str, stdout: IO[Any] | None, *, is_resumed: bool = False) -> None:
        """Write to the file *target*, behind what it has; "-" is *stdout*.

        Args:
            target: Name of the file, or "-".
            stdout: What "-" stands for; None if it is closed.
            is_resumed: What the end of the file has already is not written again: a kill may
                have come before the journal had it.

        Raises:
            OutputError: It cannot be opened.
        """
        self.name = target
        try:
            self._file = _open(stdout) if target == "-" else _appended(target)
        except OSError as error:
            raise OutputError(
                f"cannot write --json {target}: {error.strerror or error}"
            ) from error
        self._is_file = stat.S_ISREG(os.fstat(self._file).st_mode)
        end = _end(self._file) if self._is_file else b""
        self._said = _said(end.splitlines()) if is_resumed else {}
        self._start = b"\n" if end and not end.endswith(b"\n") else b""
        """Ends a line that was left half-written, when the disk was full."""

    def deliver(self, findings: Sequence[Finding]) -> None:
        """Write *findings*, and return when they are out.

        Raises:
            BrokenPipeError: Nobody reads any more.
            OutputError: They cannot be written.
        """
        news = [one for one in findings if int(one.severity) > self._said.get(one.id, 0)]
        text = "".join(json_line(finding) for finding in news)
        try:
            _write(self._file, self._start + text.encode("ascii"))
            self._start = b""
            if self._is_file:
                os.fsync(self._file)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(
                f"cannot write --json {self.name}: {error.strerror or error}"
            ) from error

    def close(self) -> None:
        """Close the file; standard output stays open."""
        if self.name != "-":
            os.close(self._file)


def json_line(finding: Finding) -> str:
    """Return *finding* as a line of JSON in ASCII.

    Clients choose names, and one with a bidirectional control, a C1 escape or a line separator
    of Unicode is the same value as its escape, and safe to look at.
    """
    return _ascii(finding_line(finding).model_dump(mode="json")) + "\n"


def _ascii(value: object) -> str:
    return json.dumps(value, ensure_ascii=True).replace("\x7f", "\\u007f")


def _said(lines: Iterable[bytes]) -> dict[str, int]:
    """Return the ids in *lines* of JSON with the gravest severity that each was told with."""
    told = Delivered(None)
    for line in lines:
        told.note(line)
    return told.said


def _appended(target: str) -> int:
    return os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _open(stdout: IO[Any] | None) -> int:
    """Return the descriptor of standard output, past all buffers: what is written is out."""
    if stdout is None:
        raise OutputError("standard output is closed; give --json FILE, or redirect it")
    stdout.flush()
    return stdout.fileno()


def _write(file: int, data: bytes) -> None:
    """Write *data*, in as many parts as it takes: a pipe may take less than it is given."""
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


class TextLines:
    """Writes a line for people."""

    def __init__(self, stdout: IO[Any] | None) -> None:
        """Write to *stdout*; OutputError if it is closed, which is None."""
        self._file = _open(stdout)
        self._encoding = getattr(stdout, "encoding", None) or "utf-8"

    def deliver(self, findings: Sequence[Finding]) -> None:
        """Write *findings*; raises as ``JsonLines.deliver`` does."""
        try:
            text = "".join(text_line(finding) + "\n" for finding in findings)
            _write(self._file, text.encode(self._encoding, "backslashreplace"))
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(f"cannot write findings: {error.strerror or error}") from error


def text_line(finding: Finding) -> str:
    """Return *finding* in one line; nothing from a log comes to a terminal as it was written."""
    allowed = f" (allowed: {printable(finding.allowed, 60)})" if finding.allowed else ""
    return (
        f"{clock(finding.last_seen_us, seconds=True)} {WORDS[int(finding.severity)]:8} "
        f"{printable(finding.detector, 24)} {subject_text(finding, 60)} "
        f"{times(finding.statistic)}{allowed}"
    )


def is_torn(path: Path) -> bool:
    """Return whether the last line of *path* has no end, as when the disk was full.

    Raises:
        OSError: It cannot be read; one that is not there is not torn.
    """
    try:
        with path.open("rb") as file:
            if not file.seek(0, os.SEEK_END):
                return False
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except FileNotFoundError:
        return False


def _end(file: int) -> bytes:
    """Return the last bytes of the regular file that *file* writes to."""
    try:
        with Path(f"/proc/self/fd/{file}").open("rb") as again:
            again.seek(max(0, os.fstat(file).st_size - LOOKED_AT))
            return again.read()
    except OSError:  # it may not be read, or no /proc: then the journal alone tells
        return b""
