"""Where people live: country, hours from UTC and language, drawn together."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stillhunt.lab.grammar import IntArray
from stillhunt.lab.places import country_numbers

__all__ = ["HOMELANDS", "Homeland", "settle"]

ENGLISH = 0.15  # share of the others who write English all the same; guess
# country, hours from UTC, language (index into grammar.LANGUAGES), weight
HOMELANDS = (
    ("US", -5, 0, 24), ("US", -8, 0, 9), ("GB", 0, 0, 8), ("IN", 5, 0, 11), ("CA", -5, 0, 4),
    ("AU", 10, 0, 3), ("MX", -6, 1, 5), ("ES", 1, 1, 4), ("AR", -3, 1, 2), ("DE", 1, 2, 7),
    ("FR", 1, 3, 6), ("BR", -3, 4, 7), ("PT", 0, 4, 1), ("KZ", 5, 5, 3), ("SG", 8, 6, 2),
    ("TW", 8, 6, 4),
)  # fmt: skip


@dataclass(frozen=True)
class Homeland:
    """Where each of some accounts lives; arrays of equal length."""

    row: IntArray
    """Index into ``HOMELANDS``."""
    language: IntArray
    """Index into ``grammar.LANGUAGES``."""

    @cached_property
    def zone(self) -> IntArray:
        """Hours from UTC."""
        return np.array([h[1] for h in HOMELANDS])[self.row]

    @cached_property
    def codes(self) -> list[str]:
        """Country codes."""
        return [HOMELANDS[r][0] for r in self.row.tolist()]

    @cached_property
    def country(self) -> IntArray:
        """Index into ``places.COUNTRIES``."""
        return country_numbers([h[0] for h in HOMELANDS])[self.row]

    def of(self, group: IntArray) -> "Homeland":
        """Return where the members of each *group* live, if these are the groups."""
        return Homeland(self.row[group], self.language[group])


def settle(rng: np.random.Generator, count: int) -> Homeland:
    """Draw a homeland for each of *count* people, and a language that is mostly theirs."""
    weights = np.array([h[3] for h in HOMELANDS], dtype=float)
    row = rng.choice(len(HOMELANDS), count, p=weights / weights.sum())
    own = np.array([h[2] for h in HOMELANDS])[row]
    return Homeland(row, np.where(rng.random(count) < ENGLISH, 0, own))
