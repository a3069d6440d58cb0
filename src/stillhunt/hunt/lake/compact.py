"""Daily compaction: the small files of a day become few, sorted ones.

Every ingest leaves a file per day, and a query opens each of them. Files are joined until one
holds about a million rows or 64 MB; what is larger stays as it is, and so does the end of
an input that may yet go on (``streams.Tail``). A crash leaves either the
old files or the new one (``staging``).
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from stillhunt.hunt.lake.health import footer, table
from stillhunt.hunt.lake.schema import sort_by_time
from stillhunt.hunt.lake.store import Lake
from stillhunt.hunt.lake.streams import tail_name

__all__ = ["Compacted", "compact"]

MAX_ROWS = 1_000_000
MAX_PIECES = 4_000_000
"""Pieces are narrow: about 40 MB, and joining so many took 470 MB of memory [rows]."""
MAX_BYTES = 64 << 20
PARTS = ("hot", "cold", "pieces")


@dataclass(frozen=True, kw_only=True)
class Compacted:
    """What a compaction did."""

    files_before: int
    files_after: int
    rows: int
    """Rows that were written anew."""


def compact(lake: Lake) -> Compacted:
    """Join the small files of every day. Running it twice does nothing the second time.

    Raises:
        LakeError: The lake is being written or read, a file of it is damaged or foreign, or
            the disk is full.
    """
    rows = 0
    with lake.writing() as stage:
        before = sum(len(lake.files(part)) for part in PARTS)
        tails = {tail_name(s.id, s.tail.first_line) for s in lake.streams() if s.tail}
        for part in PARTS:
            for day in lake.days(part):
                files = sorted(day.glob("*.parquet"))
                for group in _groups([file for file in files if file.stem not in tails], part):
                    joined = _join(group)
                    rows += len(joined)
                    folder = f"{part}/{day.name}"
                    stage.table(f"{folder}/{_name(group)}.parquet", joined)
                    stage.remove(f"{folder}/{file.name}" for file in group)
                    lake.commit(stage)
        after = sum(len(lake.files(part)) for part in PARTS)
    return Compacted(files_before=before, files_after=after, rows=rows)


def _groups(files: list[Path], part: str) -> Iterator[list[Path]]:
    """Yield runs of two files or more that fit into one."""
    max_rows = MAX_PIECES if part == "pieces" else MAX_ROWS
    group: list[Path] = []
    rows = size = 0
    for file in files:
        its_rows, its_size = footer(file).num_rows, file.stat().st_size
        if group and (rows + its_rows > max_rows or size + its_size > MAX_BYTES):
            if len(group) > 1:
                yield group
            group, rows, size = [], 0, 0
        group.append(file)
        rows, size = rows + its_rows, size + its_size
    if len(group) > 1:
        yield group


def _join(group: list[Path]) -> pa.Table:
    tables = [table(file) for file in group]
    return sort_by_time(pa.concat_tables(tables, promote_options="default"))


def _name(group: list[Path]) -> str:
    """Return the same name for the same files, so that a second try writes the same file."""
    names = "\0".join(file.name for file in group)
    return "joined-" + hashlib.blake2b(names.encode(), digest_size=8).hexdigest()
