"""A day of real clients as native JSON Lines: the rates, gaps and token counts of ServeGen.

The trace (Alibaba Cloud Model Studio, Apache-2.0) has 205 clients in 10-minute windows; it has
no prompts and no addresses. What is real here and what is not:

- *Real*: which clients are active when, at which rate, how unevenly (the fitted Gamma or
  Weibull shape of each window, rescaled to its rate), and their token counts (quantiles per
  client and 6 hours, interpolated).
- *Thinned*: a client above ``most`` requests a day is thinned to that many, evenly over the
  day; gaps keep their shape. Rates and bursts of thinned clients are therefore too low.
- *Assigned*: prompts of other data sets. A client gets one batch template (one of 86, its up to
  200 fillings in turn) if its answers are short (median below 30 tokens: a label or a field,
  no conversation), or if it is uneven and busy (coefficient of variation of gaps of 1.5 or
  more, above 2,000 requests a day: jobs that start and stop). The rest, slow or as random as
  many independent users are, gets people's turns, whole conversations one after the other.
- *Made up*: one address for each client.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillhunt.lab.arrivals import FloatArray, fill
from stillhunt.lab.grammar import IntArray
from stillhunt.lab.native import JsonLines

__all__ = ["BUSIEST_DAY", "Client", "Replay", "all_hours", "clients", "write_day"]

BUSIEST_DAY = 9  # the day of the trace with most active clients: 144
START_US = int(datetime.datetime(2026, 9, 9, tzinfo=datetime.UTC).timestamp()) * 1_000_000
WINDOW_S = 600
WINDOWS = 144  # of a day
BATCH = 50_000
SHORT_ANSWER = 30
UNEVEN, BUSY = 1.5, 2_000
LEVELS = np.array([0.01, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95,
                   0.98, 0.99, 0.999])  # fmt: skip
QUANTILES = ", ".join(f"q{round(1000 * level):03d}" for level in LEVELS)


@dataclass(frozen=True, kw_only=True)
class Client:
    """One client on the chosen day."""

    name: str
    requests: float
    """As traced, before thinning."""
    peak_per_minute: float
    """In its fullest 10 minutes, on average."""
    cv: float
    """Coefficient of variation of its gaps, mean over its windows weighted by rate."""
    output_tokens: float
    """Of the day, as traced: requests times the mean of the 6-hour window."""
    output_mean: float
    output_median: float
    text: str
    """batch or people."""
    lender: str
    """Whose token counts it has: its own, or another client's where the trace has none."""

    @property
    def is_borrowing(self) -> bool:
        """Say whether its token counts are another client's."""
        return self.lender != self.name


class Replay(NamedTuple):
    """What was written."""

    clients: list[Client]
    rows: int
    thinned: Mapping[str, float]
    """Client -> factor by which its requests were thinned; 1 is untouched."""


def clients(data: Path, day: int) -> list[Client]:
    """Return the clients that are active on *day*, by name."""
    con = duckdb.connect()
    rates = data / "trace_servegen_client_rates_shared.parquet"
    tokens = data / "trace_servegen_client_tokens_shared.parquet"
    rows = con.execute(
        f"""
        WITH rates AS (
            SELECT *, pool || '/' || client_id AS client FROM '{rates}'
            WHERE window_start_s // 86400 = $day AND rate_rps > 0
        ),
        known AS (
            SELECT pool || '/' || client_id AS client, window_start_s // 21600 AS quarter, mean,
                   q500
            FROM '{tokens}' WHERE field = 'output_tokens'
        ),
        donors AS (SELECT DISTINCT client FROM known),
        lenders AS (SELECT client, ROW_NUMBER() OVER (ORDER BY md5(client)) AS n FROM donors),
        per_client AS (
            SELECT client, SUM(rate_rps * {WINDOW_S}) AS requests,
                   MAX(rate_rps) * 60 AS peak_per_minute,
                   SUM(rate_rps * iat_cv) / SUM(rate_rps) AS cv,
                   client NOT IN (SELECT client FROM donors) AS borrowed
            FROM rates GROUP BY client
        ),
        lent AS (
            SELECT p.*, CASE WHEN borrowed THEN l.client ELSE p.client END AS lender
            FROM per_client AS p
            LEFT JOIN lenders AS l
                ON l.n = 1 + p.requests::BIGINT % (SELECT COUNT(*) FROM donors)
        )
        SELECT t.client, t.requests, t.peak_per_minute, t.cv, t.lender,
               AVG(k.mean), AVG(k.q500)
        FROM lent AS t
        JOIN known AS k ON k.client = t.lender AND (
            k.quarter // 4 = $day
            OR NOT EXISTS (SELECT 1 FROM known AS x WHERE x.client = t.lender
                           AND x.quarter // 4 = $day))
        GROUP BY ALL ORDER BY ALL
        """,
        {"day": day},
    ).fetchall()
    return [_client(*row) for row in rows]


