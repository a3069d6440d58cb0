"""The words and lines of a text, and their hashes: the readable reference.

Words are runs of letters and digits; ``alphabet`` says what else counts. A character of a
script without blanks is a word, and half a word wherever a length is compared.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from stillhunt.sketch import alphabet

__all__ = [
    "LONGEST_LABEL", "MASK", "STEP", "Line", "Word", "lines", "masked", "mix", "size_of",
    "word_hash",
]  # fmt: skip

LONGEST_LABEL = 24
"""[half-words]"""
STEP = 0xD6E8FEB86659FD93  # odd, well mixed: Pelle Evensen's rrmxmx
MASK = 0x9E3779B97F4A7C15
"""Stands in a template for what was masked."""
_BITS = (1 << 64) - 1
_BULLETS = "-*+>|\u2022\u2013"


def mix(state: int, value: int) -> int:
    """Return *state* after *value*, both unsigned 64-bit.

    The shift carries high bits down, without which low bits would depend on low bits alone
    and collisions could be built without knowing the seed.
    """
    state = ((state ^ value) * STEP) & _BITS
    return state ^ (state >> 32)


def word_hash(word: str, seed: int) -> int:
    """Return the hash of *word*, which is lower case and has no accents."""
    state = seed
    for character in word:
        state = mix(state, ord(character))
    return state


@dataclass(frozen=True)
class Word:
    """One word of a text."""

    hash: int
    weight: int
    """Half-words: 2, or 1 for a character of a script without blanks."""
    is_number: bool
    """Has a digit, or belongs to a URL."""
    is_quoted: bool
    script: int | None
    """Of its last letter."""


@dataclass
class Line:
    """One line, split into words, with what decides whether it is a fill."""

    words: list[Word] = field(default_factory=list)
    label: int | None = None
    """Words before the colon, where the line begins with a label."""
    symbols: int = 0
    is_item: bool = False
    is_fenced: bool = False
    closes_fence: bool = False


def _code_points(text: str) -> list[int]:
    """Return the folded code points; beyond the tables they are compared as they are."""
    return [int(alphabet.FOLD[c]) if c < alphabet.PLANE else c for c in map(ord, text)]


def _is_item(line: str) -> bool:
    """Say whether *line* begins like a list item: ``- ``, ``12. ``, ``B) ``, ``(3) ``."""
    head = line.lstrip(" \t")[:5]
    end = 0
    if head[:1] and head[0] in _BULLETS:
        end = 1
    elif head[:1] == "(" and head[1:2].isascii() and head[1:2].isalnum() and head[2:3] == ")":
        end = 3
    elif head[:1].isascii() and head[:1].isalpha() and head[1:2] in tuple(".)"):
        end = 2
    else:
        digits = 0
        while digits < 3 and head[digits : digits + 1] in tuple("0123456789"):  # noqa: PLR2004
            digits += 1
        if digits and head[digits : digits + 1] in tuple(".)"):
            end = digits + 1
    return end > 0 and head[end : end + 1] in ("", " ", "\t", "\r")


def lines(text: str, seed: int) -> Iterator[Line]:
    """Yield the lines of *text*, each split into words."""
    in_fence = False
    start = 0
    for end in range(len(text) + 1):
        if end < len(text) and alphabet.kind_of(ord(text[end])) != alphabet.NEWLINE:
            continue
        raw = text[start:end]
        start = end + 1
        is_fence = raw.lstrip(" \t").startswith("```")
        line = Line(is_fenced=in_fence or is_fence, closes_fence=in_fence and is_fence)
        in_fence = in_fence != is_fence
        line.is_item = _is_item(raw)
        _split(raw, line, seed)
        yield line


def _split(raw: str, line: Line, seed: int) -> None:
    """Fill *line* with the words of *raw*."""
    codes = _code_points(raw)
    quoted_until = 0
    in_url = label_tried = False
    position = 0
    while position < len(raw):
        kind = alphabet.kind_of(ord(raw[position]))
        if kind in (alphabet.LETTER, alphabet.DIGIT, alphabet.SOLO):
            end = _word_end(raw, position) if kind != alphabet.SOLO else position + 1
            in_url = in_url or _begins_url(raw[position:end], raw[end : end + 3])
            quoted = position < quoted_until
            line.words.append(_word(raw[position:end], codes[position:end], in_url, quoted, seed))
            position = end
            continue
        if ord(raw[position]) <= 0x20:  # noqa: PLR2004  # blanks and control characters
            in_url = False
        elif not in_url and position >= quoted_until:
            if kind == alphabet.SYMBOL:
                line.symbols += 1
            elif kind == alphabet.QUOTE:
                closed = raw.find(_closer(raw[position]), position + 1)
                quoted_until = closed + 1  # 0 where it stays open
            elif (
                kind == alphabet.COLON
                and not label_tried
                and line.words
                and raw[position + 1 : position + 2] not in tuple("0123456789/\\:")
            ):
                label_tried = True
                if size_of(line.words) <= LONGEST_LABEL:
                    line.label = len(line.words)
        position += 1


def _closer(quote: str) -> str:
    return {"\u201c": "\u201d", "\u00ab": "\u00bb", "\u300c": "\u300d"}.get(quote, quote)


def _word_end(raw: str, position: int) -> int:
    end = position
    while position < len(raw):
        kind = alphabet.kind_of(ord(raw[position]))
        if kind in (alphabet.LETTER, alphabet.DIGIT):
            end = position + 1
        elif kind != alphabet.SKIP:
            break
        position += 1
    return max(end, position)


def _begins_url(word: str, behind: str) -> bool:
    return (word.lower() in ("http", "https") and behind == "://") or (
        word.lower() == "www" and behind[:1] == "."
    )


def _word(raw: str, codes: Sequence[int], in_url: bool, quoted: bool, seed: int) -> Word:
    state, weight, number, script = seed, 2, in_url, None
    for character, code in zip(raw, codes, strict=True):
        kind = alphabet.kind_of(ord(character))
        if kind == alphabet.SKIP:
            continue
        state = mix(state, code)
        if kind == alphabet.DIGIT:
            number = True
        else:
            script = alphabet.script_of(ord(character))
        if kind == alphabet.SOLO:
            weight = 1
    return Word(state, weight, number, quoted, script)


def masked(words: Sequence[Word], quotes: bool = True) -> list[tuple[int, int]]:
    """Return (hash, weight) of each word, with runs of masked ones as one sign."""
    out: list[tuple[int, int]] = []
    was_mask = False
    for word in words:
        is_mask = word.is_number or (quotes and word.is_quoted)
        if not is_mask:
            out.append((word.hash, word.weight))
        elif not was_mask:
            out.append((MASK, 2))
        was_mask = is_mask
    return out


def size_of(words: Sequence[Word]) -> int:
    """Return the length of *words* as a template has it [half-words]."""
    return sum(weight for _, weight in masked(words))
