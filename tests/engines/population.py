"""A few thousand exchanges in which every rule and detector finds something, and just misses it.

Each scene is one behaviour, with its bound hit exactly (no finding) and by one more. Between
the scenes lies everyday traffic with unknowns in every column that may be unknown, several
addresses per account and accounts per address, both kinds of IP, and many requests of the
same microsecond. ``TOLD`` holds bounds that so few rows can exceed.
"""

import random
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from stillhunt.hunt.directory import COLUMNS as DIRECTORY
from stillhunt.hunt.lake.schema import arrow_schema
from stillhunt.model.exchange import COLUMNS, HOT

__all__ = ["CUT_US", "TOLD", "UNTIL_US", "accounts", "exchanges_of", "population"]

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
START_US = 1_772_323_200 * SECOND
"""2026-03-01T00:00:00Z."""
UNTIL_US = START_US + 5 * DAY
"""The newest exchange, and the end of every look-back window."""

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
}  # fmt: skip
"""Bounds as ``--set`` takes them."""

Row = dict[str, Any]
KNOWN = {"ts_us", "exchange_id", "source", "sketch_version"}
"""Columns that ingest always fills."""


def population(seed: int = 1) -> pa.Table:
    """Return the exchanges, shuffled; every column of the hot lake."""
    rng = random.Random(seed)
    rows = [
        *_everyday(rng), *_volumes(), *_bursts(), *_long_answers(), *_odd_addresses(),
        *_cadences(), *_repetitions(rng),
    ]  # fmt: skip
    rng.shuffle(rows)
    return exchanges_of(rows)


def exchanges_of(rows: list[Row]) -> pa.Table:
    """Return *rows* as a table; what a row does not say is unknown, but for its id."""
    for number, row in enumerate(rows):
        row.setdefault("exchange_id", f"x{number * 7919 % 1_000_003:06d}")
        row.setdefault("source", "native")
        row.setdefault("sketch_version", 1)
    schema = arrow_schema(HOT)
    return pa.table(
        {name: pa.array([row.get(name) for row in rows], schema.field(name).type) for name in HOT}
    )


def accounts() -> pa.Table:
    """Return the account directory, as ``load_directory`` gives it: every column text."""
    rng = random.Random(2)
    rows: list[Mapping[str, str | None]] = []
    for k in range(60):
        row = {name: f"{name}-{rng.randrange(9)}" for name in DIRECTORY}
        row |= {"account_id": f"user-{k}", "created_at": f"2026-02-{k % 28 + 1:02d}T08:00:00Z"}
        row |= {"tier": rng.choice(("free", "pro", "contract")), "email_domain": "example.com"}
        rows.append({n: v if n == "account_id" or rng.random() < 0.8 else None
                     for n, v in row.items()})  # fmt: skip
    return pa.table(
        {name: pa.array([row.get(name) for row in rows], pa.string()) for name in DIRECTORY}
    )


def _exchange(ts_us: int, account: str | None, ip: str | None, **known: object) -> Row:
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


def _everyday(rng: random.Random) -> Iterator[Row]:
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


def _block(number: int) -> str:
    """Return an address in a /48 of its own."""
    return f"2001:db8:{number:x}::{number % 7:x}"


def _volumes() -> Iterator[Row]:
    """Yield look-back windows that hold a bound exactly and by one more."""
    begin = UNTIL_US - DAY
    for k, (name, tokens) in enumerate(
        (("tokens-at", 20_000), ("tokens-over", 20_001),
         ("critical-at", 40_000), ("critical-over", 40_001))
    ):  # fmt: skip
        ip = _block(0xA0 + k)
        yield _exchange(begin, name, ip, output_tokens=1_000_000)  # just outside
        yield _exchange(begin + 1, name, ip, output_tokens=None)
        yield _exchange(UNTIL_US, name, ip, output_tokens=tokens - 1)
        yield _exchange(UNTIL_US - HOUR, name, ip, output_tokens=1)
        yield _exchange(UNTIL_US - HOUR, name, ip, path="/v1/embeddings", output_tokens=9_000)
    for name, number, n in (("requests-at", 0xB0, 60), ("requests-over", 0xB1, 61)):
        for k in range(n):
            moment = begin + 1 + k * 20 * MINUTE
            yield _exchange(moment, name, _block(number), output_tokens=None, path=None)
    for k in range(61):  # one account on two addresses, two accounts in one block
        ip = f"2001:db8:{0xB2 + k % 2:x}::{k:x}"
        yield _exchange(begin + 1 + k * 20 * MINUTE, f"spread-{k % 3}", ip, output_tokens=400)


CUT_US = START_US + 3 * DAY + 9 * MINUTE + 10 * SECOND
"""In the middle of a burst: a period may begin or end here."""


