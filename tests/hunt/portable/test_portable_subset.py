"""Every query of a rule or detector stays in the subset on which engines agree."""

import dataclasses
import sys
from typing import Any

import pytest
import sqlglot
from queries import NAMES, everything, query

from stillhunt.hunt.portable.dialects import EXECUTED, NOT_EXECUTED, Dialect, written
from stillhunt.hunt.portable.subset import objections
from stillhunt.model.errors import PortabilityError
from stillhunt.registry import parts

QUERIES = dict(everything())
WINDOW = "OVER (PARTITION BY account_id ORDER BY ts_us, exchange_id)"


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_stays_in_the_portable_subset(name: str) -> None:
    assert objections(QUERIES[name]) == []


@pytest.mark.parametrize("dialect", [*EXECUTED, *NOT_EXECUTED])
@pytest.mark.parametrize("name", NAMES)
def test_a_query_can_be_written_for_other_engines(name: str, dialect: Dialect) -> None:
    assert sqlglot.parse_one(written(query(name), dialect), read=dialect)


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("SELECT approx_count_distinct(a) FROM t", "APPROX"),
        ("SELECT quantile_cont(a, 0.5) FROM t", "function"),
        ("SELECT median(a) FROM t", "function MEDIAN"),
        ("SELECT list(a) FROM t", "function"),
        ("SELECT arg_max(a, b) FROM t", "function"),
        ("SELECT any_value(a) FROM t", "function ANY_VALUE"),
        ("SELECT [1, 2]", "ARRAY"),
        ("SELECT {'a': 1}", "STRUCT"),
        ("SELECT a FROM t, UNNEST(b)", "UNNEST"),
        ("SELECT to_timestamp(a) FROM t", "function"),
        ("SELECT TIMESTAMP '2026-01-01'", "TIMESTAMP"),
        ("SELECT CAST(a AS TIMESTAMP) FROM t", "type TIMESTAMP"),
        ("SELECT a::DATE FROM t", "type DATE"),
        ("SELECT now()", "function "),
        ("SELECT date_trunc('hour', a) FROM t", "function"),
        ("SELECT a FROM t WHERE a > INTERVAL 1 DAY", "Interval"),
        ("SELECT regexp_matches(a, 'x') FROM t", "REGEXP"),
        ("SELECT regexp_extract(a, '([0-9])x', 1) FROM t", "expression REGEXP_EXTRACT"),
        ("SELECT regexp_extract(a, '\\\\d', 0) FROM t", "expression REGEXP_EXTRACT"),
        ("SELECT split_part(a, 'x', 1) FROM t", "SPLIT_PART"),
        ("SELECT LENGTH(a) FROM t", "function LENGTH"),
        ("SELECT a LIKE 'x%' FROM t", "LIKE"),
        ("SELECT a // 2 FROM t", "IntDiv"),
        ("SELECT hash(a) FROM t", "function HASH"),
        ("SELECT CAST(a / 2 AS BIGINT) FROM t", "a cast that may round"),
        ("SELECT CAST(temperature AS BIGINT) FROM t", "a cast that may round"),
        ("SELECT a FROM t ASOF JOIN u ON t.a >= u.a", "ASOF join"),
        ("SELECT a FROM t FULL JOIN u ON t.a = u.a", "FULL join"),
        ("SELECT a FROM t JOIN u USING (a)", "USING"),
        ("SELECT a FROM t ORDER BY a LIMIT 1", "Limit"),
        ("SELECT a FROM t QUALIFY ROW_NUMBER() OVER (ORDER BY exchange_id) = 1", "Qualify"),
        ("SELECT DISTINCT ON (a) b FROM t ORDER BY a DESC", "descending order"),
        ("SELECT FIRST_VALUE(a) OVER (ORDER BY exchange_id) FROM t", "FIRST_VALUE"),
        ("SELECT LEAD(a) OVER (ORDER BY ts_us, exchange_id) FROM t", "function LEAD"),
        (
            f"SELECT COUNT(*) {WINDOW[:-1]} ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
            "a frame of rows",
        ),
        ("SELECT a, ROW_NUMBER() OVER () FROM t", "window without an order"),
        ("SELECT a, ROW_NUMBER() OVER (ORDER BY ts_us) AS place FROM t", "leaves ties open"),
        (
            "SELECT a, ROW_NUMBER() OVER (ORDER BY b) FROM (SELECT b, a FROM t GROUP BY a, b)",
            "leaves ties open",
        ),
        ("SELECT LAG(a) OVER (ORDER BY a, exchange_id) FROM t", "LAG without"),
        (
            "SELECT b FROM (SELECT LAG(a) OVER (ORDER BY ts_us) AS b,"
            " ROW_NUMBER() OVER (ORDER BY ts_us) AS place FROM t) WHERE place > 1",
            "leaves ties open",
        ),
        (
            "SELECT b FROM (SELECT LAG(a) OVER (ORDER BY ts_us, exchange_id) AS b,"
            " ROW_NUMBER() OVER (ORDER BY ts_us) AS place FROM t) WHERE place > 1",
            "LAG without",
        ),
        (
            f"SELECT b FROM (SELECT LAG(a) {WINDOW} AS b, ROW_NUMBER() {WINDOW} AS place FROM t)"
            " WHERE place > 0",
            "LAG without",
        ),
        (
            f"""SELECT CASE WHEN place > 1 THEN b END, c
                FROM (SELECT LAG(a) {WINDOW} AS b, LAG(d) {WINDOW} AS c,
                             ROW_NUMBER() {WINDOW} AS place FROM t)""",
            "LAG without",
        ),
        (
            f"SELECT CASE WHEN ROW_NUMBER() {WINDOW} > 0 THEN LAG(a) {WINDOW} END FROM t",
            "LAG without",
        ),
    ],
)
def test_what_engines_do_differently_is_refused_by_name(sql: str, named: str) -> None:
    assert named in "; ".join(objections(sql))
    with pytest.raises(PortabilityError, match="not portable"):
        written(sql, "spark")


