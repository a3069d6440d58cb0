"""What comes in: pieces of logs are read, put into one order, and given to the engine."""

from collections.abc import Collection, Sequence
from pathlib import Path

import pyarrow as pa

from stillhunt.hunt.framing import frame
from stillhunt.hunt.reading import Reading
from stillhunt.hunt.salvage import read_whole
from stillhunt.hunt.source import open_source
from stillhunt.hunt.tail.display import Watch
from stillhunt.hunt.tail.engine import Engine
from stillhunt.hunt.tail.merging import Merging
from stillhunt.hunt.tail.opened import Piece
from stillhunt.hunt.tail.opening import HEAD, sketched
from stillhunt.hunt.tail.rejects import Quarantine
from stillhunt.model.errors import InputError

__all__ = ["Taking"]


class Taking:
    """Reads the lines of all logs, counts them, and keeps what waits for its turn."""

    def __init__(
        self,
        reading: Reading,
        engine: Engine,
        *,
        seed: int,
        quarantine: Quarantine,
        watch: Watch,
    ) -> None:
        """Read with *reading* for *engine*; *seed* is that of the sketches."""
        self._reading, self._engine, self._seed = reading, engine, seed
        self._watch = watch
        self.quarantine = quarantine
        self.merging = Merging()
        self.lines = 0
        """Of all logs, rejects included."""

    def take(self, path: str, piece: Piece, *, is_alone: bool) -> None:
        """Read one piece of the log *path*; its exchanges wait for their turn.

        With one log alone, it is always its turn.
        """
        for batch in frame(piece.name, piece.block, piece.first_line):
            rejects: Sequence[tuple[int, str]] = ()
            self.lines += batch.next_line - batch.first_line
            if batch.lines.num_rows:
                read = read_whole(batch.lines, self._reading.read)
                rejects = read.rejects
                if read.rows is not None:
                    self._watch.rows(read.rows)
                    if is_alone and self.merging.is_empty:
                        self._count(read.rows)
                    else:
                        self.merging.add(path, piece, read.rows)
            if rejects or batch.rejects:
                self.quarantine.add(piece.name, rejects, batch.rejects)

    def pass_on(self, behind: Collection[str]) -> None:
        """Let the engine take the exchanges that no log of those *behind* can come before."""
        rows = self.merging.ready(behind)
        if rows is not None:
            self._count(rows)

    def _count(self, rows: pa.Table) -> None:
        self._engine.take(sketched(rows, self._engine, self._seed))

    def is_alike(self, path: Path) -> bool:
        """Return whether one of the first lines of *path* can be read; of an empty file, too."""
        try:
            head = open_source(str(path)).head(HEAD)
        except InputError:
            return False
        lines = pa.table({"line_number": pa.array(range(len(head)), pa.int64()),
                          "line": pa.array(head, pa.string())})  # fmt: skip
        read = read_whole(lines, self._reading.read) if head else None
        return read is None or (read.rows is not None and read.rows.num_rows > 0)
