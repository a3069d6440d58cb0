"""A hunting query of Microsoft Defender XDR, whose advanced hunting reads Sentinel's tables too.

A hunting query, no custom detection: that wants ``Timestamp`` and ``ReportId`` beside a column
of its own for the impacted asset, and an hourly one reads four hours, whatever the query looks
back at; ``docs/exports.md`` says what to add. Advanced hunting reads 30 days.
Source: Microsoft Learn, advanced hunting, custom detection rules; Azure-Sentinel, hunting
queries.
"""

from stillhunt.hunt.export import Asked
from stillhunt.hunt.kusto.alert import alert, entities, file_name, head, tactics
from stillhunt.hunt.kusto.asking import DAY_US, ask_kusto, period
from stillhunt.hunt.yaml_text import Block, yaml_text
from stillhunt.model.errors import ExportError

__all__ = ["Defender"]

NOTE = "A hunting query, no custom detection: rows have no Timestamp and no ReportId."
LONGEST_US = 30 * DAY_US


class Defender:
    """Write ``NAME.yml``, or ``NAME.TABLE.yml`` for a table other than the default."""

    comment = ("#", "")
    options = ("table",)

    def file_name(self, asked: Asked) -> str:
        """Return the name of the file."""
        return file_name(asked)

    def write(self, asked: Asked) -> str:
        """Return the query with its description.

        Raises:
            ExportError: It looks further back than advanced hunting reads.
        """
        over = period(asked)
        length = over.whole_us
        if length is None or length > LONGEST_US:
            days = "everything" if length is None else f"{length / DAY_US:g} days"
            raise ExportError(f"it looks back at {days}, 30 days is most; --set a shorter one")
        found = alert(asked, ask_kusto(asked, over))
        about = head(asked)
        return yaml_text(
            {
                **about,
                "description": f"{about['description']} {NOTE}",
                "requiredDataConnectors": [],
                **tactics(asked),
                "query": Block(found.text),
                **entities(asked),
                "version": f"{asked.rule.version}.0.0",
            }
        )
