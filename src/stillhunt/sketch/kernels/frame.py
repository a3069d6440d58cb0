"""Words to lines, lines to pieces and fills: the template of a text, see ``sketch.template``.

What is carried from word to word and line to line stands in two small arrays: hashes (indices
``H_...``) and counts (``C_...``).
"""

# ruff: noqa: PLR1714, PLR2004  (bytes of UTF-8 are what they are; chains compile better than sets)

from typing import Final

import numpy as np
import numpy.typing as npt

from stillhunt.sketch import template, words
from stillhunt.sketch.kernels.compiled import compiled

__all__ = ["COUNTS", "C_FILLS", "C_LABEL", "C_SYMBOLS", "C_TOTAL", "HALF", "HASHES", "H_FILL",
           "H_PREFIX", "NUMBER", "QUOTED", "begin", "end_line", "mix", "take_words", "template_of",
           "try_label"]  # fmt: skip

Bytes = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]

HALF, NUMBER, QUOTED = 1, 2, 4  # flags of a word
HASHES, COUNTS = 12, 15
H_RAW, H_PIECE, H_MASKED, H_VALUE, H_FILL = 0, 1, 2, 3, 4
H_FIRST, H_FIRST_RAW, H_LAST, H_LAST_RAW = 5, 6, 7, 8
H_OPENING, H_PREFIX, H_LABEL_RAW = 9, 10, 11
C_WEIGHT, C_WORDS, C_LABEL, C_VALUE, C_MASKED, C_WAS_MASK, C_SYMBOLS = 0, 1, 2, 3, 4, 5, 6
C_PIECES, C_FIRST_WEIGHT, C_FILLS, C_STATE, C_OPENING, C_OPENING_MASK = 7, 8, 9, 10, 11, 12
C_PREFIX, C_TOTAL = 13, 14
_STEP: Final = np.uint64(words.STEP)
_32: Final = np.uint64(32)
_MASK: Final = np.uint64(words.MASK)
_FRAME: Final = np.uint64(template.FRAME_TAG)
_OPENING: Final = np.uint64(template.OPENING_TAG)
_LONG_LINE: Final = template.LONG_LINE
_LONGEST_LABEL: Final = words.LONGEST_LABEL
_OPENING_SIZE: Final = template.OPENING
_SHORT_FRAME: Final = template.SHORT_FRAME
_PREFIX_SIZE: Final = template.PREFIX


@compiled
def mix(state: np.uint64, value: np.uint64) -> np.uint64:
    """Return *state* after *value*."""
    state = (state ^ value) * _STEP
    return state ^ (state >> _32)


@compiled
def take_words(line: Hashes, flags: Bytes, n: int, h: Hashes, c: Counts) -> None:
    """Take the next *n* words of a line into the hashes of line and text."""
    i = 0
    while i < n and c[C_PREFIX] < _PREFIX_SIZE:
        h[H_PREFIX] = mix(h[H_PREFIX], line[i])
        c[C_PREFIX] += 1 if flags[i] & HALF else 2
        i += 1
    i = 0
    while i < n and c[C_OPENING] < _OPENING_SIZE:
        number = flags[i] & NUMBER
        if not number:
            h[H_OPENING] = mix(h[H_OPENING], line[i])
            c[C_OPENING] += 1 if flags[i] & HALF else 2
        elif c[C_OPENING_MASK] == 0:
            h[H_OPENING] = mix(h[H_OPENING], _MASK)
            c[C_OPENING] += 2
        c[C_OPENING_MASK] = number
        i += 1
    raw = h[H_RAW]
    for i in range(n):
        raw = mix(raw, line[i])
    h[H_RAW] = raw
    c[C_WORDS] += n
    if c[C_LABEL] == 1:
        value = h[H_VALUE]
        for i in range(n):
            value = mix(value, line[i])
        h[H_VALUE] = value
        c[C_VALUE] += n
    else:
        _mask_words(line, flags, n, h, c)


