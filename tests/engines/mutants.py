"""Queries with one mistake each, of the kinds that people make.

``<`` for ``<=`` and the like, MAX for SUM, an order without its tie-break, a row number
that guards nothing. A mistake that no test sees is a hole in the tests.
"""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache

import sqlglot
from sqlglot import exp

__all__ = ["EQUIVALENT", "broken", "excuse", "keys", "sites"]

SIGNS: dict[type[exp.Expr], type[exp.Binary]] = {
    exp.GT: exp.GTE, exp.GTE: exp.GT, exp.LT: exp.LTE, exp.LTE: exp.LT,
}  # fmt: skip


def sites(sql: str) -> Iterator[tuple[int, str]]:
    """Yield where a mistake can be made: the place in the tree, and its label.

    A tie-break is dropped from all windows that have it, as from one that has a name.
    """
    seen: Counter[str] = Counter()
    for place, node in enumerate(_parsed(sql).walk()):
        for kind in _kinds(node):
            text = f"{kind}: {_context(node)}"
            seen[text] += 1
            if kind == "tie-break" and seen[text] > 1:
                continue
            yield place, text if seen[text] == 1 else f"{text} #{seen[text]}"


def broken(sql: str, place: int, label: str) -> str:
    """Return *sql* with the mistake that ``sites`` names."""
    copy = _parsed(sql).copy()
    nodes = list(copy.walk())
    site, kind = nodes[place].copy(), label.partition(":")[0]
    for k, victim in enumerate(nodes):
        if k == place or (kind == "tie-break" and victim == site):
            _break(victim, kind)
    return copy.sql("duckdb", pretty=True)


def keys(sql: str) -> Iterator[tuple[str, int, str]]:
    """Yield a key for each of ``sites``, its place, and its label.

    The key has no numbers, so that it is the same whatever the parameters are.
    """
    seen: Counter[str] = Counter()
    for place, label in sites(sql):
        bare = re.sub(r"(?<![#\w])-?\d+(\.\d+)?", "n", label)
        seen[bare] += 1
        yield f"{bare} {seen[bare]}", place, label


@cache
def _parsed(sql: str) -> exp.Expr:
    return sqlglot.parse_one(sql, read="duckdb")


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


THINNED = re.compile(r"sign: COUNT\(\*\) > \d+ in large")
PREFILTER = "only spares rows that the exact count leaves out anyway"
IRRATIONAL = "a logarithm that no account makes equal to the bound"
ZEROS = "adds zeros to a sum"
_BURST = {
    "sign: requests * 2 > 20 in heavy": PREFILTER,
    "sign: COUNT(*) > 20 in busy": PREFILTER,
    "sign: ts_us > N - 60000000 in chosen": PREFILTER,
}
EQUIVALENT: dict[str, dict[str, str]] = {
    "bulk_signup": {"sign: accounts > 3 in the end": "large holds the same bound"},
    "burst": _BURST,
    "burst_account": _BURST,
    "burst_prefix": _BURST,
    "failover": {"sign: ts_us > N in chosen": "who was there that long ago is apart"},
    "heavy_output": {"sign: max_tokens > 0 in figures #2": ZEROS},
    "new_model_pivot": {
        "sign: recent > 0 in figures_2": ZEROS,
        "sign: recent > 0 in figures_2 #2": ZEROS,
    },
    "cadence": {"sign: hour_entropy_bits > 4.5 in signs": IRRATIONAL},
    "round_the_clock": {"sign: requests > 14 in the end": "large holds the same bound"},
    "repetition": {
        "sign: same < 0.5 in various": IRRATIONAL,
        "sign: bits > 3.0 in tails": IRRATIONAL,
        "sum: SUM(CASE WHEN times = 1 THEN templates ELSE 0 END) in totals": "one row has times 1",
    },
}
"""Mistakes that change no answer, by rule or detector, and why; tests hold the list exact."""


def excuse(name: str, label: str) -> str | None:
    """Return why a mistake changes no answer, None if it has to change one."""
    return PREFILTER if THINNED.fullmatch(label) else EQUIVALENT.get(name, {}).get(label)
