"""What the pieces of a query are made of: values, conditions, and the columns they may name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from stillhunt.hunt.kusto.literals import Kind

__all__ = ["Edges", "Named", "Said", "Scope", "Word", "Written", "together"]

WIDTH = 95  # characters of a condition that still fits a line


@dataclass(frozen=True)
class Written:
    """A piece of a query."""

    text: str
    kind: Kind
    known: bool = False
    """Whether it is never unknown."""


@dataclass(frozen=True)
class Edges:
    """The two ends of the period, as KQL."""

    after: str | None
    """A datetime; None lets everything pass."""
    closed: bool
    """Whether the first moment itself counts, as where the period begins with a bin."""
    until: str | None
    """A datetime; None is now, and nothing is newer."""


Named = Mapping[str, Written]
"""Canonical name -> the column that holds it. A name that is missing is unknown in every row."""


@dataclass(frozen=True)
class Scope:
    """What an expression may look at."""

    columns: Named
    edges: Edges

    def column(self, name: str) -> Written:
        """Return the column called *name*.

        Raises:
            KeyError: The table has no such column.
        """
        return self.columns[name]


Word = Literal["", "and", "or"]


@dataclass(frozen=True)
class Said:
    """A condition as KQL, and the word that joins its parts."""

    text: str
    word: Word = ""

    def within(self, word: Word) -> str:
        """Return the text as a part of a condition joined by *word*."""
        return f"({self.text})" if self.word and self.word != word else self.text


def together(found: Sequence[Said], word: Word) -> Said:
    """Return conditions joined by *word*, a line for each where they are long."""
    parts = list(dict.fromkeys(one.within(word) for one in found))
    if len(parts) == 1:
        return found[0]
    is_long = sum(map(len, parts)) > WIDTH
    return Said((f"\n        {word} " if is_long else f" {word} ").join(parts), word)
