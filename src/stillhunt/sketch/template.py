"""Templates and the other sketches of one text: the readable reference.

``kernels.text`` computes the same, bit for bit, some hundred times faster; the tests hold it
to this file.

**Words** are runs of letters and digits; ``alphabet`` says what else counts. A character of
a script without blanks is a word, and half a word wherever a length is compared.

**Template**: what stays the same when a prompt is filled again. A function that sees one
text cannot know that, so it goes by what templates look like:

1. *Masks*: words with a digit, quoted passages (closed on their own line) and URLs become one
   sign; neighbouring masks become one.
2. *Fills*: list items, fenced code and lines like code, lines of more than 24 words, and
   what a label announces: ``Review: ...`` to the end of its line and paragraph, or the
   whole next paragraph where nothing follows the colon. ("4. Answer:" is a label, no item.)
3. *Pieces*: what is left. A label (up to 12 words before the first colon of a line) or a
   line of up to 24 words.
4. The template is the **first and the last piece**. Between them stand too many things that
   vary: a fill with a short line in it, the steps of an example. Where a text has only one
   piece and that has fewer than three words, or none, it is the *opening*: the first six
   words, with numbers masked.

``fill_hash`` is what that left out: masked words, fills and the pieces in between.

Measured with ``python -m benchmarks.sketch`` on public prompts: the share of the rows of one
labelled template that have the same number, mean over templates, is 0.79 for 86 templates of
honest batch work (69 of them above a half) and 0.99 for 18 of harvesting, of which 14 are one
frame with 14 trigger phrases. With all words but numbers it is 0.02 and 0.04, with the first
five words 0.64 and 0.50. Of 5,345 prompts that people typed none shares its number with
another, nor with a batch template. The batch templates that fall apart have a free sentence
as their first or last line.

What it cannot see: a filling inside a short sentence without a colon or quotes ("Write about
TOPIC" is another template for each topic). What stands behind the last label, such as a
trigger phrase, is a fill. Two long prompts without a frame that begin alike are one template.
The attacker, who reads this, pays for his evasion with a varied first or last line; detectors
that compare texts by shingles are for him.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from stillhunt.sketch import alphabet
from stillhunt.sketch.words import Line, Word, lines, masked, mix, size_of, word_hash

__all__ = ["CAP", "SKETCH_VERSION", "Sketch", "signed", "sketch"]

SKETCH_VERSION = 1
"""Changes whenever the same text would give other numbers."""
CAP = 4_096
"""Entropies, unique ratio and SimHash see this many words of a text, some 24 kB of English. It
bounds what the longest costs in memory [words]."""

# Lengths in half-words. Of 5,345 typed prompts 51 shared their number with another at a
# longest line of 16 words, 15 at 20 and none at 24; templates of batch work held as well.
LONG_LINE = 48
OPENING = 12
SHORT_FRAME = 6
PREFIX = 16

FRAME_TAG, OPENING_TAG = 1, 2
LANGUAGE_WORDS = 64  # words in which stop words are looked for


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
        size = size_of(line.words)
        is_code = line.symbols * 8 > size
        is_bare = line.label == len(line.words)
        if (line.is_item and not is_bare) or (
            line.label is None and (in_value or awaits_value or size > LONG_LINE or is_code)
        ):
            fills.append(raw)
            in_value, awaits_value = in_value or awaits_value, False
            continue
        piece = line.words[: line.label]
        if len(pieces) > 1:
            fills.append(pieces.pop()[2])
        kept = _chain([h for h, _ in masked(piece)], seed)
        pieces.append((kept, size_of(piece), _chain([w.hash for w in piece], seed)))
        if hidden := [w.hash for w in piece if w.is_number or w.is_quoted]:
            fills.append(_chain(hidden, seed))
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
    for value, size in masked(words, quotes=False):
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
