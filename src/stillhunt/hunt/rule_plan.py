"""What a rule means: its file and its parameters, as the relational steps of ``plan``.

Every compiler reads the plan alone, so that SQL, KQL and the others can only say the same.
"""

from collections.abc import Iterable, Iterator, Mapping

from stillhunt.hunt.parameters import ALL_US, Value, entries
from stillhunt.hunt.plan import (
    Aggregate,
    AllOf,
    AnyOf,
    Cases,
    Column,
    Compare,
    Constant,
    Edge,
    Expression,
    Extend,
    Filter,
    Largest,
    Member,
    Plan,
    Previous,
    Ratio,
    Select,
    Sliding,
    Smallest,
    Step,
    Summarize,
    mentioned,
)
from stillhunt.hunt.rule import Rule
from stillhunt.hunt.rule_check import RESERVED
from stillhunt.hunt.rule_rows import (
    GENERATION_OPERATIONS,
    GENERATION_PATHS,
    condition,
    listed_values,
    number_of,
    path_expression,
    row_steps,
)
from stillhunt.hunt.rule_shape import Bound, Figure, Stage

__all__ = [
    "GENERATION_OPERATIONS",
    "GENERATION_PATHS",
    "aggregates",
    "exceeds",
    "figure_steps",
    "looked_at",
    "path_expression",
    "row_steps",
    "rule_plan",
    "severity",
    "statistic",
]


def rule_plan(rule: Rule, values: Mapping[str, Value]) -> Plan:
    """Return *rule* with the parameters *values* as steps.

    The columns of the result: those of the subject, ``bin_us`` where the rule asks about bins,
    ``severity, statistic, n, first_seen, last_seen``, what else the last stage is grouped by,
    the bounds that depend on such a column, and the figures. A sliding rule has one row for
    each moment above the bound.

    Args:
        rule: The rule.
        values: Its parameters; durations in microseconds.
    """
    if rule.window.kind == "sliding":
        steps = [*row_steps(rule, values), *_sliding(rule, values)]
    else:
        steps = [*figure_steps(rule, values), *_claims(rule, values)]
    return Plan(
        table=rule.table,
        joins_directory=rule.joins,
        steps=tuple(steps),
        subject=rule.subject,
        length_us=_length(rule, values),
        columns=looked_at(rule, steps),
    )


def _length(rule: Rule, values: Mapping[str, Value]) -> int | None:
    if rule.window.kind != "lookback":
        return rule.window.span_us
    length = int(values[str(rule.window.parameter)])
    return None if length >= ALL_US else length


def figure_steps(rule: Rule, values: Mapping[str, Value]) -> list[Step]:
    """Return the steps up to one row per subject (and bin), whatever its figures are."""
    steps: list[Step] = list(row_steps(rule, values))
    for k, stage in enumerate(rule.all_stages):
        by = (*stage.by, "bin_us") if rule.window.kind == "bins" else stage.by
        figures = aggregates(stage, values)
        if k == 0:
            time = Column(rule.time)
            kept = Aggregate("count"), Aggregate("min", time), Aggregate("max", time)
        else:
            kept = (
                Aggregate("sum", Column("n")),
                Aggregate("min", Column("first_seen")),
                Aggregate("max", Column("last_seen")),
            )
        steps.append(Summarize(by, figures | _kept(kept, figures)))
        if shares := {n: f for n, f in stage.figures.items() if f.measure == "share"}:
            steps.append(Extend({name: _share(name) for name in shares}))
    return steps


def _kept(kept: Iterable[Aggregate], figures: Mapping[str, Aggregate]) -> dict[str, Aggregate]:
    """Return n, first and last time, unless the rule measures them in its own way."""
    return {name: one for name, one in zip(RESERVED, kept, strict=True) if name not in figures}


def aggregates(stage: Stage, values: Mapping[str, Value]) -> dict[str, Aggregate]:
    """Return the aggregates of a stage; a share is two, ``NAME_part`` and ``NAME_whole``."""
    found: dict[str, Aggregate] = {}
    for name, figure in stage.figures.items():
        where = _all(condition(one, values) for one in figure.where)
        if figure.measure != "share":
            of = None if figure.column is None else Column(figure.column)
            found[name] = Aggregate(figure.measure, of, where)
        else:
            found |= _parts(name, figure, where)
    return found


def _parts(name: str, figure: Figure, where: Expression | None) -> dict[str, Aggregate]:
    positive = Compare(Column(str(figure.of)), ">", Constant(0))
    part = positive if where is None else AllOf((positive, where))
    return {
        f"{name}_part": Aggregate("sum", Column(str(figure.column)), part),
        f"{name}_whole": Aggregate("sum", Column(str(figure.of)), positive),
    }


def _share(name: str) -> Expression:
    return Ratio(Column(f"{name}_part"), Column(f"{name}_whole"))


