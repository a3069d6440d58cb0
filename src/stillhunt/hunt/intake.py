"""One input on its way into the lake: what was read, what is staged, what is committed.

Rows are gathered to about 250,000, sorted by time, split by UTC day and staged by a thread of
their own, while the next ones are being read.
"""

import heapq
import json
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import pyarrow as pa

from stillhunt.hunt.framing import SEAM, add_reject
from stillhunt.hunt.lake.schema import DAY_US, day_name, join, sort_by_time
from stillhunt.hunt.lake.staging import Staging
from stillhunt.hunt.lake.store import Lake
from stillhunt.hunt.lake.streams import HEAD, Stream, Tail, digest, new_id, tail_name
from stillhunt.hunt.source import Batch, Framed, Reject, Source

__all__ = ["Done", "Intake"]

FLUSH_ROWS = 250_000
FLUSH_BYTES = 128 << 20
COMMIT_BYTES = 2 << 30
"""Unpacked bytes between commits: what a crash costs at most, about a minute of work."""
MAX_REJECTS = 1_000
"""Rejects kept in memory, for the report."""
MAX_RECORDS = 100_000
"""Records in quarantine of one input and run, about 15 MB. An archive of 100 kB can hold a
hundred million bad lines of alternating kinds; beyond this they share one record."""
UNLISTED = "more rejects than are listed one by one"

