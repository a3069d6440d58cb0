"""Everyday traffic, and scenes of volume, bursts, long answers and odd addresses."""

import random
from collections.abc import Iterator
from typing import Any

from stillhunt.model.exchange import COLUMNS, HOT

__all__ = [
    "ADDRESSES", "CUT_US", "DAY", "HOUR", "KNOWN", "MINUTE", "PATHS", "SECOND", "START_US",
    "UNTIL_US", "Row", "block", "bursts", "everyday", "exchange", "long_answers",
    "odd_addresses", "volumes",
]  # fmt: skip

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
START_US = 1_772_323_200 * SECOND
"""2026-03-01T00:00:00Z."""
UNTIL_US = START_US + 5 * DAY
"""The newest exchange, and the end of every look-back window."""

Row = dict[str, Any]
KNOWN = {"ts_us", "exchange_id", "source", "sketch_version"}
"""Columns that ingest always fills."""


def exchange(ts_us: int, account: str | None, ip: str | None, **known: object) -> Row:
    usual = {"method": "POST", "path": "/v1/messages", "output_tokens": 1, "status": 200}
    return {"ts_us": ts_us, "account_id": account, "source_ip": ip, **usual, **known}


def _any(rng: random.Random, kind: str) -> object:
    match kind:
        case "string":
            return rng.choice(("a", "b", "B", "ä", "it's", "x?y", "-"))
        case "bool":
            return rng.random() < 0.5
        case "float32":
            return rng.random()
        case "int64":
            return rng.choice((-(2**63), -1, 0, 1, 2**63 - 1, rng.randrange(-(2**63), 2**63)))
        case _:
            return rng.randrange(0, 400)


ADDRESSES = (
    "192.0.2.1", "192.0.2.77", "198.51.100.9", "203.0.113.255", "2001:db8::1", "2001:db8:0:1::",
    "2001:db8:5:6:7:8:9:a", "2001:db8:5::9", "::1", "::", "::ffff:192.0.2.1", "2001:db8:1::",
    "not-an-address", "",
)  # fmt: skip
PATHS = (
    "/v1/messages", "/v1/messages?beta=1", "/v1/messages/batches", "/v1/embeddings",
    "/v1/chat/completions", "/V1/MESSAGES", "/v1/messages_", "/v1/responses?x='%_\\",
)  # fmt: skip


def everyday(rng: random.Random) -> Iterator[Row]:
    """Yield traffic of 30 accounts; a tenth of every value is unknown, many times are equal."""
    for _ in range(1_200):
        row: Row = {column.name: _any(rng, column.kind) for column in COLUMNS
                    if column.name in HOT and column.name not in KNOWN}  # fmt: skip
        row |= {
            "account_id": f"user-{int(30 * rng.random() ** 2)}",
            "source_ip": rng.choice(ADDRESSES),
            "path": rng.choice(PATHS),
            "method": rng.choice(("POST", "POST", "GET", "post")),
            "operation": rng.choice(("chat", "embedding", "messages")),
            "model": rng.choice(("m-1", "m-2")),
            "status": rng.choice((200, 200, 200, 401, 429)),
            "template": rng.choice((-(2**63), -1, 5, 7, 7, 7)),
        }
        row = {name: None if rng.random() < 0.1 else value for name, value in row.items()}
        yield row | {"ts_us": START_US + rng.randrange(5 * 24 * 60) * MINUTE}


def block(number: int) -> str:
    """Return an address in a /48 of its own."""
    return f"2001:db8:{number:x}::{number % 7:x}"


def volumes() -> Iterator[Row]:
    """Yield look-back windows that hold a bound exactly and by one more."""
    begin = UNTIL_US - DAY
    for k, (name, tokens) in enumerate(
        (("tokens-at", 20_000), ("tokens-over", 20_001),
         ("critical-at", 40_000), ("critical-over", 40_001))
    ):  # fmt: skip
        ip = block(0xA0 + k)
        yield exchange(begin, name, ip, output_tokens=1_000_000)  # just outside
        yield exchange(begin + 1, name, ip, output_tokens=None)
        yield exchange(UNTIL_US, name, ip, output_tokens=tokens - 1)
        yield exchange(UNTIL_US - HOUR, name, ip, output_tokens=1)
        yield exchange(UNTIL_US - HOUR, name, ip, path="/v1/embeddings", output_tokens=9_000)
    for name, number, n in (("requests-at", 0xB0, 60), ("requests-over", 0xB1, 61)):
        for k in range(n):
            moment = begin + 1 + k * 20 * MINUTE
            yield exchange(moment, name, block(number), output_tokens=None, path=None)
    for k in range(61):  # one account on two addresses, two accounts in one block
        ip = f"2001:db8:{0xB2 + k % 2:x}::{k:x}"
        yield exchange(begin + 1 + k * 20 * MINUTE, f"spread-{k % 3}", ip, output_tokens=400)


CUT_US = START_US + 3 * DAY + 9 * MINUTE + 10 * SECOND
"""In the middle of a burst: a period may begin or end here."""


def bursts() -> Iterator[Row]:
    """Yield 20 and 21 requests in 60 s, and 21 of which the first is just too old."""
    start = START_US + DAY + 30 * SECOND  # the 60 s lie across two minutes of the clock
    for k, (n, last, step) in enumerate((
        (20, 59 * SECOND, 0), (21, MINUTE - 1, 0), (21, MINUTE, 0), (201, 30 * SECOND, 0),
        (200, 30 * SECOND, 0), (25, 0, 0), (42, MINUTE - 1, 2 * DAY),
    )):  # fmt: skip
        address = f"203.0.113.{k}" if k == 1 else block(0xC0 + k)
        for i in range(n):
            moment = start + last * i // max(n - 1, 1) + (step if i % 2 else 0)
            yield exchange(moment, f"burst-{k}", address, method=None if k == 3 else "POST")
        yield exchange(start, f"burst-{k}", address, method="GET")
    for i in range(-25, 25):  # above the bound well before CUT_US and after
        yield exchange(CUT_US + i * SECOND, "burst-cut", block(0xCC))
    for i in range(21):  # above it at CUT_US alone
        yield exchange(CUT_US - i * 2 * SECOND, "burst-end", block(0xCD))


def long_answers() -> Iterator[Row]:
    """Yield 40 or 41 answers whose mean is the bound, or just above, and two at the edges."""
    begin = UNTIL_US - DAY
    for name, n, last in (("mean-at", 41, 500), ("mean-over", 41, 501), ("few", 40, 900)):
        for k in range(n):
            tokens = last if k == 0 else 500
            room = (None, 0, 600, 1_000)[k % 4]
            moment = UNTIL_US - k * 30 * MINUTE
            yield exchange(moment, name, block(0xD0), output_tokens=tokens, max_tokens=room)
        yield exchange(begin, name, block(0xD0), output_tokens=900)
        yield exchange(begin + 1, name, block(0xD0), output_tokens=None)


def odd_addresses() -> Iterator[Row]:
    """Yield enough from each odd address for its block to be found."""
    for k, ip in enumerate(ADDRESSES):
        for i in range(22):
            yield exchange(START_US + 2 * DAY + k * HOUR + i * SECOND, None, ip)
            yield exchange(UNTIL_US - 2 * HOUR - i * MINUTE, None, ip, output_tokens=1_000)
