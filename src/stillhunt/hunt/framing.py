"""Blocks of raw bytes as batches of numbered lines, without a Python object per line.

Only blocks with carriage returns, NULs or invalid UTF-8 take the slow path. Bad bytes become
U+FFFD and the line is kept: else whoever writes bad bytes would be invisible.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = [
    "BLANK",
    "MAX_LINE",
    "SEAM",
    "TOO_LONG",
    "Batch",
    "Block",
    "Reject",
    "add_reject",
    "batch_of",
    "frame",
]

Offsets = np.ndarray[tuple[int], np.dtype[np.int64]]

MAX_LINE = 64 << 20
"""A client chooses the size of its request, such as with images in base64, and must not leave
the counts by that. Twenty lines of 60 MB among others took 0.7 GB of memory."""
MAX_LINES = 200_000
"""Lines of one batch: a chunk of blank lines must not become eight million rejects at once."""
SEAM = 4 << 10
"""Bytes before an offset by which an input that goes on is known again."""

TOO_LONG = f"the line is longer than {MAX_LINE >> 20} MB"
BLANK = "blank line"
NEWLINE = 10
PIECE = 1 << 18
REPLACEMENT = "\ufffd".encode()
HOLE = re.compile(rb"(?m)^\0+")
SCHEMA = pa.schema([("line_number", pa.int64()), ("line", pa.string())])


@dataclass(frozen=True, kw_only=True, slots=True)
class Reject:
    """A line that is no exchange, or a run of such lines. Its text is never kept."""

    path: str
    line: int
    reason: str
    to_line: int = 0
    """The last line of a run; 0 where there is only one."""
    count: int = 1
    """Records that are refused: of a run, or of a line that holds many."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """Whole lines as raw bytes, or one line too long to hold (then without bytes)."""

    data: bytes
    """Lines, each with its newline; the last one may have been given one (``is_open``)."""
    end_offset: int
    """Bytes of the input up to the end of ``data``; some in front of it may be left out."""
    seam: bytes
    """The last bytes before ``end_offset``, SEAM at most."""
    before: bytes = b""
    """The last bytes before ``data`` in the input, SEAM at most."""
    is_open: bool = False
    is_too_long: bool = False

    def place(self, cut: int) -> tuple[int, bytes]:
        """Return the offset and the seam of the input at byte *cut* of ``data``."""
        if cut >= len(self.data):
            return self.end_offset, self.seam
        offset = self.end_offset - (len(self.data) - cut - self.is_open)
        if cut >= SEAM:
            return offset, self.data[cut - SEAM : cut]
        return offset, (self.before + self.data[:cut])[-SEAM:]


@dataclass(kw_only=True)
class Batch:
    """A run of whole lines of one input, framed when somebody asks for them."""

    first_line: int
    """Number of the first line, 1-based."""
    next_line: int
    """Number of the line behind this batch."""
    end_offset: int
    """Unpacked bytes consumed when this batch is done (rows, for Parquet)."""
    seam: bytes
    """The last bytes before ``end_offset``, SEAM at most."""
    is_open: bool = False
    """The input may yet go on inside this batch: a last line without a newline, or damage."""
    path: str = ""
    """Name of the input, for its rejects."""
    raw: bytes | None = None
    """The lines, each with its newline, as the input has them; None once they are framed."""
    framed: tuple[pa.Table, list[Reject]] | None = None

    @property
    def lines(self) -> pa.Table:
        """Return ``line_number`` int64 and ``line`` string: no newline, CR, NUL or BOM in it."""
        return self._framed()[0]

    @property
    def rejects(self) -> list[Reject]:
        """Return the lines that could not even be framed."""
        return self._framed()[1]

    @property
    def count(self) -> int:
        """Return how many lines or records this batch has, rejects included."""
        return int(self.lines.num_rows) + self.refused

    @property
    def refused(self) -> int:
        """Return how many lines or records the rejects are."""
        return sum(reject.count for reject in self.rejects)

    @property
    def nbytes(self) -> int:
        """About how much memory the lines take."""
        return int(self.lines.nbytes) if self.raw is None else len(self.raw)

    def clean(self) -> bytes:
        """Return the lines, each with its newline, as valid UTF-8 without CR and NUL.

        Only before they are framed.
        """
        if self.raw is None:
            raise ValueError("the lines are framed")
        self.raw = _clean(self.raw)
        return self.raw

    def settle(self, odd: pa.Table) -> None:
        """Keep only the lines *odd*: all others were read, and none was refused."""
        self.framed, self.raw = (odd, []), None

    def _framed(self) -> tuple[pa.Table, list[Reject]]:
        if self.framed is None:
            self.framed = _framed(self.path, self.clean(), self.first_line)
            self.raw = None
        return self.framed


def batch_of(
    numbers: Sequence[int],
    lines: Sequence[str],
    rejects: list[Reject],
    *,
    first_line: int,
    end_offset: int,
    seam: bytes,
    next_line: int | None = None,
    is_open: bool = False,
) -> Batch:
    """Return a batch of *lines* that are already text, each with its number.

    Without *next_line*, every line and every reject is one line of the input.
    """
    columns = [pa.array(numbers, pa.int64()), pa.array(lines, pa.string())]
    return Batch(
        first_line=first_line,
        framed=(pa.Table.from_arrays(columns, schema=SCHEMA), rejects),
        next_line=first_line + len(lines) + len(rejects) if next_line is None else next_line,
        end_offset=end_offset,
        seam=seam,
        is_open=is_open,
    )


def add_reject(rejects: list[Reject], reject: Reject) -> None:
    """Append *reject*, or make it part of the run that ends right in front of it."""
    last = rejects[-1] if rejects else None
    end = last.to_line or last.line if last else 0
    if last and end <= reject.line <= end + 1 and last.reason == reject.reason:
        to_line = reject.to_line or reject.line
        count = last.count + reject.count
        rejects[-1] = replace(last, to_line=to_line if to_line > last.line else 0, count=count)
    else:
        rejects.append(reject)


def frame(path: str, block: Block, first_line: int) -> Iterator[Batch]:
    """Yield the lines of *block*, MAX_LINES at most in a batch, numbered from *first_line*."""
    if block.is_too_long:
        reject = Reject(path=path, line=first_line, reason=TOO_LONG)
        yield batch_of(
            [], [], [reject],
            first_line=first_line, end_offset=block.end_offset, seam=block.seam,
            is_open=block.is_open,
        )  # fmt: skip
        return
    data = block.data
    count = _count(data)
    start = 0
    ends = _newlines(data) if count > MAX_LINES else np.zeros(0, np.int64)
    while len(ends) > MAX_LINES:
        cut = int(ends[MAX_LINES - 1]) + 1
        end, seam = block.place(cut)
        yield Batch(
            path=path, raw=data[start:cut], end_offset=end, seam=seam,
            first_line=first_line, next_line=first_line + MAX_LINES,
        )  # fmt: skip
        first_line, start, ends, count = (
            first_line + MAX_LINES, cut, ends[MAX_LINES:], count - MAX_LINES,
        )  # fmt: skip
    yield Batch(
        path=path,
        raw=data[start:],
        first_line=first_line,
        next_line=first_line + count,
        end_offset=block.end_offset,
        seam=block.seam,
        is_open=block.is_open,
    )


def _framed(path: str, data: bytes, first_line: int) -> tuple[pa.Table, list[Reject]]:
    """Return the lines of *data*, which is clean, and the rejects among them."""
    ends = _newlines(data)
    count = len(ends)
    offsets = np.zeros(count + 1, np.int32)
    offsets[1:] = ends + 1
    # Arrow takes the newlines off ten times faster than bytes.replace, and without the GIL.
    whole = pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(data))
    number = pa.array(np.arange(first_line, first_line + count))
    line = pc.ascii_rtrim(whole, characters="\n")
    lines = pa.Table.from_arrays([number, line], schema=SCHEMA)
    lengths = np.diff(offsets) - 1
    if not count or (lengths.min() > 0 and lengths.max() <= MAX_LINE):
        return lines, []
    bad = (lengths == 0) | (lengths > MAX_LINE)
    return lines.filter(pa.array(~bad)), _runs(path, first_line, np.flatnonzero(bad), lengths)


def _runs(path: str, first_line: int, bad: Offsets, lengths: Offsets) -> list[Reject]:
    """Return one reject for each run of neighbours with the same fault."""
    is_long = lengths[bad] > 0
    starts = np.flatnonzero(
        (np.diff(bad, prepend=-2) != 1) | np.diff(is_long, prepend=~is_long[:1])
    )
    ends = [*starts[1:], len(bad)]
    return [
        Reject(
            path=path,
            line=first_line + int(bad[start]),
            reason=TOO_LONG if is_long[start] else BLANK,
            to_line=first_line + int(bad[end - 1]) if end - start > 1 else 0,
            count=int(end - start),
        )
        for start, end in zip(starts, ends, strict=True)
    ]


def _count(data: bytes) -> int:
    """Return how many newlines *data* has; piece by piece, which saves the fresh memory."""
    view = np.frombuffer(data, np.uint8)
    pieces = range(0, len(view), PIECE)
    return sum(int(np.count_nonzero(view[k : k + PIECE] == NEWLINE)) for k in pieces)


def _newlines(data: bytes) -> Offsets:
    return np.flatnonzero(np.frombuffer(data, np.uint8) == NEWLINE)


def _clean(data: bytes) -> bytes:
    """Return *data* as valid UTF-8 without CR and NUL; the same object where it is clean."""
    if not data.isascii() and not _is_utf8(data):
        data = data.decode("utf-8", "replace").encode()
    if b"\0" in data:
        data = HOLE.sub(b"", data).replace(b"\0", REPLACEMENT)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b" ")
    return data


def _is_utf8(data: bytes) -> bool:
    # Arrow's check costs a tenth of a decode, which would also build the text.
    bounds = pa.py_buffer(np.array([0, len(data)], np.int32))
    try:
        pa.StringArray.from_buffers(1, bounds, pa.py_buffer(data)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True
