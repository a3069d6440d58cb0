"""Whether the names in a rule are there, and whether its window is one that can be asked.

Each check yields the way to a key and what is wrong with it; ``rule_place`` finds its line.
"""

import math
import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from stillhunt.hunt import atlas
from stillhunt.hunt.directory import COLUMNS as DIRECTORY
from stillhunt.hunt.parameters import Parameter
from stillhunt.hunt.rule_kinds import kind_objections
from stillhunt.hunt.rule_place import Loc
from stillhunt.model.errors import ConfigError
from stillhunt.model.exchange import HOT
from stillhunt.settings import near

if TYPE_CHECKING:
    from stillhunt.hunt.rule import Rule
    from stillhunt.hunt.rule_shape import Condition, Figure

__all__ = ["RESERVED", "columns_of", "objections"]

Objection = tuple[Loc, str]
DAY_US = 86_400_000_000
SLIDING_US = 60_000_000
"""Longest sliding window: the query picks its rows by the minutes of the clock [us]."""
RESERVED = ("n", "first_seen", "last_seen")
"""What every row of a rule's answer has; a last stage may measure them in its own way."""
WORD = re.compile(r"[a-z][a-z0-9_]{0,62}")
KEYWORDS = (
    " all and any as asc between by case cast cross desc distinct else end except exists false"
    " from full group having in inner intersect into is join left like limit not null offset on or"
    " order outer over partition right select set some table then true union unique using values"
    " when where window with "
)
"""Names that a query language would read as its own words."""
TAKEN = ("severity", "statistic", "bin_us", "place")


def objections(rule: "Rule") -> Iterator[Objection]:
    """Yield everything that is wrong with *rule* although its shape is right."""
    yield from _head(rule)
    yield from _names(rule)
    yield from _parameters(rule)
    yield from _window(rule)
    yield from _rows(rule)
    yield from _stages(rule)
    yield from _bounds(rule)
    yield from _cases(rule)
    yield from _tests(rule)
    yield from kind_objections(rule)


def columns_of(table: str) -> tuple[str, ...]:
    """Return the columns that a row of *table* has."""
    if table == "directory":
        return (*DIRECTORY, "created_at_us", "email_disposable")
    return HOT


def _missing(loc: Loc, name: str, what: str, known: Collection[str]) -> Iterator[Objection]:
    if name not in known:
        yield loc, f"is {name!r}, which is no {what} of this rule{near(name, known)}"


def _head(rule: "Rule") -> Iterator[Objection]:
    for key, names, listed in (
        ("atlas", rule.atlas, atlas.techniques()),
        ("owasp", rule.owasp, atlas.risks()),
    ):
        for k, name in enumerate(names):
            if name not in listed:
                yield (key, k), f"is {name!r}, which is not in our list{near(name, listed)}"
    if rule.changelog and rule.changelog[-1].version != rule.version:
        yield ("version",), f"is {rule.version}; the changelog ends at another one"
    known = columns_of("exchanges")
    for key, names in (("needs", rule.needs), ("either", rule.either), ("uses", rule.uses)):
        for k, name in enumerate(names):
            yield from _missing((key, k), name, "column", known)
    for k, name in enumerate(rule.joins):
        yield from _missing(("joins", k), name, "column of the directory", DIRECTORY)
        if rule.table == "directory":
            yield ("joins", k), "is of the directory, which this rule is about already"


def _names(rule: "Rule") -> Iterator[Objection]:
    """Check the names that the rule gives; they stand in queries as they are."""
    given: list[Loc] = [("figures", name) for name in rule.figures]
    given += [
        ("stages", k, "figures", n) for k, one in enumerate(rule.stages) for n in one.figures
    ]
    given += [("derive", "first", name) for name in rule.derive.first]
    given += [("derive", "bin", name) for name in rule.derive.bin]
    given += [("parameters", name) for name in rule.parameters]
    for loc in given:
        name = str(loc[-1])
        if (
            not WORD.fullmatch(name)
            or f" {name} " in KEYWORDS
            or name.startswith(("lag_", "previous_"))
        ):
            yield loc, "is no name for it; expected a plain word such as total_requests"


def _parameters(rule: "Rule") -> Iterator[Objection]:
    for parameter in rule.known_parameters:
        try:
            parameter.parse(parameter.default)
        except ConfigError as error:
            yield ("parameters", parameter.name, "default"), f"does not fit: {error}"


