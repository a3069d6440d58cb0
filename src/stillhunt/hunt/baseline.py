"""What is normal here? Each rule's figures in the operator's own traffic.

The shipped bounds are house rules. This shows where the bulk of one's own subjects stands, how
many findings each quantile would give as a bound, and the ``--set`` line that makes it one.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import duckdb

from stillhunt.hunt.coverage import answered, fill
from stillhunt.hunt.parameters import Value, resolve
from stillhunt.hunt.report.figures import rfc3339
from stillhunt.hunt.rule import Bound, Rule, load_rules
from stillhunt.hunt.rule_sql import MINUTE_US, figure_sql, render, rows_sql
from stillhunt.hunt.settings import HuntSettings
from stillhunt.hunt.slices import slices
from stillhunt.hunt.sweep import Exchanges, known_parameters

__all__ = ["QUANTILES", "baseline"]

QUANTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}


def baseline(
    lake: Exchanges,
    *,
    settings: HuntSettings,
    overrides: Mapping[str, str] | None = None,
    until_us: int | None = None,
) -> dict[str, Any]:
    """Return, for each bound of each rule, the quantiles of its figure and what they would find.

    Look-back rules: one figure per subject and window; the windows lie end to end, back from
    the newest exchange to the oldest, and a subject without exchanges in one is not counted.
    Sliding rules: the fullest minute of the clock per subject, at most the fullest 60 s. Where
    a rule wants several bounds exceeded at once, each figure is taken by itself.

    Args:
        lake: Anything that connects to the view ``exchanges``.
        settings: Memory and parameters.
        overrides: Parameters by full name; they win.
        until_us: End of the last window; None is the newest exchange [us since epoch].

    Raises:
        ConfigError: A parameter that is not there.
    """
    values = resolve(known_parameters(), settings.detectors, overrides or {})
    with lake.connect(None, until_us, memory_mb=settings.lake.memory_mb) as con:
        rules = load_rules()
        columns = [name for r in rules for name in (*r.needs, *r.either, *r.uses)]
        filled = fill(con, columns)
        period = (filled.first_us, until_us if until_us is not None else filled.last_us)
        rows: list[dict[str, Any]] = []
        for rule in rules:
            how, missing = answered(filled, rule.needs, rule.either, rule.uses)
            if how == "no":
                rows.append({"rule": rule.name, "answered": how, "missing": list(missing)})
            else:
                rows += _measured(con, rule, values[rule.name], period)
    return {
        "schema": "stillhunt.baseline/1",
        "period": f"{rfc3339(period[0])} to {rfc3339(period[1])}",
        "rules": rows,
    }


def _measured(
    con: duckdb.DuckDBPyConnection,
    rule: Rule,
    values: Mapping[str, Value],
    period: tuple[int | None, int | None],
) -> Iterator[dict[str, Any]]:
    """Yield one answer per bound of *rule*."""
    form = _windows if rule.window.kind == "lookback" else _minutes
    form(con, rule, values, (period[0] or 0, period[1] or 0))
    for bound in rule.bounds:
        yield _answer(con, rule, values, bound)
    con.execute("DROP TABLE figures")


def _windows(
    con: duckdb.DuckDBPyConnection,
    rule: Rule,
    values: Mapping[str, Value],
    period: tuple[int, int],
) -> None:
    """Make the table ``figures``: one row per subject and look-back window."""
    length = int(values[str(rule.window.parameter)])
    figures = ", ".join(
        f"{figure_sql(rule.figures[bound.figure])} AS {bound.figure}" for bound in rule.bounds
    )
    keys = ", ".join([*rule.subject, "place"])
    sql = f"""CREATE TEMP TABLE figures AS
        SELECT {figures}
        FROM (SELECT *, (:until_us - ts_us) // {length} AS place FROM ({rows_sql(rule, values)}))
        GROUP BY {keys}"""
    limits = {"from_us": period[0] - 1, "until_us": period[1]}
    con.execute(render(sql, dict(values) | limits))


def _minutes(
    con: duckdb.DuckDBPyConnection,
    rule: Rule,
    values: Mapping[str, Value],
    period: tuple[int, int],
) -> None:
    """Make the table ``figures``: each subject's fullest minute, slice by slice."""
    (subject,), (bound,) = rule.subject, rule.bounds
    con.execute("CREATE TEMP TABLE fullest (subject VARCHAR, figure BIGINT)")
    for part in slices(con):
        sql = f"""INSERT INTO fullest
            SELECT {subject}, MAX(figure)
            FROM (SELECT {subject}, COUNT(*) AS figure FROM ({rows_sql(rule, values)})
                  GROUP BY {subject}, ts_us - MOD(ts_us, {MINUTE_US}))
            GROUP BY {subject}"""
        limits = {"from_us": part.from_us, "until_us": min(part.until_us, period[1])}
        con.execute(render(sql, dict(values) | limits))
    con.execute(
        f"""CREATE TEMP TABLE figures AS
            SELECT MAX(figure) AS {bound.figure} FROM fullest GROUP BY subject"""
    )
    con.execute("DROP TABLE fullest")


def _answer(
    con: duckdb.DuckDBPyConnection, rule: Rule, values: Mapping[str, Value], bound: Bound
) -> dict[str, Any]:
    name = bound.figure
    quantiles = ", ".join(f"QUANTILE_DISC({name}, {q})" for q in QUANTILES.values())
    found = con.execute(f"SELECT COUNT({name}), MAX({name}), {quantiles} FROM figures").fetchall()
    n, most, *exact = found[0]
    levels = [math.ceil(v * 10) / 10 if isinstance(v, float) else v for v in exact]
    parameter = f"{rule.name}.{bound.above}"
    now = values[bound.above]
    return {
        "rule": rule.name,
        "answered": "yes" if n else "no",
        "figure": name,
        "figures": n,
        "max": most,
        "parameter": parameter,
        "bound": now,
        "findings": _count(con, name, now),
        "quantiles": {
            label: {
                "value": level,
                "findings": _count(con, name, level),
                "set": f"--set {parameter}={level}",
            }
            for label, level in zip(QUANTILES, levels, strict=True)
            if level is not None
        },
    }


def _count(con: duckdb.DuckDBPyConnection, name: str, bound: Value) -> int:
    count: int = con.execute(
        f"SELECT COUNT(*) FROM figures WHERE {name} > CAST(? AS DOUBLE)", [bound]
    ).fetchall()[0][0]
    return count
