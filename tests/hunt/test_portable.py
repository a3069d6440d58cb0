"""Every query of a rule or detector stays in the subset on which engines agree."""

import dataclasses
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from stillhunt.hunt.claims import detector_sql
from stillhunt.hunt.parameters import resolve
from stillhunt.hunt.rule import load_rules
from stillhunt.hunt.rule_sql import rule_sql
from stillhunt.registry import parts

FUNCTIONS = {
    exp.Count, exp.Sum, exp.Min, exp.Max, exp.Avg, exp.StddevPop,
    exp.Ln, exp.Pow, exp.Greatest, exp.Least, exp.Coalesce, exp.Nullif,
    exp.StartsWith, exp.StrPosition, exp.Substring, exp.Length, exp.Reverse, exp.Case, exp.If,
    exp.Cast, exp.Lag, exp.RowNumber, exp.And, exp.Or, exp.RegexpExtract,
}  # fmt: skip
NODES = {
    exp.Select, exp.Union, exp.With, exp.CTE, exp.Subquery, exp.From, exp.Join, exp.Where,
    exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Table, exp.TableAlias, exp.Alias,
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Star, exp.Paren, exp.Tuple,
    exp.Distinct, exp.Window, exp.WindowSpec, exp.DataType, exp.Neg, exp.Not,
    exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.DPipe, exp.In, exp.Is, exp.Between,
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE,
}  # fmt: skip
TYPES = {"DOUBLE", "BIGINT"}


def _queries() -> Iterator[tuple[str, str]]:
    for rule in load_rules():
        values = resolve(rule.known_parameters, {}, {})[rule.name]
        yield rule.name, rule_sql(rule, values, 0, 10**15)
        if rule.filter.paths:
            told = values | {rule.filter.paths: "/a,/b/*"}
            yield f"{rule.name}-paths", rule_sql(rule, told, 0, 10**15)
    for name, part in parts("stillhunt.hunt.detectors").items():
        yield name, detector_sql(part())


QUERIES = dict(_queries())


def objections(sql: str) -> list[str]:
    """Return everything in *sql* that is not in the subset, by name."""
    found = []
    tree = sqlglot.parse_one(sql, read="duckdb")
    for node in tree.walk():
        kind = type(node)
        if isinstance(node, exp.Func) and kind not in FUNCTIONS:
            found.append(f"function {node.sql()[:40]}")
        elif not isinstance(node, exp.Func) and kind not in NODES:
            found.append(f"{kind.__name__} {node.sql()[:40]}")
        if isinstance(node, exp.Join) and node.method:
            found.append(f"{node.method} join")
        if isinstance(node, exp.DataType) and node.sql().upper() not in TYPES:
            found.append(f"type {node.sql()}")
        if isinstance(node, exp.RegexpExtract) and not _is_plain(node):
            found.append(f"expression {node.sql()}")
        if isinstance(node, exp.Lag):
            found += _lag_objections(node)
    return found


def _is_plain(node: exp.RegexpExtract) -> bool:
    """Whether it takes the whole match of a literal that every engine reads alike.

    Classes, groups, ``?``, ``*``, ``+`` and ``^`` only; no backslash, which engines unescape
    differently. The query itself has to name group 0, see the test below.
    """
    pattern, group = node.expression, node.args.get("group")
    return (
        isinstance(pattern, exp.Literal)
        and set(pattern.name) <= set("^[](){}?*+:.-/") | set("0123456789abcdef")
        and group is not None
        and group.name == "0"
    )


