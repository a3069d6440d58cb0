"""A small population to draw: people, batch pipelines and one clumsy harvester."""

# ruff: noqa: ANN401 - stand-ins of any shape
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from stillhunt.hunt.report.document import build
from stillhunt.model.exchange import COLUMNS, HOT
from stillhunt.model.finding import Finding, Severity, finding_id

START_US = 1_772_409_600_000_000  # 2026-03-02, a Monday
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
NOW = datetime(2026, 3, 9, 2, 0, tzinfo=UTC)
HARVESTER = "acct_9f31c7"
ARROW = {
    "int64": pa.int64(), "int32": pa.int32(), "int16": pa.int16(),
    "float32": pa.float32(), "bool": pa.bool_(), "string": pa.string(),
}  # fmt: skip


def exchanges(
    *, days: int = 7, people: int = 52, seed: int = 1, known: Sequence[str] = HOT
) -> pa.Table:
    """Return a table with every hot column; those not in *known* are NULL."""
    random = np.random.default_rng(seed)
    parts = [_person(random, k, days) for k in range(people)]
    parts += [_pipeline(random, k, days) for k in range(7)]
    parts.append(_harvester(random))
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(joined["ts_us"], kind="stable")
    rows = len(order)
    columns = {}
    for column in COLUMNS:
        if column.name not in HOT:
            continue
        kind = ARROW[column.kind]
        if column.name in joined and column.name in known:
            columns[column.name] = pa.array(joined[column.name][order]).cast(kind)
        else:
            columns[column.name] = pa.nulls(rows, kind)
    return pa.table(columns)


def _rows(n: int, account: str, ips: Any, ts: Any, tokens: Any, template: Any) -> dict[str, Any]:
    return {
        "ts_us": ts.astype(np.int64),
        "account_id": np.full(n, account, dtype=object),
        "source_ip": ips,
        "method": np.full(n, "POST", dtype=object),
        "path": np.full(n, "/v1/messages", dtype=object),
        "status": np.full(n, 200),
        "model": np.full(n, "m-1", dtype=object),
        "input_tokens": (tokens * 0.7).astype(np.int64) + 40,
        "output_tokens": tokens.astype(np.int64),
        "template": template,
    }


def _person(random: np.random.Generator, k: int, days: int) -> dict[str, Any]:
    n = int(random.gamma(1.3, 14) * days) + 5
    noon = random.normal(14, 1.5)
    hour = np.clip(random.normal(noon, 3.2, n), 0, 23.99)
    day = random.choice(days, n, p=_week(days))
    ts = START_US + day * DAY_US + hour * HOUR_US
    ips = np.array([f"192.0.2.{10 + k}", f"198.51.100.{k}"], dtype=object)[
        random.integers(0, 2, n)
    ]
    return _rows(n, f"acct_{k:02d}{k * 7919 % 65536:04x}", ips, ts,
                 random.lognormal(5.2, 0.9, n), random.integers(0, n * 3, n))  # fmt: skip


def _week(days: int) -> Any:
    weight = np.array([0.35 if day % 7 >= 5 else 1.0 for day in range(days)])
    return weight / weight.sum()


def _pipeline(random: np.random.Generator, k: int, days: int) -> dict[str, Any]:
    per_day = 180 * (k + 1)
    n = per_day * days
    start = START_US + np.repeat(np.arange(days), per_day) * DAY_US + (2 + k) * HOUR_US
    ts = start + random.uniform(0, (1 + k) * HOUR_US, n)
    ips = np.full(n, f"203.0.113.{k}", dtype=object)
    return _rows(n, f"batch-{k}@example.com", ips, ts, random.lognormal(4.2, 0.4, n),
                 random.integers(0, 1 + 2 * k, n))  # fmt: skip


def _harvester(random: np.random.Generator) -> dict[str, Any]:
    n = 9_200
    ts = START_US + 3 * DAY_US + HOUR_US + np.sort(random.uniform(0, 52 * HOUR_US, n))
    ts[2_000:2_420] = ts[2_000] + np.arange(420) * 60_000_000 / 210
    ips = np.array([f"203.0.113.{66 + j}" for j in range(3)], dtype=object)
    return _rows(n, HARVESTER, ips[random.choice(3, n, p=[0.96, 0.02, 0.02])], ts,
                 random.lognormal(6.3, 0.3, n), random.integers(0, 4, n))  # fmt: skip


def lake(table: pa.Table) -> duckdb.DuckDBPyConnection:
    """Return a connection with *table* as the view ``exchanges``."""
    connection = duckdb.connect()
    connection.register("exchanges", table)
    return connection


def finding(detector: str, subject: dict[str, Any], **more: Any) -> Finding:
    """Return a finding of *detector*, plausible but for what *more* says."""
    told: dict[str, Any] = {
        "family": "usage", "severity": Severity.HIGH, "statistic": 2.0, "n": 9_200,
        "first_seen_us": START_US + 3 * DAY_US + HOUR_US,
        "last_seen_us": START_US + 5 * DAY_US + 5 * HOUR_US,
        "evidence": {},
    }  # fmt: skip
    told |= more
    return Finding(
        id=finding_id(detector, subject, told["first_seen_us"]),
        detector=detector, subject=subject, **told,
    )  # fmt: skip


