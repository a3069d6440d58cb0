"""The subset of SQL on which engines agree, and the names of what is outside.

A query is parsed, never run. What is not listed here is refused, because each of these gave
other rows on one engine than on another, or may: times (a transpiler reads them wrong by a
factor of 1,000), approximate aggregates, an order that leaves ties open, LAG without a guard
(ClickHouse says 0 where others say NULL), casts that one engine rounds and the next cuts off.
"""

from collections.abc import Callable, Iterator

import sqlglot
from sqlglot import exp

from stillhunt.model.exchange import COLUMNS

__all__ = ["FUNCTIONS", "NODES", "TYPES", "objections"]

FUNCTIONS = {
    exp.Count, exp.Sum, exp.Min, exp.Max, exp.Avg, exp.StddevPop,
    exp.Ln, exp.Pow, exp.Greatest, exp.Least, exp.Coalesce, exp.Nullif,
    exp.StartsWith, exp.StrPosition, exp.Case, exp.If,
    exp.Cast, exp.Lag, exp.RowNumber, exp.And, exp.Or, exp.RegexpExtract,
}  # fmt: skip
"""Not among them: LENGTH, SUBSTRING and REVERSE, which count bytes here and letters there."""
NODES = {
    exp.Select, exp.Union, exp.With, exp.CTE, exp.Subquery, exp.From, exp.Join, exp.Where,
    exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Table, exp.TableAlias, exp.Alias,
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Star, exp.Paren, exp.Tuple,
    exp.Distinct, exp.Window, exp.WindowSpec, exp.DataType, exp.Neg, exp.Not,
    exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.DPipe, exp.In, exp.Is, exp.Between,
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE,
}  # fmt: skip
TYPES = {"DOUBLE", "BIGINT"}
WHOLE = {column.name for column in COLUMNS if column.kind.startswith("int")}


def objections(sql: str) -> list[str]:
    """Return everything in *sql*, as DuckDB reads it, that is not in the subset, by name.

    Raises:
        sqlglot.errors.ParseError: It is no SQL at all.
    """
    tree = sqlglot.parse_one(sql, read="duckdb")
    return list(dict.fromkeys(said for node in tree.walk() for said in _of(node)))


def _of(node: exp.Expr) -> Iterator[str]:
    kind, text = type(node), node.sql()[:60]
    if isinstance(node, exp.Func) and kind not in FUNCTIONS:
        yield f"function {text}"
    elif not isinstance(node, exp.Func) and kind not in NODES:
        yield f"{kind.__name__} {text}"
    match node:
        case exp.Join():
            yield from _of_join(node)
        case exp.DataType() if node.sql().upper() not in TYPES:
            yield f"type {text}"
        case exp.Cast() if node.to.sql().upper() == "BIGINT" and not _is_whole(node.this):
            yield f"a cast that may round: {text}"
        case exp.RegexpExtract() if not _is_plain(node):
            yield f"expression {text}"
        case exp.Select() if node.args.get("qualify"):
            yield "QUALIFY"
        case exp.Ordered() if node.args.get("desc"):
            yield f"descending order, whose NULLs engines place differently: {text}"
        case exp.Window():
            yield from _of_window(node)


def _of_join(join: exp.Join) -> Iterator[str]:
    if join.method:
        yield f"{join.method} join"
    if join.side and join.side != "LEFT":
        yield f"{join.side} join"
    if join.args.get("using"):
        yield "join USING, whose columns engines merge differently"


def _is_whole(operand: exp.Expr) -> bool:
    return isinstance(operand, exp.Column) and operand.name in WHOLE


def _is_plain(node: exp.RegexpExtract) -> bool:
    """Whether it takes the whole match of a literal that every engine reads alike.

    Classes, groups, ``?``, ``*``, ``+`` and ``^`` only; no backslash, which engines unescape
    differently. The query itself has to name group 0, the whole match.
    """
    pattern, group = node.expression, node.args.get("group")
    return (
        isinstance(pattern, exp.Literal)
        and set(pattern.name) <= set("^[](){}?*+:.-/") | set("0123456789abcdef")
        and group is not None
        and group.name == "0"
    )