def _all(terms: Iterable[Expression]) -> Expression | None:
    found = tuple(terms)
    if not found:
        return None
    return found[0] if len(found) == 1 else AllOf(found)


def _claims(rule: Rule, values: Mapping[str, Value]) -> Iterator[Step]:
    """Yield the steps that keep what is above the bounds, and say how grave it is."""
    mapped = {f"{b.above}_bound": _bound(b, values) for b in rule.bounds if b.by is not None}
    if mapped:
        yield Extend(mapped)
    yield Filter(_exceeded(rule, values))
    yield Extend({"severity": severity(rule, values), "statistic": statistic(rule, values)})
    bins = ("bin_us",) if rule.window.kind == "bins" else ()
    carried = [name for name in rule.all_stages[-1].by if name not in rule.subject]
    figures = [name for name in rule.last_figures if name not in RESERVED]
    yield Select(
        (*rule.subject, *bins, "severity", "statistic", *RESERVED, *carried, *mapped, *figures)
    )


def _sliding(rule: Rule, values: Mapping[str, Value]) -> Iterator[Step]:
    (bound,) = rule.bounds
    above = number_of(bound.above, values)
    yield Sliding(rule.subject[0], rule.window.span_us or 0, bound.figure, above)
    yield Filter(Compare(Column("ts_us"), ">", Edge("from")))
    yield Extend(
        {
            "severity": severity(rule, values),
            "statistic": statistic(rule, values),
            "n": Column(bound.figure),
            "first_seen": Column("ts_us"),
            "last_seen": Column("ts_us"),
        }
    )
    yield Select((*rule.subject, "severity", "statistic", *RESERVED, bound.figure))


def _bound(bound: Bound, values: Mapping[str, Value], zero: int = 0) -> Expression:
    """Return the number that *bound* holds a figure against; a 0 is written as *zero*."""
    if bound.by is None:
        return Constant(number_of(bound.above, values) or zero)
    found = {
        name: Constant(number or zero)
        for name, number in entries(str(values[bound.above])).items()
    }
    others = found.pop("*", None)
    by = Column(bound.by)
    cases = tuple((Compare(by, "=", Constant(name)), one) for name, one in found.items())
    return Cases(cases, others)


def exceeds(bound: Bound, values: Mapping[str, Value]) -> Expression:
    """Return the condition that a figure is above its bound, strictly."""
    return Compare(Column(bound.figure), ">", _bound(bound, values))


def _exceeded(rule: Rule, values: Mapping[str, Value]) -> Expression:
    tests = tuple(
        exceeds(bound, values)
        if bound.by is None
        else Compare(Column(bound.figure), ">", Column(f"{bound.above}_bound"))
        for bound in rule.bounds
    )
    if len(tests) == 1:
        return tests[0]
    return AnyOf(tests) if rule.combine == "any" else AllOf(tests)


def statistic(rule: Rule, values: Mapping[str, Value]) -> Expression:
    """Return times the bound: the largest of several, or the smallest where all have to hold.

    A bound of 0 counts as 1, a figure that is unknown as 0.
    """
    times = tuple(
        Ratio(Column(bound.figure), _bound(bound, values, zero=1)) for bound in rule.bounds
    )
    return Largest(times) if rule.combine == "any" or len(times) == 1 else Smallest(times)


def severity(rule: Rule, values: Mapping[str, Value]) -> Expression:
    """Return the level of the first case that holds, else the default."""
    cases: list[tuple[Expression, Expression]] = []
    for case in rule.severity.cases:
        test: Expression
        if case.figure is not None:
            number = number_of(case.above if case.above is not None else 0, values)
            times = int(case.times) if float(case.times).is_integer() else case.times
            test = Compare(Column(case.figure), ">", Constant(times * number))
        else:
            test = Member(str(case.column), listed_values(case.one_of or (), values))
        cases.append((test, Constant(case.level)))
    default = Constant(rule.severity.default)
    return Cases(tuple(cases), default) if cases else default


def looked_at(rule: Rule, steps: Iterable[Step]) -> tuple[str, ...]:
    """Return every column of the rule's table that *steps* look at, sorted."""
    looked = {rule.time, *(("account_id",) if rule.joins else ())}
    made: set[str] = set(rule.joins)
    for step in steps:
        looked |= set(mentioned(step)) - made
        match step:
            case Extend(columns):
                made |= set(columns)
            case Previous(by, names):
                looked |= {*by, *names, "exchange_id"} - made
                made |= {f"previous_{name}" for name in names}
            case Summarize(by, figures):
                looked |= set(by) - made
                made |= set(figures)
            case Sliding():
                looked |= {step.by} - made
                made.add(step.figure)
            case _:
                pass
    return tuple(sorted(looked))
