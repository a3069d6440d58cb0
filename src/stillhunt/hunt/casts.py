"""The checks that hold for every format, as SQL around a reader's projection.

Where text becomes a number, it is decided who is to blame when it does not: see ``reading``.
"""

from collections.abc import Mapping, Sequence

from stillhunt.model.exchange import COLUMNS, column

__all__ = ["END_US", "EXACT", "FIRST_US", "NAMES", "TEXTS", "checked"]

FIRST_US = 631_152_000_000_000  # 1990-01-01: before it there was no web, and so no log of one
END_US = 4_102_444_800_000_000  # 2100-01-01
SQL_TYPES = {
    "int64": "BIGINT", "int32": "INTEGER", "int16": "SMALLINT",
    "float32": "FLOAT", "bool": "BOOLEAN", "string": "VARCHAR",
}  # fmt: skip
EXACT = frozenset({"status", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens"})
"""Written by the source: unreadable is a reject."""
COUNTS = frozenset({"max_tokens", "choices", "turns", "tools", "duration_ms", "ttft_ms", "asn"})
"""Never negative; absurd is unknown."""
NAMES = ("account_id", "org_id", "key_hash", "end_user_id", "session_id", "exchange_id")
"""Names in which people put raw keys by mistake."""
TEXTS = ("user_agent", "path", "model", "finish_reason", "method", "provider", "operation", "ja4")
"""Texts in which a client can put one."""


def checked(select: str, emitted: Mapping[str, str]) -> str:
    """Return SQL that casts and checks what *select* emits.

    Args:
        select: A reader's projection.
        emitted: Its columns -> their SQL types, as DESCRIBE tells them.

    Returns:
        A query for line_number, the exchange's columns, ``secret`` where emitted, ``reject``.
    """
    names = [c.name for c in COLUMNS if c.name in emitted]
    columns = [f"{_cast(name, emitted[name])} AS {name}" for name in names]
    if "secret" in emitted:
        columns.append("nullif(raw.secret, '') AS secret")
    return (
        f"SELECT line_number, {', '.join(columns)}, "
        f"{_reject(names, emitted)} AS reject FROM ({select}) AS raw"
    )


def _cast(name: str, written: str) -> str:
    """Return SQL that reads column *name* of ``raw`` in its own type; unreadable is NULL.

    Args:
        name: A column of the exchange.
        written: SQL type in which the reader emits it; casts that do nothing cost time too.
    """
    kind = column(name).kind
    wanted = SQL_TYPES[kind]
    plain = f"raw.{name}" if written == wanted else f"TRY_CAST(raw.{name} AS {wanted})"
    if name in NAMES:
        return f"nullif({plain}, '')"
    if kind == "float32":
        return f"CASE WHEN isfinite({plain}) THEN {plain} END"
    if name in EXACT | COUNTS:
        return f"CASE WHEN {plain} >= 0 THEN {plain} END"
    return plain


def _reject(names: Sequence[str], emitted: Mapping[str, str]) -> str:
    """Return SQL for the first reason why a row of ``raw`` is no exchange, or NULL."""
    time = _cast("ts_us", emitted["ts_us"])
    cases = ["WHEN raw.reject IS NOT NULL THEN raw.reject"] if "reject" in emitted else []
    cases += [
        f"WHEN {time} IS NULL THEN 'ts_us is missing or no time'",
        f"WHEN {time} < {FIRST_US} OR {time} >= {END_US} THEN 'ts_us is not from 1990 to 2099'",
    ]
    for name in (name for name in names if name in EXACT):
        there = f"raw.{name} <> ''" if emitted[name] == "VARCHAR" else f"raw.{name} IS NOT NULL"
        cases.append(
            f"WHEN {_cast(name, emitted[name])} IS NULL AND {there} "
            f"THEN '{name} is no whole number from 0 to {_largest(name)}'"
        )
    return f"CASE {' '.join(cases)} END"


def _largest(name: str) -> int:
    return {"int16": 2**15, "int32": 2**31, "int64": 2**63}[column(name).kind] - 1
