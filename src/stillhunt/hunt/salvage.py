"""Reading when a reader fails: the lines it fails on are rejects, and all others are read.

A reader that raises has met something that nobody foresaw. Then the batch is halved until the
failing lines stand alone. Tries are bounded, because a client may write many such lines: what
still fails after them is refused together with its neighbours, in pieces of equal size.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from stillhunt.model.errors import StillhuntError

__all__ = ["Read", "Salvaged", "read_whole"]

TRIES = 1_000
"""Reads after the first one. A read of few lines takes about 2 ms, and a line that fails alone
among 200,000 takes 36 of them."""


class Read(Protocol):
    """What reading some lines gives: ``lines == rows.num_rows + len(rejects)``."""

    @property
    def rows(self) -> pa.Table:
        """Exchanges, with ``line_number``."""
        ...

    @property
    def rejects(self) -> list[tuple[int, str]]:
        """Line number and reason."""
        ...

    @property
    def lines(self) -> int:
        """Records counted."""
        ...


@dataclass(frozen=True)
class Salvaged:
    """A ``Read`` put together from pieces."""

    rows: pa.Table | None
    """None if every line failed."""
    rejects: list[tuple[int, str]]
    lines: int


def read_whole(lines: pa.Table, read: Callable[[pa.Table], Read]) -> Read | Salvaged:
    """Return what *read* makes of *lines*, without those that it raises on.

    Args:
        lines: ``line_number`` and ``line``.
        read: Reads some lines; may raise anything.

    Raises:
        StillhuntError: *read* raised it: it is about the installation, not about a line.
        MemoryError: Likewise.
    """
    done: list[Read] = []
    rejects: list[tuple[int, str]] = []
    pieces = deque([lines])
    tries = 0
    while pieces:  # the largest first, so that what is left at the end is small
        piece = pieces.popleft()
        tries += 1
        try:
            done.append(read(piece))
        except (StillhuntError, MemoryError):
            raise
        except Exception as error:  # a reader may fail in any way
            kind = type(error).__name__
            if piece.num_rows > 1 and tries <= TRIES - len(pieces):
                half = piece.num_rows // 2
                pieces += [piece.slice(0, half), piece.slice(half)]
                continue
            where = "this line" if piece.num_rows == 1 else "this line or one near it"
            reason = f"the reader failed on {where}: {kind}"
            rejects += [(n, reason) for n in piece["line_number"].to_pylist()]
    if not rejects and len(done) == 1:
        return done[0]
    found = [one.rows for one in done]
    return Salvaged(
        rows=pa.concat_tables(found, promote_options="default") if found else None,
        rejects=sorted([*rejects, *(pair for one in done for pair in one.rejects)]),
        lines=len(rejects) + sum(one.lines for one in done),
    )