def _client(
    name: str, requests: float, peak: float, cv: float, lender: str, mean: float,
    median: float,
) -> Client:  # fmt: skip
    batch = median < SHORT_ANSWER or (cv >= UNEVEN and requests > BUSY)
    return Client(
        name=name, requests=requests, peak_per_minute=peak, cv=cv, lender=lender,
        output_mean=mean, output_median=median, output_tokens=requests * mean,
        text="batch" if batch else "people",
    )  # fmt: skip


def all_hours(data: Path) -> list[bool]:
    """Say of each client, over the whole trace, whether cadence would find it at all hours.

    Defaults of ``cadence``: entropy of the hour of day above 4.5 bits, never idle for 6 hours
    between its first and last request, and more than 3 days between those.
    """
    rows = _ask(
        f"""
        WITH active AS (
            SELECT pool || '/' || client_id AS client, window_start_s AS t, rate_rps
            FROM '{data / "trace_servegen_client_rates_shared.parquet"}' WHERE rate_rps > 0
        ),
        gaps AS (
            SELECT *, t - LAG(t) OVER (PARTITION BY client ORDER BY t) - {WINDOW_S} AS idle
            FROM active
        ),
        hours AS (
            SELECT client, t // 3600 % 24 AS hour, SUM(rate_rps) AS n FROM active GROUP BY ALL
        ),
        entropies AS (
            SELECT client, (LN(SUM(n)) - SUM(n * LN(n)) / SUM(n)) / LN(2) AS bits
            FROM hours GROUP BY client
        )
        SELECT client, ANY_VALUE(bits) > 4.5 AND MAX(idle) < 6 * 3600
                       AND MAX(t) - MIN(t) > 3 * 86400 AS hit
        FROM gaps JOIN entropies USING (client) GROUP BY client
        """
    )
    return [hit is True for hit in rows["hit"].to_pylist()]


def write_day(
    data: Path, out: Path, *, day: int = BUSIEST_DAY, most: int = 6_000, seed: int = 1
) -> Replay:
    """Write *day* of the trace to *out*, in order of time.

    Args:
        data: Folder of the public data.
        out: File to write, native JSON Lines.
        most: Requests of one client and day; above, it is thinned.
    """
    rng = np.random.default_rng(seed)
    who = clients(data, day)
    factors = {c.name: max(1.0, c.requests / most) for c in who}
    windows = _windows(data, day)
    texts = _Texts(data, who)
    parts = [_requests(rng, windows[c.name], factors[c.name]) for c in who]
    client = np.concatenate([np.full(len(p), n) for n, p in enumerate(parts)])
    seconds = np.concatenate(parts)
    order = np.argsort(seconds, kind="stable")
    place = np.concatenate([np.arange(len(p)) for p in parts])  # of a client's requests
    tokens = _Tokens(data, day, who)
    with out.open("wb") as file:
        writer = JsonLines(file)
        for first in range(0, len(order), BATCH):
            rows = order[first : first + BATCH]
            writer.write(_table(rng, who, tokens, texts, client[rows], seconds[rows], place[rows]))
    return Replay(who, len(order), factors)


def _ask(query: str) -> pa.Table:
    return duckdb.connect().sql(query).to_arrow_table()


def _windows(data: Path, day: int) -> dict[str, Any]:
    table = _ask(
        f"""
        SELECT pool || '/' || client_id AS client, window_start_s % 86400 // {WINDOW_S} AS place,
               rate_rps * {WINDOW_S} AS requests, iat_dist = 'Weibull' AS weibull,
               COALESCE(iat_param1, 1) AS shape
        FROM '{data / "trace_servegen_client_rates_shared.parquet"}'
        WHERE window_start_s // 86400 = {day} AND rate_rps > 0 ORDER BY client, place
        """
    )
    found: dict[str, Any] = {}
    for name in table["client"].unique().to_pylist():
        found[name] = table.filter(pa.compute.equal(table["client"], name)).to_pydict()
    return found


def _requests(rng: np.random.Generator, windows: dict[str, Any], factor: float) -> FloatArray:
    """Return the times of one client's requests [s of the day], ascending."""
    expected = np.array(windows["requests"]) / factor
    counts = np.floor(expected + rng.random(len(expected))).astype(np.int64)
    shape = np.repeat(np.array(windows["shape"], dtype=float), counts + 1)
    weibull = np.repeat(np.array([w is True for w in windows["weibull"]]), counts + 1)
    gaps = np.where(weibull, rng.weibull(shape), rng.standard_gamma(shape))
    start = np.repeat(np.array(windows["place"]) * float(WINDOW_S), counts)
    return start + WINDOW_S * fill(gaps, counts)


