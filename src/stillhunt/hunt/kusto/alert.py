"""What Microsoft's portals want beside a query: entities, tactics, details, severities.

Source: Microsoft Learn, scheduled analytics rules, entity types reference, custom details; the
contribution guide of the Azure-Sentinel repository.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from stillhunt.hunt.atlas import attack
from stillhunt.hunt.export import Asked
from stillhunt.hunt.kusto.asking import lacking
from stillhunt.hunt.kusto.literals import quoted
from stillhunt.hunt.kusto.query import Query
from stillhunt.hunt.yaml_text import Node

__all__ = [
    "QUERY_LIMIT",
    "Alert",
    "alert",
    "detail",
    "entities",
    "file_name",
    "head",
    "severity_name",
    "tactics",
    "uid",
]

DEFAULT_TABLE = "apilogs"
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
    """Return tactics and techniques of MITRE ATT&CK; ATLAS goes into the custom details."""
    tactic, technique = attack(asked.rule.family)
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
    ]
    if rule.owasp:
        lines.append(f"OwaspIds = {quoted(', '.join(rule.owasp))}")
    if "source_prefix" in rule.subject:
        lines.append('NetworkAddress = tostring(split(SourcePrefix, "/")[0])')
    listed = ["AtlasIds", *(["OwaspIds"] if rule.owasp else [])]
    shown = [*listed, "Severity", "Statistic", "FirstSeen", "LastSeen"]
    named = [column for column in found.columns.values() if column not in (*shown, "N")]
    details = {detail(column): column for column in (*shown, *named)}
    return Alert(
        f"{found.text}\n| extend " + ",\n    ".join(lines),
        dict(list(details.items())[:DETAILS]),
    )


def detail(column: str) -> str:
    """Return the name of the custom detail that shows *column*: as many words of it as fit."""
    words = re.findall(r"[A-Z]+[a-z0-9]*|[a-z0-9_]+", column)
    while len(words) > 1 and len("".join(words)) > DETAILS:
        words.pop()
    return "".join(words)[:DETAILS]


def file_name(asked: Asked) -> str:
    """Return ``NAME.yml``, or ``NAME.TABLE.yml`` for a table other than the default."""
    part = "" if asked.table == DEFAULT_TABLE else f".{asked.table}"
    return f"{asked.rule.name}{part}.yml"


def uid(asked: Asked) -> uuid.UUID:
    """Return the id of the rule on its table: the rule's own on the default table.

    A house that asks two tables has two rules, and one id would replace the other.
    """
    if asked.table == DEFAULT_TABLE:
        return asked.rule.uid
    return uuid.uuid5(asked.rule.uid, asked.table)


def head(asked: Asked) -> dict[str, Node]:
    """Return id, name and description, which every kind of rule begins with."""
    rule = asked.rule
    text = " ".join(f"{rule.description} Honest look-alikes: {rule.look_alikes}".split())
    text += "".join(f" Answered partly: {one}." for one in lacking(asked))
    ids = ", ".join((*rule.atlas, *rule.owasp))
    return {
        "id": str(uid(asked)),
        "name": re.sub(r"\s+", " ", f"Stillhunt: {rule.title}"),
        "description": f"{text} ({ids})" if ids else text,
    }