@pytest.mark.parametrize(
    "sql",
    [
        f"""SELECT b FROM (SELECT LAG(a) {WINDOW} AS b, ROW_NUMBER() {WINDOW} AS place FROM t)
            WHERE place > 1""",
        f"""SELECT CASE WHEN place > 1 THEN b END
            FROM (SELECT LAG(a) {WINDOW} AS b, ROW_NUMBER() {WINDOW} AS place FROM t)""",
        f"SELECT CASE WHEN ROW_NUMBER() {WINDOW} > 1 THEN LAG(a) {WINDOW} END AS b FROM t",
        "SELECT a, ROW_NUMBER() OVER (ORDER BY a) AS k FROM (SELECT a FROM t GROUP BY a)",
        "SELECT ROW_NUMBER() OVER (PARTITION BY a ORDER BY b) AS k, a, b FROM t",
        "SELECT COUNT(*) OVER (ORDER BY ts_us RANGE BETWEEN 9 PRECEDING AND CURRENT ROW) FROM t",
        "SELECT CAST(output_tokens AS BIGINT) * 5000000000 FROM exchanges",
    ],
)
def test_what_they_do_alike_is_in_the_subset(sql: str) -> None:
    assert objections(sql) == []


def test_clickhouse_is_told_what_the_standard_means() -> None:
    sql = written("SELECT SUM(b.n) AS n FROM a LEFT JOIN b ON a.n = b.n", "clickhouse")
    assert "join_use_nulls = 1" in sql
    assert "prefer_column_name_to_alias = 1" in sql


def test_clickhouse_hears_the_name_of_a_column_that_two_tables_have() -> None:
    assert "a.n AS n" in written("SELECT a.n FROM a JOIN b ON a.n = b.n", "clickhouse")


@pytest.mark.parametrize("dialect", ["spark", "databricks", "snowflake", "postgres"])
def test_a_number_with_a_point_is_no_decimal(dialect: Dialect) -> None:
    assert "CAST(2.5 AS DOUBLE" in written("SELECT a FROM t WHERE a > 2.5", dialect)


def test_snowflake_divides_doubles() -> None:
    sql = written("SELECT AVG(a) AS m, a / (b / c) AS q FROM t", "snowflake")
    assert "AVG(CAST(a AS DOUBLE))" in sql
    assert "CAST(a AS DOUBLE) / (" in sql
    assert "CAST(b AS DOUBLE) / c" in sql


@pytest.mark.parametrize("dialect", NOT_EXECUTED)
def test_what_never_ran_says_so_first(dialect: Dialect) -> None:
    first = written("SELECT 1 AS a", dialect).splitlines()[0]
    assert first == f"-- Written for {dialect}, not executed here."


@pytest.mark.parametrize("part", parts("stillhunt.hunt.detectors").values())
def test_a_detector_says_everything_that_an_analyst_asks(part: type[Any]) -> None:
    text = " ".join((sys.modules[part.__module__].__doc__ or "").split())
    for word in ("Honest look-alikes", "Cost to evade", "Source:", "not calibrated"):
        assert word in text
    assert dataclasses.is_dataclass(part)
