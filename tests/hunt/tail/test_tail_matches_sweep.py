"""A file through the tail and through a sweep: the same claims, with the same ids."""

import random
from pathlib import Path
from typing import Any

import pytest
from sweep_kit import DAY, HOUR, MINUTE, NOON, SECOND, exchange, many
from tail_kit import claims, followed, settings_in, swept_claims, write

LOW = {
    "burst.requests_per_minute": "20",
    "burst_account.requests_per_minute": "20",
    "burst_prefix.requests_per_minute": "30",
    "volume.requests_per_day": "100",
    "volume.tokens_per_day": "1000",
    "volume.critical_tokens": "2000",
    "volume_account.requests_per_day": "150",
    "volume_prefix.requests_per_day": "200",
}


def crowd(seed: int, hours: float = 20, n: int = 3_000) -> list[dict[str, Any]]:
    """Return traffic around every bound: bursts, slow takers, unknown values, other paths."""
    rng = random.Random(seed)
    rows = []
    for _ in range(n):
        who = int(rng.paretovariate(0.7)) % 40
        moment = NOON + int(rng.random() * hours * 3600) * SECOND + rng.randrange(SECOND)
        rows.append(row_of(rng, who, moment))
    for _ in range(25):  # bursts just below, at and above the bounds
        who, start = rng.randrange(40), NOON + int(rng.random() * hours * 3600) * SECOND
        size = rng.choice([19, 20, 21, 22, 31, 60, 205])
        span = rng.choice([2, 59, 60, 61, 90]) * SECOND
        rows += [row_of(rng, who, start + k * span // size) for k in range(size)]
    rows.sort(key=lambda row: row["ts_us"])
    return [row | {"exchange_id": f"x{k}"} for k, row in enumerate(rows)]


def row_of(rng: random.Random, who: int, moment_us: int) -> dict[str, Any]:
    address = f"192.0.2.{who}" if who % 3 else f"2001:db8:{who + 1:x}::{who % 4 + 1}"
    row: dict[str, Any] = exchange(
        moment_us,
        account_id=None if who % 7 == 0 else f"a{who // 2}",
        source_ip=None if who % 11 == 5 else address,
        path=rng.choice(["/v1/messages", "/v1/messages", "/v1/chat/completions", "/health"]),
        method=rng.choice(["POST", "POST", "POST", "GET", None]),
        output_tokens=rng.choice([None, 0, 3, 40]),
    )
    return row


@pytest.mark.parametrize("seed", range(4))
def test_a_day_gives_the_claims_of_a_sweep(tmp_path: Path, seed: int) -> None:
    rows = crowd(seed)
    write(tmp_path / "log.jsonl", rows)
    found, ended = followed(tmp_path / "log.jsonl", overrides=LOW)
    assert ended.lines == ended.exchanges == len(rows)
    assert claims(found) == swept_claims(rows, LOW) != set()


def test_lines_within_the_lateness_change_nothing(tmp_path: Path) -> None:
    rows = crowd(5)
    rng = random.Random(6)
    shuffled = sorted(rows, key=lambda row: row["ts_us"] + rng.randrange(4 * MINUTE))
    write(tmp_path / "log.jsonl", shuffled)
    found, _ = followed(tmp_path / "log.jsonl", overrides=LOW)
    assert claims(found) == swept_claims(rows, LOW)


def test_the_shipped_bounds_hold_on_both_sides(tmp_path: Path) -> None:
    rows = [
        *many(100, step=SECOND // 2, source_ip="192.0.2.1", account_id="at"),
        *many(101, step=SECOND // 2, source_ip="198.51.100.1", account_id="above"),
        *many(1_001, step=SECOND // 20, source_ip="203.0.113.1", account_id="grave"),
        *many(101, step=SECOND * 60 // 100, source_ip="2001:db8::1", account_id="edge"),
    ]
    rows.sort(key=lambda row: row["ts_us"])
    write(tmp_path / "log.jsonl", rows)
    found, _ = followed(tmp_path / "log.jsonl")
    assert claims(found) == swept_claims(rows)
    assert {f.subject["account_id"] for f in found if f.detector == "burst_account"} == {
        "above", "grave",
    }  # fmt: skip


def test_bursts_of_several_days_are_episodes_as_in_a_sweep(tmp_path: Path) -> None:
    starts = [0, 20 * HOUR, 43 * HOUR, 68 * HOUR, 100 * HOUR]
    rows = [
        exchange(NOON + start + k * SECOND // 4, source_ip="192.0.2.9")
        for start in starts
        for k in range(150)
    ]
    write(tmp_path / "log.jsonl", rows)
    found, _ = followed(tmp_path / "log.jsonl")
    bursts = {claim for claim in claims(found) if claim[0].startswith("burst")}
    assert bursts == {c for c in swept_claims(rows) if c[0].startswith("burst")}
    assert len({one[2] for one in bursts if one[0] == "burst"}) == 3


def test_whoever_stands_above_at_the_end_of_a_week_was_said_with_the_id_of_a_sweep(
    tmp_path: Path,
) -> None:
    rows = [
        exchange(NOON + day * DAY + k * MINUTE, account_id=f"a{day % 2}", output_tokens=20)
        for day in range(7)
        for k in range(120)
    ]
    last = many(130, start=NOON + 7 * DAY, step=MINUTE, account_id="new", output_tokens=20)
    rows += [dict(row) for row in last]
    write(tmp_path / "log.jsonl", rows)
    found, _ = followed(tmp_path / "log.jsonl", overrides=LOW)
    alive = {claim for claim in swept_claims(rows, LOW) if claim[0].startswith("volume")}
    assert alive
    assert {c[:3] for c in alive} <= {c[:3] for c in claims(found)}


def test_where_memory_is_short_nothing_is_claimed_that_a_sweep_denies(tmp_path: Path) -> None:
    rows = crowd(7, n=30_000)
    for k, row in enumerate(rows):
        if k % 2:
            row["source_ip"] = f"198.18.{k // 250}.{k % 250}"
    write(tmp_path / "log.jsonl", rows)
    tight = settings_in(tmp_path, events=10_000, sums=10_000)
    found, _ = followed(tmp_path / "log.jsonl", settings=tight, overrides=LOW)
    sure = {claim[:3] for claim in swept_claims(rows, LOW)}
    said = {claim[:3] for claim in claims(found)}
    assert said <= sure
    assert len(said) > len(sure) // 2


def test_what_is_older_than_the_window_is_not_added_to_what_is_in_it(tmp_path: Path) -> None:
    log, state = tmp_path / "log.jsonl", tmp_path / "state"
    low = {"volume_account.requests_per_day": "100"}
    for rows in (many(97, start=NOON + 3 * DAY), many(7)):
        write(log, rows)
        found, _ = followed(log, overrides=low, state=state)
        assert not [f for f in found if f.detector == "volume_account"]