def _of_window(window: exp.Window) -> Iterator[str]:
    text = window.sql()[:100]
    order, select = window.args.get("order"), window.find_ancestor(exp.Select)
    if order is None or select is None:
        if isinstance(window.this, exp.Lag | exp.RowNumber):
            yield f"window without an order: {text}"
        return
    spec = window.args.get("spec")
    if spec is not None and spec.args.get("kind") != "RANGE":
        yield f"a frame of rows, which ties reach in any order: {text}"
    if isinstance(window.this, exp.Lag | exp.RowNumber) and not _decides_ties(window, select):
        yield f"a window whose order leaves ties open: {text}"
    if isinstance(window.this, exp.Lag) and not _is_guarded(window, select):
        yield f"LAG without a ROW_NUMBER() > 1 guard: {text}"


def _decides_ties(window: exp.Window, select: exp.Select) -> bool:
    """Whether rows that tie, if there are any, cannot be told apart.

    The order names exchange_id, or everything that the SELECT looks at, or all columns of a
    GROUP BY directly below.
    """
    keys = [*window.args["order"].expressions, *(window.args.get("partition_by") or ())]
    fixed = {column.name for key in keys for column in key.find_all(exp.Column)}
    looked_at = {column.name for one in select.expressions for column in one.find_all(exp.Column)}
    return "exchange_id" in fixed or looked_at <= fixed or _groups_below(select) <= fixed


def _groups_below(select: exp.Select) -> set[str]:
    """Return the columns that the only source of *select* is grouped by; ``*`` if it is not."""
    source = select.args["from_"].this if select.args.get("from_") else None
    below: exp.Expr | None = source.this if isinstance(source, exp.Subquery) else None
    if isinstance(source, exp.Table):
        named = {cte.alias: cte.this for cte in select.root().find_all(exp.CTE)}
        below = named.get(source.name)
    if select.args.get("joins") or not isinstance(below, exp.Select):
        return {"*"}
    group = below.args.get("group")
    names = {one.name or one.sql() for one in group.expressions} if group else set()
    return names or {"*"}


def _is_guarded(lag: exp.Window, select: exp.Select) -> bool:
    """Whether the first row of each partition never shows what LAG says of it.

    Either LAG stands in ``CASE WHEN ROW_NUMBER() OVER (the same) > 1``, or the row number has
    a name, and whatever reads the LAG from an outer query is in a CASE or behind a WHERE that
    compares that name with 1.
    """
    same = (lag.args["order"], lag.args.get("partition_by"))

    def is_place(node: exp.Expr | None) -> bool:
        return (
            isinstance(node, exp.Window)
            and isinstance(node.this, exp.RowNumber)
            and (node.args["order"], node.args.get("partition_by")) == same
        )

    if _asks(lag.find_ancestor(exp.If), is_place):
        return True
    places = {one.alias for one in select.expressions if is_place(one.unalias())}
    name = next((one.alias for one in select.expressions if one.unalias() is lag), None)

    def is_named(node: exp.Expr | None) -> bool:
        return isinstance(node, exp.Column) and node.name in places

    readers = list(_readers(select))
    uses = [
        column
        for reader in readers
        for column in reader.find_all(exp.Column)
        if column.name == name and column.find_ancestor(exp.Select) is reader
    ]
    return bool(readers and name) and all(
        _asks(use.find_ancestor(exp.If, exp.Select), is_named)
        or _asks(use.parent_select.args.get("where"), is_named)
        for use in uses
        if use.parent_select is not None
    )


def _asks(condition: exp.Expr | None, is_place: Callable[[exp.Expr | None], bool]) -> bool:
    """Whether a CASE or a WHERE compares the place with 1."""
    if not isinstance(condition, exp.If | exp.Where):
        return False
    return any(
        is_place(test.this) and test.expression.sql() == "1"
        for test in condition.this.find_all(exp.GT)
    )


def _readers(select: exp.Select) -> Iterator[exp.Select]:
    """Yield the queries that read directly from *select*."""
    around = select.parent
    if isinstance(around, exp.CTE):
        for table in select.root().find_all(exp.Table):
            if table.name == around.alias and table.parent_select is not None:
                yield table.parent_select
    elif isinstance(around, exp.Subquery) and around.parent_select is not None:
        yield around.parent_select
