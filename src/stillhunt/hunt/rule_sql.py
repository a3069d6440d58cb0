"""What a rule means, as one query in the portable subset.

Look-back rules and rules in bins are written from their plan. A sliding rule is written by
hand, because the plain form of its plan would look at every exchange with a window function.
"""

import re
from collections.abc import Collection, Mapping

from stillhunt.hunt.expression_sql import expression_sql, literal
from stillhunt.hunt.parameters import ALL_US, Value
from stillhunt.hunt.plan import Select, Summarize
from stillhunt.hunt.plan_sql import plan_sql, steps_sql
from stillhunt.hunt.rule import DERIVED, Rule
from stillhunt.hunt.rule_plan import (
    GENERATION_OPERATIONS,
    GENERATION_PATHS,
    figure_steps,
    looked_at,
    path_expression,
    row_steps,
    rule_plan,
    severity,
    statistic,
)

__all__ = [
    "GENERATION_OPERATIONS",
    "GENERATION_PATHS",
    "MINUTE_US",
    "figures_sql",
    "measured_columns",
    "path_condition",
    "render",
    "rows_sql",
    "rule_sql",
    "shown_sql",
]

MINUTE_US = 60_000_000
"""Bins of the clock, for which any 60 s lie in two neighbours [us]."""
NAME = re.compile(r"'(?:[^']|'')*'|(?<![:\w]):([a-z][a-z0-9_]*)")
"""A text in quotes, which is left alone, or a ``:name``."""


def render(sql: str, values: Mapping[str, Value], keep: Collection[str] = ()) -> str:
    """Return *sql* with each ``:name`` but those to *keep* replaced by its value, text in quotes.

    Raises:
        KeyError: A name that *values* does not have.
    """

    def told(match: re.Match[str]) -> str:
        is_left = match[1] is None or match[1] in keep
        return match[0] if is_left else literal(values[match[1]])

    return NAME.sub(told, sql)


def path_condition(listed: str) -> str:
    """Return the SQL condition that an exchange's path is one of *listed*.

    Args:
        listed: As ``rule_plan.path_expression`` takes them.
    """
    condition = path_expression(listed)
    return "TRUE" if condition is None else expression_sql(condition, {})


def measured_columns(rule: Rule) -> tuple[str, ...]:
    """Return the columns that the figures of a rule's first stage are made of."""
    figures = rule.all_stages[0].figures.values()
    named = [name for figure in figures for name in (figure.column, figure.of)]
    return tuple(dict.fromkeys(name for name in named if name))


def rows_sql(
    rule: Rule,
    values: Mapping[str, Value],
    *,
    extra: tuple[str, ...] = (),
) -> str:
    """Return the exchanges that count, with the columns that the rule looks at.

    The ends of the period are left as ``:from_us`` and ``:until_us``.

    Args:
        rule: A rule of one stage over exchanges.
        values: Its parameters.
        extra: More columns to carry.
    """
    steps = list(row_steps(rule, values))
    plain = [DERIVED.get(name, name) for name in rule.subject]
    columns = dict.fromkeys([rule.time, *plain, *measured_columns(rule), *extra, *rule.subject])
    steps.append(Select(tuple(columns)))
    return steps_sql(
        steps,
        table=rule.table,
        columns=looked_at(rule, [*steps, Summarize(tuple(columns), {})]),
        edges={"from": ":from_us", "until": ":until_us"},
    )


def figures_sql(rule: Rule, values: Mapping[str, Value], from_us: int, until_us: int) -> str:
    """Return the query for the figures of every subject, whether above a bound or not."""
    plan = rule_plan(rule, values)
    return steps_sql(
        figure_steps(rule, values),
        table=plan.table,
        columns=plan.columns,
        joins=plan.joins_directory,
        edges={"from": from_us, "until": until_us},
    )


def rule_sql(rule: Rule, values: Mapping[str, Value], from_us: int, until_us: int) -> str:
    """Return the rule's query over (from_us, until_us].

    Look-back: one row per subject that stands above a bound, with the columns of the subject,
    ``severity, statistic, n, first_seen, last_seen`` and the figures. Bins: the same for each
    subject and bin, which is ``bin_us``. Sliding: one row per subject and minute that holds a
    moment above the bound. ``episodes`` joins the rows of the latter two.
    """
    if rule.window.kind != "sliding":
        return plan_sql(rule_plan(rule, values), from_us, until_us)
    limits = {"from_us": from_us, "until_us": until_us}
    return render(_sliding(rule, values), dict(values) | limits)


