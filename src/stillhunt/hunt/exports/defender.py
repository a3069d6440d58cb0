"""A hunting query of Microsoft Defender XDR, whose advanced hunting reads Sentinel's tables too.

Rows have ``TimeGenerated``, so that a custom detection can be made of it. Advanced hunting
reads 30 days. Source: Microsoft Learn, advanced hunting; Azure-Sentinel, hunting queries.
"""

from stillhunt.hunt.export import Asked
from stillhunt.hunt.kusto.alert import alert, entities, head, tactics
from stillhunt.hunt.kusto.asking import DAY_US, ask_kusto, period
from stillhunt.hunt.yaml_text import Block, yaml_text
from stillhunt.model.errors import ExportError

__all__ = ["Defender"]

LONGEST_US = 30 * DAY_US


class Defender:
    """Write ``NAME.yml``, or ``NAME.TABLE.yml`` for a table other than the default."""

    comment = ("#", "")
    options = ("table",)

    def file_name(self, asked: Asked) -> str:
        """Return the name of the file."""
        part = "" if asked.table == "apilogs" else f".{asked.table}"
        return f"{asked.rule.name}{part}.yml"

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
        return yaml_text(
            {
                **head(asked),
                "requiredDataConnectors": [],
                **tactics(asked),
                "query": Block(found.text),
                **entities(asked),
                "version": f"{asked.rule.version}.0.0",
            }
        )
