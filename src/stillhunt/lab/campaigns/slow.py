"""Six months of patience: three requests a day through few accounts, never in a hurry."""

from dataclasses import dataclass

from stillhunt.lab.attack.operation import USUAL as _USUAL
from stillhunt.lab.attack.operation import Operation
from stillhunt.lab.evasion import Evasion

__all__ = ["Slow"]


@dataclass(frozen=True, kw_only=True)
class Slow(Operation):
    """So little a day that only months add up to a group; give it a long period."""

    per_day: float = 3.0

    title = "Six months, three requests a day"
    kind = "slow"
    habit = Evasion(aged=True, cards="each").over(_USUAL)
    families = ("solve", "code", "retrospect", "agent", "tags")
    templates = (2, 4)
