"""Inputs: files, globs and standard input as unpacked bytes, read in bounded memory.

A chunk is 24 MB and the longest line allowed is 64 MB; longer ones are skipped, never held.
A growing file is read up to the size that it had when it was opened.
"""

import glob
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from io import BufferedReader
from itertools import chain, islice
from pathlib import Path
from typing import Protocol, cast

from stillhunt.hunt.framing import MAX_LINE, SEAM, Batch, Block, Reject, batch_of, frame
from stillhunt.hunt.unpack import MAGIC_LENGTH, packing_of, unpack
from stillhunt.model.errors import InputError

__all__ = [
    "PEEK",
    "Batch",
    "Block",
    "Framed",
    "Reject",
    "Source",
    "expand",
    "open_source",
    "shown",
]

CHUNK = 24 << 20
"""Bytes of a batch. DuckDB costs 3 to 7 ms for each, whatever it holds: at 8 MB, JSON Lines took a
fifth longer."""
PEEK = 1 << 20
"""How far recognition and identity look ahead [bytes]."""
BOM = b"\xef\xbb\xbf"


class Framed(Protocol):
    """An input that can be read as numbered lines, however it is framed."""

    frame: str
    """``lines``, ``csv`` or ``parquet``."""

    def head(self, n_lines: int) -> list[str]:
        """Return the first lines that are not blank, without consuming them."""
        ...

    def seam(self, offset: int) -> bytes | None:
        """Return up to SEAM bytes before *offset*, None if the input is shorter."""
        ...

    def batches(
        self, start_offset: int = 0, start_line: int = 1, seam: bytes = b""
    ) -> Iterator[Batch]:
        """Yield everything behind *start_offset*; *seam* is what ``seam`` said of it."""
        ...


def expand(patterns: Sequence[str]) -> list[str]:
    """Return the inputs that *patterns* name, in their order, each once; globs are sorted.

    A file that is named twice, in whatever spelling or through a link, keeps its first name.

    Raises:
        InputError: A file is missing, unreachable or a folder, or a glob matches nothing.
    """
    found: list[str] = []
    for pattern in patterns:
        if pattern == "-" or _exists(pattern):
            found.append(pattern)
        elif glob.has_magic(pattern):
            names = glob.glob(pattern, recursive=True)  # noqa: PTH207  # Path.glob keeps no prefix
            matches = [n for n in sorted(names) if os.path.isfile(n)]  # noqa: PTH113  # never raises
            if not matches:
                raise InputError(f"no file matches {shown(pattern)}")
            found += matches
        else:
            raise InputError(f"there is no file {shown(pattern)}")
    for path in found:
        if path != "-" and Path(path).is_dir():
            raise _is_folder(path)
    places: dict[str, str] = {}
    for path in found:
        places.setdefault(path if path == "-" else os.path.realpath(path), path)
    return list(places.values())


def open_source(path: str) -> "Source":
    """Open the input *path* ("-" is standard input), packed or not.

    Raises:
        InputError: It is missing, a folder, or unreadable.
    """
    return Source(path)


def shown(path: str) -> str:
    """Return *path* as valid text: a name of a file may hold any bytes."""
    return path.encode("utf-8", "backslashreplace").decode()


