"""What was read of each input, so that a grown, renamed or packed one is continued.

An input is known again by its first bytes and by the bytes before the place where reading
ended: a log that was rotated, copied or packed since is still the same. A *shorter* copy of
an input that went on is not known again, because its end is nowhere recorded.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillhunt.hunt.framing import SEAM
from stillhunt.model.errors import LakeError

__all__ = ["HEAD", "Stream", "Tail", "digest", "new_id", "streams", "tail_name"]

HEAD = 64 << 10
"""First bytes that make the identity of an input [bytes]."""


@dataclass(frozen=True, kw_only=True)
class Tail:
    """The end of an input as it was read before it had an end: its last line or record.

    Perhaps it was whole and only its newline was missing; perhaps somebody was just writing
    it. Its rows stand in files of their own, so that they can be taken back.
    """

    length: int
    """Bytes in front of the stream's offset."""
    first_line: int
    lines: int
    """Records, as in ``Stream``."""
    rows: int
    rejects: int


@dataclass(frozen=True, kw_only=True)
class Stream:
    """How far one input was read, by one reader."""

    id: str
    """Eight hex digits; part of the names of files and of made-up exchange ids."""
    reader: str
    frame: str
    head_length: int
    head_hash: str
    offset: int
    """Unpacked bytes read (rows, for Parquet)."""
    seam_hash: str
    next_line: int
    """Number of the line that reading goes on with."""
    lines: int
    rows: int
    rejects: int
    paths: tuple[str, ...]
    """Every path under which it was seen."""
    tail: Tail | None = None
    """Its end, if that was read without a newline behind it."""

    def without_tail(self) -> "Stream":
        """Return the stream as it was before its tail was read."""
        if self.tail is None:
            return self
        return dataclasses.replace(
            self,
            offset=self.offset - self.tail.length,
            next_line=self.tail.first_line,
            lines=self.lines - self.tail.lines,
            rows=self.rows - self.tail.rows,
            rejects=self.rejects - self.tail.rejects,
            tail=None,
        )

    @property
    def name(self) -> str:
        """Path of the record below the lake."""
        return f"streams/{self.id}.json"

    def to_json(self) -> str:
        """Return the record as it is stored."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    def begins_like(self, peeked: bytes) -> bool:
        """Return whether an input with the first bytes *peeked* may be this one."""
        head = peeked[: self.head_length]
        return len(head) == self.head_length and digest(head) == self.head_hash

    def ends_like(self, seam: bytes | None) -> bool:
        """Return whether *seam*, the bytes before our offset, are those that we read."""
        return seam is not None and digest(seam[-SEAM:]) == self.seam_hash


def streams(root: Path) -> Iterator[Stream]:
    """Yield the streams of the lake, those read furthest first.

    Raises:
        LakeError: A record is not one of ours.
    """
    found = []
    for path in sorted((root / "streams").glob("*.json")):
        try:
            found.append(_stream(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise LakeError(
                f"{path} is no record of a stream; restore it from a copy, for without it its"
                " input would be read again"
            ) from error
    yield from sorted(found, key=lambda stream: -stream.offset)


def _stream(record: dict[str, Any]) -> Stream:
    """Return the stream that *record* describes; ValueError and others if it does not."""
    tail = Tail(**record["tail"]) if record.get("tail") else None
    stream = Stream(**record | {"paths": tuple(record["paths"]), "tail": tail})
    for part in (stream, tail) if tail else (stream,):
        for field in dataclasses.fields(part):
            value = getattr(part, field.name)
            if field.type in {int, str} and type(value) is not field.type:
                raise ValueError(f"{field.name} is {value!r}")
    if not all(isinstance(path, str) for path in stream.paths):
        raise ValueError("a path is no text")
    return stream


def tail_name(stream_id: str, first_line: int) -> str:
    """Return the name, without its ending, of the files that hold the rows of a tail."""
    return f"{stream_id}-{first_line:012d}-tail"


def digest(data: bytes) -> str:
    """Return 128 bits of BLAKE2b as hex digits."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def new_id(reader: str, peeked: bytes, taken: set[str]) -> str:
    """Return eight hex digits for a new stream, the same for the same bytes and reader."""
    salt = 0
    while True:
        head = b"%s\0%d\0%s" % (reader.encode(), salt, peeked[:HEAD])
        name = hashlib.blake2b(head, digest_size=4).hexdigest()
        if name not in taken:
            return name
        salt += 1
