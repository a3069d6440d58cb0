"""Which rows count for a rule, and what is derived of each, as steps of a plan."""

from collections.abc import Iterator, Mapping

from stillhunt.hunt.parameters import Value, items
from stillhunt.hunt.plan import (
    AllOf,
    AnyOf,
    Bin,
    Column,
    Compare,
    Constant,
    Edge,
    Expression,
    Extend,
    Filter,
    First,
    Known,
    Member,
    Minus,
    Prefix,
    Previous,
    SourcePrefix,
    Step,
)
from stillhunt.hunt.rule import DERIVED, Rule
from stillhunt.hunt.rule_shape import Condition, Values

__all__ = [
    "GENERATION_OPERATIONS",
    "GENERATION_PATHS",
    "condition",
    "listed_values",
    "number_of",
    "path_expression",
    "row_steps",
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
    if any("source_prefix" in stage.by for stage in rule.all_stages):
        yield Extend({"source_prefix": SourcePrefix(DERIVED["source_prefix"])})
    for one in rule.previous:
        yield Previous(one.by, one.columns)
    then = [condition(one, values) for one in rule.filter.then]
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
    yield from (condition(one, values) for one in rule.filter.where)


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


def condition(one: Condition, values: Mapping[str, Value]) -> Expression:
    """Return a condition with its parameters written in."""
    column = Column(one.column)
    if one.one_of is not None:
        return Member(one.column, listed_values(one.one_of, values))
    if one.none_of is not None:
        return Member(one.column, listed_values(one.none_of, values), negated=True)
    if one.above is not None:
        return Compare(column, ">", Constant(number_of(one.above, values)))
    if one.below is not None:
        return Compare(column, "<", Constant(number_of(one.below, values)))
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


def listed_values(told: Values, values: Mapping[str, Value]) -> tuple[int | str, ...]:
    """Return values as they are told, or those of the list parameter that is named."""
    return items(str(values[told])) if isinstance(told, str) else told


def number_of(told: float | str, values: Mapping[str, Value]) -> int | float:
    """Return a number as it is told, or that of the parameter that is named."""
    number = values[told] if isinstance(told, str) else told
    return number if isinstance(number, int | float) else float(number)
