"""Rubric harvest: another model's answers are graded by ours, and the grades train it.

Many short answers under one rubric. An evaluation team does the same openly, from one
organisation; this one deals its grading out to accounts that claim to know nothing of each other.
"""

from dataclasses import dataclass

from stillhunt.lab.attack.operation import Operation

__all__ = ["Rubric"]


@dataclass(frozen=True, kw_only=True)
class Rubric(Operation):
    """Grades as rewards, for reinforcement learning."""

    per_day: float = 40.0

    title = "Rubric and judge harvest"
    kind = "rubric"
    families = ("rubric", "preference", "rubric", "verify")
    templates = (2, 5)
