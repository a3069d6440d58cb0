"""Texts of programs and of people with a task: forms with slots, rendered in columns.

A phrase file holds ``[[form]]`` tables: ``text``, perhaps ``system``, and what an answer to it
is like. Slots in braces: ``{ask}``, ``{state:3-8}`` and the like are sentences of the account's
language, so many; ``{number:1-5}`` is a number, ``{code}`` an id; a name in small letters is a
word of ``[slots]``, drawn each time; a name with a capital is a word of ``[own]`` that its owner
keeps for good; anything else is given by the caller.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.lab.grammar import LANGUAGES, IntArray, crossed, grammar, phrases, place
from stillhunt.lab.native import mix, salt
from stillhunt.lab.pacing import Answers

__all__ = ["Form", "Forms", "Said", "bank", "banked", "forms"]

SENTENCES = ("ask", "follow", "state", "exercise")
_SLOT = re.compile(r"\{(\w+)(?::(\d+)-(\d+))?\}")
BRIEF = 3  # sentences of a slot at most, where texts are kept short
_Piece = tuple[str, int, int] | str


@dataclass(frozen=True, kw_only=True)
class Form:
    """One thing to ask for."""

    text: str
    system: str | None = None
    language: str = ""
    """Language of the frame; empty for any."""
    output: tuple[float, float] = (150.0, 0.6)
    """Median and sigma of its answers [tokens]."""
    max_tokens: int = 0
    """Longest answer asked for; 0 for none."""
    short: bool = False
    """Answers are labels or numbers."""


@dataclass(frozen=True)
class Said:
    """Texts of some requests."""

    system: pa.Array
    prompt: pa.Array
    output: pa.Array | None
    input_tokens: IntArray
    max_tokens: IntArray
    """0 for not asked."""


@cache
def forms(name: str) -> "Forms":
    """Return the forms of the phrase file *name*, read once."""
    return Forms(name)


@cache
def bank(name: str, size: int, kind: str, language: str, sentences: int = 1) -> pa.Array:
    """Return *size* texts that are the same in every simulation: public exercises, say."""
    rng = np.random.default_rng([abs(int(salt(size, name)))])
    counts = np.full(size, sentences, dtype=np.int64)
    return grammar(language).texts(rng, counts, kind)


def banked(name: str, size: int, number: IntArray, language: IntArray) -> pa.Array:
    """Return the exercises *number* of the bank *name*, each in its *language*.

    Args:
        name: Of the bank.
        size: Exercises in it.
        number: Which, taken modulo *size*, shape (rows,).
        language: Index into ``LANGUAGES``, shape (rows,).
    """
    parts = []
    for one in np.unique(language).tolist():
        rows = np.flatnonzero(language == one)
        kind = "exercise" if grammar(LANGUAGES[one]).knows("exercise") else "ask"
        texts = bank(name, size, kind, LANGUAGES[one])
        parts.append((rows, texts.take(pa.array(number[rows] % size))))
    return place(parts) if parts else pa.array([], pa.string())


class Forms:
    """The forms of one phrase file."""

    def __init__(self, name: str) -> None:
        file = phrases(name)
        self.name = name
        self.forms = tuple(
            Form(**{**f, "output": tuple(f.get("output", (150.0, 0.6)))}) for f in file["form"]
        )
        lists = {**file.get("slots", {}), **file.get("own", {})}
        for key, shape in file.get("compose", {}).items():
            lists[key] = crossed(shape, lists)
        self._words = {key: pa.array(words, pa.string()) for key, words in lists.items()}

    def __len__(self) -> int:
        return len(self.forms)

    def pick(self, owner: IntArray, language: IntArray, purpose: str = "") -> IntArray:
        """Return a form for each *owner*: one in his language if there are any, for good."""
        chance = mix(owner + salt(0, f"{self.name} {purpose}")) & 0x7FFF_FFFF
        found = np.zeros(len(owner), dtype=np.int64)
        for number in np.unique(language).tolist():
            fits = self._in(LANGUAGES[number])
            rows = language == number
            found[rows] = np.array(fits)[chance[rows] % len(fits)]
        return found

    def answers(self, rng: np.random.Generator, form: IntArray) -> tuple[IntArray, IntArray]:
        """Return how long the answers to each *form* are [tokens], and how long they take [ms]."""
        n = len(form)
        median = np.array([f.output[0] for f in self.forms])[form]
        sigma = np.array([f.output[1] for f in self.forms])[form]
        most = np.array([f.max_tokens or 8000 for f in self.forms])[form]
        tokens = np.clip(median * np.exp(sigma * rng.normal(0, 1, n)), 1, most)
        speed = Answers(median=1, sigma=1).token_ms
        lasts = 300 + tokens * speed * rng.lognormal(0, 0.15, n)
        return tokens.astype(np.int64), lasts.astype(np.int64)

    def write(
        self,
        rng: np.random.Generator,
        form: IntArray,
        owner: IntArray,
        language: IntArray,
        *,
        given: Mapping[str, pa.Array] | None = None,
        output_tokens: IntArray | None = None,
    ) -> Said:
        """Fill the forms in, one for each row.

        Args:
            rng: Where chance comes from.
            form: Which form, shape (rows,).
            owner: Whose words with a capital are used, shape (rows,).
            language: Index into ``LANGUAGES``, shape (rows,).
            given: Texts for slots that the file does not know, arrays of (rows,).
            output_tokens: Lengths of the answers, if their texts are wanted; default: none
                are written, and documents are brief.
        """
        brief = output_tokens is None
        rows = [np.flatnonzero(form == number) for number in range(len(self.forms))]
        frames = [(_pieces(f.text), _pieces(f.system)) for f in self.forms]
        sentences = _Sentences(rng, language, brief=brief)
        for at, both in zip(rows, frames, strict=True):
            for pieces in both:
                sentences.want(at, pieces)
        sentences.draw()
        fill = _Filling(self._words, rng, owner, sentences, given or {}, self.name)
        prompts, systems = [], []
        for at, (text, above) in zip(rows, frames, strict=True):  # in the order of the wants
            prompts.append((at, fill.join(at, text)))
            systems.append((at, fill.join(at, above) if above else pa.nulls(len(at), pa.string())))
        prompt, system = place(prompts), place(systems)
        return Said(
            system=system,
            prompt=prompt,
            output=None if output_tokens is None else self._outputs(
                rng, form, language, output_tokens
            ),
            input_tokens=_tokens(prompt, language) + _tokens(system, language) + 6,
            max_tokens=np.array([f.max_tokens for f in self.forms])[form],
        )  # fmt: skip

    def _outputs(
        self, rng: np.random.Generator, form: IntArray, language: IntArray, tokens: IntArray
    ) -> pa.Array:
        short = np.array([f.short for f in self.forms])[form]
        texts = _Sentences(rng, language, brief=False)
        counts = np.where(short, 0, np.minimum(1 + tokens // 60, 3))
        told = texts.texts("state", counts, np.arange(len(form)))
        label = pa.array([str(n) for n in range(1, 11)] + ["A", "B", "yes", "no", "ok"])
        return pc.if_else(
            pa.array(short), label.take(pa.array(rng.integers(0, len(label), len(form)))), told
        )

    def _in(self, language: str) -> list[int]:
        mine = [i for i, f in enumerate(self.forms) if f.language == language]
        free = [i for i, f in enumerate(self.forms) if not f.language]
        english = [i for i, f in enumerate(self.forms) if f.language == "en"]
        return mine + free or english


class _Sentences:
    """Sentences for many slots at once: one call for each language and kind."""

    def __init__(self, rng: np.random.Generator, language: IntArray, *, brief: bool) -> None:
        self._rng, self._language, self._brief = rng, language, brief
        self._wanted: dict[str, list[tuple[IntArray, IntArray]]] = {}
        self._drawn: dict[str, tuple[pa.Array, list[int]]] = {}

    def want(self, rows: IntArray, pieces: list[_Piece]) -> None:
        """Remember the sentences that *pieces* need at *rows*."""
        for piece in pieces:
            if isinstance(piece, str) or piece[0] not in SENTENCES:
                continue
            kind, least, most = piece
            if self._brief:
                least, most = min(least, 1), min(most, BRIEF)
            counts = self._rng.integers(least, most + 1, len(rows))
            self._wanted.setdefault(kind, []).append((rows, counts))

    def draw(self) -> None:
        """Write all that was wanted."""
        for kind, wanted in self._wanted.items():
            rows = np.concatenate([r for r, _ in wanted])
            counts = np.concatenate([c for _, c in wanted])
            starts = np.cumsum([0] + [len(r) for r, _ in wanted]).tolist()
            self._drawn[kind] = self.texts(kind, counts, rows), starts[::-1][1:]

    def take(self, kind: str, n: int) -> pa.Array:
        """Return the texts of the next slot of *kind*, in the order in which they were wanted."""
        texts, starts = self._drawn[kind]
        return texts.slice(starts.pop(), n)

    def texts(self, kind: str, counts: IntArray, rows: IntArray) -> pa.Array:
        """Return a text of *counts* sentences for each of *rows*, in that row's language."""
        language = self._language[rows]
        parts = []
        for number in np.unique(language).tolist():
            at = np.flatnonzero(language == number)
            words = grammar(LANGUAGES[number])
            known = kind if words.knows(kind) else "ask"
            parts.append((at, words.texts(self._rng, counts[at], known)))
        return place(parts) if parts else pa.array([], pa.string())


