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
        self.cost = _cost_sql(prices)

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of one question."""
        return self.connection.execute(sql, list(values)).fetchall()

    def collect(self, drawings: bool) -> Pictures:
        """Ask everything, or only what needs no drawing."""
        requests, known, start, end, tokens_in, tokens_out, cost, assumed = self.rows(f"""
            SELECT COUNT(*), COUNT(account_id), MIN(ts_us), MAX(ts_us),
                   SUM(input_tokens), SUM(output_tokens), SUM({self.cost}),
                   SUM({self.cost}) FILTER (WHERE {_is_assumed(self.prices)})
            FROM exchanges
        """)[0]
        who, other = (
            ("account_id", "source_ip") if known or not requests else ("source_ip", "account_id")
        )
        amount = "output_tokens" if tokens_out else "requests"
        top, names = self.top(who, amount)
        by_address = top if who == "source_ip" else self.top("source_ip", amount)[0]
        top = self.with_others(top, who, other)
        has_tokens = tokens_in is not None or tokens_out is not None
        told = Pictures(
            who=who,
            names=names,
            requests=requests,
            input_tokens=_int(tokens_in),
            output_tokens=_int(tokens_out),
            cost=cost if has_tokens else None,
            currency=self.prices.currency,
            input_price=self.prices.default.input,
            output_price=self.prices.default.output,
            assumed=(assumed or 0.0) / cost if cost else 1.0,
            accounts=top if who == "account_id" else (),
            addresses=self.with_others(by_address, "source_ip", "account_id"),
            spends=self.spends(),
        )
        if not drawings or not requests:
            return told
        return replace(
            told,
            traffic=self.traffic(who, top, start, end),
            everybody=self.rhythm_of_everybody(start, end),
            rhythms=self.rhythms(start, end),
            bursts=self.bursts(),
            scatter=self.scatter(who),
        )

    def top(self, column: str, amount: str) -> tuple[tuple[Spend, ...], int]:
        """Return the largest names of *column*, and how many names there are."""
        rows = self.rows(f"""
            SELECT {column}, COUNT(*) AS requests, SUM(input_tokens), SUM(output_tokens)
                   AS output_tokens, SUM({self.cost}), MIN(ts_us), MAX(ts_us), COUNT(*) OVER ()
            FROM exchanges WHERE {column} IS NOT NULL
            GROUP BY {column}
            ORDER BY {amount} DESC NULLS LAST, requests DESC, {column} LIMIT {TOP}
        """)
        return tuple(_spend(row[:7]) for row in rows), rows[0][7] if rows else 0

    def with_others(self, spends: Sequence[Spend], column: str, other: str) -> tuple[Spend, ...]:
        """Add to each account how many addresses it came from, or the other way round."""
        rows = self.rows(
            f"""
            SELECT {column}, COUNT(*), ARG_MAX({other}, n), MAX(n) FROM (
                SELECT {column}, {other}, COUNT(*) AS n FROM exchanges
                WHERE {column} IN (SELECT UNNEST(?)) AND {other} IS NOT NULL
                GROUP BY {column}, {other}
            ) GROUP BY {column}
            """,
            [spend.name for spend in spends],
        )
        known = {name: (others, main, n) for name, others, main, n in rows}
        return tuple(_with(spend, known.get(spend.name)) for spend in spends)

    def spends(self) -> dict[tuple[str, str], Spend]:
        """Return what each suspect took."""
        found: dict[tuple[str, str], Spend] = {}
        for kind, names in _by_kind(self.suspects[:SUSPECTS]).items():
            named, where = label(kind, names)
            rows = self.rows(f"""
                SELECT {named} AS name, COUNT(*), SUM(input_tokens), SUM(output_tokens),
                       SUM({self.cost}), MIN(ts_us), MAX(ts_us)
                FROM exchanges WHERE {where} GROUP BY name
            """)
            other = "source_ip" if kind == "account_id" else "account_id"
            others = self.rows(f"""
                SELECT name, COUNT(*), ARG_MAX(other, n), MAX(n) FROM (
                    SELECT {named} AS name, {other} AS other, COUNT(*) AS n FROM exchanges
                    WHERE ({where}) AND {other} IS NOT NULL GROUP BY name, other
                ) GROUP BY name
            """)
            known = {name: (count, main, n) for name, count, main, n in others}
            for row in rows:
                found[kind, row[0]] = _with(_spend(row), known.get(row[0]))
        return found

    def traffic(self, who: str, top: Sequence[Spend], start: int, end: int) -> Traffic:
        """Return traffic over time: suspects and the largest by name, the rest as one."""
        step = next((s for s in STEPS if (end - start) // s < BINS), STEPS[-1])
        begin = start - start % step
        bins = int((end - begin) // step) + 1
        accused = [s.name for s in self.marked if s.kind == who]
        names = list(dict.fromkeys(accused[: BANDS // 2] + [s.name for s in top]))[:BANDS]
        rows = self.rows(
            f"""
            SELECT (ts_us - ?) // ?, CASE WHEN {who} IN (SELECT UNNEST(?)) THEN {who} END AS name,
                   COUNT(*), SUM(output_tokens)
            FROM exchanges GROUP BY ALL
            """,
            begin,
            step,
            names,
        )
        bands: dict[str | None, tuple[list[int], list[int]]] = {
            name: ([0] * bins, [0] * bins) for name in [*names, None]
        }
        for place, name, count, tokens in rows:
            bands[name][0][place] += count
            bands[name][1][place] += int(tokens or 0)
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

    def rhythm_of_everybody(self, start: int, end: int) -> Rhythm:
        """Return everybody's requests by day and hour, to hold the suspects against."""
        rows = self.rows(
            f"SELECT ts_us // {HOUR_US} AS hour, COUNT(*) FROM exchanges GROUP BY hour"
        )
        return _rhythm(None, "", dict(rows), (start, end))

    def rhythms(self, start: int, end: int) -> tuple[Rhythm, ...]:
        """Return requests by day and hour of the first suspects."""
        shown = [s for s in self.marked if s.kind == "account_id"] or list(self.marked)
        shown = shown[:RHYTHMS]
        made: dict[tuple[str, str], Rhythm] = {}
        for kind, names in _by_kind(shown).items():
            named, where = label(kind, names)
            hours: dict[str, dict[int, int]] = {}
            for name, hour, count in self.rows(f"""
                SELECT {named} AS name, ts_us // {HOUR_US} AS hour, COUNT(*)
                FROM exchanges WHERE {where} GROUP BY name, hour
            """):
                hours.setdefault(name, {})[hour] = count
            made |= {
                (kind, name): _rhythm(name, kind, of, (start, end)) for name, of in hours.items()
            }
        return tuple(made[s.kind, s.name] for s in shown if (s.kind, s.name) in made)

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
            SELECT {who}, COUNT(template) AS n FROM exchanges
            WHERE {who} IS NOT NULL AND template IS NOT NULL
            GROUP BY {who} ORDER BY n DESC, {who} LIMIT {POINTS}
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


