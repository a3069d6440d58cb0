"""Everything that one text gives, in one pass over its UTF-8 bytes.

This is ``sketch.template`` made fast; what the numbers mean is said there. Memory beside the
results is fixed, time is linear in the bytes: a closing quote is looked for once per line and
kind, hash tables are seeded, at most half full, and give up after ``_PROBES`` steps.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numba
import numpy as np
import numpy.typing as npt

from stillhunt.sketch import alphabet, template

__all__ = ["Sketches", "is_compiled", "sketch"]

U64 = np.uint64
_CAP: Final = template.CAP
_SLOTS: Final = 2 * _CAP
_PROBES: Final = 256  # the longest run in a half-full table of 8,192 is near 50
_STEP: Final = U64(0xD6E8FEB86659FD93)
_MASK: Final = U64(template.MASK)
_FRAME, _OPENING = U64(template.FRAME_TAG), U64(template.OPENING_TAG)
_32, _0, _1 = U64(32), U64(0), U64(1)
_LONG_LINE: Final = template.LONG_LINE
_LONGEST_LABEL: Final = template.LONGEST_LABEL
_OPENING_SIZE: Final = template.OPENING
_SHORT_FRAME: Final = template.SHORT_FRAME
_PREFIX_SIZE: Final = template.PREFIX
_LANGUAGE_WORDS: Final = template.LANGUAGE_WORDS
_OTHER, _LETTER, _DIGIT, _SOLO, _SKIP = 0, 1, 2, 3, 4
_NEWLINE, _COLON, _QUOTE, _SYMBOL = 5, 6, 7, 8
_HANI, _UNKNOWN = alphabet.SCRIPTS.index("Hani"), alphabet.SCRIPTS.index("Zzzz")
_KANA, _JPAN = alphabet.SCRIPTS.index("Kana"), alphabet.SCRIPTS.index("Jpan")
_N_SCRIPTS: Final = len(alphabet.SCRIPTS)
_N_LANGUAGES: Final = len(alphabet.LANGUAGES)
_STOP_SLOTS: Final = 1_024

# What is carried from word to word and line to line: hashes (_H...) and counts (_C...).
_H_RAW, _H_PIECE, _H_MASKED, _H_VALUE, _H_FILL = 0, 1, 2, 3, 4
_H_FIRST, _H_FIRST_RAW, _H_LAST, _H_LAST_RAW = 5, 6, 7, 8
_H_OPENING, _H_PREFIX, _H_LABEL_RAW = 9, 10, 11
_C_WEIGHT, _C_WORDS, _C_LABEL, _C_VALUE, _C_MASKED, _C_WAS_MASK, _C_SYMBOLS = range(7)
_C_PIECES, _C_FIRST_WEIGHT, _C_FILLS, _C_STATE, _C_OPENING, _C_OPENING_MASK = range(7, 13)
_C_PREFIX, _C_TOTAL = 13, 14


@dataclass(frozen=True)
class Sketches:
    """The sketches of a batch, one entry a text; zero where the text is absent or has no words.

    Hashes are int64, ``words`` int32, the rest of the numbers float32. ``script`` and
    ``language`` index ``alphabet.SCRIPTS`` and ``alphabet.LANGUAGES``; the latter holds what
    stop words say, before the script has its say. ``has_fill``: ``fill_hash`` means something.
    """

    template: npt.NDArray[np.int64]
    prefix_hash: npt.NDArray[np.int64]
    fill_hash: npt.NDArray[np.int64]
    simhash: npt.NDArray[np.int64]
    words: npt.NDArray[np.int32]
    unique_ratio: npt.NDArray[np.float32]
    word_entropy: npt.NDArray[np.float32]
    shingle_entropy: npt.NDArray[np.float32]
    script: npt.NDArray[np.int8]
    language: npt.NDArray[np.int8]
    has_fill: npt.NDArray[np.bool_]


@numba.njit(inline="always")
def _mix(state: Any, value: Any) -> Any:
    state = (state ^ value) * _STEP
    return state ^ (state >> _32)


@numba.njit
def _decode(data: Any, at: int, end: int) -> Any:
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


@numba.njit
def _kind_of(code: int, kinds: Any) -> int:
    if code < 0x10000:
        return np.int64(kinds[code])
    if 0x20000 <= code < 0x40000:
        return _SOLO
    if 0x1D000 <= code < 0x1D400 or 0x1F000 <= code < 0x20000:
        return _OTHER
    return _SKIP if 0xE0000 <= code < 0xE1000 else _LETTER


@numba.njit
def _script_of(code: int, scripts: Any) -> int:
    if code < 0x10000:
        return np.int64(scripts[code])
    return _HANI if 0x20000 <= code < 0x40000 else _UNKNOWN


@numba.njit
def _is_blank(data: Any, at: int, end: int) -> bool:
    """Say whether a blank, or the end of the line, stands at *at*."""
    if at >= end:
        return True
    b = data[at]
    if b == 0x20 or b == 0x09 or b == 0x0D or b == 0x0A:
        return True
    return _is_separator(data, at, end)


@numba.njit
def _is_separator(data: Any, at: int, end: int) -> bool:
    """Say whether U+2028 or U+2029 stands at *at*."""
    if at + 2 >= end or data[at] != 0xE2 or data[at + 1] != 0x80:
        return False
    return data[at + 2] == 0xA8 or data[at + 2] == 0xA9


@numba.njit
def _is_ascii_alphanumeric(b: int) -> bool:
    return 0x30 <= b <= 0x39 or 0x41 <= b <= 0x5A or 0x61 <= b <= 0x7A


@numba.njit
def _line_start(data: Any, at: int, end: int) -> int:
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


@numba.njit
def _find_closer(data: Any, at: int, end: int, code: int, length: int) -> int:
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
            if at + length <= end and data[at + 1] == second:
                if length == 2 or data[at + 2] == third:
                    return at
        at += 1
    return -1


@numba.njit
def _quote_number(code: int) -> int:
    if code == 0x22:
        return 0
    if code == 0x60:
        return 1
    if code == 0x201C:
        return 2
    if code == 0xAB:
        return 3
    return 4 if code == 0x300C else (5 if code == 0xFF02 else 6)


@numba.njit
def _begins_url(data: Any, start: int, at: int, end: int) -> bool:
    """Say whether the word in bytes [start, at) is the begin of a URL."""
    n = at - start
    if n == 3:
        if at >= end or data[at] != 0x2E:
            return False
        for i in range(start, at):
            if data[i] | 0x20 != 0x77:
                return False
        return True
    if n != 4 and n != 5:
        return False
    if at + 2 >= end or data[at] != 0x3A or data[at + 1] != 0x2F or data[at + 2] != 0x2F:
        return False
    if data[start] | 0x20 != 0x68 or data[start + 1] | 0x20 != 0x74:
        return False
    if data[start + 2] | 0x20 != 0x74 or data[start + 3] | 0x20 != 0x70:
        return False
    return n == 4 or data[start + 4] | 0x20 == 0x73


@numba.njit
def _add_word(h: Any, c: Any, word: Any, weight: int, number: bool, quoted: bool) -> None:
    """Take one word into the line and the text."""
    c[_C_TOTAL] += 1
    if c[_C_PREFIX] < _PREFIX_SIZE:
        h[_H_PREFIX] = _mix(h[_H_PREFIX], word)
        c[_C_PREFIX] += weight
    if c[_C_OPENING] < _OPENING_SIZE:
        if not number:
            h[_H_OPENING] = _mix(h[_H_OPENING], word)
            c[_C_OPENING] += weight
        elif c[_C_OPENING_MASK] == 0:
            h[_H_OPENING] = _mix(h[_H_OPENING], _MASK)
            c[_C_OPENING] += 2
        c[_C_OPENING_MASK] = number
    h[_H_RAW] = _mix(h[_H_RAW], word)
    c[_C_WORDS] += 1
    masked = number or quoted
    if c[_C_LABEL] == 1:
        h[_H_VALUE] = _mix(h[_H_VALUE], word)
        c[_C_VALUE] += 1
        return
    if not masked:
        h[_H_PIECE] = _mix(h[_H_PIECE], word)
        c[_C_WEIGHT] += weight
    else:
        if c[_C_WAS_MASK] == 0:
            h[_H_PIECE] = _mix(h[_H_PIECE], _MASK)
            c[_C_WEIGHT] += 2
        h[_H_MASKED] = _mix(h[_H_MASKED], word)
        c[_C_MASKED] += 1
    c[_C_WAS_MASK] = masked


@numba.njit
def _fill(h: Any, c: Any, value: Any) -> None:
    h[_H_FILL] = _mix(h[_H_FILL], value)
    c[_C_FILLS] += 1


@numba.njit
def _end_line(h: Any, c: Any, start: int, fenced: bool, closes: bool, seed: Any) -> None:
    """Judge the line: blank, fill or piece. State: 0 none, 1 a value is awaited, 2 inside."""
    if fenced:
        if c[_C_WORDS] > 0:
            _fill(h, c, h[_H_RAW])
        if closes:
            c[_C_STATE] = 0
    elif c[_C_WORDS] == 0:
        if c[_C_STATE] == 2:
            c[_C_STATE] = 0
    else:
        label = c[_C_LABEL] == 1
        plain = c[_C_STATE] == 0 and c[_C_WEIGHT] <= _LONG_LINE
        plain = plain and c[_C_SYMBOLS] * 8 <= c[_C_WEIGHT]
        if start == 1 or not (label or plain):
            _fill(h, c, h[_H_RAW])
            if c[_C_STATE] != 0:
                c[_C_STATE] = 2
        else:
            _add_piece(h, c, h[_H_LABEL_RAW] if label else h[_H_RAW])
            if label:
                c[_C_STATE] = 1
                if c[_C_VALUE] > 0:
                    _fill(h, c, h[_H_VALUE])
                    c[_C_STATE] = 2
    h[_H_RAW] = h[_H_PIECE] = h[_H_MASKED] = h[_H_VALUE] = seed
    c[_C_WEIGHT] = c[_C_WORDS] = c[_C_LABEL] = c[_C_VALUE] = c[_C_MASKED] = 0
    c[_C_WAS_MASK] = c[_C_SYMBOLS] = 0


@numba.njit
def _add_piece(h: Any, c: Any, raw: Any) -> None:
    if c[_C_PIECES] == 0:
        h[_H_FIRST], h[_H_FIRST_RAW] = h[_H_PIECE], raw
        c[_C_FIRST_WEIGHT] = c[_C_WEIGHT]
    else:
        if c[_C_PIECES] > 1:
            _fill(h, c, h[_H_LAST_RAW])
        h[_H_LAST], h[_H_LAST_RAW] = h[_H_PIECE], raw
    c[_C_PIECES] += 1
    if c[_C_MASKED] > 0:
        _fill(h, c, h[_H_MASKED])


@numba.njit
def _scan(
    data: Any, at: int, end: int, seed: Any, h: Any, c: Any, seen: Any, script_weights: Any,
    kinds: Any, folds: Any, scripts: Any, no_closer: Any,
) -> None:  # fmt: skip
    """Read one text: fill *h*, *c*, the words *seen* and the weight of each script."""
    h[:] = seed
    h[_H_OPENING] = seed ^ _OPENING
    c[:] = 0
    script_weights[:] = 0
    no_closer[:] = -1
    in_fence = False
    while True:
        begin = at
        start = _line_start(data, at, end)
        fenced = in_fence or start == 2
        closes = in_fence and start == 2
        in_fence = in_fence != (start == 2)
        quoted_until = np.int64(0)
        in_url = False
        is_last = True
        while at < end:
            code, length = _decode(data, at, end)
            kind = _kind_of(code, kinds)
            if kind == _LETTER or kind == _DIGIT or kind == _SOLO:
                word, number, weight, last_letter, word_start = seed, False, 2, np.int64(-1), at
                if kind == _SOLO:
                    folded = np.int64(folds[code]) if code < 0x10000 else code
                    word = _mix(word, U64(folded))
                    weight, last_letter = 1, code
                    at += length
                else:
                    while True:
                        if kind == _LETTER or kind == _DIGIT:
                            folded = np.int64(folds[code]) if code < 0x10000 else code
                            word = _mix(word, U64(folded))
                            if kind == _DIGIT:
                                number = True
                            else:
                                last_letter = code
                        elif kind != _SKIP:
                            break
                        at += length
                        if at >= end:
                            break
                        code, length = _decode(data, at, end)
                        kind = _kind_of(code, kinds)
                if not in_url:
                    in_url = _begins_url(data, word_start, at, end)
                if c[_C_TOTAL] < _CAP:
                    seen[c[_C_TOTAL]] = word
                if last_letter >= 0:
                    script_weights[_script_of(last_letter, scripts)] += weight
                _add_word(h, c, word, weight, number or in_url, word_start < quoted_until)
                continue
            if kind == _NEWLINE:
                at += length
                is_last = False
                break
            if code <= 0x20:
                in_url = False
            elif kind > _NEWLINE and not in_url and at >= quoted_until:
                if kind == _SYMBOL:
                    c[_C_SYMBOLS] += 1
                elif kind == _QUOTE:
                    number_of = _quote_number(code)
                    if no_closer[number_of] != begin:
                        quoted_until = max(
                            np.int64(0), np.int64(_find_closer(data, at, end, code, length))
                        )
                        if quoted_until == 0:
                            no_closer[number_of] = begin
                elif c[_C_LABEL] == 0 and c[_C_WORDS] > 0:
                    behind = at + length
                    after = np.int64(data[behind]) if behind < end else np.int64(0)
                    if not (0x30 <= after <= 0x3A or after == 0x2F or after == 0x5C):
                        c[_C_LABEL] = 1 if c[_C_WEIGHT] <= _LONGEST_LABEL else -1
                        h[_H_LABEL_RAW] = h[_H_RAW]
            at += length
        _end_line(h, c, start, fenced, closes, seed)
        if is_last:
            return


@numba.njit
def _spread(hashes: Any, n: int, keys: Any, counts: Any, gains: Any) -> Any:
    """Return how many of the *n* hashes differ, and their entropy [bits]."""
    size = 16
    while size < 2 * n:
        size *= 2
    keys[:size] = _0
    counts[:size] = 0
    wrap = U64(size - 1)
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


@numba.njit
def _make_shingles(seen: Any, n: int, shingles: Any) -> int:
    if n < 3:
        shingles[0] = seen[0] if n == 1 else _mix(seen[0], seen[1])
        return 1
    for i in range(n - 2):
        shingles[i] = _mix(_mix(seen[i], seen[i + 1]), seen[i + 2])
    return n - 2


@numba.njit
def _simhash(shingles: Any, n: int, planes: Any) -> Any:
    """Return the majority of each bit: 64 counters, kept as one word per binary digit."""
    planes[:] = _0
    for i in range(n):
        carry = shingles[i]
        digit = 0
        while carry != _0:
            planes[digit], carry = planes[digit] ^ carry, planes[digit] & carry
            digit += 1
    above, equal = _0, ~_0
    for digit in range(planes.size - 1, -1, -1):
        if (n // 2) >> digit & 1:
            equal &= planes[digit]
        else:
            above |= equal & planes[digit]
            equal &= ~planes[digit]
    return above


@numba.njit
def _pick_script(weights: Any) -> int:
    if weights[_KANA] > 0 and weights[_KANA] * 8 >= weights[_HANI]:
        weights[_JPAN] = weights[_KANA] + weights[_HANI]
        weights[_KANA] = weights[_HANI] = 0
    best = 0
    for i in range(1, _N_SCRIPTS):
        if weights[i] > weights[best]:
            best = i
    return best


@numba.njit
def _pick_language(seen: Any, n: int, stop_keys: Any, stop_languages: Any, hits: Any) -> int:
    hits[:] = 0
    for i in range(min(n, _LANGUAGE_WORDS)):
        slot = np.int64(seen[i] & U64(_STOP_SLOTS - 1))
        while stop_keys[slot] != _0:
            if stop_keys[slot] == seen[i]:
                hits[stop_languages[slot]] += 1
                break
            slot = (slot + 1) & (_STOP_SLOTS - 1)
    best, first, second = 0, 1, 1
    for i in range(1, _N_LANGUAGES):
        if hits[i] > first:
            best, first, second = i, hits[i], first
        elif hits[i] > second:
            second = hits[i]
    return best if first > second else 0


def _sketch_batch(
    offsets: Any, data: Any, valid: Any, seed: Any, tables: Any, stops: Any, gains: Any,
    hashes: Any, words: Any, measures: Any, codes: Any, has_fill: Any,
) -> None:  # fmt: skip
    """Sketch every text of the batch into the last five arguments, one row a text."""
    kinds, folds, scripts = tables
    stop_keys, stop_languages = stops
    h, c = np.empty(12, np.uint64), np.empty(15, np.int64)
    script_weights, hits = np.empty(_N_SCRIPTS, np.int64), np.empty(_N_LANGUAGES, np.int64)
    seen, shingles = np.empty(_CAP, np.uint64), np.empty(_CAP, np.uint64)
    keys, counts = np.empty(_SLOTS, np.uint64), np.empty(_SLOTS, np.int32)
    planes, no_closer = np.empty(13, np.uint64), np.empty(7, np.int64)
    for row in range(words.size):
        if not valid[row]:
            continue
        _scan(
            data, offsets[row], offsets[row + 1], seed, h, c, seen, script_weights,
            kinds, folds, scripts, no_closer,
        )  # fmt: skip
        words[row] = min(c[_C_TOTAL], 2_147_483_647)
        if c[_C_TOTAL] == 0:
            continue
        frame = _mix(seed ^ _FRAME, h[_H_FIRST])
        if c[_C_PIECES] > 1:
            frame = _mix(frame, h[_H_LAST])
        elif c[_C_PIECES] == 0 or c[_C_FIRST_WEIGHT] < _SHORT_FRAME:
            frame = h[_H_OPENING]
            if c[_C_PIECES] > 0:
                _fill(h, c, h[_H_FIRST_RAW])
        n = min(c[_C_TOTAL], _CAP)
        distinct, entropy = _spread(seen, n, keys, counts, gains)
        n_shingles = _make_shingles(seen, n, shingles)
        _, shingle_entropy = _spread(shingles, n_shingles, keys, counts, gains)
        hashes[0, row], hashes[1, row], hashes[2, row] = frame, h[_H_PREFIX], h[_H_FILL]
        hashes[3, row] = _simhash(shingles, n_shingles, planes)
        measures[0, row], measures[1, row] = distinct / n, entropy
        measures[2, row] = shingle_entropy
        codes[0, row] = _pick_script(script_weights)
        codes[1, row] = _pick_language(seen, n, stop_keys, stop_languages, hits)
        has_fill[row] = c[_C_FILLS] > 0


def _compile(function: Callable[..., None]) -> Any:
    """Compile at the first call; without a cache where no folder can be written."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # numba: "no locator available"
        return numba.njit(nogil=True)(function)


