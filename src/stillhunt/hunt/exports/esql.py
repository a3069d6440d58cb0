"""ES|QL, Elastic's piped language. Not executed here: try it before you rely on it.

Documents are expected to have our columns as fields and the start of the request as
``@timestamp``. ES|QL looks at no neighbouring rows, so sliding windows are refused.
Source: Elastic documentation, ES|QL commands and functions.
"""

from collections.abc import Mapping

from stillhunt.hunt.export import Asked
from stillhunt.hunt.kusto.literals import visible
from stillhunt.hunt.pipes import quoted, steps
from stillhunt.hunt.plan import Aggregate, Column, Sliding
from stillhunt.model.errors import ExportError

__all__ = ["Esql"]

SOURCE = "FROM logs-stillhunt.exchange-*"
AGGREGATES = {"count": "COUNT", "sum": "SUM", "mean": "AVG", "min": "MIN", "max": "MAX"}
MOST = 10_000  # rows of an answer; without a limit it would be 1,000


class _Words:
    time = "@timestamp"
    equal = "=="
    different = "!="
    zero = "0.0"

    def text(self, text: str) -> str:
        return quoted(text)

    def known(self, name: str, negated: bool) -> str:
        return f"{name} IS NULL" if negated else f"{name} IS NOT NULL"

    def begins(self, name: str, start: str) -> str:
        return f"STARTS_WITH({name}, {self.text(start)})"

    def listed(self, name: str, values: str) -> str:
        return f"{name} IN ({values})"

    def quotient(self, left: str, right: str) -> str:
        return f"TO_DOUBLE({left}) / {right}"

    def extreme(self, largest: bool, parts: list[str]) -> str:
        return f"{'GREATEST' if largest else 'LEAST'}({', '.join(parts)})"

    def cases(self, cases: list[tuple[str, str]], otherwise: str) -> str:
        told = [f"{test}, {then}" for test, then in cases]
        return f"CASE({', '.join([*told, otherwise])})"

    def prefix(self, name: str) -> str:
        raise ExportError(f"no block of an address ({name}) as text")

    def where(self, condition: str) -> str:
        return f"| WHERE {condition}"

    def extend(self, columns: Mapping[str, str]) -> str:
        return "| EVAL " + ",\n    ".join(f"{name} = {one}" for name, one in columns.items())

    def summarize(self, figures: Mapping[str, Aggregate], by: tuple[str, ...]) -> list[str]:
        told = []
        for name, one in figures.items():
            column = one.of.name if isinstance(one.of, Column) else "*"
            of = self.time if column == "ts_us" else column
            told.append(f"{name} = {AGGREGATES[one.kind]}({of})")
        return ["| STATS " + ",\n    ".join(told) + f"\n    BY {', '.join(by)}"]

    def sliding(self, step: Sliding) -> list[str]:
        raise ExportError(f"no sliding window of {step.span_us / 1e6:g} s")

    def select(self, names: tuple[str, ...]) -> str:
        return f"| KEEP {', '.join(names)}\n| LIMIT {MOST}"


class Esql:
    """Write ``NAME.esql``."""

    comment = ("//", "")
    options = ()

    def file_name(self, asked: Asked) -> str:
        """Return the name of the file."""
        return f"{asked.rule.name}.esql"

    def write(self, asked: Asked) -> str:
        """Return the query.

        Raises:
            ExportError: The rule is not one of a single stage, or holds what is not plainly the
                same in ES|QL.
        """
        if asked.rule.window.kind == "bins":
            raise ExportError("no bins of the UTC clock")
        if asked.until_us is not None:
            raise ExportError("no fixed end of the period; leave --until out")
        rule, length = asked.rule, asked.plan.length_us
        title = visible(rule.title)
        lines = [
            f"// {rule.name}, version {rule.version}: {title}; not executed here",
            f"// At most {MOST} rows come back, in no order: if so many do, raise a bound.",
            SOURCE,
        ]
        if length is not None:
            lines.append(f"| WHERE @timestamp > NOW() - {length // 1_000_000} seconds")
        return "\n".join([*lines, *steps(asked.plan, _Words())])
