"""What Microsoft's portals want beside a query: entities, tactics, details, severities.

Source: Microsoft Learn, scheduled analytics rules, entity types reference, custom details; the
contribution guide of the Azure-Sentinel repository.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from stillhunt.hunt.export import Asked
from stillhunt.hunt.kusto.asking import lacking
from stillhunt.hunt.kusto.literals import quoted
from stillhunt.hunt.kusto.query import Query
from stillhunt.hunt.yaml_text import Node

__all__ = ["QUERY_LIMIT", "Alert", "alert", "entities", "head", "severity_name", "tactics"]

QUERY_LIMIT = 10_000  # characters of a scheduled rule's query
DETAILS = 20  # custom details of a rule, and characters of one's name

_SEVERITIES = {1: "Informational", 2: "Low", 3: "Medium", 4: "High", 5: "High"}
"""Sentinel knows no Critical."""

_ENTITIES = {
    "account_id": ("Account", "FullName", "AccountId"),
    "owner": ("Account", "FullName", "Owner"),
    "org_id": ("Account", "FullName", "OrgId"),
    "source_ip": ("IP", "Address", "SourceIP"),
    "source_prefix": ("IP", "Address", "NetworkAddress"),
    "email_domain": ("DNS", "DomainName", "EmailDomain"),
}
"""Column of ours -> type, identifier, column."""

# These portals know ATT&CK alone; ATLAS goes into the custom details.
_TACTICS: dict[str, tuple[str, str]] = {
    "usage": ("Exfiltration", "T1020"),
    "time": ("Exfiltration", "T1020"),
    "content": ("Exfiltration", "T1020"),
    "identity": ("ResourceDevelopment", "T1585"),
    "infrastructure": ("CommandAndControl", "T1090"),
}
"""Automated exfiltration, establish accounts, proxy."""


@dataclass(frozen=True)
class Alert:
    """A query whose rows are alerts."""

    text: str
    details: Mapping[str, str]
    """Name of a custom detail -> column."""


def severity_name(level: int) -> str:
    """Return the severity of a level, 1 to 5, as Sentinel calls it."""
    return _SEVERITIES[level]


def tactics(asked: Asked) -> dict[str, Node]:
    """Return tactics and techniques of MITRE ATT&CK."""
    tactic, technique = _TACTICS[asked.rule.family]
    return {"tactics": [tactic], "relevantTechniques": [technique]}


def entities(asked: Asked) -> dict[str, Node]:
    """Return the entity mappings of the subject, one of each type; none if it is no entity."""
    found: dict[str, Node] = {}
    for name in asked.rule.subject:
        if name in _ENTITIES:
            kind, identifier, column = _ENTITIES[name]
            field: Node = {"identifier": identifier, "columnName": column}
            found[kind] = {"entityType": kind, "fieldMappings": [field]}
    return {"entityMappings": list(found.values())} if found else {}


def alert(asked: Asked, found: Query) -> Alert:
    """Return the query of *asked* with what an alert shows added to its columns."""
    rule = asked.rule
    lines = [
        "TimeGenerated = LastSeen",
        'AlertSeverity = case(Severity >= 4, "High", Severity == 3, "Medium", '
        'Severity == 2, "Low", "Informational")',
        f"AtlasIds = {quoted(', '.join(rule.atlas))}",
        f"OwaspIds = {quoted(', '.join(rule.owasp))}",
    ]
    if "source_prefix" in rule.subject:
        lines.append('NetworkAddress = tostring(split(SourcePrefix, "/")[0])')
    shown = ["AtlasIds", "OwaspIds", "Severity", "Statistic", "FirstSeen", "LastSeen"]
    named = [column for column in found.columns.values() if column not in (*shown, "N")]
    details = {column[:DETAILS]: column for column in (*shown, *named)}
    return Alert(
        f"{found.text}\n| extend " + ",\n    ".join(lines),
        dict(list(details.items())[:DETAILS]),
    )


def head(asked: Asked) -> dict[str, Node]:
    """Return id, name and description, which every kind of rule begins with."""
    rule = asked.rule
    text = " ".join(f"{rule.description} Honest look-alikes: {rule.look_alikes}".split())
    text += "".join(f" Answered partly: {one}." for one in lacking(asked))
    ids = ", ".join((*rule.atlas, *rule.owasp))
    return {
        "id": str(rule.uid),
        "name": re.sub(r"\s+", " ", f"Stillhunt: {rule.title}"),
        "description": f"{text} ({ids})" if ids else text,
    }
