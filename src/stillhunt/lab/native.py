"""The lab's exchanges in the native format: one Arrow schema, and JSON Lines from it."""

import hashlib
from typing import Any, BinaryIO

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillhunt.lab.arrivals import Arrivals
from stillhunt.lab.grammar import IntArray

__all__ = [
    "SCHEMA",
    "JsonLines",
    "exchanges",
    "hexes",
    "mix",
    "refused",
    "replaced",
    "salt",
    "signatures",
]

SCHEMA = pa.schema(
    [
        ("ts_us", pa.int64()), ("exchange_id", pa.string()), ("account_id", pa.string()),
        ("org_id", pa.string()), ("key_hash", pa.string()), ("end_user_id", pa.string()),
        ("session_id", pa.string()), ("source_ip", pa.string()), ("asn", pa.int32()),
        ("country", pa.string()), ("user_agent", pa.string()), ("ja4", pa.string()),
        ("header_order_hash", pa.string()), ("method", pa.string()), ("path", pa.string()),
        ("status", pa.int16()), ("provider", pa.string()), ("model", pa.string()),
        ("operation", pa.string()), ("stream", pa.bool_()),
        ("input_tokens", pa.int32()), ("cached_tokens", pa.int32()),
        ("output_tokens", pa.int32()), ("reasoning_tokens", pa.int32()),
        ("max_tokens", pa.int32()), ("temperature", pa.float64()), ("choices", pa.int16()),
        ("turns", pa.int16()), ("tools", pa.int16()), ("duration_ms", pa.int32()),
        ("ttft_ms", pa.int32()), ("finish_reason", pa.string()),
        ("reasoning_signature_hash", pa.string()),
        ("system_prompt", pa.string()), ("prompt", pa.string()), ("output", pa.string()),
    ]
)  # fmt: skip
"""Columns that the lab fills; temperature is double here so that 0.7 is written as 0.7."""

_REFUSED = (403, 429, 500, 503)
REFUSAL_MS = 20  # a refusal takes this long at least
_ANSWERS = ("output_tokens", "reasoning_tokens", "ttft_ms", "finish_reason", "output")


def exchanges(arrivals: Arrivals, columns: dict[str, Any], status: IntArray) -> pa.Table:
    """Return native rows: *columns* as given, those of *arrivals*, the rest unknown.

    A request that failed has no answer: its output columns are empty and it ended at once.
    """
    n = len(arrivals)
    failed = np.isin(status, _REFUSED)
    given: dict[str, Any] = {
        "ts_us": arrivals.ts_us,
        "output_tokens": arrivals.output_tokens,
        "duration_ms": np.where(
            failed, REFUSAL_MS + arrivals.duration_ms % 80, arrivals.duration_ms
        ),
        "status": status,
        "method": "POST",
        "provider": "example",
        "operation": "chat",
        "choices": 1,
        "cached_tokens": 0,
        "reasoning_tokens": 0,
    } | columns
    arrays = []
    for field in SCHEMA:
        array = _column(given.get(field.name), field, n)
        if field.name in _ANSWERS and failed.any():
            array = pa.compute.if_else(pa.array(failed), pa.scalar(None, field.type), array)
        arrays.append(array)
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def refused(table: pa.Table, rows: npt.NDArray[np.bool_], status: int) -> pa.Table:
    """Return *table* with the requests at *rows* answered by *status* and nothing else."""
    if not rows.any():
        return table
    mask = pa.array(rows)
    lost: dict[str, int | None] = {"status": status} | dict.fromkeys(_ANSWERS)
    for name, value in lost.items():
        at = SCHEMA.get_field_index(name)
        scalar = pa.scalar(value, SCHEMA.field(at).type)
        column = pa.compute.if_else(mask, scalar, table[name])
        table = table.set_column(at, SCHEMA.field(at), column)
    at = SCHEMA.get_field_index("duration_ms")
    lasts = table["duration_ms"].to_numpy()
    ended = pa.array(np.where(rows, REFUSAL_MS + lasts % 80, lasts), pa.int32())
    return table.set_column(at, SCHEMA.field(at), ended)


def replaced(table: pa.Table, columns: dict[str, Any]) -> pa.Table:
    """Return *table* with other values in some of its columns."""
    for name, value in columns.items():
        at = SCHEMA.get_field_index(name)
        table = table.set_column(
            at, SCHEMA.field(at), _column(value, SCHEMA.field(at), len(table))
        )
    return table


def _column(value: Any, field: pa.Field, n: int) -> pa.Array:  # noqa: ANN401  # array, scalar or None
    if value is None:
        return pa.nulls(n, field.type)
    if isinstance(value, np.ndarray):
        return pa.array(value).cast(field.type)
    if isinstance(value, pa.Array | pa.ChunkedArray):
        return value.cast(field.type)
    return pa.repeat(pa.scalar(value, field.type), n)


def mix(values: IntArray) -> IntArray:
    """Scramble integers one to one, so that numbers in a row do not look it.

    Source: finaliser of splitmix64, Steele, Lea and Flood, OOPSLA 2014.
    """
    z = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))).view(np.int64)


def salt(seed: int, what: str) -> np.int64:
    """Return a number of its own for each seed and purpose."""
    digest = hashlib.blake2b(f"{seed}/{what}".encode(), digest_size=8).digest()
    return np.int64(int.from_bytes(digest, "big", signed=True))


def hexes(values: IntArray, form: str = "{:016x}") -> pa.Array:
    """Format each integer, taken as unsigned, with *form*."""
    return pa.array([form.format(v) for v in values.view(np.uint64).tolist()], pa.string())


def signatures(session: IntArray, turn: IntArray) -> pa.Array:
    """Return the hash of the reasoning block that a turn sends back: the one before gave it."""
    before = pa.array(turn > 1)
    return pa.compute.if_else(before, hexes(mix(mix(session) + turn), "{:016x}"), None)


class JsonLines:
    """Write Arrow tables as JSON Lines, about ten times faster than ``json.dumps`` would."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._con = duckdb.connect(config={"threads": 1})  # one thread keeps the rows' order

    def write(self, table: pa.Table) -> None:
        """Append one line for each row; unknown is written as null."""
        self._con.register("t", table)
        lines = self._con.sql("SELECT to_json(t)::VARCHAR || chr(10) AS line FROM t")
        for chunk in lines.to_arrow_table()["line"].chunks:
            self._file.write(_bytes(chunk))


def _bytes(strings: pa.Array) -> memoryview:
    """Return the bytes of a string array, which Arrow holds end to end."""
    offset = np.int64 if pa.types.is_large_string(strings.type) else np.int32
    _, offsets, data = strings.buffers()
    ends = np.frombuffer(offsets, dtype=offset)
    left, right = ends[strings.offset], ends[strings.offset + len(strings)]
    return memoryview(data)[int(left) : int(right)]
