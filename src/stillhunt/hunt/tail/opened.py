"""What is read from: a plain file that grows, or a pipe; both give whole lines."""

import contextlib
import os
import select
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stillhunt.hunt.framing import Block
from stillhunt.hunt.source import shown
from stillhunt.hunt.tail.lines import Splitter
from stillhunt.hunt.tail.place import PIECE, Place

__all__ = ["OpenFile", "Piece", "Pipe", "line_start", "readable_name"]


@dataclass(frozen=True)
class Piece:
    """Whole lines of one file."""

    name: str
    block: Block
    first_line: int


class OpenFile:
    """One plain file, open for reading."""

    def __init__(self, path: str, file: int, offset: int, next_line: int) -> None:
        self.path = path
        self.file = file
        self.lines = Splitter(offset)
        self.next_line = next_line
        self.retired_s: float | None = None
        self.known: Place | None = None

    def read(self) -> Iterator[Piece]:
        """Yield what is there, about a megabyte."""
        data = os.pread(self.file, PIECE, self.lines.read_to)
        for block in self.lines.feed(data):
            yield self._piece(block)

    def rest(self) -> Iterator[Piece]:
        """Yield the line that nobody will finish."""
        for block in self.lines.finish():
            yield self._piece(block)

    def _piece(self, block: Block) -> Piece:
        piece = Piece(shown(self.path), block, self.next_line)
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

    def close(self) -> None:
        """Close the file."""
        os.close(self.file)


class Pipe:
    """Standard input, or another pipe: it goes on from where it is, and ends one day."""

    def __init__(self, name: str, file: int) -> None:
        self.path = name
        self.is_ended = False
        self._file = file
        self._lines = Splitter()
        self._next_line = 1

    def read(self, now_s: float) -> Iterator[Piece]:
        """Yield what is there, about a megabyte; never wait."""
        if not self.is_behind:
            return
        data = os.read(self._file, PIECE)
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

    def places(self) -> list[Place]:
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
