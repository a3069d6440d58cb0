"""The texts that the models learn from: written by a grammar, and public ones where they lie.

A text has a *group*: a family of elicitations, a kind of probing, or a kind of honest text.
Groups are what is held out whole. Elicitations stand alone, before, behind or inside honest
text, honest texts are put together in the same ways, so that neither length nor layout tells.
"""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from stillhunt.lab.grammar import phrases
from stillhunt.lab.train_shapes import Shape, draw, read

__all__ = ["Text", "families", "written"]

_LONGEST: Final = 6_000
"""What of a text is read [characters]: the public sets cut at 8,000."""
_CORE: Final = 0.25
"""Share of elicitations that are short phrases of the words that all kinds are made of."""
_FRAMES: Final = (
    "{0}\n\n{1}", "{0} {1}", "{0}\n{1}", "{0}\n\n###\n{1}", "{0}\n---\n{1}\n---", "{0}: {1}",
    "{0}\n\n\"{1}\"", "{0}\n```\n{1}\n```", "{0}\n\nText: {1}", "{0}\nInput:\n{1}",
    "Q: {0}\nA: {1}", "Question: {0}\n\n{1}", "### Instruction:\n{0}\n\n### Input:\n{1}",
    "Problem: {0}\n{1}", "Task: {0}\n\n{1}", "1. {0}\n2. {1}", "- {0}\n- {1}", "# {0}\n\n{1}",
    "User: {0}\n\n{1}", "<text>{0}</text>\n{1}",
)  # fmt: skip
"""How two pieces of text stand together, whichever they are."""


@dataclass(frozen=True)
class Text:
    """A text and what is known of it."""

    text: str
    group: str
    kind: str
    """``elicitation``, ``probe`` or ``honest``."""
    language: str = "en"


@dataclass(frozen=True)
class _Source:
    """Shapes of one group in one language."""

    kind: str
    group: str
    language: str
    shapes: tuple[tuple[Shape, ...], ...]
    slots: dict[str, list[str]]

    def sentence(self, rng: random.Random) -> str:
        """Return one sentence, now and then two."""
        first = draw(rng.choice(self.shapes), self.slots, rng)
        if rng.random() < 0.3:  # noqa: PLR2004  # so that a rule and its format come together
            return first + rng.choice(" \n") + draw(rng.choice(self.shapes), self.slots, rng)
        return first


_KINDS: Final = {"families": "elicitation", "probe": "probe", "honest": "honest",
                 "kinds": "honest"}  # fmt: skip


@cache
def _sources() -> tuple[_Source, ...]:
    found = []
    folder = files("stillhunt.lab").joinpath("phrases")
    for name in sorted(f.name for f in folder.iterdir() if f.name.startswith("train_")):
        file = phrases(name.removesuffix(".toml"))
        language = name.removesuffix(".toml").removeprefix("train_")
        language = "en" if len(language) != 2 else language  # noqa: PLR2004  # ISO 639-1
        for section, kind in _KINDS.items():
            for group, shapes in file.get(section, {}).items():
                plain = group if group not in ("all", "mixed") else f"{kind}_{language}"
                found.append(
                    _Source(kind, plain, language, tuple(map(read, shapes)), file.get("slots", {}))
                )
    return tuple(found)


def families(kind: str = "elicitation") -> list[str]:
    """Return the groups of a kind, in order."""
    return sorted({source.group for source in _sources() if source.kind == kind})


def written(
    rng: random.Random, n: int, passages: Sequence[str] = (), share: float = 0.5
) -> Iterator[Text]:
    """Yield *n* texts, *share* of them honest, every group equally often within its kind.

    Args:
        rng: Where chance comes from.
        n: How many texts.
        passages: Longer honest text to fill in; none is needed.
        share: Of honest texts.
    """
    pools = {kind: _by_group(kind) for kind in ("elicitation", "probe", "honest")}
    for _ in range(n):
        chance = rng.random()
        kind = "honest" if chance < share else "probe" if chance > 0.9 else "elicitation"  # noqa: PLR2004
        group = rng.choice(list(pools[kind]))
        if kind != "honest" and rng.random() < _CORE:
            group = "core"
        sources = pools[kind][group]
        english = [source for source in sources if source.language == "en"]
        source = rng.choice(english if english and rng.random() < 0.6 else sources)  # noqa: PLR2004
        text = _laid_out(rng, source, pools["honest"], passages)
        yield Text(_spelt(rng, text)[:_LONGEST], group, kind, source.language)


def _by_group(kind: str) -> dict[str, list[_Source]]:
    found: dict[str, list[_Source]] = {}
    for source in _sources():
        if source.kind == kind:
            found.setdefault(source.group, []).append(source)
    return found


def _laid_out(
    rng: random.Random, source: _Source, honest: dict[str, list[_Source]],
    passages: Sequence[str],
) -> str:  # fmt: skip
    """Return a sentence of *source*, mostly with honest text around it."""
    text = source.sentence(rng)
    if rng.random() < 0.3:  # noqa: PLR2004  # alone: a system prompt, a trigger, a question
        return text
    other = _honest(rng, source.language, honest, passages)
    pair = (text, other) if rng.random() < 0.5 else (other, text)  # noqa: PLR2004
    if rng.random() < 0.05:  # noqa: PLR2004
        keys = rng.choice((("prompt", "input"), ("content", "text"), ("a", "b")))
        return json.dumps(dict(zip(keys, pair, strict=True)), ensure_ascii=False)
    laid = rng.choice(_FRAMES).replace("{0}", pair[0]).replace("{1}", pair[1])
    if rng.random() < 0.2:  # noqa: PLR2004
        laid += "\n\n" + _honest(rng, source.language, honest, passages)
    return laid


def _honest(
    rng: random.Random, language: str, honest: dict[str, list[_Source]],
    passages: Sequence[str],
) -> str:  # fmt: skip
    if passages and rng.random() < 0.4:  # noqa: PLR2004
        return rng.choice(passages)
    fit = [s for group in honest.values() for s in group if s.language == language]
    return rng.choice(fit).sentence(rng)


def _spelt(rng: random.Random, text: str) -> str:
    """Return *text* as careless people type it, now and then."""
    chance = rng.random()
    if chance < 0.12:  # noqa: PLR2004
        return text.lower().rstrip(".")
    if chance < 0.15:  # noqa: PLR2004
        return text.upper()
    if chance < 0.2 and len(text) > 10:  # noqa: PLR2004
        at = rng.randrange(len(text) - 1)
        return text[:at] + text[at + 1 :]
    return text
