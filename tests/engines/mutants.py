"""Queries with one mistake each, of the kinds that people make.

``<`` for ``<=`` and the like, MAX for SUM, an order without its tie-break, a row number
that guards nothing. A mistake that no test sees is a hole in the tests.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

__all__ = ["EQUIVALENT", "Mutant", "mutants"]

SIGNS: dict[type[exp.Expr], type[exp.Binary]] = {
    exp.GT: exp.GTE, exp.GTE: exp.GT, exp.LT: exp.LTE, exp.LTE: exp.LT,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One query with one mistake."""

    label: str
    """Its kind (``sign``, ``sum``, ``tie-break``, ``guard``) and what was changed, as it was."""
    sql: str


def mutants(sql: str) -> Iterator[Mutant]:
    """Yield every query that differs from *sql* by one mistake.

    A tie-break is dropped from all windows that have it, as from one that has a name.
    """
    tree = sqlglot.parse_one(sql, read="duckdb")
    seen: Counter[str] = Counter()
    for place, node in enumerate(tree.walk()):
        for kind in _kinds(node):
            text = f"{kind}: {_context(node)}"
            seen[text] += 1
            if kind == "tie-break" and seen[text] > 1:
                continue
            copy = tree.copy()
            for k, victim in enumerate(list(copy.walk())):
                if k == place or (kind == "tie-break" and victim == node):
                    _break(victim, kind)
            again = f" #{seen[text]}" if seen[text] > 1 else ""
            yield Mutant(label=text + again, sql=copy.sql("duckdb", pretty=True))


def _kinds(node: exp.Expr) -> Iterator[str]:
    if isinstance(node, exp.GT) and _is_guard(node):
        yield "guard"
    elif type(node) in SIGNS:
        yield "sign"
    if isinstance(node, exp.Sum):
        yield "sum"
    if isinstance(node, exp.Order) and len(node.expressions) > 1:
        yield "tie-break"


def _is_guard(test: exp.GT) -> bool:
    """Whether *test* is ``ROW_NUMBER() OVER (...) > 1``, or compares such a column with 1."""
    if test.expression.sql() != "1":
        return False
    if test.this.find(exp.RowNumber):
        return True
    numbers = {
        alias.alias
        for alias in test.root().find_all(exp.Alias)
        if isinstance(alias.this, exp.Window) and isinstance(alias.this.this, exp.RowNumber)
    }
    return isinstance(test.this, exp.Column) and test.this.name in numbers


def _break(node: exp.Expr, kind: str) -> None:
    match kind:
        case "guard":
            node.replace(exp.true())
        case "sign":
            node.replace(SIGNS[type(node)](this=node.this, expression=node.expression))
        case "sum":
            node.replace(exp.Max(this=node.this))
        case _:
            node.set("expressions", node.expressions[:1])


def _context(node: exp.Expr) -> str:
    """Return *node* as text, with the name of the query that it stands in."""
    query = node.find_ancestor(exp.CTE)
    text = re.sub(r"-?\d{12,}", "N", node.sql())  # times, which are not the same in all periods
    return f"{text} in {query.alias if query else 'the end'}"


PREFILTER = "only spares rows that the exact count leaves out anyway"
IRRATIONAL = "a logarithm that no account makes equal to the bound"
_BURST = {
    "sign: requests * 2 > 20 in heavy": PREFILTER,
    "sign: COUNT(*) > 20 in busy": PREFILTER,
    "sign: ts_us > N - 60000000 in chosen": PREFILTER,
}
EQUIVALENT: dict[str, dict[str, str]] = {
    "burst": _BURST,
    "burst_account": _BURST,
    "burst_prefix": _BURST,
    "heavy_output": {"sign: max_tokens > 0 in figures": "adds zeros to a sum"},
    "cadence": {"sign: hour_entropy_bits > 4.5 in signs": IRRATIONAL},
    "repetition": {
        "sign: same > 0.9 in uniform": IRRATIONAL,
        "sign: same < 0.5 in various": IRRATIONAL,
        "sign: bits > 3.0 in tails": IRRATIONAL,
        "sum: SUM(CASE WHEN times = 1 THEN templates ELSE 0 END) in totals": "one row has times 1",
    },
}
"""Mistakes that change no answer, by rule or detector, and why; tests hold the list exact."""