def shown_sql(rule: Rule, values: Mapping[str, Value]) -> str:
    """Return the rule's query for a person, with ``:from_us`` and ``:until_us`` left open.

    A comment above says what to put in their place.
    """
    if rule.window.kind == "sliding":
        sql = render(_sliding(rule, values), values, keep=("from_us", "until_us"))
    else:
        plan = rule_plan(rule, values)
        sql = steps_sql(
            plan.steps,
            table=plan.table,
            columns=plan.columns,
            joins=plan.joins_directory,
            edges={"from": ":from_us", "until": ":until_us"},
        )
    return f"-- {_ends(rule, values)}\n{sql}"


def _ends(rule: Rule, values: Mapping[str, Value]) -> str:
    end = ":until_us: end of the period, us since 1970, itself included; :from_us: "
    if rule.window.kind != "lookback":
        return f"{end}its begin, itself not included"
    length = int(values[str(rule.window.parameter)])
    return f"{end}{'-1' if length >= ALL_US else f':until_us - {length}'}, not included"


def _sliding(rule: Rule, values: Mapping[str, Value]) -> str:
    """Count in (t - span, t] at every exchange t of the subjects that can be above at all.

    Any span of 60 s lies in two neighbouring minutes, so one of them holds more than half the
    bound. Only such minutes and their neighbours come to the dear window function; a moment
    above the bound has all of its 60 s among them.
    """
    (subject,), (bound,) = rule.subject, rule.bounds
    rows = rows_sql(rule, values)
    minute = f"ts_us - MOD(ts_us, {MINUTE_US})"
    figure = bound.figure
    level = expression_sql(severity(rule, values), {})
    times = expression_sql(statistic(rule, values), {})
    return f"""WITH chosen AS (
    SELECT {subject}, ts_us, {minute} AS minute_us
    FROM ({rows})
),
busy AS (
    SELECT {subject}, ROW_NUMBER() OVER (ORDER BY {subject}) AS number
    FROM (SELECT {subject} FROM chosen GROUP BY {subject} HAVING COUNT(*) > :{bound.above})
),
sent AS (
    SELECT b.number, c.ts_us, c.minute_us
    FROM chosen AS c
    JOIN busy AS b ON b.{subject} = c.{subject}
),
minutes AS (
    SELECT number, minute_us, COUNT(*) AS requests FROM sent GROUP BY number, minute_us
),
heavy AS (
    SELECT number, minute_us FROM minutes WHERE requests * 2 > :{bound.above}
),
wanted AS (
    SELECT number, minute_us FROM heavy
    UNION
    SELECT number, minute_us - {MINUTE_US} AS minute_us FROM heavy
    UNION
    SELECT number, minute_us + {MINUTE_US} AS minute_us FROM heavy
),
counted AS (
    SELECT s.number, s.ts_us, s.minute_us,
           COUNT(*) OVER (PARTITION BY s.number ORDER BY s.ts_us
                          RANGE BETWEEN {rule.window.span_us or 0} - 1 PRECEDING
                          AND CURRENT ROW) AS {figure}
    FROM sent AS s
    JOIN wanted AS w ON s.number = w.number AND s.minute_us = w.minute_us
),
above AS (
    SELECT number, ts_us, minute_us, {figure},
           MAX({figure}) OVER (PARTITION BY number, minute_us) AS peak
    FROM counted
    WHERE {figure} > :{bound.above} AND ts_us > :from_us
)
SELECT b.{subject}, MAX({level}) AS severity, MAX({times}) AS statistic,
       MAX({figure}) AS {figure}, MIN(CASE WHEN {figure} = peak THEN ts_us END) AS peak_us,
       COUNT(*) AS requests_above, COUNT(DISTINCT ts_us - MOD(ts_us, 1000000)) AS seconds_above,
       MIN(ts_us) AS first_seen, MAX(ts_us) AS last_seen
FROM above AS a
JOIN busy AS b ON b.number = a.number
GROUP BY b.{subject}, minute_us"""
