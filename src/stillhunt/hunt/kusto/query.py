"""A plan as one KQL query, a line for each step."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from stillhunt.hunt.kusto.expressions import aggregate, condition, written
from stillhunt.hunt.kusto.literals import duration, null, pascal
from stillhunt.hunt.kusto.scope import Edges, Said, Scope, Written
from stillhunt.hunt.kusto.tables import DIRECTORY, KustoTable, kind_of
from stillhunt.hunt.plan import (
    Aggregate,
    AllOf,
    Column,
    Expression,
    Extend,
    Filter,
    Known,
    Plan,
    Previous,
    Select,
    Sliding,
    Step,
    Summarize,
    mentioned,
)
from stillhunt.model.errors import ExportError

__all__ = ["Query", "query"]


@dataclass(frozen=True)
class Query:
    """A query, and what its rows hold."""

    text: str
    columns: Mapping[str, str]
    """Canonical name -> column, in order."""


def query(
    plan: Plan,
    table: KustoTable,
    edges: Edges,
    *,
    reach: str | None = None,
    spared: Collection[str] = (),
) -> Query:
    """Return *plan* as a query over *table*.

    Args:
        plan: What to ask.
        table: Where.
        edges: The period.
        reach: The moment before which no row can matter; None is the begin of time.
        spared: Columns without which a figure is unknown, and the answer still one.

    Raises:
        ExportError: The table does not have a column that the plan cannot do without.
    """
    writer = _Writer(table, plan, edges, spared)
    try:
        for step in writer.begin(reach):
            writer.write(step)
    except KeyError as error:
        raise ExportError(f"table {table.name} has no {error.args[0]}") from error
    return Query("\n".join([*writer.lets, *writer.lines]), writer.names())


@dataclass
class _Writer:
    table: KustoTable
    plan: Plan
    edges: Edges
    spared: Collection[str]
    lets: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    scope: Scope = field(init=False)
    slid: Sliding | None = None

    def begin(self, reach: str | None) -> Sequence[Step]:
        """Write where the rows come from, and return the steps that are left."""
        if self.plan.table == "directory":
            self.lines = [DIRECTORY]
            self._has({name: _plain(name) for name in self.plan.columns})
            return self.plan.steps
        wanted = [name for name in self.plan.columns if name in self.table.columns]
        self.lines = list(self.table.begin(wanted, reach))
        self._has({name: _plain(name) for name in wanted})
        if not self.plan.joins_directory:
            return self.plan.steps
        # The time and the paths first: joining everything there is would cost the whole table.
        before, left = _parted(self.plan)
        self._filter(before)
        self._join()
        return left

    def _join(self) -> None:
        joined = {name: _plain(name) for name in self.plan.joins_directory}
        kept = ", ".join(["AccountId", *(one.text for one in joined.values())])
        self.lines.append(f"| join kind=inner ({DIRECTORY} | project {kept}) on AccountId")
        self._has({**self.scope.columns, **joined})

    def _has(self, columns: Mapping[str, Written]) -> None:
        self.scope = Scope(columns, self.edges)

    def names(self) -> dict[str, str]:
        return {name: one.text for name, one in self.scope.columns.items()}

    def write(self, step: Step) -> None:
        match step:
            case Filter():
                self._filter(step)
            case Extend():
                self._extend(step)
            case Previous():
                self._previous(step)
            case Summarize():
                self._summarize(step.by, step.figures)
            case Sliding():
                self._sliding(step)
            case Select():
                self._select(step)

    def _filter(self, step: Filter) -> None:
        terms = step.condition.terms if isinstance(step.condition, AllOf) else (step.condition,)
        said = {term: condition(term, self.scope) for term in terms}
        if missing := [term for term, text in said.items() if text is False]:
            raise KeyError(_lacking(missing[0], self.scope))
        found = dict.fromkeys(one for one in said.values() if isinstance(one, Said))
        parts = [one.within("and") if len(found) > 1 else one.text for one in found]
        if parts:
            self.lines.append("| where " + "\n    and ".join(parts))
        known = [term.name for term in terms if isinstance(term, Known) and not term.negated]
        self._has(
            {
                name: replace(one, known=one.known or name in known)
                for name, one in self.scope.columns.items()
            }
        )

    def _extend(self, step: Extend) -> None:
        made = {name: written(one, self.scope) for name, one in step.columns.items()}
        told = [f"{pascal(name)} = {one.text}" for name, one in made.items()]
        self.lines.append("| extend " + ",\n    ".join(told))
        self._has({**self.scope.columns, **_columns(made)})

    def _previous(self, step: Previous) -> None:
        by = [self.scope.column(name).text for name in step.by]
        order = [*by, *(self.scope.column(n).text for n in ("ts_us", "exchange_id"))]
        same = " and ".join(f"prev({one}) == {one}" for one in by)
        made = {
            f"previous_{name}": replace(
                one, text=f"iff({same}, prev({one.text}), {null(one.kind)})", known=False
            )
            for name, one in ((name, self.scope.column(name)) for name in step.names)
        }
        told = [f"{pascal(name)} = {one.text}" for name, one in made.items()]
        self.lines.append("| sort by " + ", ".join(f"{one} asc" for one in order))
        self.lines.append("| extend " + ",\n    ".join(told))
        self._has({**self.scope.columns, **_columns(made)})

    def _summarize(self, by: Sequence[str], figures: Mapping[str, Aggregate]) -> None:
        keys = {name: self.scope.column(name) for name in by}
        made, unknown = self._measured(figures)
        # A figure that is called like a column which another figure measures is named later,
        # so that no engine takes the one for the other.
        later = {name for name in made if _is_used_elsewhere(name, figures)}
        told = [
            f"{pascal(name)}{'_' * (name in later)} = {one.text}" for name, one in made.items()
        ]
        grouped = f"\n    by {', '.join(one.text for one in keys.values())}" if keys else ""
        self.lines.append("| summarize " + ",\n    ".join(told) + grouped)
        if later:
            renamed = ", ".join(f"{pascal(name)} = {pascal(name)}_" for name in sorted(later))
            self.lines.append(f"| project-rename {renamed}")
        if unknown:
            told = [f"{pascal(name)} = {one.text}" for name, one in unknown.items()]
            self.lines.append(f"| extend {', '.join(told)}")
        self._has({**keys, **_columns({**made, **unknown})})

    def _measured(
        self, figures: Mapping[str, Aggregate]
    ) -> tuple[dict[str, Written], dict[str, Written]]:
        """Return the figures that the table can tell, and those that stay unknown there."""
        made: dict[str, Written] = {}
        unknown: dict[str, Written] = {}
        for name, one in figures.items():
            try:
                said = aggregate(one, self.scope)
            except KeyError as error:
                if error.args[0] not in self.spared:
                    raise
                said = None
            if said is None:
                unknown[name] = Written(null("real" if one.kind == "mean" else "long"), "long")
            else:
                made[name] = said
        return made, unknown

    def _sliding(self, step: Sliding) -> None:
        """Count arrivals, take each away after its span: a running sum is the window's count.

        One pass over twice the rows, however many fall into one window; what has gone is
        taken away before what comes at the same moment is added. Only subjects with enough
        rows in the whole period are sorted.
        """
        by = self.scope.column(step.by).text
        figure, gone = pascal(step.figure), f"TimeGenerated + {duration(step.span_us)}"
        body = "\n".join([*self.lines, f"| project {by}, TimeGenerated"])
        busy = f"Rows | summarize Total = count() by {by} | where Total > {step.above}"
        self.lets = [f"let Rows = {body};", f"let Busy = {busy} | project {by};"]
        self.lines = [
            "Rows",
            f"| where {by} in (Busy)",
            f"| project {by}, TimeGenerated, Change = 1",
            f"| union (Rows | where {by} in (Busy)",
            f"    | project {by}, TimeGenerated = {gone}, Change = -1)",
            f"| sort by {by} asc, TimeGenerated asc, Change asc",
            "| extend Running = row_cumsum(Change)",
            "| where Change == 1",
            f"| summarize {figure} = max(Running) by {by}, TimeGenerated",
            f"| where {figure} > {step.above}",
        ]
        self.slid = step
        self._has(
            {
                step.by: self.scope.column(step.by),
                "ts_us": Written("TimeGenerated", "time", True),
                step.figure: Written(figure, "long", True),
            }
        )

    def _select(self, step: Select) -> None:
        kept = {name: self.scope.column(name) for name in step.names}
        if self.slid is not None:
            self._episode(step, self.slid)
        else:
            self.lines.append("| project " + ", ".join(one.text for one in kept.values()))
            self._has(kept)

    def _episode(self, step: Select, slid: Sliding) -> None:
        """Return one row per subject where a sliding rule has one for each moment."""
        named = [name for name in step.names if name != slid.by]
        least = {name: Aggregate("min", Column(name)) for name in named if name == "first_seen"}
        self._summarize((slid.by,), {n: Aggregate("max", Column(n)) for n in named} | least)


def _parted(plan: Plan) -> tuple[Filter, Sequence[Step]]:
    """Return what the first filter says of the table alone, and the steps without that."""
    first, *rest = plan.steps
    assert isinstance(first, Filter)  # noqa: S101 - rule_rows begins with the period
    terms = first.condition.terms if isinstance(first.condition, AllOf) else (first.condition,)
    joined = set(plan.joins_directory)
    own = tuple(term for term in terms if joined.isdisjoint(mentioned(term)))
    left = tuple(term for term in terms if term not in own)
    return Filter(AllOf(own)), [*([Filter(AllOf(left))] if left else []), *rest]


def _plain(name: str) -> Written:
    kind = kind_of(name)
    return Written(pascal(name), kind, name == "ts_us")


def _columns(made: Mapping[str, Written]) -> dict[str, Written]:
    """Return what was written, by now columns of their own."""
    return {name: replace(one, text=pascal(name)) for name, one in made.items()}


def _is_used_elsewhere(name: str, figures: Mapping[str, Aggregate]) -> bool:
    return any(name in set(mentioned(one)) for other, one in figures.items() if other != name) or (
        name in set(mentioned(figures[name].where))
    )


def _lacking(term: Expression, scope: Scope) -> str:
    return next((name for name in mentioned(term) if name not in scope.columns), str(term))