def findings() -> tuple[Finding, ...]:
    """Return what the first hunt says of the harvester, and of a pipeline or two."""
    account, address = {"account_id": HARVESTER}, {"source_ip": "203.0.113.66"}
    usage = {"total_requests": 9_038, "total_output_tokens": 5_127_482}
    burst = {"peak_requests": 221, "peak_at": "2026-03-05T12:19:11Z", "seconds_above": 88}
    return (
        finding(
            "volume", account | address, severity=Severity.CRITICAL, statistic=51.3, evidence=usage
        ),
        finding(
            "volume_account", account, severity=Severity.CRITICAL, statistic=52.1, evidence=usage
        ),
        finding(
            "volume_prefix",
            {"source_prefix": "203.0.113.0/24"},
            severity=Severity.HIGH,
            statistic=54.0,
            evidence=usage,
        ),
        finding(
            "heavy_output",
            account,
            statistic=1.2,
            severity=Severity.MEDIUM,
            evidence={
                "requests": 9_200,
                "mean_output_tokens": 569.81,
                "share_of_max_tokens": None,
            },
        ),
        finding(
            "burst",
            address,
            family="time",
            severity=Severity.MEDIUM,
            statistic=2.21,
            evidence=burst,
            n=420,
        ),
        finding(
            "burst_account",
            account,
            family="time",
            severity=Severity.MEDIUM,
            statistic=2.21,
            evidence=burst,
            n=420,
        ),
        finding(
            "repetition",
            account | {"tail": "low"},
            family="content",
            severity=Severity.LOW,
            statistic=0.97,
            evidence={
                "templates": 4,
                "commonest_template": 2_331,
                "coverage": 1.0,
                "template_entropy_bits": 1.9998,
            },
        ),
        finding(
            "cadence",
            account | {"sign": "unread"},
            family="time",
            severity=Severity.INFORMATIONAL,
            statistic=0.998,
            evidence={"gap_variation": 1.02, "mean_gap_s": 20.3},
        ),
        finding(
            "volume_account",
            {"account_id": "batch-6@example.com"},
            statistic=1.25,
            severity=Severity.HIGH,
            n=1260,
            evidence={"total_requests": 1_260, "total_output_tokens": 125_112},
        ),
        finding(
            "volume_account",
            {"account_id": "batch-5@example.com"},
            statistic=1.1,
            severity=Severity.HIGH,
            n=1080,
            allowed="nightly evaluation, agreed on 3 February",
        ),
        finding(
            "repetition",
            {"account_id": "batch-0@example.com", "tail": "low"},
            family="content",
            severity=Severity.INFORMATIONAL,
            statistic=1.0,
            n=1260,
            evidence={"templates": 1},
        ),
    )


COVERAGE = (
    ("burst", "rule", "time", "yes"),
    ("burst_account", "rule", "time", "yes"),
    ("burst_prefix", "rule", "time", "yes"),
    ("cadence", "detector", "time", "partly"),
    ("heavy_output", "rule", "usage", "yes"),
    ("repetition", "detector", "content", "yes"),
    ("volume", "rule", "usage", "yes"),
    ("volume_account", "rule", "usage", "yes"),
    ("volume_prefix", "rule", "usage", "yes"),
    ("shared_cards", "detector", "identity", "no"),
)


def swept(found: Sequence[Finding] = (), **more: Any) -> Any:
    """Return the result of a sweep with the findings *found*."""
    detectors = tuple(
        SimpleNamespace(
            name=name,
            kind=kind,
            family=family,
            answered=answered,
            needs=("payment_hash",) if answered == "no" else ("account_id",),
            uses=(),
            missing={"no": ("payment_hash",), "partly": ("duration_ms",)}.get(answered, ()),
            findings=sum(f.detector == name for f in found),
            allowed=sum(f.detector == name and f.allowed is not None for f in found),
            seconds=0.21,
            sql="SELECT account_id, COUNT(*) AS n\nFROM exchanges\n"
            "WHERE ts_us > 1772409600000000\n"
            "GROUP BY account_id\nHAVING COUNT(*) > 5000",
        )
        for name, kind, family, answered in COVERAGE
    )
    told = {
        "findings": tuple(found),
        "detectors": detectors,
        "accounts": ({"account_id": HARVESTER, "severity": 2},),
        "campaigns": (),
        "period": (START_US, START_US + 7 * DAY_US),
        "totals": {"exchanges": 51_000, "accounts": 60, "output_tokens": 9_000_000},
        "notes": ("volume rules look at the last 1 days of 7",),
    }
    return SimpleNamespace(**(told | more))


def inputs() -> Any:
    """Return the account of two inputs."""
    return [
        SimpleNamespace(
            path="gateway-2026-03-02.jsonl.zst",
            reader="native",
            lines=25_600,
            rows=25_594,
            rejects=6,
            known_lines=0,
        ),
        SimpleNamespace(
            path="gateway-2026-03-05.jsonl.zst",
            reader="native",
            lines=25_406,
            rows=25_406,
            rejects=0,
            known_lines=0,
        ),
    ]


def rejects() -> Any:
    """Return the six rejects of the first input."""
    reasons = ["not JSON: line ends inside a string", "ts_us: not a time between 1990 and 2100"]
    return [
        SimpleNamespace(
            path="gateway-2026-03-02.jsonl.zst", line=17 + 1000 * k, reason=reasons[k % 2]
        )
        for k in range(6)
    ]


def document(found: Sequence[Finding], **more: Any) -> dict[str, Any]:
    """Return the report of a sweep that found *found*."""
    return build(inputs(), swept(found, **more), created_at=NOW, rejects=rejects())


QUARANTINE = Path("lake/quarantine/5c1e.jsonl")
