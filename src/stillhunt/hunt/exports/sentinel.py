"""A scheduled analytics rule of Microsoft Sentinel.

The rule runs every hour (more often where its window is shorter) and reads exactly what its
query looks back at. Sentinel reads 14 days at most, and cuts what a query reads of any table to
``queryPeriod``: so the account directory has to be a function over a watchlist, because rows of
a table that are older than that are not there. The log, too, is a function, because the name of
a custom table ends in ``_CL``. The file is what the Azure-Sentinel repository holds; a portal
imports it as an ARM template only. Nobody has run it in a workspace here.
Source: Microsoft Learn, create a scheduled analytics rule; Azure-Sentinel, query style guide.
"""

from collections.abc import Mapping

from stillhunt.hunt.export import Asked
from stillhunt.hunt.kusto.alert import (
    QUERY_LIMIT,
    alert,
    detail,
    entities,
    file_name,
    head,
    severity_name,
    tactics,
)
from stillhunt.hunt.kusto.asking import DAY_US, HOUR_US, Period, ask_kusto, period
from stillhunt.hunt.kusto.literals import pascal
from stillhunt.hunt.yaml_text import Block, Node, yaml_text
from stillhunt.model.errors import ExportError

__all__ = ["Sentinel"]

LONGEST_US = 14 * DAY_US
AGAIN_US = 2 * HOUR_US
"""Hourly runs ask about two hours, so that rows which arrive an hour late are not passed over."""
GROUPED_US = 7 * DAY_US
"""The longest time over which Sentinel groups alerts into one incident."""
SHORTEST_US = 5 * 60_000_000
MINUTE_US = 60_000_000


class Sentinel:
    """Write ``NAME.yml``, or ``NAME.TABLE.yml`` for a table other than the default."""

    comment = ("#", "")
    options = ("table",)

    def file_name(self, asked: Asked) -> str:
        """Return the name of the file."""
        return file_name(asked)

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
                        # A row is found again every hour, as long as the query looks back.
                        "enabled": True,
                        "reopenClosedIncident": False,
                        "lookbackDuration": _iso(min(max(length_us, DAY_US), GROUPED_US)),
                        **_grouped(asked, mapped),
                    },
                },
                "version": f"{rule.version}.0.0",
                "kind": "Scheduled",
            }
        )


def _grouped(asked: Asked, mapped: Mapping[str, Node]) -> dict[str, Node]:
    """Return by what alerts are one incident: their entities, else what names the subject."""
    if mapped:
        return {"matchingMethod": "AllEntities"}
    named: list[Node] = [detail(pascal(name)) for name in asked.rule.subject]
    return {
        "matchingMethod": "Selected",
        "groupByEntities": [],
        "groupByAlertDetails": [],
        "groupByCustomDetails": named,
    }


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
