"""SQL over a table ``exchanges`` with our columns, in the spelling of an engine.

The period ends with the newest exchange, as a hunt's does, unless an end is given. Rules with
sliding windows or bins ask about everything that the table holds.
"""

from stillhunt.hunt.export import Asked
from stillhunt.hunt.kusto.literals import visible
from stillhunt.hunt.plan_sql import steps_sql
from stillhunt.hunt.portable.dialects import EXECUTED, NOT_EXECUTED, written
from stillhunt.model.errors import ConfigError, ExportError, PortabilityError
from stillhunt.settings import near

__all__ = ["Sql"]

DIALECTS = (*EXECUTED, *NOT_EXECUTED)


class Sql:
    """Write ``NAME.DIALECT.sql``."""

    comment = ("--", "")
    options = ("dialect",)

    def file_name(self, asked: Asked) -> str:
        """Return the name of the file."""
        return f"{asked.rule.name}.{asked.dialect}.sql"

    def write(self, asked: Asked) -> str:
        """Return the query, below lines that say what it finds.

        Raises:
            ConfigError: There is no such dialect.
            ExportError: The dialect has no words for it.
        """
        for known in DIALECTS:
            if known == asked.dialect:
                break
        else:
            close = near(asked.dialect, DIALECTS)
            raise ConfigError(
                f"--dialect {asked.dialect!r}: give one of {', '.join(DIALECTS)}{close}"
            )
        plan, rule = asked.plan, asked.rule
        until = "(SELECT MAX(ts_us) FROM exchanges)" if asked.until_us is None else asked.until_us
        length = plan.length_us if rule.window.kind == "lookback" else None
        begin = "-1" if length is None else f"{until} - {length}"
        sql = steps_sql(
            plan.steps,
            table=plan.table,
            columns=plan.columns,
            joins=plan.joins_directory,
            edges={"from": begin, "until": until},
        )
        try:
            text = written(sql, known)
        except PortabilityError as error:
            raise ExportError(str(error)) from error
        listed = ", ".join((*rule.atlas, *rule.owasp))
        head = [f"-- {rule.name}, version {rule.version}: {visible(rule.title)}"]
        return "\n".join([*head, *([f"-- {listed}"] if listed else []), text])
