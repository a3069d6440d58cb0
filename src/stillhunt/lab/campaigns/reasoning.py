"""Elicitation of reasoning: what a model would keep to itself, asked for in other words.

A finished answer and the way to it, a dump of the scratchpad, tags, a translation of what was
thought, a pretended fault to debug, a lesson: each campaign uses some of these phrasings.
"""

from dataclasses import dataclass

from stillhunt.lab.attack.operation import Operation

__all__ = ["Reasoning"]


@dataclass(frozen=True, kw_only=True)
class Reasoning(Operation):
    """Chains of thought, under several pretexts."""

    per_day: float = 26.0

    title = "Chain-of-thought elicitation"
    kind = "reasoning"
    families = ("retrospect", "dump", "tags", "memory", "debug", "lesson", "verify")
    templates = (3, 6)
