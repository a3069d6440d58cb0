"""Real input: an Apache log against awk, and what the hunts find about honest customers.

    STILLHUNT_DATA=FOLDER python -m benchmarks.real_input [--most 6000] [--json FILE]

Nothing here is an attack: every finding of the second table is about a paying customer of a
real service. It is why a finding accuses nobody, and why campaigns come next.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import servegen
from stillhunt.hunt.call import hunt
from stillhunt.hunt.lake.store import Lake
from stillhunt.hunt.settings import HuntSettings

__all__ = ["apache", "customers"]

LOG = "weblog_elastic_apache_2015-05-17_18.log.gz"
AWK = "{ n[$1]++ } END { for (a in n) print n[a], a }"
TOP = 10


def apache(data: Path) -> dict[str, Any]:
    """Hunt the real access log; compare its busiest addresses with an independent awk."""
    with tempfile.TemporaryDirectory() as folder:
        lake = Path(folder) / "lake"
        settings = HuntSettings(folder=Path(folder))
        report = hunt([data / LOG], lake=lake, config=settings)
        rows = (
            Lake.open(lake)
            .connect()
            .execute("SELECT COUNT(*) AS n, source_ip FROM exchanges GROUP BY 2")
            .fetchall()
        )
    text = gzip.decompress((data / LOG).read_bytes())
    counted = subprocess.run(["awk", AWK], input=text, capture_output=True, check=True).stdout
    by_awk = [tuple(line.split()) for line in counted.decode().splitlines()]
    read = report.document["inputs"][0]
    return {
        "lines": read["lines"],
        "rows": read["rows"],
        "rejects": read["rejects"],
        "lines_by_split": text.count(b"\n"),
        "busiest": _top((int(n), a) for n, a in rows),
        "busiest_by_awk": _top((int(n), a) for n, a in by_awk),
        "findings": len(report.document["findings"]),
    }


def _top(counts: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    return sorted(counts, key=lambda c: (-c[0], c[1]))[:TOP]


def customers(
    data: Path, *, day: int = servegen.BUSIEST_DAY, most: int = 6_000, seed: int = 1
) -> dict[str, Any]:
    """Replay a day of real clients and hunt it; return a row per rule and per detector's sign."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "day.jsonl"
        replay = servegen.write_day(data, log, day=day, most=most, seed=seed)
        began = time.perf_counter()
        report = hunt([log], config=HuntSettings(folder=Path(folder)))
        seconds = time.perf_counter() - began
        megabytes = log.stat().st_size / 1e6
    who = replay.clients
    read = report.document["inputs"][0]
    factors = sorted(f for f in replay.thinned.values() if f > 1)
    return {
        "day": day,
        "most": most,
        "clients": len(who),
        "texts": dict(Counter(c.text for c in who)),
        "borrowed_tokens": sum(c.is_borrowing for c in who),
        "traced_requests": round(sum(c.requests for c in who)),
        "thinned_clients": len(factors),
        "thinning_median": round(factors[len(factors) // 2], 1) if factors else 1.0,
        "thinning_largest": round(factors[-1], 1) if factors else 1.0,
        "lines": read["lines"],
        "rows": read["rows"],
        "rejects": read["rejects"],
        "megabytes": round(megabytes),
        "hunt_seconds": round(seconds, 1),
        "hunts": _per_hunt(report.document, len(who)),
        "unthinned": _unthinned(who, servegen.all_hours(data)),
    }


def _per_hunt(document: Mapping[str, Any], accounts: int) -> list[dict[str, Any]]:
    """Return findings and accounts concerned; one address and prefix stand for one account."""
    found: dict[str, list[str]] = {
        d["name"]: [] for d in document["detectors"] if d["name"] not in _SIGNS
    }
    found |= {f"{name}: {sign}": [] for name, signs in _SIGNS.items() for sign in signs}
    for finding in document["findings"]:
        subject = finding["subject"]
        sign = subject.get("sign") or subject.get("tail")
        name = f"{finding['detector']}: {sign}" if sign else finding["detector"]
        key = subject.get("account_id") or subject.get("source_ip") or subject["source_prefix"]
        found.setdefault(name, []).append(str(key))
    rows = [
        {
            "hunt": name,
            "findings": len(keys),
            "accounts": len(set(keys)),
            "share": round(len(set(keys)) / accounts, 3),
        }
        for name, keys in sorted(found.items())
    ]
    low = {a["account_id"] for a in document["accounts"]}
    return [
        *rows,
        {
            "hunt": "accounts table (severity 2 or more)",
            "findings": len(low),
            "accounts": len(low),
            "share": round(len(low) / accounts, 3),
        },
    ]


_SIGNS = {
    "cadence": ("even_gaps", "uneven_gaps", "all_hours", "unread"),
    "repetition": ("low", "high"),
}


def _unthinned(who: list[servegen.Client], round_the_clock: list[bool]) -> list[dict[str, Any]]:
    """Return how many clients pass the default bounds as traced: from rates, without a replay."""
    passes = {
        "more than 5,000 requests a day": [c.requests > 5_000 for c in who],
        "more than 100,000 output tokens a day": [c.output_tokens > 100_000 for c in who],
        "more than 200,000 output tokens a day (critical)": [
            c.output_tokens > 200_000 for c in who
        ],
        "more than 1,000 requests of more than 500 output tokens on average": [
            c.requests > 1_000 and c.output_mean > 500 for c in who
        ],
        "more than 100 requests a minute, on average over some 10 minutes": [
            c.peak_per_minute > 100 for c in who
        ],
        "busy at all hours, never idle for 6 (all 14 days and 205 clients)": round_the_clock,
    }
    return [
        {"bound": name, "accounts": sum(hits), "share": round(sum(hits) / len(hits), 3)}
        for name, hits in passes.items()
    ]


def _print(title: str, rows: list[dict[str, Any]]) -> None:
    table = Table(title=title, title_justify="left")
    for key in rows[0]:
        table.add_column(key, justify="left" if isinstance(rows[0][key], str) else "right")
    for row in rows:
        table.add_row(*(f"{v:,}" if isinstance(v, int) else str(v) for v in row.values()))
    Console(width=100).print(table)


def main() -> None:
    """Print both tables, and write the figures as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=6_000, help="requests of a client and day")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    named = os.environ.get("STILLHUNT_DATA")
    if not named:
        print("skipped: STILLHUNT_DATA does not name the folder of public data", file=sys.stderr)
        return
    log = apache(Path(named))
    day = customers(Path(named), most=given.most)
    same = "equal" if log["busiest"] == log["busiest_by_awk"] else "NOT EQUAL"
    print(f"Apache log: {log['lines']:,} lines = {log['rows']:,} rows + {log['rejects']} rejects;")
    print(f"the {TOP} busiest addresses and awk's are {same}; {log['findings']} findings")
    _print("Apache log", [{"address": a, "requests": n} for n, a in log["busiest"]])
    print(
        f"ServeGen, day {day['day']}: {day['clients']} clients ({day['texts']}),"
        f" {day['traced_requests']:,} requests traced, {day['rows']:,} replayed: at most"
        f" {day['most']:,} of a client, {day['thinned_clients']} clients thinned, by"
        f" {day['thinning_median']} in the median and {day['thinning_largest']:,} at most"
    )
    _print("What the hunts find about honest customers (replay)", day["hunts"])
    _print("The same bounds on the trace itself, nothing thinned", day["unthinned"])
    print("cadence: all_hours needs more than 3 days, so a replay of one day cannot show it.")
    if given.json:
        given.json.write_text(json.dumps({"apache": log, "customers": day}, indent=1) + "\n")


if __name__ == "__main__":
    main()
