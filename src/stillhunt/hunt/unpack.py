"""The bytes of an input, unpacked: plain, gzip (several members) or zstd, told by magic bytes.

Memory is bounded whatever the archive says: compressed bytes are fed in pieces so small that
even the densest archive unpacks a piece to no more than about 64 MB.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import zstandard

__all__ = ["PLAIN", "Packing", "packing_of", "unpack"]

MAGIC_LENGTH = 4
GZIP_MAGIC = b"\x1f\x8b\x08"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
SKIPPABLE_MAGIC = b"\x2a\x4d\x18"  # bytes 2-4 of a skippable zstd frame, RFC 8878 3.1.2
SKIPPABLE_FIRST = range(0x50, 0x60)


class _Machine(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


@dataclass(frozen=True, kw_only=True)
class Packing:
    """One way to pack bytes."""

    name: str
    begins: Callable[[bytes], bool]
    """Whether an archive, or one more member of it, begins with these four bytes or more."""
    machine: Callable[[], _Machine]
    piece: int
    """Compressed bytes fed at once [bytes]."""


def _is_zstd(data: bytes) -> bool:
    return data.startswith(ZSTD_MAGIC) or (
        data[1:4] == SKIPPABLE_MAGIC and data[0] in SKIPPABLE_FIRST
    )


# A piece unpacks to at most 64 MB: deflate gives 1032:1 at most (zlib technical details), a
# zstd block of 4 bytes gives 128 KiB (RFC 8878, RLE block).
_GZIP = Packing(
    name="gzip",
    begins=lambda data: data.startswith(GZIP_MAGIC),
    machine=lambda: zlib.decompressobj(wbits=31),
    piece=64 << 10,
)
_ZSTD = Packing(
    name="zstd",
    begins=_is_zstd,
    machine=lambda: zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj(),
    piece=2 << 10,
)
PLAIN = Packing(name="plain", begins=lambda _: True, machine=zlib.decompressobj, piece=24 << 20)


def packing_of(first: bytes) -> Packing:
    """Return how an input is packed that begins with the bytes *first*."""
    return next((packing for packing in (_GZIP, _ZSTD) if packing.begins(first)), PLAIN)


def unpack(raw: Iterable[bytes], packing: Packing, damage: list[str]) -> Iterator[bytes]:
    """Yield the unpacked bytes of *raw*, and say in *damage* why it ended too soon.

    Everything in front of the damage is yielded. Zeros behind a member are padding.
    """
    if packing is PLAIN:
        yield from raw
        return
    machine: _Machine | None = None
    rest = b""
    for piece in raw:
        rest += piece
        while rest:
            if machine is None:
                rest = rest.lstrip(b"\0")
                if len(rest) < MAGIC_LENGTH:
                    break
                if not packing.begins(rest):
                    damage.append(f"bytes behind the {packing.name} archive are not part of it")
                    return
                machine = packing.machine()
            try:
                data = machine.decompress(rest)
            except (zlib.error, zstandard.ZstdError) as error:
                damage.append(f"the {packing.name} archive is damaged: {error}")
                return
            rest = machine.unused_data if machine.eof else b""
            machine = None if machine.eof else machine
            if data:
                yield data
    if machine is not None:
        damage.append(f"the {packing.name} archive is cut short")
    elif rest:
        damage.append(f"bytes behind the {packing.name} archive are not part of it")
