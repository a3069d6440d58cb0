"""Rules as files: what may stand in one, and how values get into the SQL."""

import duckdb
import pytest

from stillhunt.hunt.rule import load_rules, read_rule
from stillhunt.hunt.rule_sql import path_condition, render

GOOD = """
version = 1
title = "t"
description = "d"
statistic = "s"
family = "usage"
subject = ["account_id"]
needs = ["account_id"]
severity = "3"
look_alikes = "l"
cost_to_evade = "c"
source = "s"
[window]
kind = "lookback"
parameter = "lookback"
[figures]
total = { measure = "count" }
[[bounds]]
figure = "total"
above = "least"
[parameters.least]
type = "integer"
default = 1
note = "n"
[parameters.lookback]
type = "duration"
default = "1d"
note = "n"
"""


def test_the_shipped_rules_are_these() -> None:
    assert [rule.name for rule in load_rules()] == [
        "bulk_signup",
        "burst",
        "burst_account",
        "burst_prefix",
        "failover",
        "heavy_output",
        "many_accounts",
        "many_addresses",
        "new_model_pivot",
        "out_of_plan",
        "round_the_clock",
        "signature_reuse",
        "volume",
        "volume_account",
        "volume_prefix",
    ]


def test_every_rule_says_who_looks_alike_and_what_evading_costs() -> None:
    for rule in load_rules():
        for text in (rule.title, rule.description, rule.statistic, rule.look_alikes, rule.source):
            assert len(text.strip()) > 20
        assert rule.cost_to_evade.strip()[:3] == "Low"


def test_rules_over_other_subjects_have_the_same_parameters() -> None:
    rules = {
        rule.name: {
            name: (one.type, one.default, one.unit) for name, one in rule.parameters.items()
        }
        for rule in load_rules()
    }
    assert rules["volume"] == rules["volume_account"] == rules["volume_prefix"]
    assert rules["burst"] == rules["burst_account"] == rules["burst_prefix"]


def test_a_good_file_is_a_rule() -> None:
    assert read_rule("good", GOOD).known_parameters[0].full_name == "good.least"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version = 1", "version = 0"),
        ("version = 1", "version = 1\nextra = 1"),
        ('above = "least"', 'above = "most"'),
        ('figure = "total"', 'figure = "sum"'),
        ('parameter = "lookback"', 'parameter = "window"'),
        ('parameter = "lookback"', ""),
        ('kind = "lookback"', 'kind = "sliding"'),
        ('measure = "count"', 'measure = "median"'),
        ('family = "usage"', 'family = "luck"'),
        ("version = 1", "version ="),
    ],
)
def test_a_file_that_means_nothing_is_refused(old: str, new: str) -> None:
    with pytest.raises(ValueError, match="rule bad"):
        read_rule("bad", GOOD.replace(old, new, 1))


def test_values_are_written_as_literals() -> None:
    sql = render("SELECT :a, :b_c, ':', '::', x::TEXT, :a", {"a": 1, "b_c": "it's"})
    assert sql == "SELECT 1, 'it''s', ':', '::', x::TEXT, 1"


def test_a_name_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        render("SELECT :a", {})


def test_a_path_cannot_leave_its_quotes() -> None:
    condition = path_condition("/a') OR TRUE --")
    sql = f"SELECT {condition} FROM (SELECT '/b' AS path, NULL AS operation)"
    assert duckdb.connect().execute(sql).fetchall() == [(False,)]


def test_a_value_is_never_read_as_a_name() -> None:
    sql = render("SELECT " + path_condition("/a:until_us"), {})
    assert ":until_us" in sql
