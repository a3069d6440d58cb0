"""Several logs as one stream: their lines in the order of log time while any is behind.

A tail that catches up reads a megabyte here, a megabyte there, and a megabyte of a quiet log is
days of a busy one. What is read too early is kept until every log that is still behind has come
as far. A log at its end keeps nobody waiting: what it gets next is later than all it has.
"""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from stillhunt.hunt.tail.keys import Ints
from stillhunt.hunt.tail.opened import Kept, OpenFile, Piece
from stillhunt.model.finding import DAY_US

__all__ = ["Merging"]

UNREAD = -1  # before every moment: nobody goes on until a log has been looked into


@dataclass
class _Part:
    """What is left of a piece."""

    piece: Piece
    rows: pa.Table
    turns: Ints
    """The log's clock at each row, ascending [us]."""
    lines: Ints

    def cut(self, until_us: int | None) -> int:
        """Return how many rows come before *until_us*; lines of many records stay whole."""
        if until_us is None:
            return len(self.turns)
        n = int(np.searchsorted(self.turns, until_us, side="right"))
        while 0 < n < len(self.lines) and self.lines[n - 1] == self.lines[n]:
            n -= 1
        return n

    def split(self, n: int) -> "tuple[_Part, _Part]":
        """Return the first *n* rows, and the others."""
        return (
            _Part(self.piece, self.rows.slice(0, n), self.turns[:n], self.lines[:n]),
            _Part(self.piece, self.rows.slice(n), self.turns[n:], self.lines[n:]),
        )


class Merging:
    """Keeps what was read of each log until its turn; about a piece for each log."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._parts: dict[str, deque[_Part]] = {}
        self._clocks: dict[str, int] = {}

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is kept."""
        return not self._parts

    def earliest(self, behind: Collection[str]) -> str | None:
        """Return which of the logs *behind* is to be read next: its newest line is the oldest."""
        return min(behind, key=lambda log: self._clocks.get(log, UNREAD), default=None)

    def add(self, log: str, piece: Piece, rows: pa.Table) -> None:
        """Take what was read of *log*, in the order of its lines."""
        if not rows.num_rows:
            return
        turns = _turns(rows["ts_us"].to_numpy(), self._clocks.get(log, UNREAD))
        self._clocks[log] = int(turns[-1])
        part = _Part(piece, rows, turns, rows["line_number"].to_numpy())
        self._parts.setdefault(log, deque()).append(part)

    def rename(self, old: str, new: str) -> None:
        """Let the log *old* be called *new* from now on."""
        if old in self._parts:
            self._parts[new] = self._parts.pop(old)
        if old in self._clocks:
            self._clocks[new] = self._clocks.pop(old)

    def ready(self, behind: Collection[str]) -> pa.Table | None:
        """Return the exchanges whose turn it is, merged; the logs *behind* have more to read."""
        until = min((self._clocks.get(log, UNREAD) for log in behind), default=None)
        taken: list[_Part] = []
        for log, parts in list(self._parts.items()):
            while parts and (n := parts[0].cut(until)):
                now, later = parts.popleft().split(n)
                taken.append(now)
                if later.rows.num_rows:
                    parts.appendleft(later)
                    break
            if not parts:
                del self._parts[log]
        if not taken:
            return None
        rows = pa.concat_tables((part.rows for part in taken), promote_options="permissive")
        if len(taken) == 1:
            return rows
        turns = np.concatenate([part.turns for part in taken])
        return rows.take(np.argsort(turns, kind="stable"))

    def kept(self) -> Kept | None:
        """Return for each file where the first line stands that waits for its turn.

        None while such a line cannot be read again, because its file is done or was truncated:
        then is no time for a checkpoint.
        """
        kept: dict[OpenFile, tuple[int, int]] = {}
        for parts in self._parts.values():
            for part in parts:
                line = int(part.lines[0])
                place = part.piece.place_of(line)
                if place is None:
                    return None
                kept.setdefault(place[0], (place[1], line))
        return kept


def _turns(times: Ints, clock_us: int) -> Ints:
    """Return the log's clock at each of *times*, given in the order of its lines.

    A line that is a day ahead of a later one moves no clock: else it would keep its log waiting
    until all others are a day on. And a clock that all lines are a day behind was wrong.

    Args:
        times: Shape (n,), n > 0 [us].
        clock_us: The clock before them [us].
    """
    if int(times.max()) < clock_us - DAY_US:
        clock_us = UNREAD
    later = np.minimum.accumulate(times[::-1])[::-1]
    believed = np.where(times > later + DAY_US, UNREAD, times)
    turns: Ints = np.maximum(np.maximum.accumulate(believed), clock_us)
    return turns
