"""What is normal here? Each rule's figures in the operator's own traffic.

The shipped bounds are house rules. This shows where the bulk of one's own subjects stands, how
many findings each quantile would give as a bound, and the ``--set`` line that makes it one.
"""

import math
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from stillhunt.hunt.coverage import answered, fill, lacking
from stillhunt.hunt.directory import Directory, load_directory, with_times
from stillhunt.hunt.episodes import QUIET_US
from stillhunt.hunt.expression_sql import aggregate_sql, expression_sql, literal
from stillhunt.hunt.parameters import ALL_US, Value, entries, resolve
from stillhunt.hunt.report.figures import rfc3339
from stillhunt.hunt.rule import Bound, Rule
from stillhunt.hunt.rule_claims import stretches_of
from stillhunt.hunt.rule_files import all_rules
from stillhunt.hunt.rule_plan import aggregates, exceeds
from stillhunt.hunt.rule_sql import MINUTE_US, figures_sql, render, rows_sql
from stillhunt.hunt.settings import HuntSettings
from stillhunt.hunt.slices import slices
from stillhunt.hunt.sweep import Exchanges, known_parameters

__all__ = ["QUANTILES", "baseline"]

QUANTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
DAY_US = 86_400_000_000


def baseline(
    lake: Exchanges,
    *,
    settings: HuntSettings,
    overrides: Mapping[str, str] | None = None,
    until_us: int | None = None,
    accounts: Directory | Path | str | None = None,
) -> dict[str, Any]:
    """Return, for each bound of each rule, the quantiles of its figure and what they would find.

    Look-back rules: one figure per subject and window; the windows lie end to end, back from
    the newest exchange to the oldest, and a subject without exchanges in one is not counted.
    Rules in bins: one figure per subject and bin; bins that would be one episode are one finding.
    Rules of several stages that look back: one per subject, at the newest exchange. Sliding
    rules: the fullest minute of the clock per subject, at most the fullest 60 s.
    Where a rule wants several bounds exceeded at once, the quantiles are those of all subjects,
    and the findings those that the other bounds, as they are, leave. Where one bound is enough,
    the findings are those of that bound alone.

    Args:
        lake: Anything that connects to the view ``exchanges``.
        settings: Memory and parameters.
        overrides: Parameters by full name; they win.
        until_us: End of the last window; None is the newest exchange [us since epoch].
        accounts: Account directory, or the file of one.

    Raises:
        ConfigError: A parameter that is not there.
    """
    rules = all_rules(settings)
    values = resolve(known_parameters(rules), settings.detectors, overrides or {})
    known = load_directory(accounts) if isinstance(accounts, str | Path) else accounts
    table = None if known is None else with_times(known)
    with lake.connect(None, until_us, memory_mb=settings.lake.memory_mb) as con:
        if table is not None:
            con.register("directory", table)
        columns = [name for r in rules for name in (*r.needs, *r.either, *r.uses)]
        filled = fill(con, columns)
        period = (filled.first_us, until_us if until_us is not None else filled.last_us)
        rows: list[dict[str, Any]] = []
        for rule in rules:
            how, missing = answered(filled, rule.needs, rule.either, rule.uses)
            if absent := lacking(table, rule.of_accounts):
                how, missing = "no", absent
            if how == "no":
                rows.append({"rule": rule.name, "answered": how, "missing": list(missing)})
            else:
                for one in _measured(con, rule, values[rule.name], period):
                    # No row is an answer; rows without the figure are a log that cannot tell it.
                    is_untold = one.pop("untold") and missing
                    told = (
                        {"answered": "no", "missing": list(missing)}
                        if is_untold
                        else {"answered": how}
                    )
                    rows.append({"rule": rule.name, **told, **one})
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
    form = _FORMS.get(rule.window.kind, _whole)
    if rule.window.began == "first_seen":
        form = _whole
    form(con, rule, values, (period[0] or 0, period[1] or 0))
    for bound in rule.bounds:
        for one in _single(rule, values, bound):
            yield _answer(con, one)
    con.execute("DROP TABLE figures")


@dataclass(frozen=True, kw_only=True)
class _Single:
    """A bound that is one number: that of a parameter, or that of one name in a map."""

    figure: str
    parameter: str
    now: Value
    per: str
    """What has a figure, in the plural."""
    group: tuple[str, str] | None = None
    """Column and value that pick the number, of a map."""
    where: str = "TRUE"
    """Rows that it is about, as SQL."""
    held: Mapping[str, Value]
    """The figures that have to be above their bounds, too, and those bounds."""
    holds: str = "TRUE"
    """The same as SQL."""
    others: str = ""
    """What ``--set`` has to say behind the number, of a map."""
    episodes: tuple[str, int] | None = None
    """Columns of the subject and length of a bin [us], where exceedings are joined."""

    def told(self, level: Value) -> str:
        """Return the option that makes *level* the bound, ready for a shell."""
        name = f"{self.group[1]}=" if self.group else ""
        return f"--set {shlex.quote(f'{self.parameter}={name}{level}{self.others}')}"


