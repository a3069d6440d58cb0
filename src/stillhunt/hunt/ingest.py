"""Ingest: logs in, exchanges in the lake, and every line accounted for.

One thread frames, WORKERS threads read and sketch, one thread sorts and writes; DuckDB, numba
and Arrow leave the interpreter lock while they work. Results are taken in the order of the
input and few are under way at once, so memory does not grow with the file. The lake commits
at the end of each input, and about every 2 GB inside a large one.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.hunt.enrich import Enrichment
from stillhunt.hunt.intake import Done, Intake
from stillhunt.hunt.lake.schema import COLD, join
from stillhunt.hunt.lake.store import Lake
from stillhunt.hunt.pieces import pieces_of
from stillhunt.hunt.records import frame_of, open_records
from stillhunt.hunt.salvage import Read, Salvaged, read_whole
from stillhunt.hunt.settings import HuntSettings
from stillhunt.hunt.source import Batch, Framed, Reject, Source, expand, open_source
from stillhunt.model.errors import InputError, LakeError
from stillhunt.model.exchange import HOT, TEXT

__all__ = ["InputReport", "Kit", "Progress", "Read", "ingest", "standard_kit"]

WORKERS = min(4, max(2, os.cpu_count() or 1))
"""More than four would only wait for the one that frames and the one that writes."""
UNDER_WAY = WORKERS + 1
"""Batches of 24 MB between framing and writing."""
UNDER_WAY_BYTES = UNDER_WAY * (24 << 20)
"""Fewer where lines are so long that a batch is larger; one is always under way."""
HEAD_LINES = 100
NOTHING = Salvaged(rows=None, rejects=[], lines=0)


class Progress(Protocol):
    """Told after every batch; draws nothing itself."""

    def __call__(self, path: str, done: int, total: int | None, rows: int, /) -> None:
        """Take packed bytes *done* of *total* (None for a pipe) and the rows so far."""
        ...


@dataclass(frozen=True, kw_only=True)
class InputReport:
    """What became of one input in this run: ``lines == rows + rejects``."""

    path: str
    reader: str | None
    """None where there was nothing to recognise and nobody named one."""
    lines: int
    rows: int
    rejects: int
    known_lines: int = 0
    """Lines that were in the lake already, from an earlier run."""
    first_rejects: tuple[Reject, ...] = ()
    """The first thousand; the quarantine files name all but those of an unfinished end."""
    quarantine: tuple[str, ...] = ()
    """Files below the lake that name the rejects of this run. A last line without a newline,
    or the damage at the end of an archive, is read again next time and not yet among them."""


class _Reading(Protocol):
    def read(self, lines: pa.Table, /) -> Read: ...

    def quick(self, batch: Batch, /) -> pa.Table | None: ...


@dataclass(frozen=True, kw_only=True)
class Kit:
    """The parts that ingest works with."""

    recognise: Callable[[Sequence[str], str], str]
    """First lines and framing -> name of a reader."""
    frames: Callable[[str], tuple[str, ...]]
    """Name of a reader -> what it reads."""
    reading: Callable[[str, str], _Reading]
    """Name of a reader and stream -> one worker's reading."""
    complete: Callable[[pa.Table], pa.Table]
    """Exchanges -> the same with networks, sketch columns and pieces."""


def standard_kit(settings: HuntSettings) -> Kit:
    """Return the readers, networks and sketches of this installation.

    Raises:
        ConfigError: The hash key or a file of ``[enrich]`` cannot be used.
    """
    from stillhunt.hunt import identity, reading, sketching  # noqa: PLC0415  # loads kernels

    seed = identity.sketch_seed(identity.hash_key(settings))
    enrichment = Enrichment(settings)

    def complete(rows: pa.Table) -> pa.Table:
        known = enrichment.add(rows)
        has_text = {"prompt", "system_prompt"}.intersection(known.column_names)
        return sketching.add_sketches(known, seed, with_pieces=True) if has_text else known

    return Kit(
        recognise=reading.recognise,
        frames=lambda name: reading.reader_named(name).frames,
        reading=lambda name, stream: reading.Reading(name, settings, stream),
        complete=complete,
    )


def ingest(
    paths: Sequence[str],
    *,
    lake: Lake,
    settings: HuntSettings,
    reader: str | None = None,
    progress: Progress | None = None,
    kit: Kit | None = None,
) -> list[InputReport]:
    """Read the inputs that *paths* name into *lake*; what it knows already is passed over.

    Args:
        paths: Files, globs, or "-".
        lake: Where the exchanges go; held for writing until all inputs are in.
        settings: Text policy, keys, readers.
        reader: Name of the reader; None recognises the format of each input.
        progress: Told after each batch.
        kit: Other parts than those installed, for tests.

    Raises:
        InputError: An input is missing, unreadable, or of no format that we know.
        LakeError: The lake is being written, the disk is full, or lines went missing.
    """
    inputs = expand(paths)
    kit = kit or standard_kit(settings)
    with lake.writing() as stage, ThreadPoolExecutor(1, "stillhunt-write") as writer:
        reports = []
        fresh: set[str] = set()
        for path in inputs:
            source = open_source(path)
            framed, name = _recognise(source, reader, kit)
            intake = Intake(
                lake, stage, writer,
                source=source, frame=framed.frame, reader=name, fresh=fresh,
            )  # fmt: skip
            _pour(framed, source, intake, kit, settings, progress)
            fresh |= {intake.stream} if not intake.known_lines else set()
            reports.append(_report(intake, source.name, name))
        return reports