class Source:
    """One input as lines. Regular files can be read again and again, pipes only once."""

    frame = "lines"

    def __init__(self, path: str) -> None:
        self.path = path
        self.name = shown(path)
        """The path as it may be written and printed."""
        self.size = _size(path)
        """Packed bytes when it was opened; None for a pipe."""
        self.done = 0
        """Packed bytes read so far."""
        self.damage: list[str] = []
        self._piece = 1 << 10
        raw = self._raw(0)
        first = _take(raw, MAGIC_LENGTH)
        self._packing = packing_of(first)
        self._piece = min(self._packing.piece, PEEK)
        pieces = unpack(chain([first], raw), self._packing, self.damage)
        self.peeked = _take(pieces, PEEK)
        """The first unpacked bytes, PEEK of them where there are as many."""
        self._piece = self._packing.piece
        self._rest: Iterator[bytes] = chain([self.peeked], pieces)  # of a pipe
        self._at = 0  # where _rest begins

    def head(self, n_lines: int) -> list[str]:
        """Return the first lines that are not blank, without consuming them."""
        lines = self.peeked.removeprefix(BOM).replace(b"\0", b"").split(b"\n")
        if len(self.peeked) >= PEEK and len(lines) > 1:
            lines.pop()  # cut by the peek, not by the writer
        text = (line.decode("utf-8", "replace").strip() for line in lines)
        return list(islice((line for line in text if line), n_lines))

    def seam(self, offset: int) -> bytes | None:
        """Return up to SEAM bytes before *offset*, None if the input is shorter."""
        start = max(offset - SEAM, 0)
        pieces = self._from(start)
        taken = _take(pieces, offset - start)
        if self.size is None:
            self._rest, self._at = chain([taken], pieces), start
        return taken[: offset - start] if len(taken) >= offset - start else None

    def batches(
        self, start_offset: int = 0, start_line: int = 1, seam: bytes = b""
    ) -> Iterator[Batch]:
        """Yield numbered lines from *start_offset* on; damage is one reject at the end."""
        offset, line = start_offset, start_line
        for block in self.blocks(start_offset, seam):
            for batch in frame(self.name, block, line):
                line = batch.next_line
                offset, seam = batch.end_offset, batch.seam
                yield batch
        yield from self.damaged(line, offset, seam)

    def damaged(self, line: int, offset: int, seam: bytes) -> Iterator[Batch]:
        """Yield one reject if the archive ended before its time."""
        if self.damage:
            reject = Reject(path=self.name, line=line, reason=self.damage[0])
            yield batch_of(
                [], [], [reject], first_line=line, end_offset=offset, seam=seam, is_open=True
            )

    def blocks(self, offset: int = 0, seam: bytes = b"") -> Iterator[Block]:
        """Yield whole lines as raw bytes, about CHUNK at once, MAX_LINE + CHUNK at most."""
        carry, before, is_skipping, is_first = b"", seam, False, True
        lead = seam  # what stands before the next block
        for raw in _chunks(self._from(offset)):
            chunk = _beginning(raw, offset, seam) if is_first else raw
            is_first = False
            offset += len(raw)
            if is_skipping and (cut := chunk.find(b"\n") + 1):
                is_skipping, chunk = False, chunk[cut:]
                seam = _seam(before, raw, len(raw) - len(chunk))
                end = offset - len(chunk)
                yield Block(data=b"", end_offset=end, seam=seam, is_too_long=True)
            if not is_skipping:
                if not carry:
                    chunk = chunk.lstrip(b"\0")  # the hole that copytruncate leaves
                    lead = _seam(before, raw, len(raw) - len(chunk))
                if cut := chunk.rfind(b"\n") + 1:
                    data = b"".join((carry, memoryview(chunk)[:cut]))
                    carry = chunk[cut:]
                    end = len(raw) - len(carry)
                    seam = _seam(before, raw, end)
                    at = offset - len(carry)
                    yield Block(data=data, end_offset=at, seam=seam, before=lead)
                    carry = carry.lstrip(b"\0")
                    lead = _seam(before, raw, len(raw) - len(carry))
                else:
                    carry += chunk
                if len(carry) > MAX_LINE:
                    carry, is_skipping = b"", True
            before = _seam(before, raw, len(raw))
        if is_skipping:
            yield Block(data=b"", end_offset=offset, seam=before, is_too_long=True, is_open=True)
        elif carry:
            yield Block(
                data=carry + b"\n", end_offset=offset, seam=before, before=lead, is_open=True
            )

    def _from(self, offset: int) -> Iterator[bytes]:
        """Yield the unpacked bytes from *offset* on."""
        if self.size is None:
            if offset < self._at:
                raise InputError(
                    f"{self.name} begins like an input that was read before, but goes on"
                    " differently; save it as a file and name that"
                )
            pieces, at = self._rest, self._at
            self._rest, self._at = iter(()), sys.maxsize
            return _skip(pieces, offset - at)
        self.damage.clear()
        if self._packing.name == "plain":
            return self._raw(offset)
        return _skip(unpack(self._raw(0), self._packing, self.damage), offset)

    def _raw(self, offset: int) -> Iterator[bytes]:
        """Yield the packed bytes, no more of a growing file than it had when we opened it."""
        left = sys.maxsize if self.size is None else self.size - offset
        self.done = offset
        try:
            with _open(self.path) as file:
                if offset:
                    file.seek(offset)
                while left > 0 and (data := file.read1(min(self._piece, left))):
                    left -= len(data)
                    self.done += len(data)
                    yield data
        except OSError as error:
            raise InputError(f"cannot read {self.name}: {error.strerror or error}") from error


def _open(path: str) -> AbstractContextManager[BufferedReader]:
    if path == "-":
        return nullcontext(cast(BufferedReader, sys.stdin.buffer))
    return Path(path).open("rb")


def _exists(path: str) -> bool:
    """Return whether there is a file or folder *path*; a glob that is too long is none."""
    try:
        return Path(path).exists()
    except OSError as error:
        if glob.has_magic(path):
            return False
        raise InputError(f"cannot read {shown(path)}: {error.strerror or error}") from error


def _is_folder(path: str) -> InputError:
    name = shown(path)
    return InputError(f"{name} is a folder; name its files, such as '{name}/*.jsonl'")


def _size(path: str) -> int | None:
    if path == "-":
        return None
    try:
        status = Path(path).stat()
    except OSError as error:
        raise InputError(f"cannot read {shown(path)}: {error.strerror or error}") from error
    if stat.S_ISDIR(status.st_mode):
        raise _is_folder(path)
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _take(pieces: Iterator[bytes], least: int) -> bytes:
    """Join pieces until there are *least* bytes, or the end."""
    taken, length = [], 0
    while length < least and (piece := next(pieces, None)) is not None:
        taken.append(piece)
        length += len(piece)
    return b"".join(taken)


def _skip(pieces: Iterator[bytes], count: int) -> Iterator[bytes]:
    for piece in pieces:
        if count < len(piece):
            yield piece[count:] if count else piece
            count = 0
        else:
            count -= len(piece)


def _chunks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Join small pieces and cut large ones to about CHUNK."""
    while chunk := _take(pieces, CHUNK):
        for start in range(0, len(chunk), CHUNK):
            yield chunk[start : start + CHUNK]


def _seam(before: bytes, raw: bytes, end: int) -> bytes:
    """Return the last SEAM bytes of what was read, up to *end* in *raw*."""
    return raw[end - SEAM : end] if end >= SEAM else (before + raw[:end])[-SEAM:]


def _beginning(chunk: bytes, offset: int, seam: bytes) -> bytes:
    """Drop a byte order mark, or the newline of a line that was read before it was written."""
    if offset == 0:
        return chunk.removeprefix(BOM)
    if seam.endswith(b"\n"):
        return chunk
    return chunk.removeprefix(b"\r\n" if chunk.startswith(b"\r\n") else b"\n")
