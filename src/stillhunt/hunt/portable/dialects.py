"""One portable query in the spelling of each engine.

Where an engine's own habits would change the meaning, the text that is returned says so
itself: ClickHouse gets its settings at the end, Spark gets doubles where a number with a
point would be a decimal. On the engines that run in our tests whole answers are compared, rule
by rule; for the others the text is written out only, and its first line says that.
"""

from typing import Literal, get_args

import sqlglot
from sqlglot import exp
from sqlglot.errors import UnsupportedError

from stillhunt.hunt.portable.subset import objections
from stillhunt.model.errors import PortabilityError

__all__ = ["EXECUTED", "NOT_EXECUTED", "Dialect", "written"]

Executed = Literal["duckdb", "spark", "clickhouse"]
NotExecuted = Literal["databricks", "snowflake", "bigquery", "postgres"]
Dialect = Executed | NotExecuted
EXECUTED: tuple[Executed, ...] = get_args(Executed)
NOT_EXECUTED: tuple[NotExecuted, ...] = get_args(NotExecuted)

SETTINGS = {
    "join_use_nulls": 1,  # else a row without a partner has 0 and ''
    "prefer_column_name_to_alias": 1,  # else MAX(x) AS x makes every other x of the SELECT a MAX
    "union_default_mode": "'DISTINCT'",  # else UNION alone is an error
    "aggregate_functions_null_for_empty": 1,  # else a sum of nothing is 0
}
"""What makes ClickHouse mean what the standard means."""

DECIMAL = ("spark", "databricks", "snowflake", "postgres")
"""Here a number with a point is a decimal, and a quotient of it has six digits or so."""


def written(sql: str, dialect: Dialect) -> str:
    """Return *sql*, a query in the portable subset as DuckDB reads it, for *dialect*.

    Raises:
        PortabilityError: It holds something on which engines disagree, or something that
            *dialect* has no words for; says what.
    """
    if found := objections(sql):
        raise PortabilityError(f"not portable: {'; '.join(found)}")
    if dialect == "duckdb":
        return sql
    tree = sqlglot.parse_one(sql, read="duckdb")
    for node in reversed(list(tree.walk())):  # the inner ones first: what is copied is done
        _adapt(node, dialect)
    try:
        text = tree.sql(dialect, pretty=True, unsupported_level=sqlglot.ErrorLevel.RAISE)
    except UnsupportedError as error:
        raise PortabilityError(f"{dialect} has no words for it: {error}") from error
    if dialect == "clickhouse":
        told = ", ".join(f"{name} = {value}" for name, value in SETTINGS.items())
        text += f"\nSETTINGS {told}"
    if dialect in NOT_EXECUTED:
        text = f"-- Written for {dialect}, not executed here.\n{text}"
    return text


def _adapt(node: exp.Expr, dialect: Dialect) -> None:
    """Say in *dialect* what *node* means; changes the tree in place."""
    match node:
        case exp.Literal() if dialect in DECIMAL and node.is_number and not node.is_int:
            node.replace(exp.cast(node.copy(), "DOUBLE"))
        case exp.Div() if dialect == "snowflake":
            _double(node.this)
        case exp.Avg() if dialect == "snowflake":
            _double(node.this)
        case exp.RegexpExtract():
            _adapt_extract(node, dialect)
        case exp.Ordered() if dialect == "bigquery":
            node.set("nulls_first", True)  # its own order; what we sort by is known
        case exp.WindowSpec() if isinstance(node.args.get("start"), exp.Sub):
            less = node.args["start"]
            whole = int(less.this.name) - int(less.expression.name)
            node.set("start", exp.Literal.number(whole))
        case exp.Select() if dialect == "clickhouse":
            _name_columns(node)
        case exp.StddevPop() if dialect == "clickhouse":
            # The plain one loses digits where numbers are large and alike.
            node.replace(exp.func("stddevPopStable", node.this.copy(), dialect="clickhouse"))


def _name_columns(select: exp.Select) -> None:
    """Write ``s.n`` as ``s.n AS n``: ClickHouse calls it "s.n" where another table has an n."""
    for one in select.expressions:
        if isinstance(one, exp.Column) and one.table:
            one.replace(exp.alias_(one.copy(), one.name))


def _double(node: exp.Expr) -> None:
    """Make a quotient or a mean one of doubles: of integers it would have six digits."""
    if not (isinstance(node, exp.Cast) and node.to.sql().upper() == "DOUBLE"):
        node.replace(exp.cast(node.copy(), "DOUBLE"))


def _adapt_extract(node: exp.RegexpExtract, dialect: Dialect) -> None:
    """Take the whole match where the function has no group 0, or takes the only group."""
    if dialect in ("spark", "databricks", "clickhouse"):
        return
    pattern = node.expression.name
    if dialect == "bigquery":
        pattern = pattern.replace("(", "(?:")
    name = "REGEXP_EXTRACT" if dialect == "bigquery" else "REGEXP_SUBSTR"
    node.replace(
        exp.Anonymous(this=name, expressions=[node.this.copy(), exp.Literal.string(pattern)])
    )
