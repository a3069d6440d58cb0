"""One path that is followed, through everything that rotates logs.

*Renamed:* another file stands at the path. The old one is read on until its writer has turned
to the new one, then the new one from its beginning. *Copied and truncated:* the file is shorter
than what was read, or begins otherwise. What was not yet read is looked for in the copy, then
the file is read from its beginning. *While nobody looked:* the place in the checkpoint is looked
for in the path's predecessors, packed or not, and reading goes on there.
What was written between the last look and a truncation, and not into the copy, is lost to
everybody; that is why logrotate's ``copytruncate`` is called lossy.
"""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from stillhunt.hunt.source import shown
from stillhunt.hunt.tail.leaving import is_left
from stillhunt.hunt.tail.lines import Splitter
from stillhunt.hunt.tail.opened import (
    Kept,
    OpenFile,
    Piece,
    RotatedFile,
    line_start,
    readable_name,
)
from stillhunt.hunt.tail.place import LEAST, PIECE, Place, is_whole, predecessors, status_of

__all__ = ["Log"]

DONE = 16
"""Files that are known again after they were read to the end."""


class Log:
    """A path, the file that stands there, and those that stood there before."""

    def __init__(
        self,
        path: str,
        *,
        places: Sequence[Place] = (),
        before: Sequence[Path] = (),
        from_start: bool = True,
        warn: Callable[[str], None] = lambda _: None,
        fail: Callable[[str], None] = lambda _: None,
        is_foreign: Callable[[Path], bool] = lambda _: False,
        is_alike: Callable[[Path], bool] = lambda _: True,
    ) -> None:
        """Follow *path*; it need not be there yet.

        Args:
            path: A regular file.
            places: How far it and its predecessors were read before, as ``places`` told.
            before: Without places: what the path was rotated into, to be read first, in order.
            from_start: Without places: from the beginning, else only what comes from now on.
            warn: Told what could not be found.
            fail: Told what stands at the path and cannot be read.
            is_foreign: Says which files another log is reading: they are never taken.
            is_alike: Says which files have lines as this log has them.
        """
        self.path = path
        self._warn, self._fail = warn, fail
        self._is_foreign, self._is_alike = is_foreign, is_alike
        self._queue: list[RotatedFile] = []
        self._old: list[OpenFile] = []
        self._caught_up: list[str] = []
        self._done: list[Place] = []
        self._now: OpenFile | None = None
        if places:
            self._resume(places)
            return
        for file in before:
            self._append(file, 0, 1)
        self._open(from_start=from_start)

    def read(self, now_s: float, most: int = PIECE) -> Iterator[Piece]:
        """Yield what is new, about *most* bytes of each file.

        Args:
            now_s: Monotonic time, for the patience with renamed files only [s].
            most: A megabyte at most.
        """
        if self._queue:
            yield from self._rotated(self._queue[0])
            return
        for old in list(self._old):
            grew = old.is_behind
            yield from old.read(most)
            if old.is_behind:
                return  # in the order in which it was written
            files = self._files()
            newer = files[files.index(old) + 1 :]
            if is_left(old, newer, now_s, grew=grew, warn=self._warn):
                yield from old.rest()
                self._retire(old)
        if self._now is not None:
            yield from self._current(self._now, most)
        self._turn(now_s)

    @property
    def is_behind(self) -> bool:
        """Return whether there is more to read right now."""
        return bool(self._queue) or any(one.is_behind for one in self._files())

    @property
    def is_settled(self) -> bool:
        """Return whether ``places`` tells everything; not while an old file is caught up with."""
        return not self._queue

    def finish(self) -> Iterator[Piece]:
        """Yield half-written last lines: the log is not followed any more."""
        for one in self._files():
            yield from one.rest()

    def places(self, kept: Kept | None = None) -> list[Place]:
        """Return how far each file was read, the newest last; *kept* says where to go on instead.

        Those that are done come first, the last few of them.
        """
        kept = kept or {}
        now = [one.place_at(*kept[one]) if one in kept else one.place() for one in self._files()]
        return [*self._done, *now]

    def files(self) -> list[str]:
        """Return the path, and where what stood there before can be read now."""
        return [*self._caught_up, *(readable_name(one.file) for one in self._old), self.path]

    def has_open(self, status: os.stat_result) -> bool:
        """Return whether the file with this *status* is being read here."""
        return any(os.path.samestat(os.fstat(one.file), status) for one in self._files())

    def has_read(self, path: Path, status: os.stat_result) -> bool:
        """Return whether *path* is a file that is or was read here, or a copy of one."""
        return self.has_open(status) or any(one.is_same(path, status) for one in self.places())

    def adopt(self, other: "Log") -> None:
        """Take over the files of *other*, which turn out to be what this path was before."""
        for one in other._files():
            one.path, one.known = self.path, None
            self._old.append(one)
        self._queue += other._queue
        self._done += other._done
        other._old, other._now, other._queue = [], None, []

    def close(self) -> None:
        """Close every file."""
        for one in self._files():
            one.close()
        for rotated in self._queue:
            rotated.close()
        self._old, self._now, self._queue = [], None, []

    def _files(self) -> list[OpenFile]:
        return [*self._old, *([] if self._now is None else [self._now])]

    def _rotated(self, file: RotatedFile) -> Iterator[Piece]:
        try:
            piece = file.next()
        except OSError as error:
            self._warn(f"{shown(str(file.path))}: {error.strerror or error}; its rest is lost")
            piece = None
        if piece is not None:
            yield piece
            return
        if file.damage:
            self._warn(f"{shown(str(file.path))}: {file.damage[0]}; its rest is lost")
        file.close()
        self._queue.remove(file)

    def _current(self, current: OpenFile, most: int) -> Iterator[Piece]:
        if not current.is_cut():
            yield from current.read(most)
            current.place()
            return
        place = current.known or current.place()
        if self._go_on(place) is None:
            self._warn(
                f"{shown(self.path)} was truncated, and no copy of it stands beside it; what came"
                f" after byte {place.offset:,} is lost"
            )
        self._note_done(place)
        current.lines, current.next_line, current.known = Splitter(), 1, None

    def _turn(self, now_s: float) -> None:
        """Open the new file where another one stands at the path."""
        try:
            there = Path(self.path).stat()
        except OSError:
            return  # between two files; the old one is still open
        if self._is_foreign(Path(self.path)):
            return  # another log is reading it
        if self._now is not None:
            if os.path.samestat(there, os.fstat(self._now.file)):
                return
            retired, self._now = self._now, None
            retired.retired_s = retired.grown_s = now_s
            self._old += [retired, *self._between(retired, there)]
        self._open(from_start=True)

    def _between(self, retired: OpenFile, there: os.stat_result) -> Iterator[OpenFile]:
        """Open what came to the path behind *retired* and was rotated before we looked."""
        for file in self._newer(retired):
            status = status_of(file)
            if status is None or os.path.samestat(status, there) or self.has_read(file, status):
                continue
            is_new = self._append_whole(file)
            if is_new and self._queue[-1].is_plain:
                yield OpenFile(self.path, self._queue.pop().detach(), 0, 1)

    def _newer(self, retired: OpenFile) -> list[Path]:
        """Return the predecessors that came behind *retired*, which may be packed by now."""
        files = self._predecessors()
        place = retired.place_at(retired.lines.offset, retired.next_line)
        found = self._find(place, files)
        if found is not None:
            return files[files.index(found) + 1 :]
        seen_ns = (retired.known or place).seen_ns
        if unknown := [shown(str(file)) for file in files if _written_ns(file) >= seen_ns]:
            self._warn(
                f"{shown(self.path)} was rotated, and the file that was read is not found again;"
                f" what only {', '.join(unknown)} has is not read"
            )
        return []

    def _open(self, *, from_start: bool, offset: int = 0, next_line: int = 1) -> None:
        file = self._opened()
        if file is None:
            return
        if not from_start:
            offset = line_start(file)
        self._now = OpenFile(self.path, file, offset, next_line)
        self._now.place()

    def _opened(self) -> int | None:
        """Open what stands at the path; None, and a word, where nobody can follow that.

        A pipe with a name would hold us until somebody writes to it, so we do not wait.
        """
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._fail(f"cannot read {shown(self.path)}: {error.strerror or error}")
            return None
        if stat.S_ISREG(os.fstat(file).st_mode):
            return file
        os.close(file)
        self._fail(f"cannot follow {shown(self.path)}: it is no regular file")
        return None

    def _resume(self, places: Sequence[Place]) -> None:
        """Go on where reading stood, in whatever files that is now."""
        done = [place for place in places if place.is_done]
        *older, last = [place for place in places if not place.is_done] or done[-1:]
        self._done = done[-DONE:]
        for place in older:
            self._reopen(place)
        file = self._opened()
        if file is not None:
            if last.is_open_as(file):
                self._now = OpenFile(self.path, file, last.offset, last.next_line)
                self._now.place()
                return
            os.close(file)
        for one in self._since(last, [*done, *older]):
            if self._is_alike(one):
                self._append_whole(one)
            else:
                self._warn(f"passing over {shown(str(one))}: no line like those of the log")
        self._open(from_start=True)

    def _since(self, last: Place, others: Sequence[Place]) -> list[Path]:
        """Return the predecessors that came whole behind *last*, after reading on in its own."""
        newer = self._predecessors()
        if last.head_length < LEAST and not any(last.is_in(file) for file in newer):
            # Nothing is known of the file but that it was empty: all that it has came since.
            newer = [file for file in newer if _written_ns(file) >= last.seen_ns]
            return [file for file in newer if not any(one.is_in(file) for one in others)]
        found = self._reopen(last)  # or the same one, just being packed
        return [file for file in found if not last.is_in(file)]

    def _reopen(self, place: Place) -> list[Path]:
        """Read what came behind *place* in a file that stands at the path no more.

        Return the files that came after it.
        """
        newer = self._go_on(place)
        if newer is None:
            if not place.is_done:
                self._warn(
                    f"{shown(self.path)}: the file that was read to byte {place.offset:,} is"
                    " gone; what it got after that is lost"
                )
            return []
        if not newer and self._queue[-1].is_plain:  # its writer may not have turned yet
            file = self._queue.pop().detach()
            self._old.append(OpenFile(self.path, file, place.offset, place.next_line))
        return newer

    def _go_on(self, place: Place) -> list[Path] | None:
        """Queue what came behind *place*, and return the predecessors that are newer.

        None if the file is not found. Somebody may just be renaming or packing it: then a
        second look finds it under its new name.
        """
        for _ in range(2):
            files = self._predecessors()
            found = self._find(place, files)
            if found is not None and self._append(found, place.offset, place.next_line):
                return files[files.index(found) + 1 :]
        return None

    def _predecessors(self) -> list[Path]:
        return [file for file in predecessors(Path(self.path)) if not self._is_foreign(file)]

    def _find(self, place: Place, files: Sequence[Path]) -> Path | None:
        """Return which of *files*, the oldest first, *place* lies in."""
        statuses = {file: status for file in files[::-1] if (status := status_of(file))}
        likely = sorted(statuses, key=lambda file: not place.is_of(statuses[file]))
        return next((file for file in likely if place.is_in(file)), None)

    def _append_whole(self, path: Path) -> bool:
        """Read a file that seems to be new, from its first line; say whether it is there.

        A packed one that ends in damage may be the half-written twin of one that was read
        already, and lines that count twice accuse people who did nothing.
        """
        if is_whole(path):
            return self._append(path, 0, 1)
        if path.exists():
            self._warn(
                f"passing over {shown(str(path))}: it is damaged or half-written, so nothing"
                " tells whether it was read before; what only it has is lost"
            )
        return False

    def _append(self, path: Path, offset: int, next_line: int) -> bool:
        """Read the rest of a file that does not grow any more; say whether it is there."""
        try:
            self._queue.append(RotatedFile(path, offset, next_line))
        except OSError:
            return False
        self._caught_up.append(str(path))
        return True

    def _retire(self, old: OpenFile) -> None:
        self._note_done(old.place())
        old.close()
        self._old.remove(old)

    def _note_done(self, place: Place) -> None:
        self._done = [*self._done, replace(place, is_done=True)][-DONE:]


def _written_ns(file: Path) -> int:
    status = status_of(file)
    return status.st_mtime_ns if status else 0
