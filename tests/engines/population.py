"""A few thousand exchanges in which every rule and detector finds something, and just misses it.

Each scene is one behaviour, with its bound hit exactly (no finding) and by one more. Between
the scenes lies everyday traffic with unknowns in every column that may be unknown, several
addresses per account and accounts per address, both kinds of IP, and many requests of the
same microsecond. ``TOLD`` holds bounds that so few rows can exceed.
"""

import random
from collections.abc import Mapping, Sequence

import pyarrow as pa
from pools import pooled_accounts, pools
from programs import cadences, repetitions
from scenes import (
    ADDRESSES,
    CUT_US,
    DAY,
    HOUR,
    KNOWN,
    MINUTE,
    PATHS,
    SECOND,
    START_US,
    UNTIL_US,
    Row,
    bursts,
    everyday,
    long_answers,
    odd_addresses,
    volumes,
)

from stillhunt.hunt.directory import COLUMNS as DIRECTORY
from stillhunt.hunt.directory import Directory, with_times
from stillhunt.hunt.lake.schema import arrow_schema
from stillhunt.model.exchange import HOT

__all__ = [
    "ADDRESSES", "CUT_US", "DAY", "HOUR", "MINUTE", "PATHS", "SECOND", "START_US", "TOLD",
    "UNTIL_US", "accounts", "directory_of", "exchanges_of", "population",
]  # fmt: skip

TOLD: dict[str, str] = {
    "volume.tokens_per_day": "20000", "volume.requests_per_day": "60",
    "volume.critical_tokens": "40000",
    "volume_account.tokens_per_day": "20000", "volume_account.requests_per_day": "60",
    "volume_account.critical_tokens": "40000",
    "volume_prefix.tokens_per_day": "20000", "volume_prefix.requests_per_day": "60",
    "volume_prefix.critical_tokens": "40000",
    "heavy_output.requests": "40", "heavy_output.mean_tokens": "500",
    "heavy_output.lookback": "1d",
    "burst.requests_per_minute": "20", "burst_account.requests_per_minute": "20",
    "burst_prefix.requests_per_minute": "20",
    "cadence.min_requests": "38", "cadence.uneven": "6", "repetition.min_exchanges": "40",
    "repetition.many": "60",
    "many_addresses.addresses": "5", "many_addresses.networks": "3",
    "many_accounts.accounts": "4", "failover.accounts": "1",
    "new_model_pivot.requests": "4", "new_model_pivot.earlier": "4",
    "out_of_plan.tokens_per_day": "free=100,pro=2000000", "bulk_signup.accounts": "3",
    "round_the_clock.hours": "6", "round_the_clock.requests": "14",
}  # fmt: skip
"""Bounds as ``--set`` takes them."""


def population(seed: int = 1) -> pa.Table:
    """Return the exchanges, shuffled; every column of the hot lake."""
    rng = random.Random(seed)
    rows = [
        *everyday(rng), *volumes(), *bursts(), *long_answers(), *odd_addresses(),
        *cadences(), *repetitions(rng), *pools(),
    ]  # fmt: skip
    rng.shuffle(rows)
    return exchanges_of(rows)


def exchanges_of(rows: list[Row]) -> pa.Table:
    """Return *rows* as a table; what a row does not say is unknown, but for its id."""
    for number, row in enumerate(rows):
        row.setdefault("exchange_id", f"x{number * 7919 % 1_000_003:06d}")
        row.setdefault("source", "native")
        row.setdefault("sketch_version", 1)
    schema = pa.schema(field.with_nullable(field.name not in KNOWN) for field in arrow_schema(HOT))
    return pa.Table.from_pylist(rows, schema)


def accounts() -> pa.Table:
    """Return the account directory, as the sweep shows it to queries."""
    rng = random.Random(2)
    rows: list[Mapping[str, str | None]] = []
    for k in range(60):
        row = {name: f"{name}-{rng.randrange(9)}" for name in DIRECTORY}
        row |= {"account_id": f"user-{k}", "created_at": f"2026-02-{k % 28 + 1:02d}T08:00:00Z"}
        row |= {"tier": rng.choice(("free", "pro", "contract")), "email_domain": "example.com"}
        rows.append({n: v if n == "account_id" or rng.random() < 0.8 else None
                     for n, v in row.items()})  # fmt: skip
    return directory_of([*rows, *pooled_accounts()])


def directory_of(rows: Sequence[Mapping[str, str | None]]) -> pa.Table:
    """Return *rows* as an account directory, with ``created_at_us``."""
    columns = {name: pa.array([r.get(name) for r in rows], pa.string()) for name in DIRECTORY}
    return with_times(Directory(table=pa.table(columns), duplicates=0))
