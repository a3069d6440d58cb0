"""What a rule means: its file and its parameters, as the relational steps of ``plan``.

Every compiler reads the plan alone, so that SQL, KQL and the others can only say the same.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stillhunt.hunt.parameters import ALL_US, Value, entries, items
from stillhunt.hunt.plan import (
    Aggregate,
    AllOf,
    AnyOf,
    Bin,
    Cases,
    Column,
    Compare,
    Constant,
    Edge,
    Expression,
    Extend,
    Filter,
    First,
    Known,
    Largest,
    Member,
    Minus,
    Plan,
    Prefix,
    Previous,
    Ratio,
    Select,
    Sliding,
    Smallest,
    SourcePrefix,
    Step,
    Summarize,
)
from stillhunt.hunt.rule import DERIVED, Rule
from stillhunt.hunt.rule_check import RESERVED
from stillhunt.hunt.rule_shape import Bound, Condition, Figure, Stage, Values

__all__ = [
    "GENERATION_OPERATIONS",
    "GENERATION_PATHS",
    "aggregates",
    "figure_steps",
    "looked_at",
    "path_expression",
    "row_steps",
    "rule_plan",
    "severity",
    "statistic",
]

GENERATION_PATHS = (
    "/v1/messages",
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/completions",
    "/v1/generate",
)
"""The end points that make a model write, as INTERFACES fixes them."""

GENERATION_OPERATIONS = (
    "chat",
    "completion",
    "completions",
    "generate_content",
    "message",
    "messages",
    "response",
    "responses",
    "text_completion",
)
"""Operations that make a model write; a gateway's record of one has no path."""


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


# -- rows ------------------------------------------------------------------------------------


def row_steps(rule: Rule, values: Mapping[str, Value]) -> Iterator[Step]:
    """Yield the steps up to the rows that count, with every column that is derived."""
    reach = int(values[rule.filter.reach]) if rule.filter.reach else 0
    if rule.window.kind == "sliding":
        reach = rule.window.span_us or 0
    time = Column(rule.time)
    conditions: list[Expression] = [
        Compare(time, ">", Edge("from", -reach)),
        Compare(time, "<=", Edge("until")),
        *_row_conditions(rule, values),
    ]
    yield Filter(AllOf(tuple(conditions)))
    if made := dict(_made(rule)):
        yield Extend(made)
    for one in rule.previous:
        yield Previous(one.by, one.columns)
    then = [_condition(one, values) for one in rule.filter.then]
    if rule.previous:
        then.append(Compare(time, ">", Edge("from")))
    if then:
        yield Filter(AllOf(tuple(then)))


def _row_conditions(rule: Rule, values: Mapping[str, Value]) -> Iterator[Expression]:
    """Yield what a row has to be to count, but for time."""
    if rule.filter.methods:
        yield AnyOf((Known("method", negated=True), Member("method", rule.filter.methods)))
    if rule.filter.paths:
        paths = path_expression(str(values[rule.filter.paths]))
        if paths is not None:
            yield paths
    for name in dict.fromkeys((*rule.filter.known, *_named(rule))):
        yield Known(name)
    if rule.either:
        yield AnyOf(tuple(Known(name) for name in rule.either))
    for name, names in rule.derive.first.items():
        if name in rule.subject and len(names) > 1:
            yield AnyOf(tuple(Known(one) for one in names))
    yield from (_condition(one, values) for one in rule.filter.where)


def _named(rule: Rule) -> Iterator[str]:
    """Yield the columns of the table that a subject cannot do without."""
    for name in rule.subject:
        column = DERIVED.get(name, name)
        if column not in rule.either and column not in rule.derive.first:
            yield column


def _made(rule: Rule) -> Iterator[tuple[str, Expression]]:
    """Yield the columns that are derived, each from the table's own."""
    if rule.window.kind == "bins":
        yield "bin_us", Bin(rule.time, rule.window.span_us or 0)
    for name, names in rule.derive.first.items():
        yield name, Column(names[0]) if len(names) == 1 else First(names)
    for name, width in rule.derive.bin.items():
        yield name, Bin(rule.time, width)
    grouped = {name for stage in rule.all_stages for name in stage.by}
    if "source_prefix" in grouped:
        yield "source_prefix", SourcePrefix(DERIVED["source_prefix"])


