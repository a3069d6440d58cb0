"""Which character the text models take each one for.

Tricks with Unicode must not pay: full-width, mathematical, circled and accented letters, and
letters of other scripts that look Latin, count as the plain letter; what is invisible counts
for nothing. A digit inside a word counts as the letter that it resembles.
"""

# ruff: noqa: PLR2004  (code points are what they are)

import unicodedata
from typing import Final

import numpy as np
import numpy.typing as npt

from stillhunt.sketch import alphabet

__all__ = ["DIGIT", "LETTER", "NONE", "SIZE", "SKIP", "SOLO", "TABLE", "letter_of"]

NONE, SKIP, SOLO = 0, 1, 2
"""What ends a word, what is passed over, and the mark of what is a word of its own."""
LETTER, DIGIT = 3, 4
SIZE: Final = 0x20000
"""Characters that the table covers; beyond are Han, all of them words of their own."""

_LOOK_ALIKES: Final = {
    0x430: "a", 0x435: "e", 0x43E: "o", 0x440: "p", 0x441: "c", 0x443: "y", 0x445: "x",
    0x456: "i", 0x458: "j", 0x455: "s", 0x43A: "k", 0x43C: "m", 0x442: "t", 0x43D: "h",
    0x432: "b", 0x4BB: "h", 0x501: "d", 0x51B: "q", 0x51D: "w", 0x3BF: "o", 0x3B1: "a",
    0x3B9: "i", 0x3BD: "v", 0x3C1: "p", 0x3C5: "u", 0x3BA: "k", 0x3C4: "t", 0x3C7: "x",
    0x261: "g", 0x131: "i", 0x26A: "i", 0x1D00: "a", 0x1D07: "e", 0x1D0F: "o", 0x1D1B: "t",
    0x280: "r", 0x274: "n", 0x29C: "h", 0x1D0B: "k", 0x262: "g", 0x1D18: "p", 0x1D04: "c",
    0x1D05: "d", 0x1D0D: "m", 0x29F: "l", 0x299: "b", 0x28F: "y",
}  # fmt: skip
_FOLDED: Final = (
    (0, 0x2070), (0x2460, 0x24EA), (0xFB00, 0xFB07), (0xFF10, 0xFF5B), (0x1D400, 0x1D800),
    (0x1F130, 0x1F18A),
)  # fmt: skip
"""Ranges in which a character may stand for a plainer one; beyond, it stands for itself."""
_LEET: Final = str.maketrans("0134578", "oieastb")


def _folded(code: int) -> int:
    """Return the plain character behind one; 0 if there is none of its own."""
    plain = unicodedata.normalize("NFKD", chr(code).lower()).lower()
    plain = "".join(c for c in plain if not unicodedata.combining(c)) or chr(code)
    first = ord(plain[0])
    return ord(_LOOK_ALIKES.get(first, chr(first)))


def _build() -> npt.NDArray[np.uint32]:
    """Return for each character its kind in the low bits and, above, what it counts as."""
    kinds = np.zeros(9, np.uint32)
    kinds[[alphabet.LETTER, alphabet.DIGIT, alphabet.SOLO, alphabet.SKIP]] = (
        LETTER, DIGIT, SOLO, SKIP,
    )  # fmt: skip
    table = np.zeros(SIZE, np.uint32)
    table[: alphabet.PLANE] = kinds[alphabet.KIND]
    table[0x10000:0x1D000] = LETTER
    for first, last in _FOLDED[1:]:
        table[first:last] = LETTER
    plain = np.arange(SIZE, dtype=np.uint32) << 3
    for first, last in _FOLDED:
        for code in (first + np.flatnonzero(table[first:last] > SKIP)).tolist():
            folded = chr(_folded(code))
            if folded.isdigit():
                table[code] = DIGIT
            plain[code] = ord(folded.translate(_LEET)) << 3
    return np.where(table > SKIP, table | plain, table)


TABLE: Final = _build()
"""Kind | folded character << 3, uint32 of shape (SIZE,); zero above SKIP's bits if none."""
TABLE.setflags(write=False)


def letter_of(code: int) -> tuple[int, int]:
    """Return the kind of a code point and the code point that it counts as."""
    if code < SIZE:
        entry = int(TABLE[code])
        return entry & 7, entry >> 3
    if code < 0x40000:
        return SOLO, code
    return (SKIP, 0) if 0xE0000 <= code < 0xE1000 else (NONE, 0)