class _Tokens:
    """Token counts by inverse transform through the traced quantiles."""

    def __init__(self, data: Path, day: int, who: list[Client]) -> None:
        path = data / "trace_servegen_client_tokens_shared.parquet"
        rows = _ask(
            f"""
            SELECT pool || '/' || client_id AS client, field, window_start_s // 21600 AS quarter,
                   {QUANTILES}
            FROM '{path}' ORDER BY ABS(window_start_s // 86400 - {day}), client, quarter
            """
        ).to_pylist()
        nearest: dict[tuple[str, str, int], FloatArray] = {}
        some: dict[tuple[str, str], FloatArray] = {}
        for row in rows:
            client, field, quarter, *values = row.values()
            nearest.setdefault((client, field, quarter % 4), np.array(values, dtype=float))
            some.setdefault((client, field), np.array(values, dtype=float))
        self._curves = {
            field: np.stack(
                [
                    nearest.get((c.lender, field, quarter), some[c.lender, field])
                    for c in who
                    for quarter in range(4)
                ]
            )
            for field in ("input_tokens", "output_tokens")
        }

    def draw(
        self, rng: np.random.Generator, field: str, client: IntArray, seconds: FloatArray
    ) -> IntArray:
        """Return one count for each request."""
        curves = self._curves[field][client * 4 + (seconds // 21_600).astype(np.int64)]
        u = rng.random(len(client))
        right = np.clip(np.searchsorted(LEVELS, u), 1, len(LEVELS) - 1)
        rows = np.arange(len(u))
        low, high = curves[rows, right - 1], curves[rows, right]
        share = np.clip((u - LEVELS[right - 1]) / (LEVELS[right] - LEVELS[right - 1]), 0, 1)
        counts: npt.NDArray[np.int64] = np.maximum(np.rint(low + share * (high - low)), 0).astype(
            np.int64
        )
        return counts


class _Texts:
    """Prompts and answers by client: a template's fillings, or people's turns, in turn."""

    def __init__(self, data: Path, who: list[Client]) -> None:
        batch = _ask(
            f"""
            SELECT template, prompt, response, 0 AS conversation, 1 AS turn
            FROM '{data / "benign_batch_t0_shared.parquet"}' ORDER BY md5(template), id
            """
        )
        people = _ask(
            f"""
            SELECT '' AS template, prompt, response, (meta::JSON ->> 'conversation')::INT
                       AS conversation,
                   1 + (meta::JSON ->> 'turn')::INT AS turn
            FROM '{data / "people_hh_rlhf_turns.parquet"}' ORDER BY conversation, turn
            """
        )
        names = np.array(batch["template"].to_pylist())
        starts = np.flatnonzero(np.concatenate([[True], names[1:] != names[:-1]]))
        sizes = np.diff(np.concatenate([starts, [len(names)]]))
        self._rows = pa.concat_tables([batch, people.cast(batch.schema)]).combine_chunks()
        self._start = np.zeros(len(who), dtype=np.int64)
        self._size = np.full(len(who), people.num_rows)
        self._skip = np.arange(len(who)) * 1_009  # begin at different conversations
        for number, one in enumerate(who):
            if one.text == "batch":
                self._start[number] = starts[number % len(starts)]
                self._size[number] = sizes[number % len(starts)]
            else:
                self._start[number] = batch.num_rows

    def draw(self, client: IntArray, place: IntArray) -> pa.Table:
        """Return prompt, response, conversation and turn for each request."""
        rows = self._start[client] + (self._skip[client] + place) % self._size[client]
        return self._rows.take(pa.array(rows))


def _table(
    rng: np.random.Generator, who: list[Client], tokens: _Tokens, texts: _Texts,
    client: IntArray, seconds: FloatArray, place: IntArray,
) -> pa.Table:  # fmt: skip
    names = pa.array([c.name.replace("language/", "") for c in who])
    text = texts.draw(client, place)
    conversation = [
        f"{c}/{k}" if k else None
        for c, k in zip(client.tolist(), text["conversation"].to_pylist(), strict=True)
    ]
    n = len(client)
    return pa.table(
        {
            "ts_us": START_US + (seconds * 1e6).astype(np.int64),
            "exchange_id": [f"{c}-{p}" for c, p in zip(client, place, strict=True)],
            "account_id": names.take(pa.array(client)),
            "session_id": pa.array(conversation, pa.string()),
            "source_ip": [f"2001:db8:{c + 1:x}::1" for c in client.tolist()],
            "method": ["POST"] * n,
            "path": ["/v1/chat/completions"] * n,
            "status": [200] * n,
            "input_tokens": tokens.draw(rng, "input_tokens", client, seconds),
            "output_tokens": tokens.draw(rng, "output_tokens", client, seconds),
            "turns": text["turn"],
            "prompt": text["prompt"],
            "output": text["response"],
        }
    )
