"""A finding can be checked by pasting a query."""

import duckdb
import pytest
import report_crowd as crowd
from hypothesis import given, settings
from hypothesis import strategies as st

from stillhunt.hunt.report.byhand import check_sql, shown_condition, shown_literal
from stillhunt.hunt.report.visible import visible
from stillhunt.model.finding import Finding


@pytest.fixture(scope="module")
def lake() -> duckdb.DuckDBPyConnection:
    return crowd.lake(crowd.exchanges(days=4, people=3))


@pytest.mark.parametrize("one", crowd.findings(), ids=lambda one: one.detector)
def test_every_query_runs(lake: duckdb.DuckDBPyConnection, one: Finding) -> None:
    assert lake.execute(check_sql(one)).fetchall()


def test_the_query_counts_what_the_finding_rests_on(lake: duckdb.DuckDBPyConnection) -> None:
    subject = {"account_id": crowd.HARVESTER, "source_ip": "203.0.113.66"}
    one = crowd.finding("volume", subject, first_seen_us=0, last_seen_us=2**60)
    requests, _, tokens, accounts, addresses = lake.execute(check_sql(one)).fetchall()[0]
    wanted = lake.execute(
        "SELECT COUNT(*), SUM(output_tokens) FROM exchanges "
        "WHERE account_id = ? AND source_ip = ?",
        [crowd.HARVESTER, "203.0.113.66"],
    ).fetchall()[0]
    assert (requests, tokens) == wanted
    assert (accounts, addresses) == (1, 1)


def test_columns_that_are_no_columns_of_an_exchange_are_left_out() -> None:
    sql = check_sql(crowd.finding("cadence", {"account_id": "a", "sign": "unread"}))
    assert "sign" not in sql
    assert "account_id = 'a'" in sql


def test_an_unknown_account_is_asked_for_as_null() -> None:
    assert shown_condition("account_id", None) == "account_id IS NULL"


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30))
def test_a_literal_means_the_name_and_can_be_seen(name: str) -> None:
    text = shown_literal(name)
    assert visible(text) == text
    assert duckdb.execute(f"SELECT {text}").fetchall() == [(name,)]


def test_a_name_of_ten_kilobytes_makes_a_short_condition() -> None:
    name = "x" * 10_000
    text = shown_condition("account_id", name)
    assert len(text) < 300
    rows = duckdb.execute(
        f"SELECT {text} FROM (VALUES ('{name}'), ('{name}y')) AS t(account_id)"
    ).fetchall()
    assert rows == [(True,), (False,)]


def test_quotes_cannot_leave_their_literal() -> None:
    assert shown_literal("a' OR 1=1 --") == "'a'' OR 1=1 --'"
