r"""Shapes: how the phrases that the text models learn from are written down.

``(a|b)`` draws one of several, ``?`` behind a part leaves it out half the time, ``*`` and
``+`` repeat it, ``{name}`` draws from a list, ``\d`` is a digit, ``\n`` a line break; any other
character behind a backslash is itself. Reading one costs once, drawing is cheap.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stillhunt.model.errors import ConfigError

__all__ = ["Shape", "draw", "read"]

Slots = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Shape:
    """A part of a sentence: text, a slot, or alternatives, and how often it may come."""

    text: str = ""
    slot: str = ""
    either: tuple[tuple["Shape", ...], ...] = ()
    often: str = ""


def read(written: str) -> tuple[Shape, ...]:
    """Return the parts of a shape.

    Raises:
        ConfigError: A bracket is left open.
    """
    either, at = _read_either(written, 0)
    if at != len(written) or len(either) != 1:
        raise ConfigError(f"shape {written!r} has a bracket too many at character {at}")
    return either[0]


def _read_either(written: str, at: int) -> tuple[tuple[tuple[Shape, ...], ...], int]:
    """Read alternatives until a closing bracket or the end."""
    found: list[tuple[Shape, ...]] = []
    parts: list[Shape] = []
    while at < len(written) and written[at] != ")":
        character = written[at]
        if character == "|":
            found.append(tuple(parts))
            parts = []
            at += 1
            continue
        if character == "(":
            inner, at = _read_either(written, at + 1)
            if at >= len(written):
                raise ConfigError(f"shape {written!r} leaves a bracket open")
            part = Shape(either=inner)
        elif character == "{":
            end = written.index("}", at)
            part, at = Shape(slot=written[at + 1 : end]), end
        elif character == "\\":
            at += 1
            sign = written[at]
            part = Shape(slot="digit") if sign == "d" else Shape("\n" if sign == "n" else sign)
        else:
            part = Shape(character)
        at += 1
        if at < len(written) and written[at] in "?*+":
            part = Shape(part.text, part.slot, part.either, written[at])
            at += 1
        parts.append(part)
    found.append(tuple(parts))
    return tuple(found), at


def draw(shape: Sequence[Shape], slots: Slots, rng: random.Random) -> str:
    """Return one sentence of *shape*."""
    out: list[str] = []
    for part in shape:
        times = 1
        if part.often == "?":
            times = rng.randrange(2)
        elif part.often:
            times = rng.randrange(3) if part.often == "*" else 1 + rng.randrange(2)
        for _ in range(times):
            if part.slot == "digit":
                out.append(str(rng.randrange(10)))
            elif part.slot:
                out.append(rng.choice(slots[part.slot]))
            elif part.either:
                out.append(draw(rng.choice(part.either), slots, rng))
            else:
                out.append(part.text)
    return "".join(out)
