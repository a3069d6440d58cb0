"""A fixed injected prompt: one system prompt above questions that have nothing in common.

The account's own requests look like anybody's; what the reseller or the harvester puts in front
of them is the same everywhere.
"""

from dataclasses import dataclass

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