Counts = np.ndarray[tuple[int], np.dtype[np.int64]]


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
    pieces: pa.Table | None = None

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
        self._pieces: list[pa.Table] = []
        self._first_line = self._next_line = 1
        self._offset = self._committed = 0
        self._seam = b""
        self._counts = np.zeros(3, np.int64)  # lines, rows, rejects that are not read again
        self._tail: Tail | None = None
        self._is_undone = False  # whether rows of an earlier run are taken back
        self._n_records = 0
        self._unlisted: Reject | None = None

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
            start = stream.without_tail().offset
            before = framed.seam(start) if stream.tail else None  # first: a pipe only goes on
            seam = framed.seam(stream.offset)
            if seam is None or not stream.ends_like(seam):
                continue
            if before is not None and stream.tail and _goes_on(framed, stream.offset, seam):
                self._take_back(stream, stream.tail)
                return self._continue(framed, stream.without_tail(), before)
            return self._continue(framed, stream, seam)
        taken = {stream.id for stream in streams}
        self.stream = new_id(self.reader or "", self._source.peeked, taken)
        return framed.batches()

    def _continue(self, framed: Framed, stream: Stream, seam: bytes) -> Iterator[Batch]:
        self._known, self.stream, self._seam = stream, stream.id, seam
        self._offset = self._committed = stream.offset
        self._first_line = self._next_line = stream.next_line
        self._tail = stream.tail
        return framed.batches(stream.offset, stream.next_line, seam)

    def _take_back(self, stream: Stream, tail: Tail) -> None:
        """Remove the rows of a tail that goes on, in the commit that holds its new ones."""
        name = tail_name(stream.id, tail.first_line)
        files = self.lake.path.glob(f"*/day=*/{name}.parquet")
        self._stage.remove(str(file.relative_to(self.lake.path)) for file in files)
        if stream.offset == tail.length:  # there was nothing else, so nothing is known of it
            self._stage.remove([stream.name])
        self._is_undone = True

    def add(self, done: Done) -> None:
        """Count a batch, and stage or commit when enough came together."""
        batch = done.batch
        rows = done.hot.num_rows if done.hot is not None else 0
        rejects = self._reject(done)
        counts = np.array([done.lines + batch.refused, rows, rejects])
        self.lines, self.rows, self.rejects = (
            int(n) for n in np.array([self.lines, self.rows, self.rejects]) + counts
        )
        if done.is_to_be_read_again:
            return
        if batch.is_open:
            self._flush()
        self._counts += counts
        if batch.end_offset > self._offset:
            length = batch.end_offset - self._offset
            self._tail = _tail(batch, length, counts) if batch.is_open else None
        self._hot += [done.hot] if done.hot is not None and rows else []
        self._cold += [done.cold] if done.cold is not None and done.cold.num_rows else []
        self._pieces += [done.pieces] if done.pieces is not None else []
        self._next_line, self._offset, self._seam = batch.next_line, batch.end_offset, batch.seam
        if batch.is_open:
            self._flush(tail_name(self.stream, batch.first_line))
        elif (
            sum(table.num_rows for table in self._hot) >= FLUSH_ROWS
            or sum(table.nbytes for table in self._hot + self._cold + self._pieces) >= FLUSH_BYTES
        ):
            self._flush()
        if self._offset - self._committed >= COMMIT_BYTES and self._frame != "parquet":
            self.commit()

    def finish(self) -> None:
        """Commit the rest."""
        if self._unlisted:
            self._write([self._unlisted])
        self.commit()

    def commit(self) -> None:
        """Make everything so far visible, with how far this input was read."""
        self._flush()
        self._wait()
        self.lake.commit(self._stage, stream=self._record())
        self._committed = self._offset
        self._first_line = self._next_line
        self._is_undone = False

    def _record(self) -> Stream | None:
        """Return how far this input was read; None if that is no news."""
        known = self._known
        is_known_here = known is not None and self._source.name in known.paths
        is_news = known is None or self._offset != known.offset or self._is_undone
        if not self._offset or self.reader is None or (is_known_here and not is_news):
            return None
        before = np.array([known.lines, known.rows, known.rejects] if known else [0, 0, 0])
        lines, rows, rejects = (int(n) for n in before + self._counts)
        paths = dict.fromkeys([*(known.paths if known else ()), self._source.name])
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
            tail=self._tail,
        )

    def _reject(self, done: Done) -> int:
        """Count the rejects of a batch and write them into quarantine, in the order of the lines.

        Those that are to be read again are only reported: a row may yet come of them.
        """
        path = self._source.name
        read = (Reject(path=path, line=n, reason=reason) for n, reason in sorted(done.rejects))
        runs: list[Reject] = []
        for reject in heapq.merge(read, done.batch.rejects, key=lambda reject: reject.line):
            add_reject(runs, reject)
        if not done.is_to_be_read_again:
            self._keep(runs)
        for reject in runs:
            self._list(reject)
        return sum(reject.count for reject in runs)

    def _keep(self, runs: list[Reject]) -> None:
        """Write *runs* into quarantine, as far as there is room for records."""
        room = MAX_RECORDS - self._n_records
        self._write(runs[:room])
        self._n_records += len(runs[:room])
        for reject in runs[room:]:
            first = self._unlisted or replace(reject, reason=UNLISTED, count=0)
            end, count = reject.to_line or reject.line, first.count + reject.count
            self._unlisted = replace(first, to_line=end, count=count)

    def _write(self, rejects: list[Reject]) -> None:
        if rejects:
            name = f"quarantine/{self.stream}-{self._first_line:012d}.jsonl"
            if name not in self.quarantine:
                self.quarantine.append(name)
            self._stage.text(name, "".join(_line(reject) for reject in rejects))

    def _list(self, reject: Reject) -> None:
        """Keep the first rejects for the report, one by one."""
        lines: Iterable[int] = [reject.line] * min(reject.count, MAX_REJECTS)
        if reject.to_line:
            lines = range(reject.line, reject.to_line + 1)
        for line in islice(lines, max(0, MAX_REJECTS - len(self.first_rejects))):
            self.first_rejects.append(replace(reject, line=line, to_line=0, count=1))

    def _flush(self, name: str = "") -> None:
        """Hand what was gathered to the writer, one load at a time."""
        self._wait()
        if self._hot:
            name = name or f"{self.stream}-{self._first_line:012d}"
            load = [("hot", self._hot), ("cold", self._cold), ("pieces", self._pieces)]
            self._writing = self._writer.submit(_write, self._stage, name, load)
            self._hot, self._cold, self._pieces = [], [], []
            self._first_line = self._next_line

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()
            self._writing = None


def _goes_on(framed: Framed, offset: int, seam: bytes) -> bool:
    """Return whether more than a missing newline stands behind a tail that ended at *offset*."""
    more = framed.seam(offset + 1)
    return more is not None and (seam.endswith(b"\n") or more[-1:] not in {b"\n", b"\r"})


def _tail(batch: Batch, length: int, counts: Counts) -> Tail:
    lines, rows, rejects = (int(n) for n in counts)
    return Tail(
        length=length, first_line=batch.first_line, lines=lines, rows=rows, rejects=rejects
    )


def _write(stage: Staging, name: str, load: list[tuple[str, list[pa.Table]]]) -> None:
    """Stage one file for each day."""
    for part, tables in load:
        if not tables:
            continue
        rows = sort_by_time(join(tables))
        days = rows["ts_us"].to_numpy() // DAY_US
        starts = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
        for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
            day = day_name(int(days[start]) * DAY_US)
            stage.table(f"{part}/day={day}/{name}.parquet", rows.slice(start, end - start))


def _line(reject: Reject) -> str:
    record = {
        "path": reject.path,
        "line": reject.line,
        "to_line": reject.to_line or reject.line,
        "count": reject.count,
        "reason": reject.reason,
    }
    return json.dumps(record, ensure_ascii=False) + "\n"
