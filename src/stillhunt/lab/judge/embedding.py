"""Texts as vectors without a model, and as features whose means give an MMD.

A text is the sum of its words' vectors; a word's is made of 128 signs, the bits of its hash,
which is a random projection of the bag of words. The features are random Fourier features: the
squared distance of two means of theirs *is* the squared MMD under a Gaussian kernel
(approximated by 64 frequencies), so means can be summed as texts go by and no text is kept.
Source: Achlioptas, Database-friendly random projections (2003); Rahimi and Recht, Random
features for large-scale kernel machines (2007).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.lab.judge.metrics import Ints
from stillhunt.sketch.kernels.compiled import cached

__all__ = ["DIMENSIONS", "FEATURES", "Features", "add_to_windows", "embed"]

DIMENSIONS, FEATURES = 128, 128
Vectors = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


@cached
def _embed(offsets: Ints, data: Bytes, out: Vectors) -> None:
    """Add the signs of each word of each text; letters are ASCII ones, digits, and beyond."""
    prime, base = np.uint64(0x100000001B3), np.uint64(0xCBF29CE484222325)
    for row in range(len(out)):
        end, at = offsets[row + 1], offsets[row]
        while at < end:
            hashed, length = base, 0
            while at < end:
                byte = data[at]
                if 65 <= byte <= 90:  # noqa: PLR2004 - A to Z, as lower case
                    byte += 32
                is_letter = 97 <= byte <= 122 or byte >= 128 or 48 <= byte <= 57  # noqa: PLR2004
                if not is_letter:
                    break
                hashed = (hashed ^ np.uint64(byte)) * prime
                length += 1
                at += 1
            at += 1
            if length == 0:
                continue
            for half in range(2):
                hashed = (hashed ^ (hashed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                hashed = (hashed ^ (hashed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                bits = hashed ^ (hashed >> np.uint64(31))
                for bit in range(64):
                    sign = (bits >> np.uint64(bit)) & np.uint64(1)
                    out[row, 64 * half + bit] += np.float32(2.0) * np.float32(sign) - np.float32(1)


def embed(texts: pa.Array) -> Vectors:
    """Return a unit vector for each text; zeros for one without a word or NULL."""
    texts = pc.fill_null(texts, "").cast(pa.large_string())
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    out = np.zeros((len(texts), DIMENSIONS), np.float32)
    if len(texts):
        _, offsets, data = texts.buffers()
        ends = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
        _embed(ends, np.frombuffer(data or b"", np.uint8), out)
    lengths = np.linalg.norm(out, axis=1, keepdims=True)
    np.divide(out, lengths, out=out, where=lengths > 0)
    return out


@dataclass(frozen=True)
class Features:
    """A Gaussian kernel as 64 frequencies."""

    frequencies: Vectors

    @classmethod
    def fitted(cls, vectors: Vectors, rng: np.random.Generator) -> "Features":
        """Take the median distance of random pairs of *vectors* as the kernel's width."""
        left, right = rng.integers(0, len(vectors), (2, 2_000))
        squares = np.sum((vectors[left] - vectors[right]) ** 2, axis=1)
        width = float(np.sqrt(np.median(squares[squares > 0]))) if (squares > 0).any() else 1.0
        drawn = rng.normal(0.0, 1.0 / width, (DIMENSIONS, FEATURES // 2))
        return cls(drawn.astype(np.float32))

    def of(self, vectors: Vectors) -> Vectors:
        """Return the features, unit vectors of 128."""
        angles = vectors @ self.frequencies
        waves = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
        scaled: Vectors = waves * np.float32(np.sqrt(2.0 / FEATURES))
        return scaled


@cached
def _add(
    account: Ints, features: Vectors, size: int, sums: Vectors, counts: Ints, out: Vectors,
    owner: Ints,
) -> int:  # fmt: skip
    full = 0
    for row in range(len(account)):
        who = account[row]
        sums[who] += features[row]
        counts[who] += 1
        if counts[who] == size:
            out[full], owner[full] = sums[who], who
            sums[who] = np.float32(0)
            counts[who] = 0
            full += 1
    return full


def add_to_windows(
    account: Ints, features: Vectors, *, size: int, sums: Vectors, counts: Ints
) -> tuple[Vectors, Ints]:
    """Add each row to its account's open window; return the sums and owners of those now full.

    Args:
        account: Code of each row.
        features: Of each row.
        size: Rows of a window.
        sums: Of the open window of each account, changed in place.
        counts: Rows in it, changed in place.
    """
    most = len(account) // size + min(len(account), len(counts))
    out, owner = np.zeros((most, features.shape[1]), np.float32), np.zeros(most, np.int64)
    full: Any = _add(account, features, size, sums, counts, out, owner)
    return out[:full].copy(), owner[:full].copy()
