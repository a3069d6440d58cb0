"""Which rules can be asked of a stream, and how each reads a batch.

A rule is live if its figures can be kept up one exchange at a time: counts in a sliding window,
counts and sums in a look-back window of limited length. All others are for sweeps, and the tail
says so when it starts. The rows that count are chosen by the rule's own SQL, so that a sweep and
a tail look at the same exchanges.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

import duckdb
import pyarrow as pa

from stillhunt.hunt.parameters import ALL_US, Value
from stillhunt.hunt.rule import DERIVED, Rule
from stillhunt.hunt.rule_sql import _conditions, _with_prefix, measured_columns, render
from stillhunt.hunt.tail.sliding import LONGEST_SPAN_US
from stillhunt.model.exchange import HOT, column

__all__ = ["Chooser", "answers", "form_of"]

Form = Literal["sliding", "lookback"]
_KINDS = {
    "int64": pa.int64(), "int32": pa.int32(), "int16": pa.int16(),
    "float32": pa.float32(), "bool": pa.bool_(), "string": pa.string(),
}  # fmt: skip
_ALWAYS = ("ts_us", "account_id", "source_ip", "method", "path", "operation")


def form_of(rule: Rule, values: Mapping[str, Value]) -> Form | None:
    """Return how *rule* is kept up on a stream; None is for sweeps only."""
    measures = {figure.measure for figure in rule.figures.values()}
    figures = {bound.figure for bound in rule.bounds}
    if any(getattr(rule, name, None) for name in ("stages", "derive", "joins")):
        return None
    if any(getattr(figure, "where", None) for figure in rule.figures.values()):
        return None
    if rule.window.kind == "sliding":
        is_short = (rule.window.span_us or 0) <= LONGEST_SPAN_US
        is_plain = len(rule.bounds) == len(rule.subject) == 1 and measures == {"count"}
        return "sliding" if is_short and is_plain else None
    if rule.window.kind != "lookback" or (rule.combine == "all" and len(figures) > 1):
        return None
    length = int(values[str(rule.window.parameter)])
    return "lookback" if measures <= {"count", "sum"} and length < ALL_US else None


def answers(rule: Rule, fills: Collection[str]) -> bool:
    """Return whether a log that fills *fills* can answer *rule*, perhaps in part."""
    return set(fills).issuperset(rule.needs) and (
        not rule.either or not set(fills).isdisjoint(rule.either)
    )


class Chooser:
    """Chooses the exchanges of a batch that count for the rules; owns a DuckDB connection."""

    def __init__(self, rules: Sequence[tuple[Rule, Mapping[str, Value]]], memory_mb: int) -> None:
        self._rules = {rule.name: (rule, values) for rule, values in rules}
        self._columns = {
            name: pa.nulls(0, _KINDS[column(name).kind])
            for name in _wanted(rule for rule, _ in rules)
        }
        self._con = duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False})
        self._con.execute(f"SET memory_limit = '{memory_mb}MB'")
        self._con.execute("SET enable_external_access = false")
        if rules:
            self._con.register("exchanges", pa.table(self._columns))
            self._con.execute(f"PREPARE choose AS {_choose(rules)}")

    def choose(self, rows: pa.Table) -> pa.Table | None:
        """Return the exchanges among *rows* that count for some rule, None if there are none."""
        if not self._rules:
            return None
        there = set(rows.column_names)
        columns = {
            name: rows[name] if name in there else pa.nulls(len(rows), empty.type)
            for name, empty in self._columns.items()
        }
        self._con.register("exchanges", pa.table(columns))
        found = self._con.sql("EXECUTE choose").to_arrow_table()
        return found if found.num_rows else None

    def severities(self, name: str, figures: Mapping[str, Sequence[int]]) -> list[int]:
        """Return how grave the rule *name* finds subjects with *figures*, as a sweep would."""
        rule, values = self._rules[name]
        table = pa.table({key: pa.array(told, pa.int64()) for key, told in figures.items()})
        self._con.register("figures", table)
        sql = render(f"SELECT {rule.severity} FROM figures", values)
        return [int(row[0]) for row in self._con.execute(sql).fetchall()]


def _wanted(rules: Iterable[Rule]) -> list[str]:
    """Return the columns that *rules* look at, in the order of the exchange."""
    named = set(_ALWAYS)
    for rule in rules:
        named |= {*rule.needs, *rule.either, *rule.uses, *measured_columns(rule)}
    return [name for name in HOT if name in named]


def _choose(rules: Sequence[tuple[Rule, Mapping[str, Value]]]) -> str:
    """Return SQL for the exchanges that count, with a Boolean for each rule.

    One query for all of them: DuckDB takes 3 ms for each, whatever it does.
    """
    plain = {DERIVED.get(name, name) for rule, _ in rules for name in rule.subject}
    columns = ["ts_us", *sorted(plain | {c for rule, _ in rules for c in measured_columns(rule)})]
    tests = {
        f"counts_{rule.name}": render(" AND ".join(_conditions(rule, values) or ["TRUE"]), values)
        for rule, values in rules
    }
    tested = ", ".join(f"COALESCE({test}, FALSE) AS {name}" for name, test in tests.items())
    chosen = f"""SELECT * FROM (SELECT {", ".join(columns)}, {tested} FROM exchanges)
                 WHERE {" OR ".join(tests)}"""
    if any("source_prefix" in rule.subject for rule, _ in rules):
        return _with_prefix(chosen, [*columns, *tests])
    return chosen
