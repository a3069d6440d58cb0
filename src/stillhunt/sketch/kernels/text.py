"""Everything that one text gives, in one pass over its UTF-8 bytes.

This is ``sketch.template`` made fast; what the numbers mean is said there. Memory beside the
results is fixed, time is linear in the bytes: a closing quote is looked for once per line and
kind, hash tables are seeded, at most half full, and given up after a bounded search.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from stillhunt.sketch import alphabet, template
from stillhunt.sketch.kernels import frame, measures, pieces, scan
from stillhunt.sketch.kernels.compiled import cached, compiled, is_known
from stillhunt.sketch.pieces import MOST
from stillhunt.sketch.words import word_hash

__all__ = ["Sketches", "is_compiled", "sketch"]

Bytes = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Pieces = npt.NDArray[np.int64]
Stops = tuple[Hashes, Counts]

_CAP: Final = template.CAP
_SOURCES: Final = ("alphabet.py", "words.py", "template.py", "pieces.py")


@dataclass(frozen=True)
class Sketches:
    """The sketches of a batch, one entry a text; zero where the text is absent or has no words.

    Hashes are int64, ``words`` int32, the rest of the numbers float32. ``script`` and
    ``language`` index ``alphabet.SCRIPTS`` and ``alphabet.LANGUAGES``; the latter holds what
    stop words say, before the script has its say. ``has_fill``: ``fill_hash`` means something.
    ``pieces`` has a row of MOST a text, lowest first, -1 where there are no more; no rows at
    all where nobody asked for them.
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
    pieces: npt.NDArray[np.int64]


@compiled
def _sketch_batch(
    offsets: Counts, data: Bytes, valid: Flags, seed: np.uint64, tables: scan.Tables, stops: Stops,
    gains: npt.NDArray[np.float64], hashes: Hashes, words: npt.NDArray[np.int32],
    spreads: npt.NDArray[np.float32], codes: npt.NDArray[np.int8], has_fill: Flags, found: Pieces,
) -> None:  # fmt: skip
    """Sketch every text of the batch into the last six arguments, one row a text."""
    stop_keys, stop_languages = stops
    h, c = np.empty(frame.HASHES, np.uint64), np.empty(frame.COUNTS, np.int64)
    script_weights = np.empty(measures.N_SCRIPTS, np.int64)
    hits = np.empty(measures.N_LANGUAGES, np.int64)
    seen, shingles = np.empty(_CAP, np.uint64), np.empty(_CAP, np.uint64)
    marks = np.empty(_CAP, np.uint8)
    keys, counts = np.empty(measures.SLOTS, np.uint64), np.empty(measures.SLOTS, np.int32)
    sums, ones, no_closer = np.empty(8, np.uint64), np.empty(64, np.int64), np.empty(7, np.int64)
    line, flags = np.empty(scan.LINE, np.uint64), np.empty(scan.LINE, np.uint8)
    for row in range(words.size):
        if not valid[row]:
            continue
        scan.scan(
            data, offsets[row], offsets[row + 1], seed, h, c, seen, marks, script_weights,
            tables, no_closer, line, flags,
        )  # fmt: skip
        words[row] = min(c[frame.C_TOTAL], 2_147_483_647)
        if c[frame.C_TOTAL] == 0:
            continue
        n = min(c[frame.C_TOTAL], _CAP)
        distinct, entropy = measures.spread(seen, n, keys, counts, gains)
        n_shingles = measures.make_shingles(seen, n, shingles)
        _, shingle_entropy = measures.spread(shingles, n_shingles, keys, counts, gains)
        hashes[0, row] = frame.template_of(h, c, seed)
        hashes[1, row], hashes[2, row] = h[frame.H_PREFIX], h[frame.H_FILL]
        hashes[3, row] = measures.simhash(shingles, n_shingles, sums, ones)
        spreads[0, row], spreads[1, row] = distinct / n, entropy
        spreads[2, row] = shingle_entropy
        codes[0, row] = measures.pick_script(script_weights)
        codes[1, row] = measures.pick_language(seen, n, stop_keys, stop_languages, hits)
        has_fill[row] = c[frame.C_FILLS] > 0
        if len(found) > 0:
            pieces.find_pieces(seen, marks, n, seed, shingles, found[row])


