"""A plan as one query in the portable subset: a common table expression for each step.

The text that is returned is the text that runs, with every value written in: an analyst can
paste it. No timestamps, no approximate functions, no arrays, so that DuckDB, Spark and
ClickHouse agree on every row.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from stillhunt.hunt.expression_sql import (
    Edges,
    aggregate_sql,
    condition_terms,
    expression_sql,
    literal,
)
from stillhunt.hunt.plan import (
    AllOf,
    Bin,
    Extend,
    Filter,
    Known,
    Member,
    Plan,
    Previous,
    Select,
    Sliding,
    Step,
    Summarize,
)
from stillhunt.hunt.plan_sizes import small_groups

__all__ = ["plan_sql", "steps_sql"]

BREAK = re.compile(r"'(?:[^']|'')*'|\n")
"""A text in quotes, whose line breaks are its own, or a line break."""


def plan_sql(plan: Plan, from_us: int, until_us: int) -> str:
    """Return the query of *plan* over (from_us, until_us]."""
    return steps_sql(
        plan.steps,
        table=plan.table,
        columns=plan.columns,
        joins=plan.joins_directory,
        edges={"from": from_us, "until": until_us},
    )


def steps_sql(
    steps: Sequence[Step],
    *,
    table: str,
    columns: Sequence[str],
    joins: Sequence[str] = (),
    edges: Edges,
) -> str:
    """Return the query that takes *steps*.

    Args:
        steps: As in a plan.
        table: What they start from.
        columns: Its columns that they look at.
        joins: Columns of the account directory, joined by ``account_id``.
        edges: SQL of the two ends of the period.
    """
    writer = _Writer(edges=edges, source=table, columns=list(columns))
    if joins:
        writer.join(joins)
    for k, step in enumerate(steps):
        writer.take(step, steps[k + 1 :])
    return writer.text()


@dataclass(kw_only=True)
class _Writer:
    """Writes steps; a filter, and columns added after it, wait to be written in one SELECT."""

    edges: Edges
    source: str
    columns: list[str]
    """Columns of the rows so far, the waiting ones included."""
    written: list[str] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    terms: list[str] = field(default_factory=list)
    added: dict[str, str] = field(default_factory=dict)
    known: set[str] = field(default_factory=lambda: {"ts_us", "created_at_us"})
    """Columns that are never unknown."""

    def take(self, step: Step, rest: Sequence[Step]) -> None:
        """Write *step*, or keep it waiting; *rest* follows."""
        match step:
            case Filter(condition):
                if self.added:
                    self._flush("chosen")
                self.terms += condition_terms(condition, self.edges)
                terms = condition.terms if isinstance(condition, AllOf) else (condition,)
                self.known |= {t.name for t in terms if isinstance(t, Known) and not t.negated}
            case Extend(columns):
                if self.added:
                    self._flush("chosen")
                self.added = {n: expression_sql(e, self.edges) for n, e in columns.items()}
                self.columns += [name for name in columns if name not in self.columns]
                self.known |= {n for n, e in columns.items() if isinstance(e, Bin)}
            case Select(names):
                self.columns = list(names)
            case Summarize(by, figures):
                self._thin(step, rest)
                self._summarize(by, {n: aggregate_sql(f, self.edges) for n, f in figures.items()})
            case Previous(by, names):
                self._flush("chosen")
                self._narrow(step, rest)
                self._previous(by, names)
            case Sliding():
                self._flush("chosen")
                self._sliding(step)

    def text(self) -> str:
        """Return the whole query; the last SELECT stands outside."""
        last = self._select()
        if not self.written:
            return last
        return "WITH " + ",\n".join(self.written) + "\n" + last

    def join(self, joins: Sequence[str]) -> None:
        """Join the directory before anything else."""
        own = [name for name in self.columns if name not in joins]
        columns = [*(f"e.{name}" for name in own), *(f"d.{name}" for name in joins)]
        sql = (
            f"SELECT {', '.join(columns)}\nFROM {self.source} AS e\n"
            "JOIN directory AS d ON d.account_id = e.account_id"
        )
        self.columns = [*own, *joins]
        self._write("joined", sql)

    def _select(self) -> str:
        columns = ", ".join(self._column(name) for name in self.columns)
        sql = f"SELECT {columns}\nFROM {self.source}"
        return sql + self._where()

    def _column(self, name: str) -> str:
        return f"{self.added[name]} AS {name}" if name in self.added else name

    def _where(self) -> str:
        return "\nWHERE " + "\n  AND ".join(self.terms) if self.terms else ""

    def _flush(self, name: str) -> None:
        """Write what is waiting, if anything is."""
        if self.terms or self.added:
            self._write(name, self._select())

    def _write(self, name: str, sql: str) -> None:
        """Write a step under a name of its own; the next one reads from it."""
        count = self.names[name] = self.names.get(name, 0) + 1
        self.source = name if count == 1 else f"{name}_{count}"
        self.terms, self.added = [], {}
        body = BREAK.sub(lambda match: "\n    " if match[0] == "\n" else match[0], sql)
        self.written.append(f"{self.source} AS (\n    {body}\n)")

    def _summarize(self, by: Sequence[str], figures: dict[str, str]) -> None:
        if self.added:
            self._flush("chosen")
        each = ",\n       ".join(f"{sql} AS {name}" for name, sql in figures.items())
        groups = ", ".join(by)
        source = f"{self.source}{self._where()}"
        sql = f"SELECT {groups},\n       {each}\nFROM {source}\nGROUP BY {groups}"
        self.columns = [*by, *figures]
        self._write("figures", sql)

    def _previous(self, by: Sequence[str], names: Sequence[str]) -> None:
        """LAG says different things of a first row, so only ROW_NUMBER knows which one that is."""
        window = f"(PARTITION BY {', '.join(by)} ORDER BY ts_us, exchange_id)"
        lagged = [f"LAG({name}) OVER {window} AS lag_{name}" for name in names]
        columns = [*self.columns, *lagged, f"ROW_NUMBER() OVER {window} AS place"]
        self._write("lagged", f"SELECT {_lines(columns)}\nFROM {self.source}")
        guarded = [f"CASE WHEN place > 1 THEN lag_{n} END AS previous_{n}" for n in names]
        self._write("before", f"SELECT {_lines([*self.columns, *guarded])}\nFROM {self.source}")
        self.columns += [f"previous_{name}" for name in names]

    def _narrow(self, step: Previous, rest: Sequence[Step]) -> None:
        """Leave out groups without any row that a later filter wants as the row before.

        It changes no answer and spares the window function most rows.
        """
        wanted = _wanted(step, rest)
        if wanted is None:
            return
        (by,) = step.by
        sql = (
            f"SELECT {', '.join(self.columns)}\nFROM {self.source}\nWHERE {by} IN (\n"
            f"    SELECT {by} FROM {self.source}\n    WHERE {wanted.name} IN"
            f" ({', '.join(map(literal, wanted.values))})\n)"
        )
        self._write("narrowed", sql)

    def _thin(self, step: Summarize, rest: Sequence[Step]) -> None:
        """Leave out the rows of groups that are too small for a bound of a later stage.

        It changes no answer: a group of n rows has at most n groups in it. Most subjects send
        little, and grouping them finely is what costs (a third of the time and memory on 4M
        rows of 50,000 accounts).
        """
        found = None if "figures" in self.names else small_groups(step, rest)
        if found is None or "lagged" in self.names or not set(found.by) <= self.known:
            return  # a later stage, few rows, or a join that would lose those who are unknown
        if self.terms or not set(found.by).isdisjoint(self.added):
            self._flush("chosen")
        waiting, self.added = self.added, {}
        kept = [name for name in self.columns if name not in waiting]
        source, groups = self.source, ", ".join(found.by)
        least = f"GROUP BY {groups}\nHAVING COUNT(*) > {literal(found.above)}"
        self._write("large", f"SELECT {groups}\nFROM {source}\n{least}")
        same = " AND ".join(f"l.{name} = c.{name}" for name in found.by)
        columns = ", ".join(f"c.{name}" for name in kept)
        joined = f"FROM {source} AS c\nJOIN {self.source} AS l ON {same}"
        self._write("thinned", f"SELECT {columns}\n{joined}")
        self.added = waiting

    def _sliding(self, step: Sliding) -> None:
        count = (
            f"COUNT(*) OVER (PARTITION BY {step.by} ORDER BY ts_us"
            f" RANGE BETWEEN {step.span_us} - 1 PRECEDING AND CURRENT ROW) AS {step.figure}"
        )
        self._write("counted", f"SELECT {_lines([*self.columns, count])}\nFROM {self.source}")
        self.columns.append(step.figure)
        self.terms = [f"{step.figure} > {literal(step.above)}"]


def _lines(columns: Sequence[str]) -> str:
    return ",\n       ".join(columns)


def _wanted(step: Previous, rest: Sequence[Step]) -> Member | None:
    """Return what the filter behind *step* wants of the row before, if groups can go for it."""
    if len(step.by) > 1:
        return None
    for later in rest:
        if isinstance(later, Previous) and set(step.by) <= set(later.by):
            continue
        if not isinstance(later, Filter):
            return None
        whole = later.condition
        for term in whole.terms if isinstance(whole, AllOf) else (whole,):
            name = term.name.removeprefix("previous_") if isinstance(term, Member) else ""
            if isinstance(term, Member) and name != term.name and name in step.names:
                return Member(name, term.values)
        return None
    return None
