"""KQL, to be run by hand in a Log Analytics workspace, in Sentinel or in Azure Data Explorer."""

from stillhunt.hunt.export import Asked
from stillhunt.hunt.kusto.asking import ask_kusto, lacking, period
from stillhunt.hunt.kusto.literals import visible

__all__ = ["Kql"]


class Kql:
    """Write ``NAME.TABLE.kql``."""

    comment = ("//", "")
    options = ("table",)

    def file_name(self, asked: Asked) -> str:
        """Return the name of the file."""
        return f"{asked.rule.name}.{asked.table}.kql"

    def write(self, asked: Asked) -> str:
        """Return the query, below lines that say what it finds, and what its table lacks."""
        found = ask_kusto(asked, period(asked))
        rule = asked.rule
        listed = ", ".join((*rule.atlas, *rule.owasp))
        head = [f"// {rule.name}, version {rule.version}: {visible(rule.title)}"]
        head += [f"// {listed}"] if listed else []
        head += [f"// Answered partly: {one}" for one in lacking(asked)]
        return "\n".join([*head, found.text])