@dataclass
class _Filling:
    """What stands in the slots."""

    words: Mapping[str, pa.Array]
    rng: np.random.Generator
    owner: IntArray
    sentences: _Sentences
    given: Mapping[str, pa.Array]
    name: str

    def join(self, rows: IntArray, pieces: list[_Piece]) -> pa.Array:
        """Return the text of *pieces* at *rows*."""
        if not len(rows):
            for piece in pieces:
                if not isinstance(piece, str) and piece[0] in SENTENCES:
                    self.sentences.take(piece[0], 0)
            return pa.array([], pa.string())
        arrays: list[Any] = [self._piece(rows, piece) for piece in pieces]
        return pc.binary_join_element_wise(*arrays, "")

    def _piece(self, rows: IntArray, piece: _Piece) -> pa.Array:
        n = len(rows)
        if isinstance(piece, str):
            return pa.repeat(piece, n)
        kind, least, most = piece
        if kind in SENTENCES:
            return self.sentences.take(kind, n)
        if kind in self.given:
            return self.given[kind].take(pa.array(rows)).cast(pa.string())
        if kind == "number":
            return pa.array(self.rng.integers(least, most + 1, n)).cast(pa.string())
        if kind == "code":
            return pa.array([f"{v:08x}" for v in self.rng.integers(0, 1 << 32, n).tolist()])
        words = self.words[kind]
        if kind[0].isupper():
            chance = mix(self.owner[rows] + salt(1, f"{self.name} {kind}")) & 0x7FFF_FFFF
        else:
            chance = self.rng.integers(0, len(words), n)
        return words.take(pa.array(chance % len(words)))


@cache
def _pieces_of(text: str) -> tuple[_Piece, ...]:
    pieces: list[_Piece] = []
    end = 0
    for slot in _SLOT.finditer(text):
        if slot.start() > end:
            pieces.append(text[end : slot.start()])
        name, least, most = slot.groups()
        pieces.append((name, int(least or 1), int(most or 1)))
        end = slot.end()
    return (*pieces, text[end:]) if end < len(text) else tuple(pieces)


def _pieces(text: str | None) -> list[_Piece]:
    return list(_pieces_of(text)) if text else []


def _tokens(texts: pa.Array, language: IntArray) -> IntArray:
    per_token = np.array([grammar(x).characters_per_token for x in LANGUAGES])[language]
    lengths = pc.fill_null(pc.utf8_length(texts), 0).to_numpy(zero_copy_only=False)
    tokens: IntArray = (lengths / per_token).astype(np.int64)
    return tokens
