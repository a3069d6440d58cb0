"""Which rules can be asked of a stream, and how each reads a batch.

A rule is live if its figures can be kept up one exchange at a time: counts in a sliding window,
counts and sums in a look-back window of limited length. All others are for sweeps, and the tail
says so when it starts. The rows that count are chosen by the rule's own plan, so that a sweep and
a tail look at the same exchanges.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal

import duckdb
import pyarrow as pa

from stillhunt.hunt import plan
from stillhunt.hunt.expression_sql import condition_terms, expression_sql
from stillhunt.hunt.parameters import ALL_US, Value
from stillhunt.hunt.rule import Rule
from stillhunt.hunt.rule_plan import row_steps, rule_plan, severity
from stillhunt.hunt.tail.sliding import LONGEST_SPAN_US
from stillhunt.model.exchange import column

__all__ = ["Chooser", "answers", "fingerprint", "form_of"]

Form = Literal["sliding", "lookback"]
Told = tuple[Rule, Mapping[str, Value]]
"""A rule and its parameters."""
_KINDS = {
    "int64": pa.int64(), "int32": pa.int32(), "int16": pa.int16(),
    "float32": pa.float32(), "bool": pa.bool_(), "string": pa.string(),
}  # fmt: skip
_NO_EDGES = {"from": 0, "until": 0}
PREFIX = "source_prefix"


def form_of(rule: Rule, values: Mapping[str, Value]) -> Form | None:
    """Return how *rule* is kept up on a stream; None is for sweeps only."""
    figures = rule.last_figures.values()
    measures = {figure.measure for figure in figures}
    is_plain = (
        rule.table == "exchanges"
        and not (rule.joins or rule.previous or rule.stages or rule.filter.then)
        and not (rule.derive.first or rule.derive.bin)
        and not any(figure.where for figure in figures)
        and not any(bound.by for bound in rule.bounds)
        and all(case.figure for case in rule.severity.cases)
    )
    if not is_plain:
        return None
    if rule.window.kind == "sliding":
        is_one = len(rule.bounds) == len(rule.subject) == 1 and measures == {"count"}
        return "sliding" if is_one and (rule.window.span_us or 0) <= LONGEST_SPAN_US else None
    if rule.window.kind != "lookback" or rule.window.began != "bound":
        return None
    if rule.combine == "all" and len(rule.bounds) > 1:
        return None
    length = int(values[str(rule.window.parameter)])
    return "lookback" if measures <= {"count", "sum"} and length < ALL_US else None


def answers(rule: Rule, fills: Collection[str]) -> bool:
    """Return whether a log that fills *fills* can answer *rule*, perhaps in part."""
    return set(fills).issuperset(rule.needs) and (
        not rule.either or not set(fills).isdisjoint(rule.either)
    )


def fingerprint(rule: Rule, values: Mapping[str, Value]) -> str:
    """Return a hash of everything that the windows of *rule* rest on.

    Of the bounds only the names: where one is set to another value, the same windows go on.
    """
    parts = {"version", "subject", "figures", "stages", "window", "derive", "bounds"}
    told = rule.model_dump(mode="json", include=parts)
    length = values.get(str(rule.window.parameter))
    text = json.dumps([told, length, _terms((rule, values))], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


class Chooser:
    """Chooses the exchanges of a batch that count for the rules; owns a DuckDB connection."""

    def __init__(self, rules: Sequence[Told], memory_mb: int) -> None:
        """Prepare one query for all *rules*: DuckDB takes 3 ms for each, whatever it does."""
        self._rules = {rule.name: (rule, values) for rule, values in rules}
        names = {"ts_us", *(c for rule, values in rules for c in rule_plan(rule, values).columns)}
        self._columns = {name: pa.nulls(0, _KINDS[column(name).kind]) for name in sorted(names)}
        self._con = duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False})
        self._con.execute(f"SET memory_limit = '{memory_mb}MB'")
        self._con.execute("SET enable_external_access = false")
        self.columns = frozenset(self._columns)
        """What is read of an exchange, where a log has it."""
        if rules:
            self._con.register("exchanges", pa.table(self._columns))
            self._con.execute(f"PREPARE choose AS {_choose(rules, list(self._columns))}")

    def choose(self, rows: pa.Table) -> pa.Table | None:
        """Return the exchanges among *rows* that count for some rule, None if there are none.

        Their columns are ``ts_us``, the subjects, what is measured, and ``counts_RULE``.
        """
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
        graded = severity(*self._rules[name])
        self._con.register(
            "figures", pa.table({key: pa.array(told, pa.int64()) for key, told in figures.items()})
        )
        answer = self._con.execute(f"SELECT {expression_sql(graded, _NO_EDGES)} FROM figures")
        return [int(row[0]) for row in answer.fetchall()]


def _choose(rules: Sequence[Told], columns: Sequence[str]) -> str:
    """Return SQL for the exchanges that count, with a Boolean for each rule."""
    kept = list(dict.fromkeys(["ts_us", *(name for told in rules for name in _kept(told))]))
    terms = {told[0].name: _terms(told) for told in rules}
    # Each term once, whatever the number of rules that share it: half the time of the query.
    shared = list(dict.fromkeys(term for several in terms.values() for term in several))
    once = ", ".join(f"COALESCE({term}, FALSE) AS term_{k}" for k, term in enumerate(shared))
    tests = {
        f"counts_{name}": " AND ".join(f"term_{shared.index(t)}" for t in several) or "TRUE"
        for name, several in terms.items()
    }
    made = ", ".join(
        f"{expression_sql(plan.SourcePrefix('source_ip'), _NO_EDGES)} AS {PREFIX}"
        if name == PREFIX
        else name
        for name in kept
    )
    tested = ", ".join(f"({test}) AS {name}" for name, test in tests.items())
    anyone = " OR ".join(dict.fromkeys(f"({test})" for test in tests.values()))
    return f"""SELECT {made}, {tested}
               FROM (SELECT {", ".join(columns)}{", " if once else ""}{once} FROM exchanges)
               WHERE {anyone}"""


def _kept(told: Told) -> Iterator[str]:
    """Yield the columns that a rule's figures need."""
    rule, _ = told
    yield from rule.subject
    yield from (figure.column for figure in rule.last_figures.values() if figure.column)


def _terms(told: Told) -> list[str]:
    """Return the SQL of what an exchange has to be to count, but for time."""
    first = next(step for step in row_steps(*told) if isinstance(step, plan.Filter))
    assert isinstance(first.condition, plan.AllOf)  # noqa: S101 - as row_steps writes it
    terms = tuple(term for term in first.condition.terms if not _is_edge(term))
    return condition_terms(plan.AllOf(terms), _NO_EDGES)


def _is_edge(term: plan.Expression) -> bool:
    return isinstance(term, plan.Compare) and isinstance(term.right, plan.Edge)