def _lag_objections(lag: exp.Lag) -> Iterator[str]:
    """LAG wants a ROW_NUMBER in the same SELECT, whose first row a later query leaves out.

    Its order must not leave ties open: it names exchange_id, or everything that is looked at.
    """
    select = lag.find_ancestor(exp.Select)
    window = lag.parent
    assert isinstance(select, exp.Select)
    assert isinstance(window, exp.Window)
    places = [
        alias.alias
        for alias in select.expressions
        if alias.find(exp.RowNumber) and alias.this.args["order"] == window.args["order"]
    ]
    conditions = [where.this.sql() for where in select.root().find_all(exp.Where)]
    if not any(f"{place} > 1" in condition for place in places for condition in conditions):
        yield "LAG without a ROW_NUMBER() > 1 guard"
    order = {column.name for column in window.args["order"].find_all(exp.Column)}
    lagged = {
        column.name
        for other in select.find_all(exp.Lag)
        for column in other.this.find_all(exp.Column)
    }
    if "exchange_id" not in order and not lagged <= order:
        yield "LAG whose order leaves ties open"


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_stays_in_the_portable_subset(name: str) -> None:
    assert objections(QUERIES[name]) == []


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_names_the_group_that_it_extracts(name: str) -> None:
    sql = QUERIES[name]
    assert sql.count("REGEXP_EXTRACT(") == len(
        re.findall(r"REGEXP_EXTRACT\(\w+, '[^']*', 0\)", sql)
    )


@pytest.mark.parametrize("dialect", ["duckdb", "spark", "clickhouse"])
@pytest.mark.parametrize("name", QUERIES)
def test_a_query_can_be_written_in_other_dialects(name: str, dialect: str) -> None:
    (sql,) = sqlglot.transpile(
        QUERIES[name], read="duckdb", write=dialect, unsupported_level=sqlglot.ErrorLevel.RAISE
    )
    assert sqlglot.parse_one(sql, read=dialect)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT approx_count_distinct(a) FROM t",
        "SELECT quantile_cont(a, 0.5) FROM t",
        "SELECT median(a) FROM t",
        "SELECT list(a) FROM t",
        "SELECT [1, 2]",
        "SELECT to_timestamp(a) FROM t",
        "SELECT TIMESTAMP '2026-01-01'",
        "SELECT CAST(a AS TIMESTAMP) FROM t",
        "SELECT a::DATE FROM t",
        "SELECT now()",
        "SELECT date_trunc('hour', a) FROM t",
        "SELECT regexp_matches(a, 'x') FROM t",
        "SELECT regexp_extract(a, '([0-9])x', 1) FROM t",
        "SELECT regexp_extract(a, '\\\\d', 0) FROM t",
        "SELECT split_part(a, 'x', 1) FROM t",
        "SELECT a // 2 FROM t",
        "SELECT hash(a) FROM t",
        "SELECT a FROM t ASOF JOIN u ON t.a >= u.a",
        "SELECT a FROM t QUALIFY ROW_NUMBER() OVER (ORDER BY a) = 1",
        "SELECT LAG(a) OVER (ORDER BY a, exchange_id) FROM t",
        "SELECT b FROM (SELECT LAG(a) OVER (ORDER BY ts_us) AS b,"
        " ROW_NUMBER() OVER (ORDER BY ts_us) AS place FROM t) WHERE place > 1",
        "SELECT b FROM (SELECT LAG(a) OVER (ORDER BY ts_us, exchange_id) AS b,"
        " ROW_NUMBER() OVER (ORDER BY ts_us) AS place FROM t) WHERE place > 1",
    ],
)
def test_what_engines_do_differently_is_refused(sql: str) -> None:
    assert objections(sql)


def test_a_guarded_lag_is_in_the_subset() -> None:
    window = "OVER (PARTITION BY account_id ORDER BY ts_us, exchange_id)"
    sql = f"""SELECT b FROM (SELECT LAG(a) {window} AS b, ROW_NUMBER() {window} AS place FROM t)
              WHERE place > 1"""
    assert objections(sql) == []


@pytest.mark.parametrize("part", parts("stillhunt.hunt.detectors").values())
def test_a_detector_says_everything_that_an_analyst_asks(part: type[Any]) -> None:
    text = " ".join((sys.modules[part.__module__].__doc__ or "").split())
    for word in ("Honest look-alikes", "Cost to evade", "Source:", "not calibrated"):
        assert word in text
    assert dataclasses.is_dataclass(part)
