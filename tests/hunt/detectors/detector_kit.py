"""Ask one detector about a few exchanges."""

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from stillhunt.hunt.claims import Detector, detector_sql
from stillhunt.model.exchange import HOT, column

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
MIDNIGHT = 1_772_323_200 * SECOND
"""2026-03-01T00:00:00Z."""

_KINDS = {"string": pa.string(), "bool": pa.bool_(), "float32": pa.float32(), "int64": pa.int64(),
          "int32": pa.int32(), "int16": pa.int16()}  # fmt: skip


def rows_of(times: Sequence[int], **known: object) -> list[dict[str, Any]]:
    """Return exchanges of account a1 at *times*; a list in *known* goes by turns."""
    return [
        {"ts_us": t, "exchange_id": f"x{k}", "account_id": "a1"}
        | {name: v[k % len(v)] if isinstance(v, list) else v for name, v in known.items()}
        for k, t in enumerate(times)
    ]


def measured(detector: Detector, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of *detector*'s answer."""
    con = duckdb.connect()
    con.execute("SET threads = 1")
    table = pa.table(
        {n: pa.array([row.get(n) for row in rows], _KINDS[column(n).kind]) for n in HOT}
    )
    con.register("exchanges", table)
    answer: list[dict[str, Any]] = con.sql(detector_sql(detector)).to_arrow_table().to_pylist()
    return answer
