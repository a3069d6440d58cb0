"""Ask the lake for the numbers behind the pictures, once.

Each question is one pass over a few columns of the view ``exchanges``; no answer grows with
the number of accounts or addresses, which an attacker chooses.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stillhunt.hunt.report.conditions import condition, label, literal
from stillhunt.hunt.report.panels import (
    Burst,
    Pictures,
    Point,
    Rhythm,
    Scatter,
    Series,
    Spend,
    Traffic,
)
from stillhunt.hunt.report.prices import assumed_sql, cost_sql
from stillhunt.hunt.report.suspects import KINDS, Suspect, notable, rank
from stillhunt.hunt.settings import HuntSettings, Prices
from stillhunt.model.finding import Finding

if TYPE_CHECKING:
    import duckdb

    from stillhunt.hunt.sweep import SweepResult

__all__ = ["Pictures", "collect"]

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US

TOP = 12  # rows of a top table: what fits a screen beside another one
BANDS = 6  # named bands in the traffic picture; more colours than this cannot be told apart
SUSPECTS = 40  # suspects whose figures are asked for
RHYTHMS = 6
RHYTHM_DAYS = 31  # a month of days is as many rows as can be read
BURSTS = 4
AROUND = 60  # minutes shown on each side of the busiest one
POINTS = 400
SCATTER_ROWS = 2_000_000  # exchanges whose templates are counted; above, one in k is taken
STEPS = tuple(
    minutes * MINUTE_US
    for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440, 2_880, 10_080, 43_200)
)
BINS = 120  # steps of the traffic picture, at most


def collect(
    connection: "duckdb.DuckDBPyConnection",
    result: "SweepResult",
    settings: HuntSettings | None = None,
    *,
    drawings: bool = True,
) -> Pictures:
    """Return the numbers behind every picture.

    Args:
        connection: Has the view ``exchanges`` with the columns of ``model.exchange.HOT``.
        result: Whose suspects to look at.
        settings: Whose list prices to take; None takes the defaults, which are assumptions.
        drawings: False asks only for what the terminal shows, which is quicker.
    """
    prices = (settings or HuntSettings()).prices
    return _Asker(connection, rank(result.findings), prices).collect(drawings)


class _Asker:
    """One connection, and what every question needs to know."""

    def __init__(
        self,
        connection: "duckdb.DuckDBPyConnection",
        suspects: Sequence[Suspect],
        prices: Prices,
    ) -> None:
        self.connection = connection
        self.suspects = suspects
        self.marked = notable(suspects)
        self.prices = prices
        self.cost = cost_sql(prices)

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of one question."""
        return self.connection.execute(sql, list(values)).fetchall()

    def collect(self, drawings: bool) -> Pictures:
        """Ask everything, or only what needs no drawing."""
        requests, known, templates, start, end, tokens_in, tokens_out, cost, assumed = self.rows(
            f"""
            SELECT COUNT(*), COUNT(account_id), COUNT(template), MIN(ts_us), MAX(ts_us),
                   SUM(input_tokens), SUM(output_tokens), {self.cost}, {assumed_sql(self.prices)}
            FROM exchanges
            """
        )[0]
        who = "account_id" if known or not requests else "source_ip"
        amount = "tokens" if tokens_out else "n"
        accounts, n_accounts = self.top("account_id", amount) if known else ([], 0)
        addresses, n_addresses = self.top("source_ip", amount)
        has_tokens = tokens_in is not None or tokens_out is not None
        spends = self.spends({"account_id": accounts, "source_ip": addresses})
        told = Pictures(
            who=who,
            names=n_accounts if who == "account_id" else n_addresses,
            requests=requests,
            input_tokens=_int(tokens_in),
            output_tokens=_int(tokens_out),
            cost=cost if has_tokens else None,
            currency=self.prices.currency,
            input_price=self.prices.default.input,
            output_price=self.prices.default.output,
            assumed=min(1.0, (assumed or 0.0) / cost) if cost else 1.0,
            accounts=tuple(spends["account_id", name] for name in accounts),
            addresses=tuple(spends["source_ip", name] for name in addresses),
            spends=spends,
        )
        if not drawings or not requests:
            return told
        top = accounts if who == "account_id" else addresses
        traffic, everybody, rhythms = self.timeline(who, top, start, end)
        return replace(
            told,
            traffic=traffic,
            everybody=everybody,
            rhythms=rhythms,
            bursts=self.bursts(),
            scatter=self.scatter(who) if templates else None,
        )

    def top(self, column: str, amount: str) -> tuple[list[str], int]:
        """Return the largest names of *column*, and how many names there are.

        The figures of all names stay in the temporary table ``names_COLUMN``.
        """
        self.connection.execute(f"""
            CREATE OR REPLACE TEMP TABLE names_{column} AS
            SELECT {column} AS name, COUNT(*) AS n, SUM(output_tokens) AS tokens,
                   COUNT(template) AS templates
            FROM exchanges WHERE {column} IS NOT NULL GROUP BY {column}
        """)
        rows = self.rows(f"""
            SELECT name, COUNT(*) OVER () FROM names_{column}
            ORDER BY {amount} DESC NULLS LAST, n DESC, name LIMIT {TOP}
        """)
        return [row[0] for row in rows], rows[0][1] if rows else 0

    def spends(self, tops: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], Spend]:
        """Return what the largest names and each suspect took, and with whom they share it."""
        found: dict[tuple[str, str], Spend] = {}
        wanted = _by_kind(self.suspects[:SUSPECTS])
        for kind in dict.fromkeys([*tops, *wanted]):
            names = list(dict.fromkeys([*tops.get(kind, ()), *wanted.get(kind, ())]))
            if not names:
                continue
            named, where = label(kind, names)
            other = "source_ip" if kind == "account_id" else "account_id"
            rows = self.rows(f"""
                SELECT name, SUM(n), SUM(tokens_in), SUM(tokens_out), SUM(cost),
                       MIN(first_us), MAX(last_us),
                       COUNT(other), ARG_MAX(other, n) FILTER (WHERE other IS NOT NULL),
                       MAX(n) FILTER (WHERE other IS NOT NULL)
                FROM (
                    SELECT {named} AS name, {other} AS other, COUNT(*) AS n,
                           SUM(input_tokens) AS tokens_in, SUM(output_tokens) AS tokens_out,
                           {self.cost} AS cost, MIN(ts_us) AS first_us, MAX(ts_us) AS last_us
                    FROM exchanges WHERE {where} GROUP BY 1, 2
                ) GROUP BY name
            """)
            found |= {(kind, row[0]): _spend(row) for row in rows}
        return found

    def timeline(
        self, who: str, top: Sequence[str], start: int, end: int
    ) -> tuple[Traffic, Rhythm, tuple[Rhythm, ...]]:
        """Return traffic over time and everybody's hours, from one pass."""
        step = next((s for s in STEPS if (end - start) // s < BINS), STEPS[-1])
        accused = [s.name for s in self.marked if s.kind == who]
        bands = list(dict.fromkeys(accused[: BANDS // 2] + list(top)))[:BANDS]
        rhythms = [s.name for s in self.marked if s.kind == who][:RHYTHMS]
        grain = min(step, HOUR_US)  # every step divides an hour or is made of hours
        names = ", ".join(literal(name) for name in dict.fromkeys(bands + rhythms)) or "NULL"
        rows = self.rows(f"""
            SELECT CASE WHEN {who} IN ({names}) THEN {who} END AS name, ts_us // {grain} AS at,
                   COUNT(*), SUM(output_tokens)
            FROM exchanges GROUP BY 1, 2
        """)
        cells = [(name, at * grain, count, int(tokens or 0)) for name, at, count, tokens in rows]
        traffic = _traffic(cells, bands, accused, (start, end, step))
        hours: dict[str | None, dict[int, int]] = {None: {}}
        for name, at, count, _ in cells:
            for key in {None, name}:
                of = hours.setdefault(key, {})
                of[at // HOUR_US] = of.get(at // HOUR_US, 0) + count
        period = (start, end)
        shown = [_rhythm(name, who, hours[name], period) for name in rhythms if name in hours]
        return (
            traffic,
            _rhythm(None, "", hours[None], period),
            tuple(shown) or self.other_rhythms(period),
        )

    def other_rhythms(self, period: tuple[int, int]) -> tuple[Rhythm, ...]:
        """Return the hours of suspects that are of another kind: blocks, organisations."""
        made: list[Rhythm] = []
        for kind, names in _by_kind(self.marked[:RHYTHMS]).items():
            named, where = label(kind, names)
            hours: dict[str, dict[int, int]] = {}
            for name, hour, count in self.rows(f"""
                SELECT {named} AS name, ts_us // {HOUR_US}, COUNT(*)
                FROM exchanges WHERE {where} GROUP BY 1, 2
            """):
                hours.setdefault(name, {})[hour] = count
            made += [_rhythm(name, kind, of, period) for name, of in sorted(hours.items())]
        return tuple(made)

    def bursts(self) -> tuple[Burst, ...]:
        """Return requests per minute around the busiest minute of the burst subjects."""
        found: list[Burst] = []
        for suspect in self.marked:
            for finding in suspect.findings:
                if not finding.detector.startswith("burst") or len(found) == BURSTS:
                    continue
                where = condition(suspect.kind, suspect.name)
                rows = self.rows(
                    f"""
                    SELECT ts_us // {MINUTE_US} AS minute, COUNT(*) FROM exchanges
                    WHERE ({where}) AND ts_us BETWEEN ? AND ?
                      AND COALESCE(method, 'POST') = 'POST'
                    GROUP BY minute
                    """,
                    finding.first_seen_us - HOUR_US,
                    finding.last_seen_us + HOUR_US,
                )
                if rows:
                    found.append(_burst(suspect, dict(rows), _bound(finding)))
                break
        return tuple(found)

    def scatter(self, who: str) -> Scatter | None:
        """Return entropy against volume, or None where the log told no prompt."""
        busiest = self.rows(f"""
            SELECT name, templates FROM names_{who} WHERE templates > 0
            ORDER BY templates DESC, name LIMIT {POINTS}
        """)
        accused = {s.name for s in self.marked if s.kind == who}
        every = max(1, math.ceil(sum(n for _, n in busiest) / SCATTER_ROWS))
        rows = self.rows(
            f"""
            SELECT name, SUM(n), LOG2(SUM(n)) - SUM(n * LOG2(n)) / SUM(n) FROM (
                SELECT {who} AS name, template, COUNT(*) AS n FROM exchanges
                WHERE {who} IN (SELECT UNNEST(?)) AND template IS NOT NULL
                  AND ({every} = 1 OR HASH(ts_us) % {every} = 0)
                GROUP BY name, template
            ) GROUP BY name ORDER BY name
            """,
            [name for name, _ in busiest],
        )
        total = dict(busiest)
        points = tuple(
            Point(name=name, requests=total[name], entropy=max(0.0, bits), suspect=name in accused)
            for name, _, bits in rows
        )
        return Scatter(points=points, sampled=every) if points else None


def _traffic(
    cells: Sequence[tuple[str | None, int, int, int]],
    names: Sequence[str],
    accused: Sequence[str],
    when: tuple[int, int, int],
) -> Traffic:
    """Lay (name, moment, requests, tokens) out in steps; names that are no band are the rest."""
    start, end, step = when
    begin = start - start % step
    bins = (end - begin) // step + 1
    bands: dict[str | None, tuple[list[int], list[int]]] = {
        name: ([0] * bins, [0] * bins) for name in [*names, None]
    }
    for name, at, count, tokens in cells:
        band = bands[name if name in bands else None]
        place = (at - begin) // step
        band[0][place] += count
        band[1][place] += tokens
    series = tuple(
        Series(
            name=name,
            requests=tuple(counts),
            output_tokens=tuple(tokens),
            suspect=name in accused,
        )
        for name, (counts, tokens) in bands.items()
        if name is not None or any(counts)
    )
    return Traffic(start_us=begin, step_us=step, series=series)


def _by_kind(suspects: Sequence[Suspect]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for suspect in suspects:
        if suspect.kind in KINDS:
            grouped.setdefault(suspect.kind, []).append(suspect.name)
    return grouped


def _spend(row: tuple[Any, ...]) -> Spend:
    name, requests, tokens_in, tokens_out, cost, first, last, others, main, n = row
    known = tokens_in is not None or tokens_out is not None
    return Spend(
        name=name,
        requests=int(requests),
        input_tokens=_int(tokens_in),
        output_tokens=_int(tokens_out),
        cost=cost if known else None,
        first_us=first,
        last_us=last,
        others=others or None,
        main=main,
        main_requests=n or 0,
    )


def _rhythm(
    name: str | None, kind: str, hours: Mapping[int, int], period: tuple[int, int]
) -> Rhythm:
    """Lay the hours out in the days of the whole period, so that all pictures line up.

    Of a long period the last days on which the name was seen are shown.
    """
    first, last = period[0] // DAY_US, period[1] // DAY_US
    if last - first >= RHYTHM_DAYS:
        last = max(hours) // 24
    shown = max(first, last - RHYTHM_DAYS + 1)
    days = tuple(
        tuple(hours.get(day * 24 + hour, 0) for hour in range(24))
        for day in range(shown, last + 1)
    )
    return Rhythm(
        name=name, kind=kind, first_day_us=shown * DAY_US, days=days, left_out=shown - first
    )


def _bound(finding: Finding) -> float | None:
    """Return the bound that a rule's figure was held against: figure over times the bound."""
    peak = finding.evidence.get("peak_requests")
    if not isinstance(peak, int | float) or not finding.statistic > 0:
        return None
    return float(round(peak / finding.statistic))


def _burst(suspect: Suspect, minutes: Mapping[int, int], bound: float | None) -> Burst:
    peak = max(minutes, key=lambda minute: (minutes[minute], -minute))
    shown = range(peak - AROUND, peak + AROUND + 1)
    return Burst(
        name=suspect.name,
        kind=suspect.kind,
        start_us=shown.start * MINUTE_US,
        per_minute=tuple(minutes.get(minute, 0) for minute in shown),
        bound=bound,
    )


def _int(value: float | None) -> int | None:
    return None if value is None else int(value)
