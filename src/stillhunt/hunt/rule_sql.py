"""What a rule means, as one query in the portable subset.

The text that is returned is the text that runs, with every value written in: an analyst can
paste it. No timestamps, no approximate functions, no arrays, so that DuckDB, Spark and
ClickHouse agree on every row.
"""

import re
from collections.abc import Mapping

from stillhunt.hunt.parameters import Value
from stillhunt.hunt.rule import DERIVED, Bound, Figure, Rule

__all__ = [
    "GENERATION_OPERATIONS",
    "GENERATION_PATHS",
    "MINUTE_US",
    "figure_sql",
    "measured_columns",
    "path_condition",
    "render",
    "rows_sql",
    "rule_sql",
]

GENERATION_PATHS = (
    "/v1/messages",
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/completions",
    "/v1/generate",
)
"""The end points that make a model write, as INTERFACES fixes them."""

GENERATION_OPERATIONS = (
    "chat",
    "completion",
    "completions",
    "generate_content",
    "message",
    "messages",
    "response",
    "responses",
    "text_completion",
)
"""Operations that make a model write; a gateway's record of one has no path."""

MINUTE_US = 60_000_000
"""Bins of the clock, for which any 60 s lie in two neighbours [us]."""


def render(sql: str, values: Mapping[str, Value]) -> str:
    """Return *sql* with each ``:name`` replaced by its value, text in quotes.

    Raises:
        KeyError: A name that *values* does not have.
    """
    return re.sub(r"(?<![:'\w]):([a-z][a-z0-9_]*)", lambda match: _literal(values[match[1]]), sql)


def _literal(value: Value) -> str:
    return repr(value) if isinstance(value, int | float) else "'" + value.replace("'", "''") + "'"


def path_condition(listed: str) -> str:
    """Return the SQL condition that an exchange's path is one of *listed*.

    Args:
        listed: Paths separated by commas, without query strings. Empty means the generation
            end points, ``*`` every exchange, and ``/v1/x/*`` all paths below ``/v1/x/``.

    What stands behind the first ``?`` does not count. An exchange without a path is a
    gateway's own record of a generation and counts unless its operation says otherwise.
    """
    paths = [path.strip() for path in listed.split(",") if path.strip()] or list(GENERATION_PATHS)
    if "*" in paths:
        return "TRUE"
    exact = [path for path in paths if not path.endswith("/*")]
    starts = [f"{path}?" for path in exact] + [p[:-1] for p in paths if p.endswith("/*")]
    tests = [f"path IN ({_listed(exact)})"] if exact else []
    tests += [f"STARTS_WITH(path, {_literal(start)})" for start in starts]
    tests.append(
        "(path IS NULL AND (operation IS NULL"
        f" OR operation IN ({_listed(GENERATION_OPERATIONS)})))"
    )
    return "(" + "\n      OR ".join(tests) + ")"


def _listed(values: tuple[str, ...] | list[str]) -> str:
    return ", ".join(_literal(value) for value in values)


def _conditions(rule: Rule, values: Mapping[str, Value]) -> list[str]:
    """Return what an exchange has to be to count, but for time."""
    found = []
    if rule.filter.methods:
        found.append(f"(method IS NULL OR method IN ({_listed(rule.filter.methods)}))")
    if rule.filter.paths:
        found.append(path_condition(str(values[rule.filter.paths])))
    subject = (DERIVED.get(name, name) for name in rule.subject)
    known = dict.fromkeys((*rule.filter.known, *(c for c in subject if c not in rule.either)))
    found += [f"{name} IS NOT NULL" for name in known]
    if rule.either:
        found.append("(" + " OR ".join(f"{name} IS NOT NULL" for name in rule.either) + ")")
    return [condition for condition in found if condition != "TRUE"]


def measured_columns(rule: Rule) -> tuple[str, ...]:
    """Return the columns that the rule's figures are made of."""
    named = [name for figure in rule.figures.values() for name in (figure.column, figure.of)]
    return tuple(dict.fromkeys(name for name in named if name))


def rows_sql(
    rule: Rule,
    values: Mapping[str, Value],
    *,
    after: str = ":from_us",
    extra: tuple[str, ...] = (),
) -> str:
    """Return the exchanges that count, with the columns that the rule looks at.

    Args:
        rule: The rule.
        values: Its parameters.
        after: SQL of the moment after which they count [us].
        extra: More columns to carry.
    """
    plain = [DERIVED.get(name, name) for name in rule.subject]
    columns = list(dict.fromkeys(["ts_us", *plain, *measured_columns(rule), *extra]))
    conditions = [f"ts_us > {after}", "ts_us <= :until_us", *_conditions(rule, values)]
    sql = f"SELECT {', '.join(columns)}\n    FROM exchanges\n    WHERE " + "\n      AND ".join(
        conditions
    )
    return _with_prefix(sql, columns) if "source_prefix" in rule.subject else sql


