"""What is read from: a file that grows, one that was rotated, or a pipe; all give whole lines."""

import contextlib
import os
import select
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from stillhunt.hunt.framing import Block
from stillhunt.hunt.source import shown
from stillhunt.hunt.tail.lines import Splitter
from stillhunt.hunt.tail.place import PIECE, Place, is_plain, unpacked

__all__ = ["Kept", "OpenFile", "Piece", "Pipe", "RotatedFile", "line_start", "readable_name"]

NEWLINE = 10


@dataclass(frozen=True)
class Piece:
    """Whole lines of one file."""

    name: str
    block: Block
    first_line: int
    file: "OpenFile | None" = None
    """Where it is from, if it can be read from there again."""
    lines: Splitter | None = None
    """What cut it: another one, once the file was truncated."""

    def place_of(self, line: int) -> tuple["OpenFile", int] | None:
        """Return the file and offset of a line in it, None where it cannot be read again."""
        if self.file is None or self.file.lines is not self.lines or self.file.is_closed:
            return None
        ends = np.flatnonzero(np.frombuffer(self.block.data, np.uint8) == NEWLINE)
        skipped = line - self.first_line
        cut = int(ends[skipped - 1]) + 1 if skipped else 0
        return self.file, self.block.place(cut)[0]


class OpenFile:
    """One plain file, open for reading."""

    def __init__(self, path: str, file: int, offset: int, next_line: int) -> None:
        self.path = path
        self.file = file
        self.lines = Splitter(offset)
        self.next_line = next_line
        self.retired_s: float | None = None
        """When another file was first seen at its path, or it was last said to grow on [s]."""
        self.grown_s = 0.0
        """When it last grew since [s]."""
        self.turned_s: float | None = None
        """When a newer file was first seen to have something in it [s]."""
        self.known: Place | None = None
        self.is_closed = False

    def read(self, most: int = PIECE) -> Iterator[Piece]:
        """Yield what is there, about *most* bytes."""
        data = os.pread(self.file, most, self.lines.read_to)
        for block in self.lines.feed(data):
            yield self._piece(block)

    def rest(self) -> Iterator[Piece]:
        """Yield the line that nobody will finish."""
        for block in self.lines.finish():
            yield self._piece(block)

    def _piece(self, block: Block) -> Piece:
        piece = Piece(shown(self.path), block, self.next_line, self, self.lines)
        self.next_line += max(1, block.data.count(b"\n"))
        return piece

    @property
    def is_behind(self) -> bool:
        """Return whether there is more than was read."""
        return os.fstat(self.file).st_size > self.lines.read_to

    def is_cut(self) -> bool:
        """Return whether the file was truncated since it was read."""
        if os.fstat(self.file).st_size < self.lines.read_to:
            return True
        known = self.known
        return known is not None and not known.is_open_as(self.file)

    def place(self) -> Place:
        """Return how far it was read."""
        if self.known is None or self.known.offset != self.lines.offset:
            self.known = Place.of(self.path, self.file, self.lines.offset, self.next_line)
        return self.known

    def place_at(self, offset: int, next_line: int) -> Place:
        """Return a place before that: what came after it is not looked at yet."""
        return Place.of(self.path, self.file, offset, next_line)

    def close(self) -> None:
        """Close the file."""
        self.is_closed = True
        os.close(self.file)


class RotatedFile:
    """A file, plain or packed, that does not grow any more.

    It is opened at once, because the next rotation gives its name to another.
    """

    def __init__(self, path: Path, offset: int, next_line: int) -> None:
        """Read *path* from *offset* on [unpacked bytes].

        Raises:
            OSError: It is gone, for example.
        """
        self.path = path
        self.damage: list[str] = []
        """Why it ended too soon, once it was read."""
        self._file = path.open("rb")
        self._pieces = self._read(offset, next_line)

    @property
    def is_plain(self) -> bool:
        """Return whether it is not packed."""
        return is_plain(self._file)

    def detach(self) -> int:
        """Return a descriptor of the file, and close this one."""
        file = os.dup(self._file.fileno())
        self._file.close()
        return file

    def next(self) -> Piece | None:
        """Return the next lines, about a megabyte; None at the end.

        Raises:
            OSError: It cannot be read.
        """
        return next(self._pieces, None)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, offset: int, next_line: int) -> Iterator[Piece]:
        lines, name = Splitter(offset), shown(str(self.path))
        parts = (
            data[start : start + PIECE]
            for data in unpacked(self._file, offset, self.damage)
            for start in range(0, len(data), PIECE)
        )
        for block in chain((b for part in parts for b in lines.feed(part)), _last(lines)):
            yield Piece(name, block, next_line)
            next_line += max(1, block.data.count(b"\n"))


def _last(lines: Splitter) -> Iterator[Block]:
    yield from lines.finish()  # not before everything was fed


Kept = Mapping[OpenFile, tuple[int, int]]
"""Offset and number of the first line that was read and not yet looked at, of some files."""


class Pipe:
    """Standard input, or another pipe: it goes on from where it is, and ends one day."""

    def __init__(self, name: str, file: int) -> None:
        self.path = name
        self.is_ended = False
        self._file = file
        self._lines = Splitter()
        self._next_line = 1

    def read(self, now_s: float, most: int = PIECE) -> Iterator[Piece]:
        """Yield what is there, *most* bytes; never wait."""
        if not self.is_behind:
            return
        data = os.read(self._file, most)
        self.is_ended = not data
        yield from self._pieces(self._lines.feed(data) if data else self._lines.finish())

    @property
    def is_behind(self) -> bool:
        """Return whether reading would not wait."""
        return not self.is_ended and bool(select.select([self._file], [], [], 0)[0])

    is_settled = True

    def finish(self) -> Iterator[Piece]:
        """Yield the last line, if it has no newline."""
        yield from self._pieces(self._lines.finish())

    def places(self, kept: Kept | None = None) -> list[Place]:
        """Return nothing: a pipe cannot be read again."""
        return []

    def files(self) -> list[str]:
        """Return nothing: a pipe cannot be read again."""
        return []

    def close(self) -> None:
        """Leave it to whoever opened it."""

    def _pieces(self, blocks: Iterable[Block]) -> Iterator[Piece]:
        for block in blocks:
            yield Piece(self.path, block, self._next_line)
            self._next_line += max(1, block.data.count(b"\n"))


def line_start(file: int) -> int:
    """Return where the last line begins that has no newline yet, or the end [bytes]."""
    end = os.fstat(file).st_size
    at = end
    while at > 0:
        start = max(0, at - PIECE)
        cut = os.pread(file, at - start, start).rfind(b"\n") + 1
        if cut:
            return start + cut
        at = start
        if end - at > 64 * PIECE:
            return end
    return 0


def readable_name(file: int) -> str:
    """Return a path by which the open *file* can be read, also when it was removed."""
    link = Path(f"/proc/self/fd/{file}")
    with contextlib.suppress(OSError):
        target = link.readlink()
        if target.exists() and _same(target, file):
            return str(target)
    return str(link)


def _same(path: Path, file: int) -> bool:
    return os.path.samestat(path.stat(), os.fstat(file))
