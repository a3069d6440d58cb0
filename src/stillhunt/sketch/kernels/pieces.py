"""Pieces of a text from its word hashes: ``sketch.pieces`` made fast."""

from typing import Final

import numpy as np
import numpy.typing as npt

from stillhunt.sketch import pieces, words
from stillhunt.sketch.kernels.compiled import compiled
from stillhunt.sketch.kernels.frame import NUMBER, mix

__all__ = ["find_pieces"]

Bytes = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]

_MOST: Final = pieces.MOST
_SIZE: Final = pieces.SIZE
_FEWEST: Final = pieces.FEWEST
_TAG: Final = np.uint64(pieces.PIECE_TAG)
_BOUND: Final = np.uint64(pieces.BOUND)
_MASK: Final = np.uint64(words.MASK)


@compiled
def find_pieces(
    seen: Hashes, marks: Bytes, n: int, seed: np.uint64, signs: Hashes, found: Signed
) -> None:
    """Put the pieces of a text into *found*, lowest first; what is left there stays as it is.

    Args:
        seen: Hashes of the words; the first *n* count.
        marks: Their flags, see ``frame``.
        n: How many words there are.
        seed: Of all hashes.
        signs: Room for *n* hashes.
        found: Room for MOST pieces.
    """
    n_signs = _mask(seen, marks, n, signs)
    if n_signs < _FEWEST:
        return
    start = seed ^ _TAG
    size = min(_SIZE, n_signs)
    limit, n_found = _BOUND, 0
    for i in range(n_signs - size + 1):
        h = start
        if size == _SIZE:
            for j in range(_SIZE):
                h = mix(h, signs[i + j])
        else:
            for j in range(size):
                h = mix(h, signs[i + j])
        if h < limit:
            n_found = _insert(found, n_found, np.int64(h))
            if n_found == _MOST:
                limit = np.uint64(found[_MOST - 1])


@compiled
def _mask(seen: Hashes, marks: Bytes, n: int, signs: Hashes) -> int:
    """Fill *signs* with the words, each run of numbers as one sign; return how many."""
    n_signs = 0
    was_number = False
    for i in range(n):
        is_number = marks[i] & NUMBER != 0
        if not is_number:
            signs[n_signs] = seen[i]
            n_signs += 1
        elif not was_number:
            signs[n_signs] = _MASK
            n_signs += 1
        was_number = is_number
    return n_signs


@compiled
def _insert(found: Signed, n: int, piece: np.int64) -> int:
    """Put *piece* at its place among the *n* lowest, if it is new; return how many there are."""
    place = 0
    while place < n and found[place] < piece:
        place += 1
    if place < n and found[place] == piece:
        return n
    last = min(n, _MOST - 1)
    for i in range(last, place, -1):
        found[i] = found[i - 1]
    found[place] = piece
    return last + 1
