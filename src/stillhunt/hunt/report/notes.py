"""What a reader should know of a rule or detector before believing it.

Taken from the rule's file or the detector's docstring, which are the only places where it is
written down.
"""

import inspect
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from stillhunt.hunt.rule import Rule, load_rules
from stillhunt.registry import parts

__all__ = ["Note", "notes"]

_NEXT = r"(?=^[A-Z][a-z-]+(?: [a-z-]+){0,3}:|^The bounds are|\Z)"
"""Where a paragraph of a docstring ends: at the next one that has a heading."""


@dataclass(frozen=True, kw_only=True)
class Note:
    """One rule or detector in three sentences."""

    title: str
    look_alikes: str
    evasion: str


@cache
def notes() -> Mapping[str, Note]:
    """Return the note of every rule and detector, by name."""
    rules = {rule.name: _of_rule(rule) for rule in load_rules()}
    detectors = parts("stillhunt.hunt.detectors")
    return MappingProxyType(rules | {name: _of_detector(part) for name, part in detectors.items()})


def _of_rule(rule: Rule) -> Note:
    return Note(
        title=rule.title,
        look_alikes=_line(rule.look_alikes),
        evasion=_line(rule.cost_to_evade),
    )


def _of_detector(part: type[Any]) -> Note:
    """Read the docstring of the detector's file; what it does not say is empty."""
    text = inspect.getdoc(sys.modules[part.__module__]) or ""
    first = text.partition("\n")[0].rstrip(".")
    title = first.partition(": ")[2] or first
    return Note(
        title=title[:1].upper() + title[1:],
        look_alikes=_section(text, "Honest look-alikes"),
        evasion=_section(text, "Cost to evade"),
    )


def _section(text: str, head: str) -> str:
    found = re.search(rf"^{head}:\s*(.*?){_NEXT}", text, re.DOTALL | re.MULTILINE)
    return _line(found[1]) if found else ""


def _line(text: str) -> str:
    return " ".join(text.replace("`", "").split())