def path_expression(listed: str) -> Expression | None:
    """Return the condition that an exchange's path is one of *listed*; None lets all pass.

    Args:
        listed: Paths separated by commas, without query strings. Empty means the generation
            end points, ``*`` every exchange, and ``/v1/x/*`` all paths below ``/v1/x/``.

    What stands behind the first ``?`` does not count. An exchange without a path is a
    gateway's own record of a generation and counts unless its operation says otherwise.
    """
    paths = items(listed) or GENERATION_PATHS
    if "*" in paths:
        return None
    exact = tuple(path for path in paths if not path.endswith("/*"))
    starts = [f"{path}?" for path in exact] + [p[:-1] for p in paths if p.endswith("/*")]
    tests: list[Expression] = [Member("path", exact)] if exact else []
    tests += [Prefix("path", start) for start in starts]
    writes = AnyOf((Known("operation", negated=True), Member("operation", GENERATION_OPERATIONS)))
    tests.append(AllOf((Known("path", negated=True), writes)))
    return AnyOf(tuple(tests))


def _condition(one: Condition, values: Mapping[str, Value]) -> Expression:
    """Return a condition with its parameters written in."""
    column = Column(one.column)
    if one.one_of is not None:
        return Member(one.column, _listed(one.one_of, values))
    if one.none_of is not None:
        each = (Compare(column, "<>", Constant(v)) for v in _listed(one.none_of, values))
        return AllOf((Known(one.column), *each))
    if one.above is not None:
        return Compare(column, ">", Constant(_number(one.above, values)))
    if one.below is not None:
        return Compare(column, "<", Constant(_number(one.below, values)))
    if one.differs_from is not None:
        return Compare(column, "<>", Column(one.differs_from))
    return _in_time(one, values)


def _in_time(one: Condition, values: Mapping[str, Value]) -> Expression:
    """Return a condition on how much time lies between two columns, or before the end."""
    column = Column(one.column)
    if one.older is not None:
        return Compare(column, "<=", Edge("until", -int(values[one.older])))
    if one.follows is None:
        length = int(values[str(one.within)])
        return Compare(column, ">", Edge("until", -length))
    gap = Minus(column, Column(one.follows))
    if one.within is not None:
        return Compare(gap, "<=", Constant(int(values[one.within])))
    apart = Compare(gap, ">", Constant(int(values[str(one.apart)])))
    return AnyOf((Known(one.follows, negated=True), apart))


def _listed(told: Values, values: Mapping[str, Value]) -> tuple[int | str, ...]:
    return items(str(values[told])) if isinstance(told, str) else told


def _number(told: float | str, values: Mapping[str, Value]) -> int | float:
    number = values[told] if isinstance(told, str) else told
    return number if isinstance(number, int | float) else float(number)


# -- figures ---------------------------------------------------------------------------------


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
        where = _all(_condition(one, values) for one in figure.where)
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


# -- claims ----------------------------------------------------------------------------------


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
    above = _number(bound.above, values)
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
        return Constant(_number(bound.above, values) or zero)
    found = {
        name: Constant(number or zero)
        for name, number in entries(str(values[bound.above])).items()
    }
    others = found.pop("*", None)
    by = Column(bound.by)
    cases = tuple((Compare(by, "=", Constant(name)), one) for name, one in found.items())
    return Cases(cases, others)


def _exceeded(rule: Rule, values: Mapping[str, Value]) -> Expression:
    tests = tuple(
        Compare(
            Column(bound.figure),
            ">",
            _bound(bound, values) if bound.by is None else Column(f"{bound.above}_bound"),
        )
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
            number = _number(case.above if case.above is not None else 0, values)
            times = int(case.times) if float(case.times).is_integer() else case.times
            test = Compare(Column(case.figure), ">", Constant(times * number))
        else:
            test = Member(str(case.column), _listed(case.one_of or (), values))
        cases.append((test, Constant(case.level)))
    default = Constant(rule.severity.default)
    return Cases(tuple(cases), default) if cases else default


# -- columns ---------------------------------------------------------------------------------


def looked_at(rule: Rule, steps: Iterable[Step]) -> tuple[str, ...]:
    """Return every column of the rule's table that *steps* look at, sorted."""
    looked = {rule.time, *(("account_id",) if rule.joins else ())}
    made: set[str] = set(rule.joins)
    for step in steps:
        looked |= set(_mentioned(step)) - made
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


def _mentioned(one: Any) -> Iterator[str]:  # noqa: ANN401 - a step or anything inside of one
    """Yield the names of the columns that expressions inside of *one* look at."""
    match one:
        case Column(name) | Known(name) | Member(name) | Prefix(name) | Bin(name):
            yield name
        case SourcePrefix(name):
            yield name
        case First(names):
            yield from names
        case tuple():
            for part in one:
                yield from _mentioned(part)
        case Mapping():
            for part in one.values():
                yield from _mentioned(part)
        case _ if dataclasses.is_dataclass(one):
            for field in dataclasses.fields(one):
                yield from _mentioned(getattr(one, field.name))
        case _:
            pass
