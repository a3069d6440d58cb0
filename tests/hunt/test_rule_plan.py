"""What a rule means as a plan, and that every way of writing it gives the same rows."""

import re
from typing import TypeVar

import duckdb
import pytest
from sweep_kit import DAY, HOUR, MINUTE, NOON, SECOND, exchange, many, table_of

from stillhunt.hunt.parameters import Value, resolve
from stillhunt.hunt.plan import (
    AnyOf,
    Cases,
    Compare,
    Constant,
    Edge,
    Filter,
    Known,
    Member,
    Plan,
    Prefix,
    Previous,
    Select,
    Sliding,
    Summarize,
)
from stillhunt.hunt.plan_sizes import Least, small_groups
from stillhunt.hunt.plan_sql import plan_sql
from stillhunt.hunt.rule import Rule, load_rules
from stillhunt.hunt.rule_plan import path_expression, rule_plan
from stillhunt.hunt.rule_sql import rule_sql

RULES = {rule.name: rule for rule in load_rules()}


def values(name: str, **told: str) -> dict[str, Value]:
    overrides = {f"{name}.{key}": value for key, value in told.items()}
    return resolve(RULES[name].known_parameters, {}, overrides)[name]


def planned(name: str, **told: str) -> Plan:
    return rule_plan(RULES[name], values(name, **told))


Kind = TypeVar("Kind")


def steps_of(plan: Plan, kind: type[Kind]) -> list[Kind]:
    return [step for step in plan.steps if isinstance(step, kind)]


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_every_plan_ends_with_the_columns_of_a_claim(rule: Rule) -> None:
    plan = rule_plan(rule, values(rule.name))
    last = plan.steps[-1]
    assert isinstance(last, Select)
    assert {*rule.subject, "severity", "statistic", "n", "first_seen", "last_seen"} <= {
        *last.names
    }
    assert ("bin_us" in last.names) == (rule.window.kind == "bins")
    assert set(rule.last_figures) - {"first_seen"} <= {*last.names}
    assert list(plan.columns) == sorted(plan.columns)


def test_a_plan_names_the_columns_of_its_table_alone() -> None:
    assert planned("many_accounts", paths="*").columns == (
        "account_id", "network_kind", "source_ip", "ts_us",
    )  # fmt: skip
    assert planned("failover", paths="*").columns == (
        "account_id", "exchange_id", "network_kind", "source_ip", "status", "ts_us",
    )  # fmt: skip
    assert planned("out_of_plan", paths="*").columns == ("account_id", "output_tokens", "ts_us")
    assert planned("out_of_plan").joins_directory == ("tier",)
    assert planned("bulk_signup").columns == (
        "account_id", "created_at", "created_at_us", "email_domain", "email_pattern", "org_id",
    )  # fmt: skip


def test_how_long_a_period_an_answer_needs() -> None:
    assert planned("volume").length_us == DAY
    assert planned("heavy_output").length_us is None
    assert planned("many_accounts").length_us == DAY
    assert planned("burst").length_us == MINUTE


def test_parameters_are_written_in() -> None:
    bound = steps_of(planned("many_accounts", accounts="7"), Filter)[-1].condition
    assert isinstance(bound, Compare)
    assert bound.right == Constant(7)
    (sliding,) = steps_of(planned("burst", requests_per_minute="3"), Sliding)
    assert (sliding.by, sliding.span_us, sliding.above) == ("source_ip", MINUTE, 3)


def test_a_distinct_count_is_two_stages() -> None:
    first, second = steps_of(planned("many_accounts"), Summarize)
    assert first.by == ("source_ip", "account_id", "bin_us")
    assert second.by == ("source_ip", "bin_us")
    assert second.figures["accounts"].kind == "count"


def test_rows_before_the_period_are_looked_at_but_do_not_count() -> None:
    plan = planned("failover", quiet="2h")
    first, then = steps_of(plan, Filter)[:2]
    assert Edge("from", -2 * HOUR) in {t.right for t in terms(first) if isinstance(t, Compare)}
    assert Edge("from") in {t.right for t in terms(then) if isinstance(t, Compare)}
    assert [one.by for one in steps_of(plan, Previous)] == [
        ("source_ip",),
        ("source_ip", "account_id"),
    ]


def terms(step: Filter) -> list[object]:
    return list(getattr(step.condition, "terms", [step.condition]))


def test_a_bound_can_depend_on_a_column() -> None:
    plan = planned("out_of_plan", tokens_per_day="a=5,*=9")
    cases = [
        one
        for step in plan.steps
        for one in getattr(step, "columns", {}).values()
        if isinstance(one, Cases)
    ]
    assert [one.otherwise for one in cases] == [Constant(9)]


def test_paths_are_whole_or_below_or_have_a_query() -> None:
    assert path_expression("/a, *") is None
    condition = path_expression("/a,/b/*")
    assert isinstance(condition, AnyOf)
    assert condition.terms[:3] == (
        Member("path", ("/a",)),
        Prefix("path", "/a?"),
        Prefix("path", "/b/"),
    )
    assert Known("path", negated=True) in getattr(condition.terms[3], "terms", ())


