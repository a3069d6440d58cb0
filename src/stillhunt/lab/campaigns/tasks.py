"""Synthetic tasks: new exercises with answers and verifiers, grown from seeds."""

from dataclasses import dataclass

from stillhunt.lab.attack.operation import Operation

__all__ = ["Tasks"]


@dataclass(frozen=True, kw_only=True)
class Tasks(Operation):
    """Whoever has no data lets the model write it."""

    per_day: float = 22.0

    title = "Synthetic-task generation"
    kind = "tasks"
    families = ("tasks",)
    templates = (3, 7)
