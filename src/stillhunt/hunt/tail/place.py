"""Where reading stands in a file, and how that file is known again under another name.

A file is known by its inode as long as it is not packed, and else by its first bytes and the
bytes before the place: a log that was renamed, copied or packed since is still the same.
"""

import os
import re
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from stillhunt.hunt.lake.streams import digest
from stillhunt.hunt.unpack import packing_of, unpack

__all__ = ["PACKED", "Place", "is_rotated", "is_whole", "predecessors", "status_of", "unpacked"]

HEAD = 1 << 10
"""First bytes that make a file known again. Two logs rarely agree in so many: times differ."""
SEAM = 256
"""Bytes before the place that must be the same, too."""
LEAST = 16  # bytes; fewer tell no file from another, and only its inode does
PIECE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Place:
    """How far one file was read."""

    path: str
    """Under which it is followed."""
    device: int
    inode: int
    head_length: int
    head_hash: str
    offset: int
    """Of the next line [unpacked bytes]."""
    seam_hash: str
    next_line: int
    """Its number, counted from where following began."""
    seen_ns: int
    """Wall clock when the place was noted: tells predecessors of an empty file [ns]."""
    is_done: bool = False
    """The file was read to its end, and its writer has turned to another."""

    @classmethod
    def of(
        cls, path: str, file: int, offset: int, next_line: int, head_length: int = HEAD
    ) -> "Place":
        """Return the place *offset* in the plain file that the descriptor *file* has open."""
        status = os.fstat(file)
        head = os.pread(file, head_length, 0)
        start = max(0, offset - SEAM)
        return cls(
            path=path,
            device=status.st_dev,
            inode=status.st_ino,
            head_length=len(head),
            head_hash=digest(head),
            offset=offset,
            seam_hash=digest(os.pread(file, offset - start, start)),
            next_line=next_line,
            seen_ns=time.time_ns(),
        )

    def is_in(self, path: Path) -> bool:
        """Return whether the file *path*, plain or packed, has this place in it."""
        try:
            with path.open("rb") as file:
                if self.head_length < LEAST:
                    return self.is_of(os.fstat(file.fileno()))
                if is_plain(file):  # two looks, however long it is
                    return self.is_open_as(file.fileno())
                return self._is_in(unpacked(file))
        except OSError:
            return False

    def is_same(self, path: Path, status: os.stat_result) -> bool:
        """Return whether *path*, of the given *status*, is this file or a copy of what was read.

        Stricter than ``is_in``, which is asked of files whose name speaks for them: formats with
        a header begin alike, so a file with another inode must agree in a whole kilobyte.
        """
        if self.head_length < LEAST:
            return False  # inodes are used again
        is_told = self.is_of(status) or min(self.offset, self.head_length) >= HEAD
        return is_told and self.is_in(path)

    def _is_in(self, pieces: Iterator[bytes]) -> bool:
        at, head, seam = 0, b"", b""
        wanted = max(self.offset, self.head_length)
        for piece in pieces:
            head += piece[: max(0, self.head_length - len(head))]
            seam = (seam + piece[: max(0, self.offset - at)])[-SEAM:]
            at += len(piece)
            if len(head) == self.head_length and digest(head) != self.head_hash:
                return False
            if at >= wanted:
                return digest(seam) == self.seam_hash
        return False

    def is_open_as(self, file: int) -> bool:
        """Return whether the plain file with the descriptor *file* has this place in it."""
        status = os.fstat(file)
        if status.st_size < max(self.offset, self.head_length):
            return False
        if self.head_length < LEAST and not self.is_of(status):
            return False
        now = Place.of(self.path, file, self.offset, self.next_line, self.head_length)
        return (now.head_hash, now.seam_hash) == (self.head_hash, self.seam_hash)

    def is_of(self, status: os.stat_result) -> bool:
        """Return whether *status* is that of the same inode."""
        return (status.st_dev, status.st_ino) == (self.device, self.inode)


def unpacked(file: BinaryIO, offset: int = 0, damage: list[str] | None = None) -> Iterator[bytes]:
    """Yield the bytes of *file* from *offset* on, unpacked; damage ends them.

    Args:
        file: Open for reading.
        offset: Of the first byte that is wanted [unpacked bytes].
        damage: Gets a word on why they ended too soon.

    Raises:
        OSError: It cannot be read.
    """
    file.seek(0)
    packing = packing_of(file.read(4))
    is_packed = packing.name != "plain"
    file.seek(0 if is_packed else offset)
    raw = iter(lambda: file.read(min(packing.piece, PIECE)), b"")
    left = offset if is_packed else 0
    for piece in unpack(raw, packing, [] if damage is None else damage):
        if left < len(piece):
            yield piece[left:] if left else piece
        left = max(0, left - len(piece))


def is_plain(file: BinaryIO) -> bool:
    """Return whether *file* is not packed."""
    file.seek(0)
    return packing_of(file.read(4)).name == "plain"


def is_whole(path: Path) -> bool:
    """Return whether *path* is plain, or packed without damage; a packed one is read through."""
    damage: list[str] = []
    try:
        with path.open("rb") as file:
            if not is_plain(file):
                for _ in unpacked(file, damage=damage):
                    pass
    except OSError:
        return False
    return not damage


def status_of(path: Path) -> os.stat_result | None:
    """Return the status of *path*, None if it is gone: others rotate while we look."""
    try:
        return path.stat()
    except OSError:
        return None


PACKED = (".gz", ".zst")
ENDING = r"(\.gz|\.zst)?"
DATE = r"[.\-_]\d([.\-_T]?\d){7,}"
"""Eight digits at least: ``server-2.log`` is another server's log."""


def _rotated(name: str) -> re.Pattern[str]:
    """Return the names into which logrotate and its like rename the log *name*."""
    ending = Path(name).suffix
    base, stem = re.escape(name), re.escape(name.removesuffix(ending))
    before = r"[.\-_]" if ending else r"\."
    return re.compile(
        rf"{base}({before}\d[\d.\-_T]*|{DATE}){ENDING}|{stem}{DATE}{re.escape(ending)}{ENDING}"
    )


def is_rotated(path: Path, log: Path) -> bool:
    """Return whether *path* is, by its name, what became of the log at the path *log*."""
    if path.parent != log.parent:
        return False
    is_packed = path.name in {f"{log.name}.gz", f"{log.name}.zst"}
    return is_packed or _rotated(log.name).fullmatch(path.name) is not None


def predecessors(path: Path) -> list[Path]:
    """Return the files that *path* was rotated into, by logrotate's names, the oldest first.

    Without those that are just being packed: while the plain file stands there, it is whole, and
    the packed one beside it may be half-written and newer.
    """
    rotated = _rotated(path.name)
    found = []
    try:
        names = [entry.name for entry in os.scandir(path.parent) if rotated.fullmatch(entry.name)]
    except OSError:
        return []
    for file in map(path.with_name, names):
        status = status_of(file)
        if status is not None and stat.S_ISREG(status.st_mode):
            found.append((status.st_mtime_ns, file))
    plain = {file for _, file in found}
    return [
        file
        for _, file in sorted(found)
        if file.suffix not in PACKED or file.with_suffix("") not in plain
    ]