def _single(rule: Rule, values: Mapping[str, Value], bound: Bound) -> Iterator[_Single]:
    others = [one for one in rule.bounds if one != bound] if rule.combine == "all" else []
    holds = [expression_sql(exceeds(one, values), {}) for one in others]
    is_binned = rule.window.kind == "bins"
    usual: dict[str, Any] = {
        "figure": bound.figure,
        "parameter": f"{rule.name}.{bound.above}",
        "per": _per(rule, values),
        "held": {one.figure: values[one.above] for one in others},
        "holds": " AND ".join(f"({one})" for one in holds) or "TRUE",
        "episodes": (", ".join(rule.subject), rule.window.span_us) if is_binned else None,
    }
    if bound.by is None:
        yield _Single(now=values[bound.above], **usual)
        return
    each = entries(str(values[bound.above]))
    for name, number in each.items():
        yield _Single(
            now=number,
            group=(bound.by, name),
            where=_group(bound.by, name, each),
            others="".join(f",{n}={v}" for n, v in each.items() if n != name),
            **usual,
        )


def _group(by: str, name: str, each: Mapping[str, int]) -> str:
    """Return the SQL condition that *name* of a map is meant; ``*`` is every other one."""
    if name != "*":
        return f"{by} = {literal(name)}"
    named = ", ".join(literal(one) for one in each if one != "*")
    return f"({by} IS NULL OR {by} NOT IN ({named}))" if named else "TRUE"


def _per(rule: Rule, values: Mapping[str, Value]) -> str:
    """Return what a figure is counted per."""
    if rule.window.kind == "bins":
        return "subjects and days" if rule.window.span_us == DAY_US else "subjects and bins"
    if rule.window.kind == "sliding" or rule.window.began == "first_seen":
        return "subjects"
    is_whole = int(values[str(rule.window.parameter)]) >= ALL_US
    return "subjects" if is_whole else "subjects and windows"


def _whole(
    con: duckdb.DuckDBPyConnection,
    rule: Rule,
    values: Mapping[str, Value],
    period: tuple[int, int],
) -> None:
    """Make the table ``figures`` of a rule of several stages: one row per subject, or per bin.

    A look-back rule is asked at the end of the period alone.
    """
    if rule.window.kind == "lookback":
        length = int(values[str(rule.window.parameter)])
        stretches = [(period[1] - length, period[1])]
    else:
        stretches = list(stretches_of(rule, slices(con), period[1]))
    for k, (from_us, until_us) in enumerate(stretches):
        make = "CREATE TEMP TABLE figures AS" if k == 0 else "INSERT INTO figures"
        con.execute(f"{make} {figures_sql(rule, values, from_us, until_us)}")


def _windows(
    con: duckdb.DuckDBPyConnection,
    rule: Rule,
    values: Mapping[str, Value],
    period: tuple[int, int],
) -> None:
    """Make the table ``figures``: one row per subject and look-back window."""
    length = int(values[str(rule.window.parameter)])
    sums = aggregates(rule.all_stages[0], values)
    figures = ", ".join(
        f"{aggregate_sql(sums[bound.figure], {})} AS {bound.figure}" for bound in rule.bounds
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


_FORMS = {"lookback": _windows, "sliding": _minutes}


def _answer(con: duckdb.DuckDBPyConnection, bound: _Single) -> dict[str, Any]:
    name = bound.figure
    quantiles = ", ".join(f"QUANTILE_DISC({name}, {q})" for q in QUANTILES.values())
    found = con.execute(
        f"SELECT COUNT(*), COUNT({name}), MAX({name}), {quantiles} FROM figures"
        f" WHERE {bound.where}"
    ).fetchall()
    rows, n, most, *exact = found[0]
    levels = [math.ceil(v * 10) / 10 if isinstance(v, float) else v for v in exact]
    return {
        "untold": n == 0 < rows,
        "figure": name,
        "figures": n,
        "per": bound.per,
        "where": dict([bound.group] if bound.group else []),
        "held": dict(bound.held),
        "max": most,
        "parameter": bound.parameter,
        "bound": bound.now,
        "findings": _count(con, bound, bound.now),
        "quantiles": {
            label: {
                "value": level,
                "findings": _count(con, bound, level),
                "set": bound.told(level),
            }
            for label, level in zip(QUANTILES, levels, strict=True)
            if level is not None
        },
    }


def _count(con: duckdb.DuckDBPyConnection, bound: _Single, level: Value) -> int:
    above = (
        f"SELECT * FROM figures WHERE {bound.figure} > CAST(? AS DOUBLE)"
        f" AND {bound.where} AND {bound.holds}"
    )
    if bound.episodes is not None:
        subject, span = bound.episodes
        before = f"LAG(bin_us) OVER (PARTITION BY {subject} ORDER BY bin_us)"
        above = (
            f"SELECT * FROM ({above}) QUALIFY {before} IS NULL"
            f" OR bin_us - ({before} + {span} - 1) > {QUIET_US}"
        )
    count: int = con.execute(f"SELECT COUNT(*) FROM ({above})", [level]).fetchall()[0][0]
    return count
