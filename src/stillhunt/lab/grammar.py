"""Sentences by the million: a small phrase grammar per language, rendered in columns.

The phrases are files beside this one, and nobody else's: a detector that shared a word list
with the lab would only find what the lab wrote.
"""

import itertools
import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["LANGUAGES", "Grammar", "IntArray", "crossed", "grammar", "phrases", "place"]

LANGUAGES = ("en", "es", "de", "fr", "pt", "ru", "zh")
IntArray = npt.NDArray[np.int64]
_SLOT = re.compile(r"\{(\w+)\}")


@cache
def phrases(name: str) -> dict[str, Any]:
    """Return the phrase file *name* as it stands."""
    text = files("stillhunt.lab").joinpath("phrases", f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def grammar(language: str) -> "Grammar":
    """Return the grammar of *language*, read once."""
    return Grammar(language)


class Grammar:
    """The shapes of one language's sentences and what may stand in their slots."""

    def __init__(self, language: str) -> None:
        self._file = phrases(language)
        self.characters_per_token = float(self._file["characters_per_token"])
        self._blank: str = self._file.get("join", {}).get("sentence", " ")
        slots: dict[str, list[str]] = dict(self._file["slots"])
        slots["number"] = [str(n) for n in range(2, 3000)]
        for name, shape in self._file["compose"].items():
            slots[name] = crossed(shape, slots)
        self._slots = {name: pa.array(words) for name, words in slots.items()}

    def knows(self, kind: str) -> bool:
        """Return whether this language has sentences of *kind*."""
        return kind in self._file

    def sentences(self, rng: np.random.Generator, n: int, kind: str) -> pa.Array:
        """Return *n* sentences of *kind*, every slot drawn afresh.

        Kinds are ask, follow and state; English also has exercise.
        """
        shapes = self._file[kind]
        chosen = rng.integers(0, len(shapes), n)
        parts = []
        for number, shape in enumerate(shapes):
            rows = np.flatnonzero(chosen == number)
            if not len(rows):
                continue
            parts.append((rows, self._fill(rng, shape, len(rows))))
        return place(parts) if parts else pa.array([], pa.string())

    def texts(self, rng: np.random.Generator, counts: IntArray, kind: str) -> pa.Array:
        """Return one text for each of *counts* [sentences]."""
        flat = self.sentences(rng, int(counts.sum()), kind)
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), flat), self._blank)

    def _fill(self, rng: np.random.Generator, shape: str, n: int) -> pa.Array:
        parts: list[Any] = []
        for number, piece in enumerate(_SLOT.split(shape)):
            if number % 2:
                pool = self._slots[piece]
                parts.append(pool.take(pa.array(rng.integers(0, len(pool), n))))
            else:
                parts.append(pa.repeat(piece, n))
        return pc.binary_join_element_wise(*parts, "")


def place(parts: list[tuple[IntArray, pa.Array]]) -> pa.Array:
    """Join arrays whose elements belong in the given rows; together the rows are 0 .. n - 1."""
    order = np.concatenate([rows for rows, _ in parts])
    inverse = np.empty(len(order), dtype=np.int64)
    inverse[order] = np.arange(len(order))
    return pa.concat_arrays([array for _, array in parts]).take(pa.array(inverse))


def crossed(shapes: str | list[str], slots: dict[str, list[str]]) -> list[str]:
    """Return *shapes* with every combination of words from *slots* in their braces."""
    if isinstance(shapes, list):
        return [words for shape in shapes for words in crossed(shape, slots)]
    names = _SLOT.findall(shapes)
    return [
        shapes.format(**dict(zip(names, words, strict=True)))
        for words in itertools.product(*(slots[name] for name in names))
    ]
