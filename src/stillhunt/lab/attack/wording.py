"""Prompts that a campaign drafts for itself: from the same frames, no two campaigns write alike.

A frame names sections and several ways to put each. Drafting draws an order, a layout and one
way for each section, so that a campaign has templates of its own; with paraphrase it keeps a
pool of ways for each section and every request draws from them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.lab.grammar import IntArray, phrases
from stillhunt.lab.native import mix

__all__ = ["SWAPPED", "Template", "draft", "expand", "reworded"]

POOL = 160  # ways kept of each section where every request is worded anew
LEFT_OUT = 0.4  # share of templates without a section that may be left out
ABROAD = 0.2  # share of templates that are not English, in families that have such
VOWELS = frozenset("aeiou")
SWAPPED = 0.6  # share of the words with others that are swapped where all is worded anew
SWAPPED_ONCE = 0.2  # where a template is drafted once
_WORD = re.compile(r"[A-Za-z]+")
FIRST = 0.3  # share of templates that begin with the material
_SLOT = re.compile(r"(?:\b([Aa])n? )?\{(\w+)\}")
GLUE = ("\n\n", "\n", "\n\n", " ", "\n---\n")
QUOTES = (
    ("", ""), ('"', '"'), ("<input>\n", "\n</input>"), ("```\n", "\n```"), ("### Input\n", ""),
    ("Q: ", ""), ("[[", "]]"), ("<<<\n", "\n>>>"), ("«", "»"), ("TEXT:\n", "\nEND"), ("> ", ""),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Template:
    """One prompt with places for what changes."""

    family: str
    language: str
    """Of the frame, and so of what is asked."""
    text: tuple[pa.Array | str, ...]
    """Ways of a section, or the name of what is filled in."""
    system: tuple[pa.Array | str, ...]
    glue: str
    quotes: tuple[str, str]
    output: tuple[float, float]
    """Median and sigma of its answers [tokens]."""
    max_tokens: int
    tools: int
    turns: int
    """Messages in the request, without the system's."""

    def prompt(self, chance: IntArray, filled: Mapping[str, pa.Array]) -> pa.Array:
        """Return one prompt for each of *chance*, which draws the ways."""
        return self._join(self.text, chance, filled)

    def above(self, chance: IntArray) -> pa.Array:
        """Return the system prompts, null where there is none."""
        if not self.system:
            return pa.nulls(len(chance), pa.string())
        return self._join(self.system, chance, {})

    def _join(
        self, parts: Sequence[pa.Array | str], chance: IntArray, filled: Mapping[str, pa.Array]
    ) -> pa.Array:
        arrays = []
        for number, part in enumerate(parts):
            if isinstance(part, str):
                left, right = self.quotes
                arrays.append(pc.binary_join_element_wise(left, filled[part], right, ""))
            elif len(part) == 1:
                arrays.append(pa.repeat(part[0], len(chance)))
            else:
                drawn = (mix(chance + number * 7919) & 0x7FFF_FFFF) % len(part)
                arrays.append(part.take(pa.array(drawn)))
        return pc.binary_join_element_wise(*arrays, self.glue)


def draft(rng: np.random.Generator, family: str, *, paraphrase: bool = False) -> Template:
    """Return a template of *family*, in words of its own."""
    frames = [f for f in phrases("attack_frames")["frame"] if f["family"] == family]
    abroad = rng.random() < ABROAD
    fits = [f for f in frames if ("language" in f) == abroad] or frames
    frame = fits[rng.integers(len(fits))]
    size = POOL if paraphrase else 1
    text = _sections(rng, frame, frame["text"], size)
    return Template(
        family=family,
        language=frame.get("language", "en"),
        text=_shuffled(rng, text),
        system=_sections(rng, frame, frame.get("system", ()), size),
        glue=GLUE[rng.integers(len(GLUE))],
        quotes=QUOTES[rng.integers(len(QUOTES))],
        output=(frame["output"][0] * rng.lognormal(0, 0.15), frame["output"][1]),
        max_tokens=frame.get("max_tokens", int(rng.choice([0, 0, 2048, 4096]))),
        tools=frame.get("tool_count", 0),
        turns=frame.get("turns", 1),
    )


def expand(rng: np.random.Generator, shape: str, words: Mapping[str, Sequence[str]]) -> str:
    """Return *shape* with a word drawn for each of its slots, its articles and capital right."""

    def drawn(slot: re.Match[str]) -> str:
        article, name = slot.groups()
        if name not in words:
            return slot[0]
        word = words[name][int(rng.integers(len(words[name])))]
        if not article:
            return word
        return f"{article}n {word}" if word[:1].lower() in VOWELS else f"{article} {word}"

    filled = _SLOT.sub(drawn, shape)
    return filled[:1].upper() + filled[1:]


def reworded(rng: np.random.Generator, text: str, share: float) -> str:
    """Return *text* with a *share* of its small words swapped for others that mean the same."""
    swaps: Mapping[str, Sequence[str]] = phrases("attack_words")["swap"]

    def drawn(found: re.Match[str]) -> str:
        word = found[0]
        others = swaps.get(word.lower())
        if others is None or rng.random() > share:
            return word
        other = others[int(rng.integers(len(others)))]
        return other[:1].upper() + other[1:] if word[:1].isupper() else other

    return _WORD.sub(drawn, text)


def _sections(
    rng: np.random.Generator, frame: Mapping[str, list[str]], names: Sequence[str], size: int
) -> tuple[pa.Array | str, ...]:
    words = phrases("attack_words")["words"]
    share = SWAPPED if size > 1 else SWAPPED_ONCE
    found: list[pa.Array | str] = []
    for name in names:
        if name.endswith("?") and rng.random() < LEFT_OUT:
            continue
        plain = name.rstrip("?")
        if plain.startswith("@"):
            found.append(plain[1:])
            continue
        shapes = frame[plain]
        ways = [
            reworded(rng, expand(rng, shapes[rng.integers(len(shapes))], words), share)
            for _ in range(size)
        ]
        found.append(pa.array(ways, pa.string()))
    return tuple(found)


def _shuffled(
    rng: np.random.Generator, parts: tuple[pa.Array | str, ...]
) -> tuple[pa.Array | str, ...]:
    """Put the material first in some templates, where it stands alone between instructions."""
    places = [i for i, part in enumerate(parts) if isinstance(part, str)]
    if len(places) != 1 or rng.random() > FIRST:
        return parts
    (at,) = places
    return (parts[at], *parts[:at], *parts[at + 1 :])