@compiled
def _mask_words(line: Hashes, flags: Bytes, n: int, h: Hashes, c: Counts) -> None:
    """Take words into the piece that their line may become."""
    piece, weight, was_mask = h[H_PIECE], c[C_WEIGHT], c[C_WAS_MASK]
    for i in range(n):
        flag = flags[i]
        if flag & (NUMBER | QUOTED) == 0:
            piece = mix(piece, line[i])
            weight += 2 - (flag & HALF)
            was_mask = 0
        else:
            if was_mask == 0:
                piece = mix(piece, _MASK)
                weight += 2
            h[H_MASKED] = mix(h[H_MASKED], line[i])
            c[C_MASKED] += 1
            was_mask = 1
    h[H_PIECE], c[C_WEIGHT], c[C_WAS_MASK] = piece, weight, was_mask


@compiled
def try_label(data: Bytes, behind: int, end: int, h: Hashes, c: Counts) -> None:
    """Decide whether the words so far are a label; their colon ends before *behind*."""
    after = np.int64(data[behind]) if behind < end else np.int64(0)
    if c[C_WORDS] == 0 or 0x30 <= after <= 0x3A or after == 0x2F or after == 0x5C:
        return
    c[C_LABEL] = 1 if c[C_WEIGHT] <= _LONGEST_LABEL else -1
    h[H_LABEL_RAW] = h[H_RAW]


@compiled
def end_line(
    h: Hashes, c: Counts, start: int, fenced: bool, closes: bool, seed: np.uint64
) -> None:
    """Judge the line: blank, fill or piece. State: 0 none, 1 a value is awaited, 2 inside."""
    if fenced:
        if c[C_WORDS] > 0:
            _fill(h, c, h[H_RAW])
        if closes:
            c[C_STATE] = 0
    elif c[C_WORDS] == 0:
        if c[C_STATE] == 2:
            c[C_STATE] = 0
    else:
        label = c[C_LABEL] == 1
        plain = c[C_STATE] == 0 and c[C_WEIGHT] <= _LONG_LINE
        plain = plain and c[C_SYMBOLS] * 8 <= c[C_WEIGHT]
        item = start == 1 and not (label and c[C_VALUE] == 0)
        if item or not (label or plain):
            _fill(h, c, h[H_RAW])
            if c[C_STATE] != 0:
                c[C_STATE] = 2
        else:
            _add_piece(h, c, h[H_LABEL_RAW] if label else h[H_RAW])
            if label:
                c[C_STATE] = 1
                if c[C_VALUE] > 0:
                    _fill(h, c, h[H_VALUE])
                    c[C_STATE] = 2
    h[H_RAW] = h[H_PIECE] = h[H_MASKED] = h[H_VALUE] = seed
    c[C_WEIGHT] = c[C_WORDS] = c[C_LABEL] = c[C_VALUE] = c[C_MASKED] = 0
    c[C_WAS_MASK] = c[C_SYMBOLS] = 0


@compiled
def _add_piece(h: Hashes, c: Counts, raw: np.uint64) -> None:
    if c[C_PIECES] == 0:
        h[H_FIRST], h[H_FIRST_RAW] = h[H_PIECE], raw
        c[C_FIRST_WEIGHT] = c[C_WEIGHT]
    else:
        if c[C_PIECES] > 1:
            _fill(h, c, h[H_LAST_RAW])
        h[H_LAST], h[H_LAST_RAW] = h[H_PIECE], raw
    c[C_PIECES] += 1
    if c[C_MASKED] > 0:
        _fill(h, c, h[H_MASKED])


@compiled
def _fill(h: Hashes, c: Counts, value: np.uint64) -> None:
    h[H_FILL] = mix(h[H_FILL], value)
    c[C_FILLS] += 1


@compiled
def begin(h: Hashes, c: Counts, seed: np.uint64) -> None:
    """Forget the text before."""
    h[:] = seed
    h[H_OPENING] = seed ^ _OPENING
    c[:] = 0


@compiled
def template_of(h: Hashes, c: Counts, seed: np.uint64) -> np.uint64:
    """Return the template of a text that has words, once its last line has ended."""
    if c[C_PIECES] > 1 or (c[C_PIECES] == 1 and c[C_FIRST_WEIGHT] >= _SHORT_FRAME):
        frame = mix(seed ^ _FRAME, h[H_FIRST])
        return mix(frame, h[H_LAST]) if c[C_PIECES] > 1 else frame
    if c[C_PIECES] == 1:
        _fill(h, c, h[H_FIRST_RAW])
    return np.uint64(h[H_OPENING])