def _parameter(rule: "Rule", loc: Loc, name: str | None, *kinds: str) -> Iterator[Objection]:
    """Check that *name* is a parameter of one of *kinds*."""
    if name is None:
        return
    known = {p.name: p for p in rule.known_parameters}
    yield from _missing(loc, name, "parameter", known)
    if name in known and known[name].kind not in kinds:
        yield loc, f"is {name!r}, a {known[name].kind}; expected a {' or '.join(kinds)}"


def _window(rule: "Rule") -> Iterator[Objection]:
    window = rule.window
    if window.kind == "lookback":
        if window.parameter is None:
            yield ("window", "parameter"), "is missing: a lookback window says how long it is"
        yield from _parameter(rule, ("window", "parameter"), window.parameter, "duration")
        return
    span = window.span_us
    if span is None:
        yield ("window", "span_us"), f"is missing: a {window.kind} window says how long it is"
    elif window.kind == "bins" and (span > DAY_US or DAY_US % span):
        yield ("window", "span_us"), f"is {span}; bins divide a day ({DAY_US} us) evenly"
    elif window.kind == "sliding":
        if span > SLIDING_US:
            yield ("window", "span_us"), f"is {span}; the longest is {SLIDING_US}, a minute"
        if len(rule.subject) > 1 or len(rule.bounds) > 1 or len(rule.figures) != 1:
            yield ("window", "kind"), "is 'sliding': one subject, one figure, one bound"
        if any(f.measure != "count" or f.where for f in rule.last_figures.values()):
            yield ("window", "kind"), "is 'sliding', which can only count"
        if rule.joins or rule.previous or rule.table == "directory":
            yield ("window", "kind"), "is 'sliding', which looks at exchanges alone"


def _derived(rule: "Rule") -> set[str]:
    """Return the columns that rows have after ``derive`` and ``previous``."""
    there = {*columns_of(rule.table), *rule.joins, "source_prefix"}
    there |= {*rule.derive.first, *rule.derive.bin}
    return there | {f"previous_{name}" for one in rule.previous for name in one.columns}


def _rows(rule: "Rule") -> Iterator[Objection]:
    there, derived = columns_of(rule.table), _derived(rule)
    yield from _parameter(rule, ("filter", "paths"), rule.filter.paths, "paths")
    yield from _parameter(rule, ("filter", "reach"), rule.filter.reach, "duration")
    if rule.previous and rule.filter.reach is None:
        yield ("filter", "reach"), "is missing: how far back a row before may lie"
    if rule.table == "directory" and (rule.filter.paths or rule.filter.methods):
        yield ("filter",), "names paths or methods, which an account does not have"
    for k, name in enumerate(rule.filter.known):
        yield from _missing(("filter", "known", k), name, "column", (*there, *rule.joins))
    yield from _conditions(rule, ("filter", "where"), rule.filter.where, (*there, *rule.joins))
    yield from _conditions(rule, ("filter", "then"), rule.filter.then, derived)
    for made, names in rule.derive.first.items():
        for name in names:
            yield from _missing(("derive", "first", made), name, "column", there)
    for made, width in rule.derive.bin.items():
        if width <= 0 or DAY_US % width:
            yield ("derive", "bin", made), f"is {width}; bins divide a day ({DAY_US} us) evenly"
    for k, one in enumerate(rule.previous):
        for name in (*one.by, *one.columns):
            yield from _missing(("previous", k), name, "column", derived)


def _conditions(
    rule: "Rule", loc: Loc, conditions: "tuple[Condition, ...]", there: Collection[str]
) -> Iterator[Objection]:
    for k, one in enumerate(conditions):
        here = (*loc, k)
        for name in (one.column, one.differs_from, one.follows):
            if name is not None:
                yield from _missing(here, name, "column", there)
        for values in (one.one_of, one.none_of):
            if isinstance(values, str):
                yield from _parameter(rule, here, values, "list")
        for number in (one.above, one.below):
            if isinstance(number, str):
                yield from _parameter(rule, here, number, "integer", "number")
            elif number is not None and not math.isfinite(number):
                yield here, f"is above or below {number}; expected a number"
        yield from _parameter(rule, here, one.within, "duration")
        yield from _parameter(rule, here, one.older, "duration")
        yield from _parameter(rule, here, one.apart, "duration")
        tests = ("one_of", "none_of", "above", "below", "differs_from", "within", "older", "apart")
        if sum(getattr(one, name) is not None for name in tests) != 1:
            yield here, f"says not one thing; expected one of {', '.join(tests)}"
        if one.apart is not None and one.follows is None:
            yield here, "is apart of nothing; expected follows, too"