_run = _compile(_sketch_batch)
_counts = np.arange(1, _CAP + 2, dtype=np.float64)
_GAINS = np.concatenate([[0.0], np.diff(_counts * np.log2(_counts))])
"""What one more of a word, seen k times before, adds to the sum of c log2 c."""


@lru_cache(maxsize=8)
def _stops(seed: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Return the stop words as an open hash table: hashes, and the language of each."""
    keys, languages = np.zeros(_STOP_SLOTS, np.uint64), np.zeros(_STOP_SLOTS, np.int64)
    for language, words in alphabet.STOP_WORDS.items():
        for word in words.split():
            key = template.word_hash(word, seed)
            slot = key % _STOP_SLOTS
            while keys[slot]:
                slot = (slot + 1) % _STOP_SLOTS
            keys[slot], languages[slot] = key, alphabet.LANGUAGES.index(language)
    return keys, languages


def is_compiled() -> bool:
    """Say whether the kernel is compiled, in this process or in the cache on disk.

    Else the first call compiles it, which takes some ten seconds.
    """
    if _run.signatures:
        return True
    folder = Path(_run.stats.cache_path or "/nonexistent")
    return any(folder.glob(f"{Path(__file__).stem}._sketch_batch-*.nbc"))


def sketch(
    offsets: npt.NDArray[np.integer[Any]],
    data: npt.NDArray[np.uint8],
    valid: npt.NDArray[np.bool_] | None,
    seed: int,
) -> Sketches:
    """Return the sketches of a batch of texts. The GIL is free meanwhile.

    Args:
        offsets: Where each text begins in *data*, and where the last one ends, shape (n + 1,).
        data: The texts in UTF-8, one behind the other [bytes].
        valid: False where a text is absent, shape (n,); None means that all are there.
        seed: Of all hashes, unsigned 64-bit; whoever knows it can build collisions.
    """
    n = len(offsets) - 1
    hashes, words = np.zeros((4, n), np.uint64), np.zeros(n, np.int32)
    measures, codes = np.zeros((3, n), np.float32), np.zeros((2, n), np.int8)
    has_fill = np.zeros(n, np.bool_)
    _run(
        offsets.astype(np.int64), _read_only(data),
        np.ones(n, np.bool_) if valid is None else valid, U64(seed),
        (alphabet.KIND, alphabet.FOLD, alphabet.SCRIPT), _stops(seed), _GAINS,
        hashes, words, measures, codes, has_fill,
    )  # fmt: skip
    signed = hashes.view(np.int64)
    return Sketches(*signed, words, *measures, *codes, has_fill)


def _read_only(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return *data* as Arrow gives it, so that there is one type to compile for."""
    view = data.view()
    view.setflags(write=False)
    return view
