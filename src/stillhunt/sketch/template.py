"""Templates and the other sketches of one text: the readable reference.

``kernels.text`` computes the same, bit for bit, some hundred times faster; the tests hold it
to this file.

**Words** are runs of letters and digits; ``alphabet`` says what else counts. A character of
a script without blanks is a word, and half a word wherever a length is compared.

**Template**: what stays the same when a prompt is filled again. A function that sees one
text cannot know that, so it goes by what templates look like:

1. *Masks*: words with a digit, quoted passages (closed on their own line) and URLs become one
   sign; neighbouring masks become one.
2. *Fills*: list items, fenced code and lines like code, lines of more than 20 words, and
   what a label announces: ``Review: ...`` to the end of its line and paragraph, or the
   whole next paragraph where nothing follows the colon.
3. *Pieces*: what is left. A label (up to 12 words before the first colon of a line) or a
   line of up to 20 words.
4. The template is the **first and the last piece**. Between them stand too many things that
   vary: a fill with a short line in it, the steps of an example. Where a text has only one
   piece and that has fewer than three words, or none, it is the *opening*: the first six
   words, with numbers masked.

``fill_hash`` is what that left out: masked words, fills and the pieces in between.

What it cannot see: a filling inside a short sentence without a colon or quotes ("Write about
TOPIC" is another template for each topic), and two long prompts without a frame that begin
alike are one template. The attacker, who reads this, pays for his evasion with a varied
first or last line; detectors that compare texts by shingles are for him.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from stillhunt.sketch import alphabet

__all__ = ["CAP", "SKETCH_VERSION", "Sketch", "mix", "signed", "sketch", "word_hash"]

SKETCH_VERSION = 1
"""Changes whenever the same text would give other numbers."""
CAP = 4_096
"""Entropies, unique ratio and SimHash see this many words of a text; 99.9 % of prompts are
shorter, and it bounds what a long one costs in memory [words]."""

LONG_LINE = 40  # half-words; at 16 words 3.5 % more of people's short prompts fell together
LONGEST_LABEL = 24
OPENING = 12
SHORT_FRAME = 6
PREFIX = 16

_BITS = (1 << 64) - 1
STEP = 0xD6E8FEB86659FD93  # odd, well mixed: Pelle Evensen's rrmxmx
MASK = 0x9E3779B97F4A7C15
FRAME_TAG, OPENING_TAG = 1, 2
LANGUAGE_WORDS = 64  # words in which stop words are looked for
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


@dataclass(frozen=True)
class Sketch:
    """Everything that one text gives. Hashes are signed 64-bit."""

    template: int | None
    prefix_hash: int | None
    fill_hash: int | None
    simhash: int | None
    words: int
    unique_ratio: float | None
    word_entropy: float | None
    shingle_entropy: float | None
    script: str
    language: str | None


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
                if _weight(line.words) <= LONGEST_LABEL:
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


def _masked(words: Sequence[Word], quotes: bool = True) -> list[tuple[int, int]]:
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


def _weight(words: Sequence[Word]) -> int:
    return sum(weight for _, weight in _masked(words))


def _chain(hashes: Sequence[int], seed: int) -> int:
    state = seed
    for value in hashes:
        state = mix(state, value)
    return state


def _template(page: Sequence[Line], seed: int) -> tuple[int, int | None]:
    """Return template and fill hash of a text that has words."""
    pieces: list[tuple[int, int, int]] = []  # masked hash, weight, hash of the words themselves
    fills: list[int] = []
    in_value = awaits_value = False
    for line in page:
        raw = _chain([w.hash for w in line.words], seed)
        if line.is_fenced:
            if line.words:
                fills.append(raw)
            if line.closes_fence:
                in_value = awaits_value = False
            continue
        if not line.words:
            in_value = False
            continue
        weight = _weight(line.words)
        is_code = line.symbols * 8 > weight
        if line.is_item or (
            line.label is None and (in_value or awaits_value or weight > LONG_LINE or is_code)
        ):
            fills.append(raw)
            in_value, awaits_value = in_value or awaits_value, False
            continue
        piece = line.words[: line.label]
        kept = _masked(piece)
        if len(pieces) > 1:
            fills.append(pieces.pop()[2])
        pieces.append(
            (
                _chain([h for h, _ in kept], seed),
                _weight(piece),
                _chain([w.hash for w in piece], seed),
            )
        )
        if masked := [w.hash for w in piece if w.is_number or w.is_quoted]:
            fills.append(_chain(masked, seed))
        if line.label is not None:
            if value := line.words[line.label :]:
                fills.append(_chain([w.hash for w in value], seed))
            in_value, awaits_value = bool(value), not value
    if len(pieces) > 1 or (pieces and pieces[0][1] >= SHORT_FRAME):
        found = _chain([p[0] for p in pieces], seed ^ FRAME_TAG)
    else:
        found = _opening([w for line in page for w in line.words], seed)
        fills.extend(p[2] for p in pieces)
    return found, _chain(fills, seed) if fills else None


def _opening(words: Sequence[Word], seed: int) -> int:
    state, weight = seed ^ OPENING_TAG, 0
    for value, size in _masked(words, quotes=False):
        if weight >= OPENING:
            break
        state, weight = mix(state, value), weight + size
    return state


def sketch(text: str, seed: int) -> Sketch:
    """Return the sketch of *text*; *seed* is unsigned 64-bit.

    A text without words has neither hashes nor entropies: all are None.
    """
    page = list(lines(text, seed))
    words = [w for line in page for w in line.words]
    if not words:
        return Sketch(None, None, None, None, 0, None, None, None, "Zyyy", None)
    template, fill = _template(page, seed)
    seen = [w.hash for w in words[:CAP]]
    shingles = _shingles(seen)
    script = _script(words)
    return Sketch(
        template=signed(template),
        prefix_hash=signed(_prefix(words, seed)),
        fill_hash=None if fill is None else signed(fill),
        simhash=signed(_simhash(shingles)),
        words=len(words),
        unique_ratio=len(set(seen)) / len(seen),
        word_entropy=_entropy(seen),
        shingle_entropy=_entropy(shingles),
        script=script,
        language=_language(seen, script, seed),
    )


def signed(value: int) -> int:
    """Return unsigned 64-bit *value* reinterpreted as signed, as portable SQL carries it."""
    return value - (1 << 64) if value >> 63 else value


def _prefix(words: Sequence[Word], seed: int) -> int:
    state, weight = seed, 0
    for word in words:
        if weight >= PREFIX:
            break
        state, weight = mix(state, word.hash), weight + word.weight
    return state


def _shingles(hashes: Sequence[int]) -> list[int]:
    """Return the hash of each three words in a row; of all words where there are fewer."""
    size = min(3, len(hashes))
    return [_chain(hashes[i + 1 : i + size], hashes[i]) for i in range(len(hashes) - size + 1)]


def _simhash(shingles: Sequence[int]) -> int:
    """Return the bits that more than half of the shingles have (Charikar 2002)."""
    return sum(
        1 << bit for bit in range(64) if 2 * sum(s >> bit & 1 for s in shingles) > len(shingles)
    )


def _entropy(values: Sequence[int]) -> float:
    """Return the plug-in entropy [bits]."""
    n = len(values)
    return max(0.0, math.log2(n) - sum(c * math.log2(c) for c in Counter(values).values()) / n)


def _script(words: Sequence[Word]) -> str:
    """Return the script of most words. Kana beside Han, from one to eight on, is Japanese."""
    weights = [0] * len(alphabet.SCRIPTS)
    for word in words:
        if word.script is not None:
            weights[word.script] += word.weight
    kana, han, japanese = (alphabet.SCRIPTS.index(name) for name in ("Kana", "Hani", "Jpan"))
    if weights[kana] and weights[kana] * 8 >= weights[han]:
        weights[japanese] = weights[kana] + weights[han]
        weights[kana] = weights[han] = 0
    best = max(weights)
    return alphabet.SCRIPTS[weights.index(best)] if best else "Zyyy"


def _language(hashes: Sequence[int], script: str, seed: int) -> str | None:
    """Return the language that *script* or at least two stop words give away, if any."""
    if script in alphabet.SCRIPT_LANGUAGE:
        return alphabet.SCRIPT_LANGUAGE[script]
    if script not in alphabet.STOP_WORD_SCRIPTS:
        return None
    counts = dict.fromkeys(alphabet.STOP_WORDS, 0)
    for language, stops in alphabet.STOP_WORDS.items():
        known = {word_hash(stop, seed) for stop in stops.split()}
        counts[language] = sum(h in known for h in hashes[:LANGUAGE_WORDS])
    first, second = sorted(counts.values())[-1:-3:-1]
    return max(counts, key=lambda name: counts[name]) if first > max(second, 1) else None
