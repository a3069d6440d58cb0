"""A scheduled analytics rule of Microsoft Sentinel.

The rule runs every hour (more often where its window is shorter) and reads exactly what its
query looks back at. Sentinel reads 14 days at most, and cuts a query to ``queryPeriod``.
Source: Microsoft Learn, create a scheduled analytics rule; Azure-Sentinel, query style guide.
"""

from stillhunt.hunt.export import Asked
from stillhunt.hunt.kusto.alert import (
    QUERY_LIMIT,
    alert,
    entities,
    head,
    severity_name,
    tactics,
)
from stillhunt.hunt.kusto.asking import DAY_US, HOUR_US, Period, ask_kusto, period
from stillhunt.hunt.yaml_text import Block, yaml_text
from stillhunt.model.errors import ExportError

__all__ = ["Sentinel"]

LONGEST_US = 14 * DAY_US
AGAIN_US = 2 * HOUR_US
"""Hourly runs ask about two hours, so that rows which arrive an hour late are not passed over."""
SHORTEST_US = 5 * 60_000_000
MINUTE_US = 60_000_000


class Sentinel:
    """Write ``NAME.yml``, or ``NAME.TABLE.yml`` for a table other than the default."""

    comment = ("#", "")
    options = ("table",)

    def file_name(self, asked: Asked) -> str:
        """Return the name of the file."""
        part = "" if asked.table == "apilogs" else f".{asked.table}"
        return f"{asked.rule.name}{part}.yml"

    def write(self, asked: Asked) -> str:
        """Return the rule.

        Raises:
            ExportError: It looks further back than Sentinel reads, its query is too long, or
                it has a fixed end.
        """
        if asked.until_us is not None:
            raise ExportError("a schedule has no fixed end; leave --until out")
        over = period(asked, every_us=AGAIN_US)
        length_us = _length(over)
        found = alert(asked, ask_kusto(asked, over))
        if len(found.text) > QUERY_LIMIT:
            raise ExportError(f"its query has {len(found.text)} characters, {QUERY_LIMIT} is most")
        rule, mapped = asked.rule, entities(asked)
        return yaml_text(
            {
                **head(asked),
                "severity": severity_name(rule.severity.default),
                "status": "Available",
                "requiredDataConnectors": [],
                "queryFrequency": _iso(min(HOUR_US, length_us)),
                "queryPeriod": _iso(length_us),
                "triggerOperator": "gt",
                "triggerThreshold": 0,
                **tactics(asked),
                "query": Block(found.text),
                **mapped,
                "customDetails": dict(found.details),
                "alertDetailsOverride": {"alertSeverityColumnName": "AlertSeverity"},
                "eventGroupingSettings": {"aggregationKind": "AlertPerResult"},
                "incidentConfiguration": {
                    "createIncident": True,
                    "groupingConfiguration": {
                        # The same subject again within a day is one incident.
                        "enabled": bool(mapped),
                        "reopenClosedIncident": False,
                        "lookbackDuration": "P1D",
                        "matchingMethod": "AllEntities",
                    },
                },
                "version": f"{rule.version}.0.0",
                "kind": "Scheduled",
            }
        )


def _length(over: Period) -> int:
    length = over.whole_us
    if length is None or length > LONGEST_US:
        asked = "everything" if length is None else _iso(length)
        raise ExportError(f"it looks back at {asked}, P14D is the longest; --set a shorter one")
    if length < SHORTEST_US or length % MINUTE_US:
        raise ExportError(f"its look-back of {length / 1e6:g} s is not whole minutes, 5 or more")
    return length


def _iso(length_us: int) -> str:
    """Return an ISO 8601 duration of whole minutes."""
    minutes = length_us // MINUTE_US
    days, minutes = divmod(minutes, 1440)
    hours, minutes = divmod(minutes, 60)
    time = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    return "P" + (f"{days}D" if days else "") + (f"T{time}" if time else "")
