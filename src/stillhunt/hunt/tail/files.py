"""One path that is followed, through everything that rotates logs.

*Renamed:* another file stands at the path. The old one is read on until its writer has turned
to the new one, then the new one from its beginning. *Copied and truncated:* the file is shorter
than what was read, or begins otherwise. What was not yet read is looked for in the copy, then
the file is read from its beginning. *While nobody looked:* the place in the checkpoint is looked
for in the path's predecessors, packed or not, and reading goes on there.
What was written between the last look and a truncation, and not into the copy, is lost to
everybody; that is why logrotate's ``copytruncate`` is called lossy.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from stillhunt.hunt.source import shown
from stillhunt.hunt.tail.lines import Splitter
from stillhunt.hunt.tail.opened import OpenFile, Piece, line_start, readable_name
from stillhunt.hunt.tail.place import LEAST, PIECE, Place, is_plain, predecessors, unpacked

__all__ = ["GRACE_S", "Log"]

GRACE_S = 10.0
"""How long a renamed file is read on after a new one stands at its path [s]: nginx's workers
take up to a second to open the new one after ``-s reopen``."""


class Log:
    """A path, the file that stands there, and those that stood there before."""

    def __init__(
        self,
        path: str,
        *,
        places: Sequence[Place] = (),
        from_start: bool = True,
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Follow *path*; it need not be there yet.

        Args:
            path: A regular file.
            places: How far it and its predecessors were read before, as ``places`` told.
            from_start: Without places: from the beginning, else only what comes from now on.
            warn: Told what could not be found.
        """
        self.path = path
        self._warn = warn
        self._queue: list[Iterator[Piece]] = []
        self._old: list[OpenFile] = []
        self._caught_up: list[str] = []
        self._done: Place | None = None
        self._now: OpenFile | None = None
        if places:
            self._resume(places)
        else:
            self._open(from_start=from_start)

    def read(self, now_s: float) -> Iterator[Piece]:
        """Yield what is new, about a megabyte of each file.

        Args:
            now_s: Monotonic time, for the patience with renamed files only [s].
        """
        if self._queue:
            piece = next(self._queue[0], None)
            if piece is None:
                self._queue.pop(0)
            else:
                yield piece
            return
        for old in list(self._old):
            yield from old.read()
            if old.is_behind:
                return  # in the order in which it was written
            old.retired_s = now_s if old.retired_s is None else old.retired_s
            if now_s - old.retired_s >= GRACE_S:
                yield from old.rest()
                self._retire(old)
        if self._now is not None:
            yield from self._current(self._now)
        self._turn(now_s)

    @property
    def is_behind(self) -> bool:
        """Return whether there is more to read right now."""
        if self._queue:
            return True
        return any(one.is_behind for one in (*self._old, self._now) if one is not None)

    @property
    def is_settled(self) -> bool:
        """Return whether ``places`` tells everything; not while an old file is caught up with."""
        return not self._queue

    def finish(self) -> Iterator[Piece]:
        """Yield half-written last lines: the log is not followed any more."""
        for one in (*self._old, self._now):
            if one is not None:
                yield from one.rest()

    def places(self) -> list[Place]:
        """Return how far each file was read, the newest last."""
        now = [one.place() for one in (*self._old, self._now) if one is not None]
        return [self._done, *now] if self._done else now

    def files(self) -> list[str]:
        """Return the path, and where what stood there before can be read now."""
        return [*self._caught_up, *(readable_name(one.file) for one in self._old), self.path]

    def close(self) -> None:
        """Close every file."""
        for one in (*self._old, self._now):
            if one is not None:
                one.close()
        self._old, self._now = [], None

    def _current(self, current: OpenFile) -> Iterator[Piece]:
        if current.is_cut():
            place = current.known or current.place()
            copy = self._find(place)
            if copy is not None:
                self._queue.append(self._whole(copy, place.offset, place.next_line))
            elif current.lines.read_to > place.offset:
                self._warn(f"{shown(self.path)} was truncated, and its copy was not found")
            current.lines, current.next_line, current.known = Splitter(), 1, None
            return
        yield from current.read()
        current.place()

    def _turn(self, now_s: float) -> None:
        """Open the new file where another one stands at the path."""
        try:
            there = Path(self.path).stat()
        except OSError:
            return  # between two files; the old one is still open
        if self._now is not None:
            here = os.fstat(self._now.file)
            if (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino):
                return
            self._now.retired_s = now_s
            self._old.append(self._now)
            self._now = None
        self._open(from_start=True)

    def _open(self, *, from_start: bool, offset: int = 0, next_line: int = 1) -> None:
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return
        if not from_start:
            offset = line_start(file)
        self._now = OpenFile(self.path, file, offset, next_line)
        self._now.place()

    def _resume(self, places: Sequence[Place]) -> None:
        """Go on where reading stood, in whatever files that is now."""
        done = [place for place in places if place.is_done]
        *older, last = [place for place in places if not place.is_done] or done
        for place in older:
            self._reopen(place)
        with contextlib.suppress(OSError):
            file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            if last.is_open_as(file):
                self._now = OpenFile(self.path, file, last.offset, last.next_line)
                self._now.place()
                return
            os.close(file)
        for one in self._since(last, [*done, *older]):
            self._queue.append(self._whole(one, 0, 1))
        self._open(from_start=True)

    def _since(self, last: Place, others: Sequence[Place]) -> list[Path]:
        """Return the predecessors that came whole behind *last*, after reading on in its own."""
        newer = predecessors(Path(self.path))
        if last.head_length < LEAST and not any(last.is_in(file) for file in newer):
            # Nothing is known of the file but that it was empty: all that it has came since.
            newer = [file for file in newer if file.stat().st_mtime_ns >= last.seen_ns]
            return [file for file in newer if not any(one.is_in(file) for one in others)]
        found = self._reopen(last)
        if found is None:
            return []
        newer = newer[newer.index(found) + 1 :]  # or the same one, just being packed
        return [file for file in newer if not last.is_in(file)]

    def _reopen(self, place: Place) -> Path | None:
        """Read what came behind *place* in a file that stands at the path no more."""
        found = self._find(place)
        if found is None:
            if not place.is_done:
                self._warn(
                    f"{shown(self.path)}: the file that was read to byte {place.offset:,} is"
                    " gone; what it got after that is lost"
                )
            return None
        is_newest = predecessors(Path(self.path))[-1:] == [found]
        if is_newest and is_plain(found):  # its writer may not have turned yet
            file = os.open(found, os.O_RDONLY | os.O_CLOEXEC)
            self._old.append(OpenFile(self.path, file, place.offset, place.next_line))
        else:
            self._queue.append(self._whole(found, place.offset, place.next_line))
        return found

    def _find(self, place: Place) -> Path | None:
        """Return the predecessor that *place* lies in."""
        files = predecessors(Path(self.path))[::-1]
        files.sort(key=lambda file: not place.is_of(file.stat()))
        return next((file for file in files if place.is_in(file)), None)

    def _whole(self, path: Path, offset: int, next_line: int) -> Iterator[Piece]:
        """Return the rest of a file that does not grow any more."""
        self._caught_up.append(str(path))
        return self._pieces(path, offset, next_line)

    def _pieces(self, path: Path, offset: int, next_line: int) -> Iterator[Piece]:
        lines = Splitter(offset)
        blocks = (
            block for data in unpacked(path, offset) for part in _parts(data)
            for block in lines.feed(part)
        )  # fmt: skip
        for block in blocks:
            yield Piece(shown(str(path)), block, next_line)
            next_line += max(1, block.data.count(b"\n"))
        for block in lines.finish():
            yield Piece(shown(str(path)), block, next_line)

    def _retire(self, old: OpenFile) -> None:
        self._done = replace(old.place(), is_done=True)
        old.close()
        self._old.remove(old)


def _parts(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), PIECE):
        yield data[start : start + PIECE]
