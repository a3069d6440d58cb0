"""Retention: rows older than the settings allow leave the lake, and it is proved that they did.

Age is measured from the newest exchange in the lake, never from the wall clock, so that an old
lake can be looked at; but a source whose clock runs ahead must not empty the lake, so callers
say what time it is and later rows do not count. What is removed is gone from the file system,
not wiped from the medium.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillhunt.hunt.lake.health import table, time_range
from stillhunt.hunt.lake.schema import DAY_US
from stillhunt.hunt.lake.staging import Staging
from stillhunt.hunt.lake.store import Lake
from stillhunt.model.errors import LakeError

__all__ = ["Expired", "expire"]


@dataclass(frozen=True, kw_only=True)
class Expired:
    """What left one part of the lake."""

    part: str
    """``hot``, ``cold`` or ``pieces``."""
    bound_us: int | None
    """Rows at or before this moment are gone; None in an empty lake [us since epoch]."""
    rows: int
    files: int
    """Files removed or rewritten."""
    oldest_us: int | None
    """The oldest row that is left, read back from the files themselves [us since epoch]."""


def expire(
    lake: Lake, *, text_days: int, hot_days: int, now_us: int | None = None
) -> list[Expired]:
    """Remove text, hot rows and pieces that are older than so many days, and verify it.

    Args:
        lake: The lake; what a crash staged is removed, too.
        text_days: Age at which text goes [days]; 0 removes all of it.
        hot_days: The same for hot rows and pieces [days].
        now_us: Rows after this moment do not count as the newest [us since epoch].

    Raises:
        LakeError: The lake is being written or read, a file of it is damaged or foreign, the
            disk is full, or an old row was found afterwards.
    """
    with lake.writing() as stage:
        newest = _newest(lake, now_us)
        return [
            *_expire_parts(lake, stage, ("cold",), text_days, newest),
            *_expire_parts(lake, stage, ("hot", "pieces"), hot_days, newest),
        ]


def _newest(lake: Lake, now_us: int | None) -> int | None:
    newest = None
    for file in lake.files("hot") + lake.files("cold"):
        last = time_range(file)[1]
        if now_us is not None and last > now_us:
            times = table(file, ["ts_us"])["ts_us"]
            last = pc.max(times.filter(pc.less_equal(times, now_us))).as_py()
        if last is not None:
            newest = last if newest is None else max(newest, last)
    return newest


def _expire_parts(
    lake: Lake, stage: Staging, parts: Sequence[str], days: int, newest_us: int | None
) -> list[Expired]:
    """Expire *parts* in one commit."""
    if newest_us is None:
        return [Expired(part=p, bound_us=None, rows=0, files=0, oldest_us=None) for p in parts]
    bound = newest_us - days * DAY_US
    gone = [_stage_part(lake, stage, part, bound) for part in parts]
    lake.commit(stage)
    return [
        Expired(
            part=part, bound_us=bound, rows=rows, files=files, oldest_us=_left(lake, part, bound)
        )
        for part, (rows, files) in zip(parts, gone, strict=True)
    ]


def _stage_part(lake: Lake, stage: Staging, part: str, bound: int) -> tuple[int, int]:
    """Stage what is left of *part* behind *bound*; return how many rows go, in how many files."""
    rows = files = 0
    for file in lake.files(part, until_us=bound):
        first, last = time_range(file)
        if first > bound:
            continue
        name = str(file.relative_to(lake.path))
        held = table(file)
        left = held.filter(pc.field("ts_us") > bound) if last > bound else held.slice(0, 0)
        rows, files = rows + len(held) - len(left), files + 1
        if len(left):
            stage.table(name, left)  # takes the place of the old one
        stage.remove([name])
    return rows, files


def _left(lake: Lake, part: str, bound: int) -> int | None:
    """Remove folders that are empty now, and return the oldest row, which is behind *bound*."""
    for day in [d for d in lake.days(part) if not any(d.iterdir())]:
        day.rmdir()
    oldest = _oldest(lake, part)
    if oldest is not None and oldest <= bound:
        raise LakeError(f"{lake.path}/{part} still holds rows that should be gone; report this")
    return oldest


def _oldest(lake: Lake, part: str) -> int | None:
    """Return the oldest row by reading every time, not by trusting names or statistics."""
    oldest: list[int] = []
    for file in lake.files(part):
        for group in pq.ParquetFile(file).iter_batches(columns=["ts_us"]):
            oldest.append(pc.min(group["ts_us"]).as_py())
    return min(oldest, default=None)
