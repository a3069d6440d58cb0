"""A tiny reader for tests of ingest and lake: JSON lines with ts_us, account_id and prompt."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from stillhunt.hunt.framing import Batch
from stillhunt.hunt.ingest import Kit
from stillhunt.hunt.lake.schema import DAY_US, arrow_schema
from stillhunt.hunt.lake.store import Lake
from stillhunt.hunt.pieces import column_of
from stillhunt.model.errors import InputError
from stillhunt.sketch.pieces import MOST

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
    """Add words, and as pieces the lengths of the first words (of which there are too few)."""
    prompts = [(prompt or "").split() for prompt in rows["prompt"].to_pylist()]
    pieces = [(sorted({len(word) for word in p}) + [-1] * MOST)[:MOST] for p in prompts]
    rows = rows.append_column("words", pa.array([len(p) for p in prompts], pa.int32()))
    return rows.append_column(column_of("prompt"), pa.array(pieces, pa.list_(pa.int64(), MOST)))


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


def pieces_of(lake: Lake) -> list[tuple[object, ...]]:
    with lake.connect(threads=1) as con:
        return con.sql("SELECT ts_us, account_id, part, hash FROM pieces ORDER BY ALL").fetchall()


def pieces_wanted(lake: Lake) -> list[tuple[object, ...]]:
    """Return the pieces that the exchanges in *lake* must have, if all come from ``line``."""
    return sorted(
        (moment, account, 2, length)
        for moment, _, account, _ in rows_of(lake)
        for length in {len("say"), len(str(int(str(moment)) - NOON))}
    )