def _bursts() -> Iterator[Row]:
    """Yield 20 and 21 requests in 60 s, and 21 of which the first is just too old."""
    start = START_US + DAY + 30 * SECOND  # the 60 s lie across two minutes of the clock
    for k, (n, last, step) in enumerate((
        (20, 59 * SECOND, 0), (21, MINUTE - 1, 0), (21, MINUTE, 0), (201, 30 * SECOND, 0),
        (200, 30 * SECOND, 0), (25, 0, 0), (42, MINUTE - 1, 2 * DAY),
    )):  # fmt: skip
        address = f"203.0.113.{k}" if k == 1 else _block(0xC0 + k)
        for i in range(n):
            moment = start + last * i // max(n - 1, 1) + (step if i % 2 else 0)
            yield _exchange(moment, f"burst-{k}", address, method=None if k == 3 else "POST")
        yield _exchange(start, f"burst-{k}", address, method="GET")
    for i in range(-25, 25):  # above the bound well before CUT_US and after
        yield _exchange(CUT_US + i * SECOND, "burst-cut", _block(0xCC))
    for i in range(21):  # above it at CUT_US alone
        yield _exchange(CUT_US - i * 2 * SECOND, "burst-end", _block(0xCD))


def _long_answers() -> Iterator[Row]:
    """Yield 40 or 41 answers whose mean is the bound, or just above, and two at the edges."""
    begin = UNTIL_US - DAY
    for name, n, last in (("mean-at", 41, 500), ("mean-over", 41, 501), ("few", 40, 900)):
        for k in range(n):
            tokens = last if k == 0 else 500
            room = (None, 0, 600, 1_000)[k % 4]
            moment = UNTIL_US - k * 30 * MINUTE
            yield _exchange(moment, name, _block(0xD0), output_tokens=tokens, max_tokens=room)
        yield _exchange(begin, name, _block(0xD0), output_tokens=900)
        yield _exchange(begin + 1, name, _block(0xD0), output_tokens=None)


def _odd_addresses() -> Iterator[Row]:
    """Yield enough from each odd address for its block to be found."""
    for k, ip in enumerate(ADDRESSES):
        for i in range(22):
            yield _exchange(START_US + 2 * DAY + k * HOUR + i * SECOND, None, ip)
            yield _exchange(UNTIL_US - 2 * HOUR - i * MINUTE, None, ip, output_tokens=1_000)


READING_US = 189_076
"""Time to read one token, as the cadence detector has it [us]."""


def _cadences() -> Iterator[Row]:
    """Yield one account for each sign of a program, on both sides of its bound."""
    for k in range(38):
        yield _exchange(START_US + k * 100 * SECOND + k % 3, "metronome", _block(0xE0))
        pause = 37 * SECOND if k == 37 else 0  # 36 gaps of nothing and one: root of 36
        yield _exchange(START_US + pause, "uneven-at", _block(0xE2))
    for k in range(39):
        moment = START_US + k * SECOND - k % 2 * 100_000  # 38 gaps that vary by a tenth
        yield _exchange(moment, "even-at", _block(0xE1))
    for k in range(60):
        yield _exchange(START_US + k * SECOND + (k > 55) * 3 * DAY, "stutter", _block(0xE3))
        # Two in a microsecond; whose answer is shorter comes first, and could be read.
        yield _exchange(START_US + k // 2 * 7 * SECOND, "hurried", _block(0xE4),
                        output_tokens=None if k == 11 else (30, 100)[k % 2])  # fmt: skip
    for name, slow in (("unread-at", 4), ("unread-over", 3)):
        for k in range(39 if name == "unread-over" else 41):
            late = min(k, slow) * HOUR  # the first answers could be read
            yield _exchange(START_US + k * SECOND + late, name, _block(0xE5), output_tokens=90)
    for k in range(60):
        yield _exchange(START_US + k * 9 * READING_US, "just-read", _block(0xE6),
                        output_tokens=9 + (k % 20 > 0), duration_ms=0)  # fmt: skip
        yield _exchange(START_US + k * SECOND, "empty", _block(0xE7),
                        output_tokens=0 if k % 30 == 0 else 99)  # fmt: skip
    yield from _sleepless()


def _sleepless() -> Iterator[Row]:
    """Yield accounts busy at all hours, with a pause or a length that is just not enough."""
    step = 30 * MINUTE
    for name, steps, pause in (
        ("sleepless", 150, 11), ("pause-at", 150, 12), ("days-at", 144, 1), ("days-over", 145, 1)
    ):  # fmt: skip
        for k in range(steps + 1):
            if not 20 < k < 20 + pause:
                yield _exchange(START_US + k * step, name, _block(0xE8), duration_ms=None)


def _repetitions(rng: random.Random) -> Iterator[Row]:
    """Yield one template all the time, and everything there is."""
    for name, n in (("template-few", 40), ("template-at", 60), ("template-over", 61)):
        for k in range(n):
            yield _exchange(START_US + k * HOUR, name, _block(0xF0), unique_ratio=rng.random(),
                            template=-5 if k else 9, script="Latn")  # fmt: skip
    scripts, languages = ("Latn", "Cyrl", "Hang", None), ("en", "ru", "ko", "de", None)
    for k in range(192):
        upper, lower = rng.randrange(-(2**31), 2**31), rng.randrange(2**32)
        upper, lower = (k % 40, lower) if k % 4 == 1 else (upper, k % 40 if k % 4 == 2 else lower)
        half = None if k % 17 == 0 else upper << 32 | lower
        yield _exchange(
            START_US + k // 2 * HOUR, f"relay-{k % 2}", _block(0xF1), template=k,
            script=scripts[k // 2 % 4], language=languages[k // 2 % 5],
            system_template=k // 2 % 6 or None, simhash=half,
            unique_ratio=None if k % 3 else rng.random(),
        )  # fmt: skip
