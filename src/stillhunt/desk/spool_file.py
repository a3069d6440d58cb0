"""The spool's file is its owner's alone, whoever made it and with whatever mode."""

import contextlib
import os
import stat
from pathlib import Path

__all__ = ["make_private"]

MODE = 0o600
BESIDE = ("-wal", "-shm")  # SQLite makes them, with the mode of the file itself


def make_private(path: Path) -> None:
    """Create *path* with mode 0600, or take from others what they may do with it.

    A file that is right already is not opened: to close it again would end the locks that other
    connections of this process hold on it.
    Source: SQLite, "How To Corrupt An SQLite Database File", section 2.2.

    Raises:
        OSError: It is a link, no file, or not ours.
    """
    if not _is_private(path):
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, MODE))
            return
        _tighten(path)
    for name in (f"{path}{suffix}" for suffix in BESIDE):
        with contextlib.suppress(FileNotFoundError):
            if not _is_private(Path(name)):
                _tighten(Path(name))


def _is_private(path: Path) -> bool:
    """Return whether *path* is there, and needs no change."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    _check(found)
    return stat.S_IMODE(found.st_mode) & 0o077 == 0


def _tighten(path: Path) -> None:
    handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    try:
        _check(os.fstat(handle))
        os.fchmod(handle, MODE)
    finally:
        os.close(handle)


def _check(found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise OSError("it is a link; name the file itself")
    if not stat.S_ISREG(found.st_mode):
        raise OSError("it is no file")
    if found.st_uid != os.geteuid():
        raise OSError(f"user {found.st_uid} owns it; only its owner may use it")
