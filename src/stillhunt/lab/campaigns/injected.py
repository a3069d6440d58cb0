"""A fixed injected prompt: one system prompt above questions that have nothing in common.

The account's own requests look like anybody's; what the reseller or the harvester puts in front
of them is the same everywhere.
"""

from dataclasses import dataclass
from functools import cached_property

from stillhunt.lab.attack.corpus import DOMAINS, Corpus
from stillhunt.lab.attack.operation import Operation

__all__ = ["Injected"]


@dataclass(frozen=True, kw_only=True)
class Injected(Operation):
    """One persona for all accounts."""

    per_day: float = 26.0

    title = "Fixed injected prompt"
    kind = "injected"
    families = ("analyst",)
    templates = (1, 3)

    @cached_property
    def corpus(self) -> Corpus:
        """What is asked: all sorts of things, most of them what people ask."""
        return Corpus(seed=self.salted, domains=DOMAINS, common=(0.6, 0.95))
