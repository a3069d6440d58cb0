"""SPL, Splunk's search language. Not executed here: try it before you rely on it.

Events are expected to have our columns as fields and the start of the request as ``_time``.
Source: Splunk search reference, commands stats, streamstats, mvexpand and eval.
"""

import re
from collections.abc import Mapping

from stillhunt.hunt.export import Asked
from stillhunt.hunt.kusto.literals import visible
from stillhunt.hunt.pipes import quoted, steps
from stillhunt.hunt.plan import Aggregate, Column, Sliding
from stillhunt.model.errors import ExportError

__all__ = ["Spl"]

SEARCH = 'search index=* sourcetype="stillhunt:exchange"'
AGGREGATES = {"count": "count", "sum": "sum", "mean": "avg", "min": "min", "max": "max"}
SPAN_US = 86_400_000_000
"""Rules with sliding windows look at the last day."""
EXPANDED = "mvexpand drops events above max_mem_usage_mb of limits.conf: watch its warning"


class _Words:
    time = "_time"
    equal = "=="
    different = "!="
    zero = "0"

    def text(self, text: str) -> str:
        return quoted(text)

    def known(self, name: str, negated: bool) -> str:
        return f"isnull({name})" if negated else f"isnotnull({name})"

    def begins(self, name: str, start: str) -> str:
        return f"substr({name}, 1, {len(start)}) == {self.text(start)}"

    def listed(self, name: str, values: str) -> str:
        return f"in({name}, {values})"

    def quotient(self, left: str, right: str) -> str:
        return f"{left} / {right}"

    def extreme(self, largest: bool, parts: list[str]) -> str:
        return f"{'max' if largest else 'min'}({', '.join(parts)})"

    def cases(self, cases: list[tuple[str, str]], otherwise: str) -> str:
        told = [f"{test}, {then}" for test, then in cases]
        return f"case({', '.join([*told, f'true(), {otherwise}'])})"

    def prefix(self, name: str) -> str:
        six = r'"^((?:[^:.]+(?::[^:.]+)?(?::[1-9a-f][^:.]*)?)?).*$", "\1::/48"'
        four = r'"^([0-9]+[.][0-9]+[.][0-9]+).*$", "\1.0/24"'
        return (
            f'case(like({name}, "%:%"), replace({name}, {six}), '
            f'like({name}, "%.%"), replace({name}, {four}), true(), {name})'
        )

    def where(self, condition: str) -> str:
        return f"| where {condition}"

    def extend(self, columns: Mapping[str, str]) -> str:
        return "| eval " + ",\n    ".join(f"{name} = {one}" for name, one in columns.items())

    def summarize(self, figures: Mapping[str, Aggregate], by: tuple[str, ...]) -> list[str]:
        told = []
        for name, one in figures.items():
            column = one.of.name if isinstance(one.of, Column) else None
            of = "" if column is None else f"({self.time if column == 'ts_us' else column})"
            told.append(f"{AGGREGATES[one.kind]}{of} AS {name}")
        # An event without a field of BY is dropped, so what is unknown is empty.
        return [
            f'| fillnull value="" {" ".join(by)}',
            f"| stats {' '.join(told)} BY {' '.join(by)}",
        ]

    def sliding(self, step: Sliding) -> list[str]:
        return [
            '| eval change = mvappend("1", "-1")',
            "| mvexpand change",
            f"| eval at = if(change == 1, _time, _time + {step.span_us / 1e6:g})",
            f"| sort 0 {step.by}, num(at), num(change)",
            f"| streamstats sum(change) AS running BY {step.by}",
            "| where change == 1",
            f"| stats max(running) AS {step.figure} BY {step.by} _time",
            f"| where {step.figure} > {step.above!r}",
        ]

    def select(self, names: tuple[str, ...]) -> str:
        return f"| table {' '.join(names)}"


class Spl:
    """Write ``NAME.spl``."""

    comment = ("```", " ```")
    options = ()

    def file_name(self, asked: Asked) -> str:
        """Return the name of the file."""
        return f"{asked.rule.name}.spl"

    def write(self, asked: Asked) -> str:
        """Return the search.

        Raises:
            ExportError: The rule is not one of a single stage, or holds what is not plainly the
                same in SPL.
        """
        if asked.rule.window.kind == "bins":
            raise ExportError("no bins of the UTC clock")
        if asked.until_us is not None:
            raise ExportError("no fixed end of the period; leave --until out")
        sliding = asked.rule.window.kind == "sliding"
        length = SPAN_US + (asked.plan.length_us or 0) if sliding else asked.plan.length_us
        since = "" if length is None else f" earliest=-{length // 1_000_000}s latest=now"
        rule = asked.rule
        title = re.sub("`+", "'", visible(rule.title))
        head = [f"``` {rule.name}, version {rule.version}: {title}; not executed here ```"]
        lines = [*head, f"{SEARCH}{since}", *steps(asked.plan, _Words())]
        if sliding:
            lines.insert(-2, f'| where _time > relative_time(now(), "-{SPAN_US // 1_000_000}s")')
            (subject,), (bound,) = rule.subject, rule.bounds
            lines.insert(1, f"``` {EXPANDED} ```")
            lines.append(
                "| stats max(severity) AS severity max(statistic) AS statistic max(n) AS n"
                f" max({bound.figure}) AS {bound.figure}"
                " min(first_seen) AS first_seen max(last_seen) AS last_seen"
                f" BY {subject}"
            )
        elif length is not None:
            lines.insert(2, f'| where _time > relative_time(now(), "-{length // 1_000_000}s")')
        return "\n".join(lines)