def _recognise(source: Source, reader: str | None, kit: Kit) -> tuple[Framed, str | None]:
    """Return the input as it is framed, and the name of its reader."""
    frame = frame_of(source)
    if reader is not None:
        frames = kit.frames(reader)
        if frame == "parquet" and frame not in frames:
            raise InputError(f"{source.name} is a Parquet file, which {reader} does not read")
        if frame not in frames:
            frame = "lines"
        return open_records(source, frame), reader
    framed = open_records(source, frame)
    head = framed.head(HEAD_LINES)
    try:
        return framed, kit.recognise(head, frame) if head else None
    except InputError as error:
        raise InputError(f"{source.name}: {error}") from error


def _pour(
    framed: Framed,
    source: Source,
    intake: Intake,
    kit: Kit,
    settings: HuntSettings,
    progress: Progress | None,
) -> None:
    """Read everything of one input that the lake does not know yet."""
    spare: SimpleQueue[_Reading] = SimpleQueue()
    name = intake.reader

    @contextmanager
    def borrowed() -> Iterator[_Reading]:
        try:
            reading = spare.get_nowait()
        except Empty:
            reading = kit.reading(name or "", intake.stream)
        yield reading
        spare.put(reading)  # one that raised may be broken, and is not used again

    def read(lines: pa.Table) -> Read:
        with borrowed() as reading:
            return reading.read(lines)

    def quick(batch: Batch) -> pa.Table | None:
        with borrowed() as reading:
            return reading.quick(batch)

    def work(batch: Batch) -> Done:
        if name is None and batch.lines.num_rows:
            raise InputError(f"{source.name}: nothing to recognise a format by; name it with --as")
        plain = quick(batch) if name is not None else None
        return _read(batch, plain, read, kit, settings)

    with ThreadPoolExecutor(WORKERS, "stillhunt-read") as pool:
        for done in _in_order(pool, work, intake.batches(framed)):
            intake.add(done)
            if progress:
                progress(source.name, source.done, source.size, intake.rows)
    intake.finish()


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[Batch], Done], batches: Iterator[Batch]
) -> Iterator[Done]:
    """Yield the results in the order of *batches*, with UNDER_WAY of them under way at most."""
    waiting: deque[tuple[Future[Done], int]] = deque()
    size = 0
    try:
        for batch in batches:
            waiting.append((pool.submit(work, batch), batch.nbytes))
            size += waiting[-1][1]
            del batch  # else it would be held while the next one is framed
            while len(waiting) > UNDER_WAY or (waiting and size > UNDER_WAY_BYTES):
                future, its_size = waiting.popleft()
                size -= its_size
                yield future.result()
                del future
        while waiting:
            yield waiting.popleft()[0].result()
    finally:
        for future, _ in waiting:
            future.cancel()


def _read(
    batch: Batch,
    plain: pa.Table | None,
    reading: Callable[[pa.Table], Read],
    kit: Kit,
    settings: HuntSettings,
) -> Done:
    """Read what is left in *batch* besides the *plain* lines that were read already."""
    n_plain = plain.num_rows if plain is not None else 0
    read = read_whole(batch.lines, reading) if batch.lines.num_rows else NOTHING
    rows, rejects, lines = read.rows, read.rejects, read.lines
    n_rows = rows.num_rows if rows is not None else 0
    if n_rows + len(rejects) != lines or lines < batch.lines.num_rows:
        raise LakeError(
            f"lines {batch.first_line} to {batch.next_line - 1}: {lines} lines gave"
            f" {n_rows} rows and {len(rejects)} rejects; report this"
        )
    found = [table for table in (plain, rows) if table is not None and table.num_rows]
    lines += n_plain
    if not found:
        return Done(batch=batch, hot=None, cold=None, rejects=rejects, lines=lines)
    together = kit.complete(join(found))
    # Columns from DuckDB keep each other alive: a few hundred bytes without text would hold
    # the text of the whole batch until they are written, 1.7 GB for 80 lines of 30 MB.
    hot = together.select([name for name in HOT if name in together.column_names])
    hot = hot.take(np.arange(hot.num_rows))
    cold = _text(together, settings)
    pieces = pieces_of(together)
    return Done(batch=batch, hot=hot, cold=cold, rejects=rejects, lines=lines, pieces=pieces)


def _text(rows: pa.Table, settings: HuntSettings) -> pa.Table | None:
    """Return what the settings let the cold lake keep, None if that is nothing."""
    names = [n for n in TEXT if n in rows.column_names and rows[n].null_count < rows.num_rows]
    if settings.lake.text == "none" or not names:
        return None
    cold = rows.select(
        [n for n in COLD if n in rows.column_names and (n not in TEXT or n in names)]
    )
    known = pc.is_valid(cold[names[0]])
    for name in names[1:]:
        known = pc.or_(known, pc.is_valid(cold[name]))
    cold = cold.filter(known)
    if settings.lake.text == "preview":
        length = settings.lake.preview_characters
        for name in names:
            place = cold.column_names.index(name)
            plain = cold[name].cast(pa.string())  # texts read the quick way are dictionaries
            cold = cold.set_column(place, name, pc.utf8_slice_codeunits(plain, 0, length))
    return cold


def _report(intake: Intake, path: str, reader: str | None) -> InputReport:
    if intake.lines != intake.rows + intake.rejects:
        raise LakeError(
            f"{path}: {intake.lines} lines gave {intake.rows} rows and {intake.rejects}"
            " rejects; report this"
        )
    return InputReport(
        path=path,
        reader=reader,
        lines=intake.lines,
        rows=intake.rows,
        rejects=intake.rejects,
        known_lines=intake.known_lines,
        first_rejects=tuple(intake.first_rejects),
        quarantine=tuple(intake.quarantine),
    )
