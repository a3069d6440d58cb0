"""Findings as JSON lines in a file: what every SIEM's file collector can pick up.

A line is appended whole or not at all, and is on the disk before the sink says so: a failed
write is taken back, and a line that somebody's crash cut short is ended before ours begins.
The file is opened anew for each item, so it may be rotated at any time.
"""

import fcntl
import os

from stillhunt.desk import sink
from stillhunt.desk.rendering import rendered
from stillhunt.desk.secret import Anchored
from stillhunt.desk.wording import ascii_json
from stillhunt.model.errors import DeliveryError
from stillhunt.model.finding import Finding

__all__ = ["JsonLines"]

MODE = 0o640  # account names and addresses: the owner's, and a collector's in its group


class JsonLines:
    """Append one line per item and make sure that it is on the disk."""

    class Options(sink.Options):
        """Append JSON lines to a file."""

        path: Anchored
        """The file; it is created with mode 0640."""

    def __init__(self, options: Options) -> None:
        self.path = options.path
        self.format = options.format

    def deliver(self, item: Finding, *, update: bool = False) -> None:
        """Append *item*, or raise DeliveryError: then try again."""
        line = ascii_json(rendered(item, self.format, update=update)).encode("ascii") + b"\n"
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, MODE)
            try:
                _append(handle, line)
            finally:
                os.close(handle)
        except OSError as error:
            said = error.strerror or error
            raise DeliveryError(f"cannot append {item.id} to {self.path}: {said}") from error


def _append(handle: int, line: bytes) -> None:
    """Write *line* behind whole lines, while nobody else writes; take back what is half done."""
    fcntl.flock(handle, fcntl.LOCK_EX)  # ends with the handle
    before = os.fstat(handle).st_size
    torn = before > 0 and os.pread(handle, 1, before - 1) != b"\n"
    left = memoryview(b"\n" + line if torn else line)
    try:
        while left:
            left = left[os.write(handle, left) :]
        os.fsync(handle)
    except OSError:
        os.ftruncate(handle, before)
        raise
