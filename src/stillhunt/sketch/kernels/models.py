"""The text models in one pass over UTF-8 bytes: ``sketch.models.features`` made fast.

Kept apart from the sketch kernel because its hashes must not depend on the seed of an
installation: weights are shipped. Time is linear in the bytes, memory fixed.
"""

# ruff: noqa: PLR0912, PLR0915, PLR1714, PLR2004  (one long loop, see _read_text; bytes of UTF-8)

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from stillhunt.sketch.kernels import characters
from stillhunt.sketch.kernels.compiled import cached, compiled, is_known
from stillhunt.sketch.models import features, letters
from stillhunt.sketch.words import STEP

__all__ = ["NO_WORDS", "is_compiled", "rows_of", "sums"]

Bytes = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint64]
Table = npt.NDArray[np.uint32]
Weights = npt.NDArray[np.int8]
Sums = npt.NDArray[np.int32]
Bounds = npt.NDArray[np.int64]

NO_WORDS: Final = -(2**31)
"""In place of a sum."""
_HIGHEST: Final = 2**31 - 1
_ROOM: Final = 8
_BITS: Final = features.BITS
_STEM: Final = features.STEM
_GRAM: Final = features.GRAM
_LONGEST: Final = features.LONGEST
_SYLLABLES: Final = features.SYLLABLES
_ENCODED: Final = features.ENCODED
_MOST_ENCODED: Final = features.MOST_ENCODED
_SIZE: Final = letters.SIZE
_SKIP: Final = letters.SKIP
_SOLO: Final = letters.SOLO
_DIGIT: Final = letters.DIGIT
_HINT: Final = 16  # a run of base64 that is text holds this many letters in a row, or nearly all

_STEP: Final = np.uint64(STEP)
_SHIFT: Final = np.uint64(64 - features.BITS)
_START: Final = np.uint64(features.START)
_PAIR: Final = np.uint64(features.PAIR)
_SKIPPED: Final = np.uint64(features.SKIPPED)
_TAGGED: Final = np.uint64(features.TAGGED)
_LABEL: Final = np.uint64(features.LABEL)
_NUMBER: Final = np.uint64(features.NUMBER)
_GRAMS: Final = np.uint64(features.GRAMS)
_STEMS: Final = np.uint64(features.STEMS)


@compiled
def _row(state: np.uint64) -> np.uint64:
    """Return a row; unsigned, so that no index needs a look at its sign."""
    return (state * _STEP) >> _SHIFT


@compiled
def _entry(data: Bytes, at: int, end: int, table: Table) -> tuple[np.int64, int]:
    """Return the table's entry of the character at *at*, and its length [bytes]."""
    code, length = characters.decode(data, at, end)
    if code < _SIZE:
        return np.int64(table[code]), length
    if code < 0x40000:
        return np.int64(_SOLO | code << 3), length
    return np.int64(_SKIP if 0xE0000 <= code < 0xE1000 else 0), length


@compiled
def _plain_of(table: Table) -> Bytes:
    """Return, for each byte: the folded letter or digit of ASCII, or 0 to look closer."""
    plain = np.zeros(256, np.uint8)
    for b in range(128):
        if table[b] & 7 > _SOLO:
            plain[b] = table[b] >> 3
    return plain


