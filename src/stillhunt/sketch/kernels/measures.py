"""What the words of one text give beside the template: spread, SimHash, script, language."""

# ruff: noqa: PLR2004  (bytes of UTF-8, bits and words of three are what they are)

from typing import Final

import numpy as np
import numpy.typing as npt

from stillhunt.sketch import alphabet, template
from stillhunt.sketch.kernels.compiled import compiled
from stillhunt.sketch.kernels.frame import mix

__all__ = ["N_LANGUAGES", "N_SCRIPTS", "SLOTS", "STOP_SLOTS", "make_shingles", "pick_language",
           "pick_script", "simhash", "spread"]  # fmt: skip

Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]

SLOTS: Final = 2 * template.CAP
STOP_SLOTS: Final = 1_024
N_SCRIPTS: Final = len(alphabet.SCRIPTS)
N_LANGUAGES: Final = len(alphabet.LANGUAGES)
_PROBES: Final = 256  # the longest run in a half-full table of 8,192 is near 50
_LANGUAGE_WORDS: Final = template.LANGUAGE_WORDS
_HANI: Final = alphabet.SCRIPTS.index("Hani")
_KANA: Final = alphabet.SCRIPTS.index("Kana")
_JPAN: Final = alphabet.SCRIPTS.index("Jpan")
_0: Final = np.uint64(0)
_1: Final = np.uint64(1)
_32: Final = np.uint64(32)
_EACH_BYTE: Final = np.uint64(0x0101_0101_0101_0101)
_BYTE: Final = np.uint64(0xFF)


@compiled
def spread(
    hashes: Hashes,
    n: int,
    keys: Hashes,
    counts: npt.NDArray[np.int32],
    gains: npt.NDArray[np.float64],
) -> tuple[int, float]:
    """Return how many of the *n* hashes differ, and their entropy [bits]."""
    size = 16
    while size < 2 * n:
        size *= 2
    keys[:size] = _0
    counts[:size] = 0
    wrap = np.uint64(size - 1)
    distinct, total = 0, 0.0
    for i in range(n):
        key = hashes[i] | _1  # zero marks a free slot
        slot = np.int64((hashes[i] >> _32) & wrap)
        for _ in range(_PROBES):
            if keys[slot] == key:
                total += gains[counts[slot]]
                counts[slot] += 1
                break
            if keys[slot] == _0:
                keys[slot] = key
                counts[slot] = 1
                distinct += 1
                break
            slot = (slot + 1) & (size - 1)
        else:
            distinct += 1
    return distinct, max(0.0, np.log2(n) - total / n)


@compiled
def make_shingles(seen: Hashes, n: int, shingles: Hashes) -> int:
    """Fill *shingles* with the hash of each three words in a row; return how many there are."""
    if n < 3:
        shingles[0] = seen[0] if n == 1 else mix(seen[0], seen[1])
        return 1
    for i in range(n - 2):
        shingles[i] = mix(mix(seen[i], seen[i + 1]), seen[i + 2])
    return n - 2


@compiled
def simhash(shingles: Hashes, n: int, sums: Hashes, ones: Counts) -> np.uint64:
    """Return the bits that most shingles have: eight counters of a byte in each word."""
    ones[:] = 0
    for first in range(0, n, 255):
        sums[:] = _0
        for i in range(first, min(n, first + 255)):
            for j in range(8):
                sums[j] += (shingles[i] >> np.uint64(j)) & _EACH_BYTE
        for bit in range(64):
            ones[bit] += np.int64((sums[bit & 7] >> np.uint64(bit & 56)) & _BYTE)
    found = _0
    for bit in range(64):
        if 2 * ones[bit] > n:
            found |= _1 << np.uint64(bit)
    return found


@compiled
def pick_script(weights: Counts) -> int:
    """Return the script of most words; kana beside Han, from one to eight on, is Japanese."""
    if weights[_KANA] > 0 and weights[_KANA] * 8 >= weights[_HANI]:
        weights[_JPAN] = weights[_KANA] + weights[_HANI]
        weights[_KANA] = weights[_HANI] = 0
    best = 0
    for i in range(1, N_SCRIPTS):
        if weights[i] > weights[best]:
            best = i
    return best


@compiled
def pick_language(
    seen: Hashes, n: int, stop_keys: Hashes, stop_languages: Counts, hits: Counts
) -> int:
    """Return the language that at least two stop words, and more than any other's, name."""
    hits[:] = 0
    for i in range(min(n, _LANGUAGE_WORDS)):
        slot = np.int64(seen[i] & np.uint64(STOP_SLOTS - 1))
        while stop_keys[slot] != _0:
            if stop_keys[slot] == seen[i]:
                hits[stop_languages[slot]] += 1
                break
            slot = (slot + 1) & (STOP_SLOTS - 1)
    best, first, second = 0, 1, 1
    for i in range(1, N_LANGUAGES):
        if hits[i] > first:
            best, first, second = i, hits[i], first
        elif hits[i] > second:
            second = hits[i]
    return best if first > second else 0