def _by_kind(suspects: Sequence[Suspect]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for suspect in suspects:
        if suspect.kind in KINDS:
            grouped.setdefault(suspect.kind, []).append(suspect.name)
    return grouped


def _cost_sql(prices: Prices) -> str:
    """Return the SQL of what one exchange costs at list prices [currency]."""
    return (
        f"(COALESCE(input_tokens, 0) * {_price(prices, 'input')}"
        f" + COALESCE(output_tokens, 0) * {_price(prices, 'output')}) / 1e6"
    )


def _price(prices: Prices, side: str) -> str:
    default = repr(float(getattr(prices.default, side)))
    cases = " ".join(
        f"WHEN {literal(model)} THEN {float(getattr(price, side))!r}"
        for model, price in prices.models.items()
    )
    return f"CASE model {cases} ELSE {default} END" if cases else default


def _is_assumed(prices: Prices) -> str:
    if not prices.models:
        return "TRUE"
    return f"model IS NULL OR model NOT IN ({', '.join(map(literal, prices.models))})"


def _spend(row: tuple[Any, ...]) -> Spend:
    name, requests, tokens_in, tokens_out, cost, first, last = row
    known = tokens_in is not None or tokens_out is not None
    return Spend(
        name=name,
        requests=requests,
        input_tokens=_int(tokens_in),
        output_tokens=_int(tokens_out),
        cost=cost if known else None,
        first_us=first,
        last_us=last,
    )


def _with(spend: Spend, known: tuple[int, str, int] | None) -> Spend:
    if known is None:
        return spend
    others, main, n = known
    return replace(spend, others=others, main=main, main_requests=n)


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