@compiled
def _read_text(
    data: Bytes, at: int, end: int, weights: Weights, bounds: Bounds, best: Sums, table: Table,
    plain: Bytes, found: Hashes, rows: Rows, ends: Counts, first: int,
) -> tuple[int, int]:  # fmt: skip
    """Raise *best*, one a model, to what this text gives.

    Where *ends* has room, the rows of each word are kept one behind the other in *rows*, from
    *first* on. *found* is room for ROOM rows. Returns how many words there are and the letters
    of the longest. The loop is long so that its state stays in registers, see ``scan``.
    """
    keeps = ends.size > 0
    cap_a, cap_b, drift_a, drift_b = bounds[0, 0], bounds[0, 1], bounds[1, 0], bounds[1, 1]
    before = earlier = _START
    running_a = running_b = np.int64(0)
    longest, words = 0, 0
    best_a, best_b = np.int64(best[0]), np.int64(best[1])
    is_open = False
    while at < end:
        b = data[at]
        entry, length = np.int64(table[b]), 1
        if b >= 0x80:
            entry, length = _entry(data, at, end, table)
        kind = entry & 7
        if kind <= _SKIP:
            is_open = is_open or b == 0x3C or b == 0x7B or b == 0x5B or b == 0x23
            at += length
            continue
        is_number = kind == _DIGIT
        word = stem = gram = _START
        last = said_a = said_b = np.int64(0)
        size, n = 0, first
        while True:
            if kind != _SKIP:
                letter = entry >> 3
                word = (word ^ np.uint64(letter)) * _STEP
                size += 1
                if size == _GRAM and letter < _SYLLABLES:
                    gram = word
                elif size == _STEM:
                    stem = word
                if letter >= _SYLLABLES:
                    if 1 < size <= _LONGEST:
                        row = _row(np.uint64(last << 21 | letter) ^ _GRAMS)
                        said_a += np.int64(weights[row, 0])
                        said_b += np.int64(weights[row, 1])
                        if keeps:
                            rows[n] = np.int32(row)
                            n += 1
                    last = letter
            at += length
            if kind == _SOLO:
                break
            while at < end:
                sign = plain[data[at]]
                if sign == 0:
                    break
                word = (word ^ np.uint64(sign)) * _STEP
                size += 1
                if size == _GRAM:
                    gram = word
                elif size == _STEM:
                    stem = word
                at += 1
            if at >= end:
                break
            b = data[at]
            entry, length = np.int64(table[b]), 1
            if b >= 0x80:
                entry, length = _entry(data, at, end, table)
            kind = entry & 7
            if kind == 0 or kind == _SOLO:
                break
        if size < _STEM:
            stem = word
        if is_number:
            said_a = said_b = np.int64(0)
            n, gram, word, stem = first, _START, _NUMBER, _NUMBER
        found[0] = _row(word)
        found[1] = _row((before ^ _PAIR) * _STEP + stem)
        found[2] = _row((earlier ^ _SKIPPED) * _STEP + stem)
        earlier, before = before, stem
        one, two, three = found[0], found[1], found[2]
        said_a += np.int64(weights[one, 0]) + weights[two, 0] + weights[three, 0]
        said_b += np.int64(weights[one, 1]) + weights[two, 1] + weights[three, 1]
        m = 3
        if size > _GRAM and gram != _START:
            found[m] = _row(gram ^ _GRAMS)
            m += 1
        if size > _STEM and not is_number:
            found[m] = _row(stem ^ _STEMS)
            m += 1
        if is_open:
            found[m] = _row(word ^ _TAGGED)
            m += 1
            is_open = False
        if at < end and data[at] == 0x3A:
            found[m] = _row(word ^ _LABEL)
            m += 1
        longest = max(longest, size)
        for i in range(3, m):
            said_a += np.int64(weights[found[i], 0])
            said_b += np.int64(weights[found[i], 1])
        running_a = max(running_a, 0) + max(-cap_a, min(cap_a, said_a)) - drift_a
        running_b = max(running_b, 0) + max(-cap_b, min(cap_b, said_b)) - drift_b
        best_a = running_a if running_a > best_a else best_a
        best_b = running_b if running_b > best_b else best_b
        if keeps:
            for i in range(m):
                rows[n + i] = np.int32(found[i])
            n += m
            ends[words] = first = n
        words += 1
    best[0] = best_a if best_a < _HIGHEST else _HIGHEST
    best[1] = best_b if best_b < _HIGHEST else _HIGHEST
    return words, longest


@compiled
def _six_bits(b: int) -> int:
    """Return the value of a character of base64, of either alphabet; -1 for others."""
    if 0x41 <= b <= 0x5A:
        return b - 0x41
    if 0x61 <= b <= 0x7A:
        return b - 0x47
    if 0x30 <= b <= 0x39:
        return b + 4
    if b == 0x2B or b == 0x2D:
        return 62
    return 63 if b == 0x2F or b == 0x5F else -1


@compiled
def _is_text(data: Bytes, at: int, end: int) -> bool:
    """Say whether these bytes are printable UTF-8."""
    while at < end:
        b = data[at]
        if b < 0x80:
            if b < 0x20 and b != 9 and b != 10 and b != 13:
                return False
            at += 1
            continue
        length = 2 if b < 0xE0 else 3 if b < 0xF0 else 4
        if b < 0xC2 or b > 0xF4 or at + length > end:
            return False
        for i in range(at + 1, at + length):
            if data[i] & 0xC0 != 0x80:
                return False
        second = data[at + 1]
        if (b == 0xE0 and second < 0xA0) or (b == 0xED and second > 0x9F):
            return False
        if (b == 0xF0 and second < 0x90) or (b == 0xF4 and second > 0x8F):
            return False
        at += length
    return True


@compiled
def _unwrap(data: Bytes, at: int, end: int, out: Bytes) -> int:
    """Put what base64 says into *out*, a line a run; return its length."""
    n = 0
    while at < end:
        begin = at
        while at < end and _six_bits(data[at]) >= 0:
            at += 1
        size = (at - begin) * 3 // 4
        if at - begin >= _ENCODED and n + size < _MOST_ENCODED:
            place = n + 1 if n > 0 else 0
            held, bits, last = 0, 0, place
            for i in range(begin, at):
                held = (held << 6 | _six_bits(data[i])) & 0xFFFFFF
                bits += 6
                if bits >= 8:
                    bits -= 8
                    out[last] = held >> bits & 0xFF
                    last += 1
            if _is_text(out, place, last):
                if n > 0:
                    out[n] = 0x0A
                n = last
        at = max(at, begin + 1)
    return n


