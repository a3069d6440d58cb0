"""The low and slow pool: 26 requests a day through each of many accounts, harvested evenly.

Modelled after a letter of June 2026: 28.8M exchanges through about 25,000 accounts in 45 days.
No account comes near a limit; what they have in common is a handful of templates, one bank of
questions and one clock.
"""

from dataclasses import dataclass

from stillhunt.lab.attack.operation import Operation

__all__ = ["Pool"]


@dataclass(frozen=True, kw_only=True)
class Pool(Operation):
    """Accounts that take turns at 26 requests a day."""

    per_day: float = 26.0

    title = "Low and slow pool"
    kind = "pool"
    families = ("solve", "code", "agent", "lookup", "lesson")
    templates = (3, 7)
