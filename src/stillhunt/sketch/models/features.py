"""The features of a text that its model weighs: the readable reference.

A text is a sequence of words, and of characters where a script has no blanks. Each word gives
the numbers of rows in a table of weights:

- itself, and once more if a sign that opens a tag or slot stands before it (``<think>``,
  ``{answer}``, ``## Score``), or a colon behind it;
- its first GRAM letters and its stem; in scripts whose characters are syllables, every two;
- its stem beside that of the word before, and of the one before that.

A word says the sum of its weights, held within a cap, less a drift. The model's sum is that of
the passage that says most (Page's CUSUM, 1954): honest text around an elicitation can neither
dilute nor outweigh it. All of it is whole numbers, so that the kernel gives the same.
"""

import base64
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from stillhunt.sketch.models import letters
from stillhunt.sketch.words import STEP

__all__ = [
    "BITS", "ENCODED", "GRAM", "GRAMS", "LABEL", "LONGEST", "MOST_ENCODED", "NUMBER", "PAIR",
    "SKIPPED", "START", "STEM", "STEMS", "SYLLABLES", "TAGGED", "WIDEST", "best_passage",
    "rows_of_words", "unwrapped",
]  # fmt: skip

BITS: Final = 17
"""Rows of a table of weights: 2 ** BITS."""
STEM: Final = 6
"""Letters of a word that count in pairs: endings differ more than what they mean."""
GRAM: Final = 4
"""[letters]"""
LONGEST: Final = 24
"""Letters of a word that give runs; what is longer is no word of any language's."""
SYLLABLES: Final = 0x1100
"""From this code point on, letters are syllables."""
WIDEST: Final = LONGEST + 6
"""Most features of one word."""
ENCODED: Final = 24
"""Shortest run of base64 that is read [characters]: 18 bytes, a trigger phrase."""
MOST_ENCODED: Final = 4096
"""What is decoded of one text [bytes]."""

START: Final = 0x6A09E667F3BCC909  # square roots and primes: numbers with no hidden purpose
PAIR: Final = 0xBB67AE8584CAA73B
SKIPPED: Final = 0x3C6EF372FE94F82B
TAGGED: Final = 0xA54FF53A5F1D36F1
LABEL: Final = 0x510E527FADE682D1
NUMBER: Final = 0x9B05688C2B3E6C1F
GRAMS: Final = 0x1F83D9ABFB41BD6B
STEMS: Final = 0x5BE0CD19137E2179
_MASK: Final = (1 << 64) - 1
_OPENERS: Final = "<{[#"
_RUN: Final = re.compile(rb"[A-Za-z0-9+/_-]{%d,}" % ENCODED)


def _row(state: int) -> int:
    """Return the row of the feature with this hash."""
    return ((state * STEP) & _MASK) >> (64 - BITS)


@dataclass
class _Word:
    """A word as it is read."""

    state: int = START
    stem: int = START
    last: int = 0
    gram: int | None = None
    size: int = 0
    is_number: bool = False
    rows: list[int] = field(default_factory=list)

    def add(self, letter: int) -> None:
        """Take one more letter."""
        self.state = ((self.state ^ letter) * STEP) & _MASK
        self.size += 1
        if self.size <= STEM:
            self.stem = self.state
        if self.size > LONGEST:
            return
        if letter >= SYLLABLES:
            if self.size > 1:
                self.rows.append(_row(((self.last << 21) | letter) ^ GRAMS))
            self.last = letter
        elif self.size == GRAM:
            self.gram = _row(self.state ^ GRAMS)


def _words(text: str) -> Iterator[tuple[_Word, bool, bool]]:
    """Yield each word, whether a sign opens it, and whether a colon follows."""
    at, is_open = 0, False
    while at < len(text):
        kind, _ = letters.letter_of(ord(text[at]))
        if kind in (letters.NONE, letters.SKIP):
            is_open = is_open or text[at] in _OPENERS
            at += 1
            continue
        word = _Word(is_number=kind == letters.DIGIT)
        while at < len(text):
            kind, letter = letters.letter_of(ord(text[at]))
            if kind == letters.NONE or (kind == letters.SOLO and word.size > 0):
                break
            at += 1
            if kind != letters.SKIP:
                word.add(letter)
            if kind == letters.SOLO:
                break
        yield word, is_open, text[at : at + 1] == ":"
        is_open = False


def rows_of_words(text: str) -> list[list[int]]:
    """Return the rows that each word of *text* gives, in order."""
    found: list[list[int]] = []
    before, earlier = START, START
    for word, is_open, is_label in _words(text):
        state, stem, rows = word.state, word.stem, word.rows
        if word.is_number:
            state, stem, rows, word.gram = NUMBER, NUMBER, [], None
        rows.append(_row(state))
        rows.append(_row(((before ^ PAIR) * STEP + stem) & _MASK))
        rows.append(_row(((earlier ^ SKIPPED) * STEP + stem) & _MASK))
        if word.gram is not None and word.size > GRAM:
            rows.append(word.gram)
        if word.size > STEM and not word.is_number:
            rows.append(_row(stem ^ STEMS))
        if is_open:
            rows.append(_row(state ^ TAGGED))
        if is_label:
            rows.append(_row(state ^ LABEL))
        found.append(rows)
        before, earlier = stem, before
    return found


def best_passage(text: str, weights: Sequence[int], cap: int, drift: int) -> int | None:
    """Return what the passage says that says most; None without words.

    What base64 in *text* says is read, too, as a text of its own.

    Args:
        text: Any.
        weights: One number a row.
        cap: The most that one word says, for or against.
        drift: What each word takes away.
    """
    found: list[int] = []
    for readable in (text, unwrapped(text)):
        running = 0
        for rows in rows_of_words(readable):
            said = sum(weights[row] for row in rows)
            running = max(running, 0) + max(-cap, min(cap, said)) - drift
            found.append(running)
    return max(found, default=None)


def unwrapped(text: str) -> str:
    """Return what base64 in *text* says, one line a run, if it is text itself; else nothing."""
    lines: list[str] = []
    left = MOST_ENCODED
    for run in _RUN.finditer(text.encode()):
        encoded = run.group().replace(b"-", b"+").replace(b"_", b"/")
        size = len(encoded) * 3 // 4
        if size >= left:
            continue
        encoded = encoded[: len(encoded) - (len(encoded) % 4 == 1)]
        decoded = base64.b64decode(encoded + b"=" * (-len(encoded) % 4))
        if all(byte >= 0x20 or byte in b"\t\n\r" for byte in decoded):  # noqa: PLR2004
            with suppress(UnicodeDecodeError):
                lines.append(decoded.decode())
                left -= size + 1
    return "\n".join(lines)
