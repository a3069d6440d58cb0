"""Findings as JSON lines in a file: what every SIEM's file collector can pick up.

A line is appended whole or not at all, and is on the disk before the sink says so: a failed
write is taken back, and a line that somebody's crash cut short is ended before ours begins.
The file is opened anew for each item, so it may be rotated at any time. Whoever may read it can
hold its lock; that is waited for only so long, then the item is tried again later.
"""

import errno
import fcntl
import os
import time
from collections.abc import Callable

from stillhunt.desk import sink
from stillhunt.desk.rendering import rendered
from stillhunt.desk.secret import Anchored
from stillhunt.desk.wording import ascii_json
from stillhunt.model.errors import DeliveryError
from stillhunt.model.finding import Finding

__all__ = ["JsonLines"]

MODE = 0o640  # account names and addresses: the owner's, and a collector's in its group
LOCK_S = 5.0
"""Another of our processes holds the lock for one line: some milliseconds [s]."""
LOOK_S = 0.02  # between two looks at the lock; flock knows no time limit


class JsonLines:
    """Append one line per item and make sure that it is on the disk."""

    class Options(sink.Options):
        """Append JSON lines to a file."""

        path: Anchored
        """The file; it is created with mode 0640."""

    def __init__(
        self,
        options: Options,
        steady: Callable[[], float] = time.monotonic,
        rest: Callable[[float], None] = time.sleep,
    ) -> None:
        self.path = options.path
        self.format = options.format
        self._steady, self._rest = steady, rest

    def deliver(self, item: Finding, *, update: bool = False) -> None:
        """Append *item*, or raise DeliveryError: then try again."""
        line = ascii_json(rendered(item, self.format, update=update)).encode("ascii") + b"\n"
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, MODE)
            try:
                self._lock(handle)
                _append(handle, line)
            finally:
                os.close(handle)
        except OSError as error:
            said = error.strerror or error
            raise DeliveryError(f"cannot append {item.id} to {self.path}: {said}") from error

    def _lock(self, handle: int) -> None:
        """Keep other writers out until *handle* is closed."""
        until = self._steady() + LOCK_S
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if self._steady() >= until:
                    said = f"another process has held its lock for {LOCK_S:g} s"
                    raise OSError(errno.EWOULDBLOCK, said) from None
                self._rest(LOOK_S)
            else:
                return


def _append(handle: int, line: bytes) -> None:
    """Write *line*, locked, behind whole lines; take back what is half done."""
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
