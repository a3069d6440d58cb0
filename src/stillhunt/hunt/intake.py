"""One input on its way into the lake: what was read, what is staged, what is committed.

Rows are gathered to about 250,000, sorted by time, split by UTC day and staged by a thread of
their own, while the next ones are being read.
"""

import json
from collections.abc import Collection, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from stillhunt.hunt.framing import SEAM
from stillhunt.hunt.lake.schema import DAY_US, day_name, sort_by_time
from stillhunt.hunt.lake.staging import Staging
from stillhunt.hunt.lake.store import Lake
from stillhunt.hunt.lake.streams import HEAD, Stream, digest, new_id
from stillhunt.hunt.source import Batch, Framed, Reject, Source

__all__ = ["Done", "Intake"]

FLUSH_ROWS = 250_000
FLUSH_BYTES = 128 << 20
COMMIT_BYTES = 2 << 30
"""Unpacked bytes between commits: what a crash costs at most, about a minute of work."""
MAX_REJECTS = 1_000
"""Rejects kept in memory, for the report."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """A batch and what became of its lines."""

    batch: Batch
    hot: pa.Table | None
    cold: pa.Table | None
    rejects: list[tuple[int, str]]
    """Rejects of the reader; those of the framing are in the batch."""
    lines: int
    """Records that the reader counted."""

    @property
    def is_to_be_read_again(self) -> bool:
        """The input broke off here, and nothing of it made a row: perhaps it goes on one day."""
        return self.batch.is_open and not (self.hot is not None and self.hot.num_rows)


class Intake:
    """Takes the batches of one input in their order, and commits them."""

    def __init__(
        self,
        lake: Lake,
        stage: Staging,
        writer: Executor,
        *,
        source: Source,
        frame: str,
        reader: str | None,
        fresh: Collection[str] = (),
    ) -> None:
        self.lake = lake
        self.reader = reader
        self._fresh = fresh  # streams that other inputs of this run began
        self.lines = self.rows = self.rejects = 0
        self.first_rejects: list[Reject] = []
        self.quarantine: list[str] = []
        self._stage = stage
        self._writer = writer
        self._writing: Future[None] | None = None
        self._source = source
        self._frame = frame
        self._known: Stream | None = None
        self.stream = ""
        self._hot: list[pa.Table] = []
        self._cold: list[pa.Table] = []
        self._first_line = self._next_line = 1
        self._offset = self._committed = 0
        self._seam = b""
        self._counts = np.zeros(3, np.int64)  # lines, rows, rejects that are not read again

    @property
    def known_lines(self) -> int:
        """Lines of this input that were in the lake before."""
        return self._known.lines if self._known else 0

    def batches(self, framed: Framed) -> Iterator[Batch]:
        """Return the batches that the lake does not know yet."""
        streams = self.lake.streams()
        for stream in streams:
            if (stream.reader, stream.frame) != (self.reader or "", self._frame):
                continue
            if not stream.begins_like(self._source.peeked):
                continue
            if stream.id in self._fresh and stream.offset < SEAM:
                continue  # two small logs that begin alike, such as with one equal line
            seam = framed.seam(stream.offset)
            if seam is not None and stream.ends_like(seam):
                self._known, self.stream, self._seam = stream, stream.id, seam
                self._offset = self._committed = stream.offset
                self._first_line = self._next_line = stream.next_line
                return framed.batches(stream.offset, stream.next_line, seam)
        taken = {stream.id for stream in streams}
        self.stream = new_id(self.reader or "", self._source.peeked, taken)
        return framed.batches()

    def add(self, done: Done) -> None:
        """Count a batch, and stage or commit when enough came together."""
        batch = done.batch
        rows = done.hot.num_rows if done.hot is not None else 0
        rejects = self._reject(done)
        counts = np.array([done.lines + len(batch.rejects), rows, rejects])
        self.lines, self.rows, self.rejects = (
            int(n) for n in np.array([self.lines, self.rows, self.rejects]) + counts
        )
        if done.is_to_be_read_again:
            return
        self._counts += counts
        self._hot += [done.hot] if done.hot is not None and rows else []
        self._cold += [done.cold] if done.cold is not None and done.cold.num_rows else []
        self._next_line, self._offset, self._seam = batch.next_line, batch.end_offset, batch.seam
        if (
            sum(table.num_rows for table in self._hot) >= FLUSH_ROWS
            or sum(table.nbytes for table in self._hot + self._cold) >= FLUSH_BYTES
        ):
            self._flush()
        if self._offset - self._committed >= COMMIT_BYTES and self._frame != "parquet":
            self.commit()

    def finish(self) -> None:
        """Commit the rest."""
        self.commit()

    def commit(self) -> None:
        """Make everything so far visible, with how far this input was read."""
        self._flush()
        self._wait()
        self.lake.commit(self._stage, stream=self._record())
        self._committed = self._offset
        self._first_line = self._next_line

    def _record(self) -> Stream | None:
        """Return how far this input was read; None if that is no news."""
        known = self._known
        is_known_here = known is not None and self._source.path in known.paths
        if self._offset == (known.offset if known else 0) and (is_known_here or not known):
            return None
        before = np.array([known.lines, known.rows, known.rejects] if known else [0, 0, 0])
        lines, rows, rejects = (int(n) for n in before + self._counts)
        paths = dict.fromkeys([*(known.paths if known else ()), self._source.path])
        head = self._source.peeked[:HEAD]
        if self._frame != "parquet":
            head = head[: self._offset]
        return Stream(
            id=self.stream,
            reader=self.reader or "",
            frame=self._frame,
            head_length=len(head),
            head_hash=digest(head),
            offset=self._offset,
            seam_hash=digest(self._seam),
            next_line=self._next_line,
            lines=lines,
            rows=rows,
            rejects=rejects,
            paths=tuple(paths),
        )

    def _reject(self, done: Done) -> int:
        """Write the rejects of a batch into quarantine, in the order of the lines."""
        path = self._source.path
        found = [Reject(path=path, line=line, reason=reason) for line, reason in done.rejects]
        found = sorted(found + done.batch.rejects, key=lambda reject: reject.line)
        if found:
            name = f"quarantine/{self.stream}-{self._first_line:012d}.jsonl"
            if name not in self.quarantine:
                self.quarantine.append(name)
            self._stage.text(name, "".join(_line(reject) for reject in found))
        self.first_rejects += found[: MAX_REJECTS - len(self.first_rejects)]
        return len(found)

    def _flush(self) -> None:
        """Hand what was gathered to the writer, one load at a time."""
        self._wait()
        if self._hot:
            name = f"{self.stream}-{self._first_line:012d}"
            load = [("hot", self._hot), ("cold", self._cold)]
            self._writing = self._writer.submit(_write, self._stage, name, load)
            self._hot, self._cold = [], []
            self._first_line = self._next_line

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()
            self._writing = None


def _write(stage: Staging, name: str, load: list[tuple[str, list[pa.Table]]]) -> None:
    """Stage one file for each day."""
    for part, tables in load:
        if not tables:
            continue
        rows = sort_by_time(pa.concat_tables(tables, promote_options="default"))
        days = rows["ts_us"].to_numpy() // DAY_US
        starts = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
        for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
            day = day_name(int(days[start]) * DAY_US)
            stage.table(f"{part}/day={day}/{name}.parquet", rows.slice(start, end - start))


def _line(reject: Reject) -> str:
    record = {"path": reject.path, "line": reject.line, "reason": reject.reason}
    return json.dumps(record, ensure_ascii=False) + "\n"