def _with_prefix(sql: str, columns: list[str]) -> str:
    """Add ``source_prefix`` to the rows of *sql*: the address's /24, or its /48 in IPv6.

    Addresses are in their shortest form: no group begins with a zero but 0 itself, and ``::``
    stands for at least two groups. So the first three groups stand to its left, a third that
    is 0 is left out, and what is not there is 0. One expression per address costs a quarter
    of taking it apart with ``STRPOS`` (0.6 s for 16M addresses); group 0, the whole match, is
    named because engines differ in what they take without it.
    """
    return f"""SELECT {", ".join(columns)},
           CASE WHEN STRPOS(source_ip, ':') > 0
                THEN REGEXP_EXTRACT(source_ip, '^[^:.]+(:[^:.]+)?(:[1-9a-f][^:.]*)?', 0) || '::/48'
                WHEN STRPOS(source_ip, '.') > 0
                THEN REGEXP_EXTRACT(source_ip, '^[0-9]+[.][0-9]+[.][0-9]+', 0) || '.0/24'
                ELSE source_ip END AS source_prefix
    FROM ({sql})"""


def figure_sql(figure: Figure) -> str:
    """Return the SQL aggregate that measures *figure*."""
    match figure.measure:
        case "count":
            return "COUNT(*)"
        case "sum":
            return f"SUM({figure.column})"
        case "mean":
            return f"AVG({figure.column})"
        case "share":
            part = f"SUM(CASE WHEN {figure.of} > 0 THEN {figure.column} END)"
            whole = f"SUM(CASE WHEN {figure.of} > 0 THEN {figure.of} END)"
            return f"CAST({part} AS DOUBLE) / {whole}"


def _times(bound: Bound) -> str:
    """How many times the bound the figure is; a bound of 0 counts as 1, unknown as 0."""
    return f"COALESCE(CAST({bound.figure} AS DOUBLE) / GREATEST(:{bound.above}, 1), 0)"


def _statistic(rule: Rule) -> str:
    """Times the bound: the largest of several, or the smallest where all have to hold."""
    times = [_times(bound) for bound in rule.bounds]
    if len(times) == 1:
        return times[0]
    return f"{'GREATEST' if rule.combine == 'any' else 'LEAST'}({', '.join(times)})"


def _exceeded(rule: Rule) -> str:
    word = " OR " if rule.combine == "any" else " AND "
    return word.join(f"{bound.figure} > :{bound.above}" for bound in rule.bounds)


def rule_sql(rule: Rule, values: Mapping[str, Value], from_us: int, until_us: int) -> str:
    """Return the rule's query over (from_us, until_us].

    Look-back: one row per subject that stands above a bound, with the columns of the subject,
    ``severity, statistic, n, first_seen, last_seen`` and the figures. Sliding: one row per
    subject and minute that holds a moment above the bound; ``episodes`` joins them.
    """
    form = _lookback if rule.window.kind == "lookback" else _sliding
    return render(form(rule, values), dict(values) | {"from_us": from_us, "until_us": until_us})


def _lookback(rule: Rule, values: Mapping[str, Value]) -> str:
    subject = ", ".join(rule.subject)
    figures = ",\n           ".join(
        f"{figure_sql(f)} AS {name}" for name, f in rule.figures.items()
    )
    return f"""WITH figures AS (
    SELECT {subject},
           {figures},
           COUNT(*) AS n, MIN(ts_us) AS first_seen, MAX(ts_us) AS last_seen
    FROM ({rows_sql(rule, values)})
    GROUP BY {subject}
)
SELECT {subject}, {rule.severity} AS severity,
       {_statistic(rule)} AS statistic,
       n, first_seen, last_seen, {", ".join(rule.figures)}
FROM figures
WHERE {_exceeded(rule)}"""


def _sliding(rule: Rule, values: Mapping[str, Value]) -> str:
    """Count in (t - span, t] at every exchange t of the subjects that can be above at all.

    Any span of 60 s lies in two neighbouring minutes, so one of them holds more than half the
    bound. Only such minutes and their neighbours come to the dear window function; a moment
    above the bound has all of its 60 s among them.
    """
    (subject,), (bound,) = rule.subject, rule.bounds
    rows = rows_sql(rule, values, after=f":from_us - {rule.window.span_us}")
    minute = f"ts_us - MOD(ts_us, {MINUTE_US})"
    figure = bound.figure
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
SELECT b.{subject}, MAX({rule.severity}) AS severity, MAX({_times(bound)}) AS statistic,
       MAX({figure}) AS {figure}, MIN(CASE WHEN {figure} = peak THEN ts_us END) AS peak_us,
       COUNT(*) AS requests_above, COUNT(DISTINCT ts_us - MOD(ts_us, 1000000)) AS seconds_above,
       MIN(ts_us) AS first_seen, MAX(ts_us) AS last_seen
FROM above AS a
JOIN busy AS b ON b.number = a.number
GROUP BY b.{subject}, minute_us"""
