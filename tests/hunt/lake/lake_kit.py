"""A tiny reader for tests of ingest and lake: JSON lines with ts_us, account_id and prompt."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from stillhunt.hunt.framing import Batch
from stillhunt.hunt.ingest import Kit
from stillhunt.hunt.lake.schema import DAY_US, arrow_schema
from stillhunt.hunt.lake.store import Lake
from stillhunt.model.errors import InputError

NOON = 20_600 * DAY_US + DAY_US // 2


@dataclass
class TinyRead:
    rows: pa.Table
    rejects: list[tuple[int, str]]
    lines: int


class TinyReading:
    def __init__(self, stream: str) -> None:
        self.stream = stream

    def quick(self, batch: Batch, /) -> pa.Table | None:
        return None

    def read(self, lines: pa.Table, /) -> TinyRead:
        rows, rejects = [], []
        for line in lines.to_pylist():
            number = line["line_number"]
            try:
                row = json.loads(line["line"])
            except ValueError:
                rejects.append((number, "not JSON"))
                continue
            row = {"ts_us": int(row["ts_us"]), "account_id": row.get("account_id"),
                   "prompt": row.get("prompt"), "output": row.get("output"), "source": "tiny",
                   "line_number": number}  # fmt: skip
            rows.append({"exchange_id": f"{self.stream}:{number}"} | row)
        names = ["ts_us", "exchange_id", "source", "account_id", "prompt", "output"]
        schema = arrow_schema(names).append(pa.field("line_number", pa.int64()))
        return TinyRead(pa.Table.from_pylist(rows, schema), rejects, lines.num_rows)


def tiny_recognise(head: Sequence[str], frame: str) -> str:
    if not any(line.startswith("{") for line in head):
        raise InputError("no format that we know")
    return "tiny"


def tiny_sketch(rows: pa.Table) -> pa.Table:
    words = pa.array([len((p or "").split()) for p in rows["prompt"].to_pylist()], pa.int32())
    return rows.append_column("words", words)


KIT = Kit(
    recognise=tiny_recognise,
    frames=lambda name: ("lines", "csv"),
    reading=lambda name, stream: TinyReading(stream),
    complete=tiny_sketch,
)


def line(n: int, **more: object) -> str:
    return json.dumps({"ts_us": NOON + n, "account_id": f"a{n % 3}", "prompt": f"say {n}"} | more)


def rows_of(lake: Lake) -> list[tuple[object, ...]]:
    with lake.connect(threads=1) as con:
        return con.sql(
            "SELECT ts_us, exchange_id, account_id, words FROM exchanges ORDER BY ALL"
        ).fetchall()
