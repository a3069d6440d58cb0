"""Characters, list items, quotes and URLs in UTF-8 bytes; see ``sketch.alphabet``."""

# ruff: noqa: PLR1714, PLR2004  (bytes of UTF-8 are what they are; chains compile better than sets)

from typing import Final

import numpy as np
import numpy.typing as npt

from stillhunt.sketch import alphabet
from stillhunt.sketch.kernels.compiled import compiled

__all__ = ["COLON", "DIGIT", "LETTER", "NEWLINE", "QUOTE", "SKIP", "SOLO", "SYMBOL",
           "Integer", "begins_url", "decode", "kind_of", "line_start", "quoted_until",
           "script_of"]  # fmt: skip

Bytes = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]
Integer = int | np.int64

OTHER, LETTER, DIGIT, SOLO, SKIP = 0, 1, 2, 3, 4  # as in alphabet; numba wants plain numbers
NEWLINE, COLON, QUOTE, SYMBOL = 5, 6, 7, 8
_HANI: Final = alphabet.SCRIPTS.index("Hani")
_UNKNOWN: Final = alphabet.SCRIPTS.index("Zzzz")


@compiled
def decode(data: Bytes, at: int, end: int) -> tuple[Integer, int]:
    """Return code point and length of the character at *at*, never reading past *end*."""
    b = np.int64(data[at])
    if b < 0x80:
        return b, 1
    if b < 0xE0:
        if at + 1 < end:
            return (b & 0x1F) << 6 | (np.int64(data[at + 1]) & 0x3F), 2
    elif b < 0xF0:
        if at + 2 < end:
            high = (b & 0x0F) << 12 | (np.int64(data[at + 1]) & 0x3F) << 6
            return high | (np.int64(data[at + 2]) & 0x3F), 3
    elif at + 3 < end:
        high = (b & 0x07) << 18 | (np.int64(data[at + 1]) & 0x3F) << 12
        return high | (np.int64(data[at + 2]) & 0x3F) << 6 | (np.int64(data[at + 3]) & 0x3F), 4
    return np.int64(0xFFFD), 1


@compiled
def kind_of(code: Integer, kinds: Bytes) -> Integer:
    """Return what ``alphabet.kind_of`` says."""
    if code < 0x10000:
        return np.int64(kinds[code])
    if 0x20000 <= code < 0x40000:
        return SOLO
    if 0x1D000 <= code < 0x1D400 or 0x1F000 <= code < 0x20000:
        return OTHER
    return SKIP if 0xE0000 <= code < 0xE1000 else LETTER


@compiled
def script_of(code: Integer, scripts: Bytes) -> Integer:
    """Return what ``alphabet.script_of`` says."""
    if code < 0x10000:
        return np.int64(scripts[code])
    return _HANI if 0x20000 <= code < 0x40000 else _UNKNOWN


@compiled
def _is_separator(data: Bytes, at: int, end: int) -> bool:
    """Say whether U+2028 or U+2029 stands at *at*."""
    if at + 2 >= end or data[at] != 0xE2 or data[at + 1] != 0x80:
        return False
    return bool(data[at + 2] == 0xA8 or data[at + 2] == 0xA9)


@compiled
def _is_blank(data: Bytes, at: int, end: int) -> bool:
    """Say whether a blank, or the end of the line, stands at *at*."""
    if at >= end:
        return True
    b = data[at]
    if b == 0x20 or b == 0x09 or b == 0x0D or b == 0x0A:
        return True
    return _is_separator(data, at, end)


@compiled
def _is_ascii_alphanumeric(b: int) -> bool:
    return 0x30 <= b <= 0x39 or 0x41 <= b <= 0x5A or 0x61 <= b <= 0x7A


@compiled
def line_start(data: Bytes, at: int, end: int) -> int:
    """Return 2 if a fence begins at *at*, 1 for a list item, else 0."""
    while at < end and (data[at] == 0x20 or data[at] == 0x09):
        at += 1
    if at >= end:
        return 0
    b = data[at]
    if b == 0x60:
        return 2 if at + 2 < end and data[at + 1] == 0x60 and data[at + 2] == 0x60 else 0
    behind = -1
    if b == 0x2D or b == 0x2A or b == 0x2B or b == 0x3E or b == 0x7C:
        behind = at + 1
    elif b == 0xE2 and at + 2 < end and data[at + 1] == 0x80:
        if data[at + 2] == 0xA2 or data[at + 2] == 0x93:
            behind = at + 3
    elif b == 0x28:
        if at + 2 < end and _is_ascii_alphanumeric(data[at + 1]) and data[at + 2] == 0x29:
            behind = at + 3
    elif _is_ascii_alphanumeric(b):
        after = at + 1
        if b <= 0x39:
            while after < end and after < at + 3 and 0x30 <= data[after] <= 0x39:
                after += 1
        if after < end and (data[after] == 0x2E or data[after] == 0x29):
            behind = after + 1
    return 1 if behind >= 0 and _is_blank(data, behind, end) else 0


@compiled
def _find_closer(data: Bytes, at: int, end: int, code: Integer, length: int) -> int:
    """Return where the quote opened by *code* closes on its line, or -1."""
    first, second, third = data[at], 0, 0
    if length > 1:
        second = data[at + 1]
    if length > 2:
        third = data[at + 2]
    if code == 0x201C:
        third = 0x9D
    elif code == 0xAB:
        second = 0xBB
    elif code == 0x300C:
        third = 0x8D
    at += length
    while at < end:
        b = data[at]
        if b == 0x0A or (b == 0xE2 and _is_separator(data, at, end)):
            return -1
        if b == first:
            if length == 1:
                return at
            whole = at + length <= end and data[at + 1] == second
            if whole and (length == 2 or data[at + 2] == third):
                return at
        at += 1
    return -1


@compiled
def _quote_number(code: Integer) -> int:
    """Number the kinds of quotes: what is known of one says nothing of another."""
    if code == 0x22 or code == 0x60:
        return 0 if code == 0x22 else 1
    if code == 0x201C or code == 0xAB:
        return 2 if code == 0x201C else 3
    return 4 if code == 0x300C else (5 if code == 0xFF02 else 6)


@compiled
def quoted_until(
    data: Bytes, at: int, end: int, code: Integer, length: int, begin: int, no_closer: Counts
) -> int:
    """Return the end of the quote that opens at *at*, or 0; *begin* names the line."""
    number = _quote_number(code)
    if no_closer[number] == begin:
        return 0
    found = _find_closer(data, at, end, code, length)
    if found < 0:
        no_closer[number] = begin
        return 0
    return found + 1


@compiled
def _is_http(data: Bytes, at: int) -> bool:
    """Say whether ``http`` stands at *at*."""
    ht = data[at] | 0x20 == 0x68 and data[at + 1] | 0x20 == 0x74
    return bool(ht and data[at + 2] | 0x20 == 0x74 and data[at + 3] | 0x20 == 0x70)


@compiled
def begins_url(data: Bytes, start: int, at: int, end: int) -> bool:
    """Say whether the word in bytes [start, at) is the begin of a URL."""
    n = at - start
    if n == 3 and at < end and data[at] == 0x2E:
        www = data[start] | 0x20 == 0x77 and data[start + 1] | 0x20 == 0x77
        return bool(www and data[start + 2] | 0x20 == 0x77)
    if n < 4 or n > 5 or at + 2 >= end or data[at] != 0x3A:
        return False
    if data[at + 1] != 0x2F or data[at + 2] != 0x2F or not _is_http(data, start):
        return False
    return bool(n == 4 or data[start + 4] | 0x20 == 0x73)
