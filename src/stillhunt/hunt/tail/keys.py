"""Names as 64-bit numbers, so that a window holds eight bytes and not a name.

Multilinear hashing: each byte is multiplied by a secret random number of its place, and the
products are added. Two different names up to 256 bytes long meet with a chance of 2^-56 at
most, whoever chose them, because nobody but us knows the numbers. Longer names go through
BLAKE2b. The numbers come from the installation's secret, so a checkpoint can be continued.
Source: Lemire and Kaser, "Strongly universal string hashing is fast" (2014).
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["Ints", "Keyer", "Keys"]

Keys = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

LONGEST = 256  # bytes of a name that are hashed place by place
MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))  # splitmix64


class Keyer:
    """Turns columns of names into keys; the same names give the same keys, here only."""

    def __init__(self, seed: int) -> None:
        """Derive the secret numbers from *seed*, unsigned 64-bit."""
        self._seed = seed.to_bytes(8, "little")
        stream = hashlib.shake_256(b"stillhunt.tail.keys" + self._seed).digest(8 * LONGEST)
        self._places = np.frombuffer(stream, np.uint64) | np.uint64(1)

    @property
    def mark(self) -> str:
        """Return what tells this secret from others, and nothing about it."""
        return hashlib.blake2b(b"stillhunt.tail.mark" + self._seed, digest_size=16).hexdigest()

    def keys(self, columns: Sequence[pa.Array]) -> Keys:
        """Return one key for each row of *columns*, string arrays of the same length.

        An unknown counts as the empty name, which no reader lets through as a known one.
        """
        total = np.zeros(len(columns[0]), np.uint64)
        for column in columns:
            total = _mixed(total + self._one(column))
        return total

    def _one(self, column: pa.Array) -> Keys:
        offsets, data = _view(column)
        is_long = np.diff(offsets) > LONGEST
        if not is_long.any():
            return self._short(offsets, data)
        found = np.empty(len(is_long), np.uint64)  # the long ones first: 32 bytes a letter
        for row in np.flatnonzero(is_long):
            name = data[offsets[row] : offsets[row + 1]].data
            digest = hashlib.blake2b(name, digest_size=8, key=self._seed).digest()
            found[row] = int.from_bytes(digest, "little")
        found[~is_long] = self._short(*_view(column.filter(pa.array(~is_long))))
        return found

    def _short(self, offsets: Ints, data: npt.NDArray[np.uint8]) -> Keys:
        """Return the keys of names of LONGEST bytes at most."""
        places = np.arange(len(data), dtype=np.int64)
        places -= np.repeat(offsets[:-1], np.diff(offsets))
        products = self._places[places]
        products *= data + np.uint64(1)  # a zero byte counts, too
        sums = np.concatenate(([np.uint64(0)], np.cumsum(products, dtype=np.uint64)))
        found: Keys = sums[offsets[1:]] - sums[offsets[:-1]]
        return found


def _mixed(keys: Keys) -> Keys:
    """Spread *keys* over all their bits (the finalizer of splitmix64, a bijection)."""
    keys = (keys ^ (keys >> np.uint64(30))) * MIX[0]
    keys = (keys ^ (keys >> np.uint64(27))) * MIX[1]
    return keys ^ (keys >> np.uint64(31))


def _view(column: pa.Array) -> tuple[Ints, npt.NDArray[np.uint8]]:
    """Return the offsets, from 0 on, and the bytes of a string array."""
    _, offsets, data = column.buffers()
    if offsets is None or not len(column):
        return np.zeros(len(column) + 1, np.int64), np.zeros(0, np.uint8)
    width = np.int64 if pa.types.is_large_string(column.type) else np.int32
    every = np.frombuffer(offsets, width)
    where: Ints = every[column.offset : column.offset + len(column) + 1].astype(np.int64)
    first, last = int(where[0]), int(where[-1])
    whole = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    return where - first, whole[first:last]