@compiled
def _sum_batch(
    offsets: Counts, data: Bytes, valid: npt.NDArray[np.bool_], weights: Weights,
    bounds: Bounds, table: Table, found: Sums,
) -> None:  # fmt: skip
    """Fill *found*, one row a text and one column a model."""
    plain, room = _plain_of(table), np.empty(_ROOM, np.uint64)
    no_rows, no_ends = np.empty(0, np.int32), np.empty(0, np.int64)
    out = np.empty(_MOST_ENCODED + 4, np.uint8)
    for i in range(valid.size):
        if not valid[i]:
            continue
        start, end = offsets[i], offsets[i + 1]
        _, longest = _read_text(
            data, start, end, weights, bounds, found[i], table, plain, room, no_rows, no_ends, 0
        )
        if longest >= _HINT:
            n = _unwrap(data, start, end, out)
            _read_text(
                out, 0, n, weights, bounds, found[i], table, plain, room, no_rows, no_ends, 0
            )


@compiled
def _rows_batch(
    offsets: Counts, data: Bytes, table: Table, rows: Rows, ends: Counts, counts: Counts
) -> int:
    """Write the rows of all words one behind the other; return how many words there are."""
    weights, bounds = np.zeros((1 << _BITS, 2), np.int8), np.zeros((2, 2), np.int64)
    plain, room, best = _plain_of(table), np.empty(_ROOM, np.uint64), np.zeros(2, np.int32)
    n_words = 0
    for i in range(counts.size):
        first = ends[n_words - 1] if n_words > 0 else 0
        words, _ = _read_text(
            data, offsets[i], offsets[i + 1], weights, bounds, best, table, plain,
            room, rows, ends[n_words:], first,
        )  # fmt: skip
        n_words += words
        counts[i] = n_words
    return n_words


def _digest() -> str:
    """Return a digest of every file that the kernel is made of."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    beside = [
        here.parent / "alphabet.py",
        here.parent / "words.py",
        *sorted((here.parent / "models").glob("*.py")),
    ]
    for path in [*sorted(here.glob("*.py")), *beside]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _compile(digest: str) -> tuple[Callable[..., None], Callable[..., int]]:
    """Return both kernels, compiled at their first call; see ``text`` for why *digest*."""

    def sum_all(
        offsets: Counts, data: Bytes, valid: npt.NDArray[np.bool_], weights: Weights,
        bounds: Bounds, table: Table, found: Sums,
    ) -> None:  # fmt: skip
        _sum_batch(offsets, data, valid, weights, bounds, table, found)

    def list_all(
        offsets: Counts, data: Bytes, table: Table, rows: Rows, ends: Counts, counts: Counts
    ) -> int:
        return _rows_batch(offsets, data, table, rows, ends, counts)

    sum_all.__qualname__ = f"model_sums_{digest}"
    list_all.__qualname__ = f"model_rows_{digest}"
    return cached(sum_all), cached(list_all)


_sum_all, _list_all = _compile(_digest())


def is_compiled() -> bool:
    """Say whether the kernel that scores is compiled, in this process or on disk."""
    return is_known(_sum_all)


def sums(
    offsets: npt.NDArray[np.integer[Any]], data: Bytes, valid: npt.NDArray[np.bool_],
    weights: Weights, bounds: Bounds,
) -> Sums:  # fmt: skip
    """Return the sum of each model for each text, shape (n, 2). The GIL is free meanwhile.

    Where a text is absent or has no words, there stands NO_WORDS.

    Args:
        offsets: Where each text begins in *data*, and where the last one ends, shape (n + 1,).
        data: The texts in UTF-8, one behind the other [bytes].
        valid: False where a text is absent, shape (n,).
        weights: One row a feature, one column a model, shape (2 ** BITS, 2).
        bounds: Cap and drift of a word, one column a model, shape (2, 2).
    """
    found = np.full((len(offsets) - 1, 2), NO_WORDS, np.int32)
    _sum_all(
        offsets.astype(np.int64), _read_only(data), np.array(valid, np.bool_),
        _read_only(weights), np.array(bounds, np.int64), letters.TABLE, found,
    )  # fmt: skip
    return found


def rows_of(offsets: npt.NDArray[np.integer[Any]], data: Bytes) -> tuple[Rows, Counts, Counts]:
    """Return what training needs: rows, where each word's end, where each text's words end."""
    n_bytes = int(offsets[-1] - offsets[0])
    rows = np.empty(n_bytes * 6 + features.WIDEST, np.int32)
    ends, counts = np.zeros(n_bytes + 1, np.int64), np.zeros(len(offsets) - 1, np.int64)
    n = _list_all(offsets.astype(np.int64), _read_only(data), letters.TABLE, rows, ends, counts)
    ends = ends[:n].copy()
    return rows[: ends[-1] if n else 0].copy(), ends, counts


def _read_only(data: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return *data* as Arrow gives it, so that there is one type to compile for."""
    view = data.view()
    view.setflags(write=False)
    return view