BURST = [
    *many(150, step=SECOND // 2),
    *many(60, start=NOON + HOUR, step=0),
    *many(60, start=NOON + HOUR + MINUTE - 1, step=0),
    *many(90, start=NOON + 2 * HOUR),
    *many(101, start=NOON + 3 * HOUR, step=0, source_ip="192.0.2.9"),
]


@pytest.mark.parametrize("name", ["burst", "burst_account", "burst_prefix"])
@pytest.mark.parametrize("begin", [NOON - 1, NOON + 60 * SECOND])
def test_the_tuned_sliding_query_says_the_same_as_the_plan(name: str, begin: int) -> None:
    con = duckdb.connect()
    con.register("exchanges", table_of(BURST))
    told = values(name)
    subject = RULES[name].subject[0]
    plain = plan_sql(rule_plan(RULES[name], told), begin, NOON + DAY)
    by_minute = f"""
        SELECT {subject}, MAX(severity), MAX(statistic), MAX(peak_requests), COUNT(*),
               MIN(first_seen), MAX(last_seen)
        FROM ({plain}) GROUP BY {subject}, first_seen - MOD(first_seen, 60000000) ORDER BY ALL"""
    tuned = f"""
        SELECT {subject}, severity, statistic, peak_requests, requests_above, first_seen, last_seen
        FROM ({rule_sql(RULES[name], told, begin, NOON + DAY)}) ORDER BY ALL"""
    answer = con.execute(tuned).fetchall()
    assert answer
    assert answer == con.execute(by_minute).fetchall()


def test_narrowing_before_a_window_changes_no_answer() -> None:
    rows = [
        exchange(
            NOON + k * 7 * SECOND,
            exchange_id=f"x{k:04}",
            source_ip=f"192.0.2.{k * k % 5}",
            account_id=f"a{k * 7 % 53}",
            status=429 if k % 3 == 0 else 200,
        )
        for k in range(400)
    ]
    con = duckdb.connect()
    con.register("exchanges", table_of(rows))
    told = values("failover", accounts="0", quiet="1m")
    sql = plan_sql(rule_plan(RULES["failover"], told), NOON, NOON + DAY)
    assert "narrowed AS" in sql
    head, _, rest = sql.partition("narrowed AS (")
    wide = head + rest.partition("),\n")[2].replace("FROM narrowed", "FROM chosen")
    answer = con.execute(f"SELECT * FROM ({sql}) ORDER BY ALL").fetchall()
    assert answer
    assert answer == con.execute(f"SELECT * FROM ({wide}) ORDER BY ALL").fetchall()


def test_a_line_break_inside_of_a_value_stays_as_it_is() -> None:
    sql = plan_sql(planned("volume_prefix", paths="/a\n/b"), 0, 1)
    assert "'/a\n/b'" in sql


@pytest.mark.parametrize(
    ("name", "by", "above"),
    [
        ("many_accounts", ("source_ip", "bin_us"), 20),
        ("many_addresses", ("account_id", "bin_us"), 50),
        ("round_the_clock", ("account_id", "bin_us"), 480),
        ("new_model_pivot", ("account_id",), 200),
        ("signature_reuse", ("reasoning_signature_hash",), 2),
        ("bulk_signup", ("email_domain", "email_pattern", "bin_us"), 30),
    ],
)
def test_groups_that_cannot_reach_a_bound_are_left_out_early(
    name: str, by: tuple[str, ...], above: int
) -> None:
    steps = planned(name).steps
    first = next(k for k, step in enumerate(steps) if isinstance(step, Summarize))
    stage = steps[first]
    assert isinstance(stage, Summarize)
    assert small_groups(stage, steps[first + 1 :]) == Least(by, above)
    sql = rule_sql(RULES[name], values(name), 0, DAY)
    assert sql.count("thinned AS (") == 1


@pytest.mark.parametrize("name", ["volume", "failover", "out_of_plan"])
def test_other_queries_stay_as_they_are(name: str) -> None:
    assert "thinned" not in rule_sql(RULES[name], values(name), 0, DAY)


def test_a_bound_of_which_one_is_enough_leaves_nothing_out() -> None:
    rule = RULES["many_addresses"].model_copy(update={"combine": "any"})
    assert "thinned" not in rule_sql(rule, values("many_addresses"), 0, DAY)


def test_a_subject_that_may_be_unknown_is_not_left_out() -> None:
    rule = RULES["many_accounts"].model_copy(update={"either": ("source_ip", "account_id")})
    assert "thinned" not in rule_sql(rule, values("many_accounts"), 0, DAY)


@pytest.mark.parametrize("name", ["many_accounts", "many_addresses", "round_the_clock"])
def test_leaving_groups_out_early_changes_no_answer(name: str) -> None:
    rows = [
        exchange(
            NOON + k * 11 * MINUTE,
            exchange_id=f"x{k}",
            source_ip=f"198.51.{k * k % 13}.{k * 3 % 7}",
            account_id=f"a{k * k % 29}",
        )
        for k in range(600)
    ]
    con = duckdb.connect()
    con.register("exchanges", table_of(rows))
    bounds = {p.name: "2" for p in RULES[name].known_parameters if p.kind == "integer"}
    sql = rule_sql(RULES[name], values(name, **bounds), 0, NOON + 9 * DAY)
    wide = re.sub(r"HAVING COUNT\(\*\) > \d+", "", sql)
    assert wide != sql
    answer = con.execute(f"SELECT * FROM ({sql}) ORDER BY ALL").fetchall()
    assert answer
    assert answer == con.execute(f"SELECT * FROM ({wide}) ORDER BY ALL").fetchall()
