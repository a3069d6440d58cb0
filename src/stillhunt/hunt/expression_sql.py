"""Expressions of a plan as SQL in the portable subset.

Precedence is settled by parentheses, text by doubled quotes; nothing is left to an engine.
"""

from collections.abc import Mapping, Sequence

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
    First,
    Known,
    Largest,
    Member,
    Minus,
    Prefix,
    Ratio,
    Smallest,
    SourcePrefix,
)

__all__ = ["Edges", "aggregate_sql", "condition_terms", "expression_sql", "literal"]

Edges = Mapping[str, str | int]
"""SQL of the two ends of the period: ``from`` and ``until`` [us since epoch]."""


def literal(value: float | str) -> str:
    """Return a number, or text in quotes."""
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


def condition_terms(condition: Expression, edges: Edges) -> list[str]:
    """Return the SQL of each term that has to hold, for one line each."""
    terms = condition.terms if isinstance(condition, AllOf) else (condition,)
    return [expression_sql(term, edges) for term in terms]


def expression_sql(one: Expression, edges: Edges) -> str:  # noqa: PLR0911, PLR0912 - one per kind
    """Return *one* as SQL."""

    def sql(part: Expression) -> str:
        return expression_sql(part, edges)

    match one:
        case Column(name):
            return name
        case Constant(value):
            return literal(value)
        case Edge(end, shift_us):
            return _shifted(edges[end], shift_us)
        case Compare(left, sign, right):
            return f"{sql(left)} {sign} {sql(right)}"
        case Known(name, negated):
            return f"{name} IS NULL" if negated else f"{name} IS NOT NULL"
        case Member(name, values, negated):
            return _member(name, values, negated=negated)
        case Prefix(name, start):
            return f"STARTS_WITH({name}, {literal(start)})"
        case AllOf(terms):
            return "(" + " AND ".join(map(sql, terms)) + ")"
        case AnyOf(terms):
            return "(" + "\n      OR ".join(map(sql, terms)) + ")"
        case Bin(name, width_us):
            return f"{name} - MOD({name}, {width_us})"
        case SourcePrefix(name):
            return _prefix(name)
        case First(names):
            return f"COALESCE({', '.join(names)})"
        case Minus(left, right):
            return f"({sql(left)} - {sql(right)})"
        case Ratio(left, right):
            return f"CAST({sql(left)} AS DOUBLE) / {_divisor(right, edges)}"
        case Largest(of) | Smallest(of):
            return _extreme(of, "GREATEST" if isinstance(one, Largest) else "LEAST", edges)
        case Cases(of, otherwise):
            return _cases(of, otherwise, edges)


def _shifted(edge: str | int, shift_us: int) -> str:
    if isinstance(edge, int):
        return str(edge + shift_us)
    if not shift_us:
        return edge
    return f"{edge} {'-' if shift_us < 0 else '+'} {abs(shift_us)}"


def _member(name: str, values: Sequence[int | str], *, negated: bool) -> str:
    if not values:  # nobody is one of none
        return f"{name} IS NOT NULL" if negated else f"({name} IS NULL AND {name} IS NOT NULL)"
    return f"{name} {'NOT IN' if negated else 'IN'} ({', '.join(map(literal, values))})"


def _divisor(right: Expression, edges: Edges) -> str:
    if isinstance(right, Constant) and right.value:
        return expression_sql(right, edges)
    return f"NULLIF({expression_sql(right, edges)}, 0)"


def _extreme(of: Sequence[Expression], function: str, edges: Edges) -> str:
    known = [f"COALESCE({expression_sql(one, edges)}, 0)" for one in of]
    return known[0] if len(known) == 1 else f"{function}({', '.join(known)})"


def _cases(
    of: Sequence[tuple[Expression, Expression]], otherwise: Expression | None, edges: Edges
) -> str:
    if not of:
        return "NULL" if otherwise is None else expression_sql(otherwise, edges)
    cases = " ".join(
        f"WHEN {expression_sql(test, edges)} THEN {expression_sql(value, edges)}"
        for test, value in of
    )
    rest = "" if otherwise is None else f" ELSE {expression_sql(otherwise, edges)}"
    return f"CASE {cases}{rest} END"


def _prefix(name: str) -> str:
    """Return the address's /24, or its /48 in IPv6.

    Addresses are in their shortest form: no group begins with a zero but 0 itself, and ``::``
    stands for at least two groups. So the first three groups stand to its left, a third that
    is 0 is left out, and what is not there is 0. One expression per address costs a quarter
    of taking it apart with ``STRPOS`` (0.6 s for 16M addresses); group 0, the whole match, is
    named because engines differ in what they take without it.
    """
    return f"""CASE WHEN STRPOS({name}, ':') > 0
                THEN REGEXP_EXTRACT({name}, '^[^:.]+(:[^:.]+)?(:[1-9a-f][^:.]*)?', 0) || '::/48'
                WHEN STRPOS({name}, '.') > 0
                THEN REGEXP_EXTRACT({name}, '^[0-9]+[.][0-9]+[.][0-9]+', 0) || '.0/24'
                ELSE {name} END"""


def aggregate_sql(one: Aggregate, edges: Edges) -> str:
    """Return an aggregate as SQL; a count of no rows is 0, every other one is unknown."""
    where = None if one.where is None else expression_sql(one.where, edges)
    if one.kind == "count":
        return "COUNT(*)" if where is None else f"COUNT(CASE WHEN {where} THEN 1 END)"
    assert one.of is not None  # noqa: S101 - as the class says
    of = expression_sql(one.of, edges)
    function = {"sum": "SUM", "mean": "AVG", "min": "MIN", "max": "MAX"}[one.kind]
    return f"{function}({of if where is None else f'CASE WHEN {where} THEN {of} END'})"
