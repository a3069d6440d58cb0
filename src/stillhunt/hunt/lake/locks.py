"""Locks between processes: files under ``LAKE/locks``, held by ``flock``, freed by any death."""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stillhunt.model.errors import LakeError

__all__ = ["acquire", "held"]

POLL_S = 0.05  # flock knows no time-out, and a signal would be everybody's


def acquire(path: Path, *, is_shared: bool, wait_s: float, busy: str) -> int:
    """Take the lock *path* and return its descriptor; closing it gives the lock back.

    Raises:
        LakeError: It is still taken after *wait_s* [s]; *busy* says by whom.
    """
    try:
        lock = _open(path)
    except OSError as error:
        raise LakeError(f"cannot lock {path}: {error.strerror or error}") from error
    give_up = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(lock, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= give_up:
                os.close(lock)
                raise LakeError(busy) from error
            time.sleep(POLL_S)
        else:
            return lock


@contextmanager
def held(path: Path, *, is_shared: bool = False, wait_s: float, busy: str) -> Iterator[None]:
    """Hold the lock *path* inside a ``with``; see ``acquire``."""
    lock = acquire(path, is_shared=is_shared, wait_s=wait_s, busy=busy)
    try:
        yield
    finally:
        os.close(lock)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # flock does not mind
