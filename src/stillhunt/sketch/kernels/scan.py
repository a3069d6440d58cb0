"""One text read from begin to end: its words, lines, quotes, labels and fences.

The loop turns once a word or other character. It is long because what it keeps from one to
the next stays in registers: with that state in arrays, changed word by word, sketching took
twice as long (12 us a document of 1 kB against 6).
"""

# ruff: noqa: PLR0912, PLR0915, PLR1714, PLR2004  (see above)

from typing import Final

import numpy as np
import numpy.typing as npt

from stillhunt.sketch import alphabet, template
from stillhunt.sketch.kernels import characters, frame
from stillhunt.sketch.kernels.compiled import compiled

__all__ = ["LINE", "Tables", "scan"]

Bytes = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]
Integer = characters.Integer
Tables = tuple[Bytes, Bytes, npt.NDArray[np.uint16], Bytes]
"""Byte -> folded ASCII letter, or 1 to look closer, or 0; then KIND, FOLD and SCRIPT."""

LINE: Final = 64  # words taken into the hashes at once: enough to keep the loops tight
_CAP: Final = template.CAP
_LATN: Final = alphabet.SCRIPTS.index("Latn")


@compiled
def _rest_of_word(
    data: Bytes, at: int, end: int, start: int, word: np.uint64, letter: Integer,
    kinds: Bytes, folds: npt.NDArray[np.uint16],
) -> tuple[int, np.uint64, int, Integer, Integer, int, Integer]:  # fmt: skip
    """Go on with the word that began at *start*, whatever its characters are.

    Returns where it ends, its hash, flags and last letter; then code, length and kind of the
    character that ended it.
    """
    flag, length = 0, 1
    code: Integer = np.int64(0)
    kind: Integer = characters.SKIP
    while at < end:
        code, length = characters.decode(data, at, end)
        kind = characters.kind_of(code, kinds)
        is_solo = kind == characters.SOLO and at == start
        if is_solo or kind == characters.LETTER or kind == characters.DIGIT:
            folded = np.int64(folds[code]) if code < 0x10000 else code
            word = frame.mix(word, np.uint64(folded))
            if kind == characters.DIGIT:
                flag |= frame.NUMBER
            else:
                letter = code
        elif kind != characters.SKIP or at == start:
            break
        at += length
        if is_solo:
            flag = frame.HALF
            break
    return at, word, flag, letter, code, length, kind


@compiled
def scan(
    data: Bytes, at: int, end: int, seed: np.uint64, h: Hashes, c: Counts, seen: Hashes,
    marks: Bytes, script_weights: Counts, tables: Tables, no_closer: Counts, line: Hashes,
    flags: Bytes,
) -> None:  # fmt: skip
    """Read one text: fill *h*, *c*, the words *seen*, their *marks* and each script's weight."""
    plain, kinds, folds, scripts = tables
    frame.begin(h, c, seed)
    script_weights[:] = 0
    no_closer[:] = -1
    in_fence, is_last = False, False
    total, latin, quoted_until = 0, 0, 0
    none: Integer = np.int64(0)
    skip: Integer = characters.SKIP
    while not is_last:
        begin, n = at, 0
        start = characters.line_start(data, at, end)
        fenced, closes = in_fence or start == 2, in_fence and start == 2
        in_fence = in_fence != (start == 2)
        quoted_until, in_url, is_last = 0, False, True
        while at < end:
            b = data[at]
            if b == 0x20:
                at += 1
                in_url = False
                continue
            word, flag, word_start = seed, 0, at
            letter: Integer = np.int64(-1)
            folded = plain[b]
            while folded > 1:  # ASCII letters: what most text is made of
                word = frame.mix(word, np.uint64(folded))
                at += 1
                folded = plain[data[at]] if at < end else np.uint8(0)
            code, kind, length = none, skip, 1
            if folded == 0 and at > word_start:
                latin += 2
            else:
                if at > word_start:
                    letter = np.int64(0x61)
                at, word, flag, letter, code, length, kind = _rest_of_word(
                    data, at, end, word_start, word, letter, kinds, folds
                )
                if letter >= 0:
                    weight = 2 - (flag & frame.HALF)
                    script_weights[characters.script_of(letter, scripts)] += weight
            if at > word_start:
                if not in_url and at < end and (data[at] == 0x3A or data[at] == 0x2E):
                    in_url = characters.begins_url(data, word_start, at, end)
                if in_url:
                    flag |= frame.NUMBER
                if word_start < quoted_until:
                    flag |= frame.QUOTED
                if total < _CAP:
                    seen[total], marks[total] = word, flag
                total += 1
                if n == LINE:
                    frame.take_words(line, flags, n, h, c)
                    n = 0
                line[n], flags[n] = word, flag
                n += 1
                continue
            if kind == characters.NEWLINE:
                at += length
                is_last = False
                break
            if code <= 0x20:
                in_url = False
            elif kind > characters.NEWLINE and not in_url and at >= quoted_until:
                if kind == characters.SYMBOL:
                    c[frame.C_SYMBOLS] += 1
                elif kind == characters.QUOTE:
                    quoted_until = characters.quoted_until(
                        data, at, end, code, length, begin, no_closer
                    )
                elif c[frame.C_LABEL] == 0:
                    frame.take_words(line, flags, n, h, c)
                    n = 0
                    frame.try_label(data, at + length, end, h, c)
            at += length
        frame.take_words(line, flags, n, h, c)
        frame.end_line(h, c, start, fenced, closes, seed)
    script_weights[_LATN] += latin
    c[frame.C_TOTAL] = total