def _build_plain() -> npt.NDArray[np.uint8]:
    """Return, for each byte: the folded letter; 1 where a word may go on; 0 where it ends."""
    plain = np.ones(256, np.uint8)
    for b in range(128):
        if alphabet.KIND[b] == alphabet.LETTER:
            plain[b] = alphabet.FOLD[b]
        elif alphabet.KIND[b] not in (alphabet.DIGIT, alphabet.SKIP):
            plain[b] = 0
    return plain


def _digest() -> str:
    """Return a digest of every file that the kernel is made of."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    beside = [here.parent / name for name in _SOURCES]
    for path in [*sorted(here.glob("*.py")), *beside]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _compile(digest: str) -> Callable[..., None]:
    """Return the kernel, which is compiled at its first call.

    Numba's cache notices a change in the file of the function that it keeps, but not in the
    others that this calls: hence *digest* in its name.
    """

    def run(
        offsets: Counts, data: Bytes, valid: Flags, seed: np.uint64, tables: scan.Tables,
        stops: Stops, gains: npt.NDArray[np.float64], hashes: Hashes,
        words: npt.NDArray[np.int32], spreads: npt.NDArray[np.float32],
        codes: npt.NDArray[np.int8], has_fill: Flags, found: Pieces,
    ) -> None:  # fmt: skip
        _sketch_batch(
            offsets, data, valid, seed, tables, stops, gains,
            hashes, words, spreads, codes, has_fill, found,
        )  # fmt: skip

    run.__qualname__ = f"sketch_{digest}"
    return cached(run)


_run = _compile(_digest())
_PLAIN = _build_plain()
_counts = np.arange(1, _CAP + 2, dtype=np.float64)
_GAINS = np.concatenate([[0.0], np.diff(_counts * np.log2(_counts))])
"""What one more of a word, seen k times before, adds to the sum of c log2 c."""


@lru_cache(maxsize=8)
def _stops(seed: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Return the stop words as an open hash table: hashes, and the language of each."""
    keys = np.zeros(measures.STOP_SLOTS, np.uint64)
    languages = np.zeros(measures.STOP_SLOTS, np.int64)
    for language, words in alphabet.STOP_WORDS.items():
        for word in words.split():
            key = word_hash(word, seed)
            slot = key % measures.STOP_SLOTS
            while keys[slot]:
                slot = (slot + 1) % measures.STOP_SLOTS
            keys[slot], languages[slot] = key, alphabet.LANGUAGES.index(language)
    return keys, languages


def is_compiled() -> bool:
    """Say whether the kernel is compiled, in this process or in the cache on disk.

    Else the first call compiles it, which takes some ten seconds.
    """
    return is_known(_run)


def sketch(
    offsets: npt.NDArray[np.integer[Any]],
    data: npt.NDArray[np.uint8],
    valid: npt.NDArray[np.bool_] | None,
    seed: int,
    *,
    with_pieces: bool = False,
) -> Sketches:
    """Return the sketches of a batch of texts. The GIL is free meanwhile.

    Args:
        offsets: Where each text begins in *data*, and where the last one ends, shape (n + 1,).
        data: The texts in UTF-8, one behind the other [bytes].
        valid: False where a text is absent, shape (n,); None means that all are there.
        seed: Of all hashes, unsigned 64-bit; whoever knows it can build collisions.
        with_pieces: Whether to look for pieces, too.
    """
    n = len(offsets) - 1
    hashes, words = np.zeros((4, n), np.uint64), np.zeros(n, np.int32)
    spreads, codes = np.zeros((3, n), np.float32), np.zeros((2, n), np.int8)
    has_fill = np.zeros(n, np.bool_)
    found = np.full((n if with_pieces else 0, MOST), -1, np.int64)
    _run(
        offsets.astype(np.int64), _read_only(data),
        np.ones(n, np.bool_) if valid is None else np.array(valid, np.bool_), np.uint64(seed),
        (_PLAIN, alphabet.KIND, alphabet.FOLD, alphabet.SCRIPT), _stops(seed), _GAINS,
        hashes, words, spreads, codes, has_fill, found,
    )  # fmt: skip
    signed = hashes.view(np.int64)
    return Sketches(
        template=signed[0], prefix_hash=signed[1], fill_hash=signed[2], simhash=signed[3],
        words=words, unique_ratio=spreads[0], word_entropy=spreads[1], shingle_entropy=spreads[2],
        script=codes[0], language=codes[1], has_fill=has_fill, pieces=found,
    )  # fmt: skip


def _read_only(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return *data* as Arrow gives it, so that there is one type to compile for."""
    view = data.view()
    view.setflags(write=False)
    return view