def _stages(rule: "Rule") -> Iterator[Objection]:
    if bool(rule.figures) == bool(rule.stages):
        yield ("figures",), "or stages: expected one of them"
        return
    there: set[str] = _derived(rule)
    for k, stage in enumerate(rule.all_stages):
        loc: Loc = ("stages", k) if rule.stages else ()
        for name in stage.by:
            yield from _missing((*loc, "by") if loc else ("subject",), name, "column", there)
        is_last = k == len(rule.all_stages) - 1
        for name, figure in stage.figures.items():
            here = (*loc, "figures", name)
            yield from _figure(rule, here, figure, there)
            if name in TAKEN or (name in RESERVED and not is_last) or name in stage.by:
                yield here, "is a name that is taken"
        there = {*stage.by, *stage.figures, *RESERVED}
    last = rule.all_stages[-1]
    for name in rule.subject:
        yield from _missing(("subject",), name, "column", last.by)


def _figure(
    rule: "Rule", loc: Loc, figure: "Figure", there: Collection[str]
) -> Iterator[Objection]:
    for name in (figure.column, figure.of):
        if name is not None:
            yield from _missing(loc, name, "column", there)
    if (figure.column is None) != (figure.measure == "count"):
        yield loc, f"is a {figure.measure}; all but a count name the column they measure"
    if (figure.of is None) == (figure.measure == "share"):
        yield loc, f"is a {figure.measure}; a share says of which column, nothing else does"
    yield from _conditions(rule, (*loc, "where"), figure.where, there)


def _bounds(rule: "Rule") -> Iterator[Objection]:
    figures = rule.last_figures
    for k, bound in enumerate(rule.bounds):
        yield from _missing(("bounds", k, "figure"), bound.figure, "figure", figures)
        kinds = ("integer", "number") if bound.by is None else ("map",)
        yield from _parameter(rule, ("bounds", k, "above"), bound.above, *kinds)
        if bound.by is not None:
            by = rule.all_stages[-1].by
            yield from _missing(("bounds", k, "by"), bound.by, "column of the last stage", by)
        figure = figures.get(bound.figure)
        if figure is not None and rule.window.kind == "lookback":
            simple = figure.measure in ("count", "sum", "mean") and not figure.where
            plain = len(rule.all_stages) == 1 and not (rule.previous or rule.joins)
            if rule.window.began == "bound" and not (simple and plain and bound.by is None):
                yield (
                    ("window", "began"),
                    "is 'bound', which needs one stage and a plain count, sum or mean;"
                    " expected 'first_seen'",
                )


def _cases(rule: "Rule") -> Iterator[Objection]:
    figures = rule.last_figures
    for k, case in enumerate(rule.severity.cases):
        here = ("severity", "cases", k)
        if (case.figure is None) == (case.column is None):
            yield here, "says not one thing; expected a figure or a column"
        if case.figure is not None:
            yield from _missing(here, case.figure, "figure", figures)
            if case.above is None:
                yield here, "names a figure; expected above, too"
        if case.column is not None:
            by = rule.all_stages[-1].by
            yield from _missing(here, case.column, "column of the last stage", by)
            if case.one_of is None:
                yield here, "names a column; expected one_of, too"
        if not math.isfinite(case.times) or case.above in (math.inf, -math.inf):
            yield here, "is above a number without end"
        if isinstance(case.above, str):
            yield from _parameter(rule, here, case.above, "integer", "number")
        if isinstance(case.one_of, str):
            yield from _parameter(rule, here, case.one_of, "list")


def _tests(rule: "Rule") -> Iterator[Objection]:
    known: dict[str, Parameter] = {p.name: p for p in rule.known_parameters}
    columns = (*columns_of("exchanges"), "ts_us")
    for k, test in enumerate(rule.tests):
        for name in test.set:
            yield from _missing(("tests", k, "set"), name, "parameter", known)
        for number, rows in enumerate(test.rows):
            extra: dict[str, Any] = rows.model_extra or {}
            for name in extra:
                yield from _missing(("tests", k, "rows", number), name, "column", columns)
