"""What a lake holds, told from Parquet footers alone."""

from typing import TypedDict

from stillhunt.hunt.lake.health import footer, time_range
from stillhunt.hunt.lake.schema import Filled, add_filled, filled_of
from stillhunt.hunt.lake.store import Lake

__all__ = ["Info", "info"]


class Info(TypedDict):
    """What ``info`` returns."""

    path: str
    rows: int
    files: int
    days: int
    bytes: int
    text_rows: int
    text_files: int
    text_bytes: int
    piece_rows: int
    piece_files: int
    piece_bytes: int
    first_ts_us: int | None
    last_ts_us: int | None
    streams: int
    lines: int
    """Lines read of all streams; ``rows_read + rejects`` of them."""
    rows_read: int
    rejects: int
    sources: Filled
    """Source -> column -> rows in which it is known; the key ``""`` counts the rows."""


def info(lake: Lake) -> Info:
    """Return what *lake* holds at one moment; a few tenths of a millisecond per file.

    Raises:
        LakeError: The record of a stream or a file of exchanges cannot be read, or a commit
            takes too long or cannot be completed.
    """
    with lake.still():
        return _told(lake)


def _told(lake: Lake) -> Info:
    files = lake.files("hot")
    footers = [footer(file) for file in files]
    ranges = [time_range(file, its) for file, its in zip(files, footers, strict=True)]
    texts = lake.files("cold")
    pieces = lake.files("pieces")
    read = lake.streams()
    return Info(
        path=str(lake.path),
        rows=sum(its.num_rows for its in footers),
        files=len(files),
        days=len({file.parent.name for file in files}),
        bytes=sum(file.stat().st_size for file in files),
        text_rows=sum(footer(file).num_rows for file in texts),
        text_files=len(texts),
        text_bytes=sum(file.stat().st_size for file in texts),
        piece_rows=sum(footer(file).num_rows for file in pieces),
        piece_files=len(pieces),
        piece_bytes=sum(file.stat().st_size for file in pieces),
        first_ts_us=min((first for first, _ in ranges), default=None),
        last_ts_us=max((last for _, last in ranges), default=None),
        streams=len(read),
        lines=sum(stream.lines for stream in read),
        rows_read=sum(stream.rows for stream in read),
        rejects=sum(stream.rejects for stream in read),
        sources=add_filled([filled_of(its) for its in footers]),
    )
