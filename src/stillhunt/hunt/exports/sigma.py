"""Sigma: a rule for the exchanges that count, and a correlation for each threshold over them.

All documents of a file together are the rule: each correlation alone is a finding, and the
highest level among those that fire is its severity. Fields have our columns' names, so a
processing pipeline maps them to those of a backend. A correlation groups by fields that may be
unknown (an address without an account): most backends leave such events out, where a hunt
counts them as a group of their own.
Source: Sigma specification 2.1; its field ``atlas`` is our own, as the format allows.
"""

import re
import uuid

from stillhunt.hunt.atlas import attack
from stillhunt.hunt.export import Asked
from stillhunt.hunt.sigma_rule import Threshold, detection, thresholds
from stillhunt.hunt.yaml_text import Node, yaml_text
from stillhunt.model.errors import ExportError

__all__ = ["Sigma"]

LEVELS = {1: "informational", 2: "low", 3: "medium", 4: "high", 5: "critical"}
ROWS = "exchanges"
"""The part of a file that says which exchanges count."""
UNITS = (("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000))


class Sigma:
    """Write ``NAME.yml``."""

    comment = ("#", "")
    options = ()

    def file_name(self, asked: Asked) -> str:
        """Return the name of the file."""
        return f"{asked.rule.name}.yml"

    def write(self, asked: Asked) -> str:
        """Return the documents.

        Raises:
            ExportError: Sigma has no words for the rule; says for what.
        """
        if asked.rule.window.kind == "bins":
            raise ExportError("no bins of the UTC clock")
        if asked.until_us is not None:
            raise ExportError("no fixed end of the period; leave --until out")
        rows, found = detection(asked.plan), thresholds(asked.plan)
        base = f"stillhunt_{asked.rule.name}_exchanges"
        documents = [
            _document(asked, ROWS, 1)
            | {"name": base, "logsource": {"category": "llm_api", "product": "stillhunt"}}
            | {"detection": {**rows.selections, "condition": rows.condition}}
        ]
        documents += [_correlation(asked, base, one) for one in found]
        return "---\n".join(yaml_text(one) for one in documents)


def _document(asked: Asked, part: str, level: int) -> dict[str, Node]:
    rule = asked.rule
    tactic, technique = attack(rule.family)
    text = rule.description
    if part != ROWS and rule.either:
        lacking = " or ".join(rule.subject)
        text += f" Exchanges that lack {lacking} are in no group of most backends."
    return {
        "title": f"Stillhunt: {rule.title} ({part.replace('_', ' ')})",
        "id": str(uuid.uuid5(rule.uid, part)),
        "status": "experimental",
        "description": " ".join(text.split()),
        "tags": [f"attack.{_hyphened(tactic)}", f"attack.{technique.lower()}"],
        "atlas": list(rule.atlas),
        "falsepositives": [" ".join(rule.look_alikes.split())],
        "level": LEVELS[level],
    }


def _hyphened(words: str) -> str:
    """Return ``CommandAndControl`` as ``command-and-control``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", words).lower()


def _correlation(asked: Asked, base: str, one: Threshold) -> dict[str, Node]:
    part = f"{one.figure}_{LEVELS[one.level]}"
    condition: dict[str, Node] = {"gt": one.above}
    return _document(asked, part, one.level) | {
        "name": f"stillhunt_{asked.rule.name}_{part}",
        "correlation": {
            "type": one.kind,
            "rules": [base],
            "group-by": list(asked.rule.subject),
            "timespan": _timespan(asked.plan.length_us),
            "condition": condition if one.column is None else {"field": one.column} | condition,
        },
    }


def _timespan(length_us: int | None) -> str:
    if length_us is None:
        raise ExportError("no look-back at everything; --set one that ends")
    for unit, size in UNITS:
        if length_us % size == 0:
            return f"{length_us // size}{unit}"
    raise ExportError(f"no timespan of {length_us} us, seconds are the smallest")
