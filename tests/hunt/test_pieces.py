import json
from pathlib import Path

import pyarrow as pa
import pytest

from stillhunt.hunt import call
from stillhunt.hunt.identity import hash_key, sketch_seed
from stillhunt.hunt.lake.store import Lake
from stillhunt.hunt.pieces import column_of, pieces_of
from stillhunt.hunt.settings import HuntSettings
from stillhunt.sketch.pieces import MOST, pieces

NOW = 1_790_000_000_000_000
LETTERS = "etaoins"
LISTS = pa.list_(pa.int64(), MOST)


def lists(*rows: list[int]) -> pa.Array:
    return pa.array([(row + [-1] * MOST)[:MOST] for row in rows], LISTS)


def table(**columns: object) -> pa.Table:
    return pa.table({"ts_us": [10, 20, 30], "account_id": ["a", None, "b"], **columns})


def rows_of(found: pa.Table | None) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in found.to_pylist()] if found else []


def test_a_row_a_piece_in_the_order_of_the_exchanges() -> None:
    rows = table(
        **{column_of("prompt"): lists([5, 6], [7], [8]),
           column_of("system_prompt"): lists([1], [2], [])}
    )  # fmt: skip
    assert rows_of(pieces_of(rows)) == [
        (10, "a", 1, 1), (10, "a", 2, 5), (10, "a", 2, 6), (30, "b", 2, 8),
    ]  # fmt: skip


def test_zero_is_a_piece() -> None:
    rows = table(**{column_of("prompt"): lists([0], [], [])})
    assert rows_of(pieces_of(rows)) == [(10, "a", 2, 0)]


def test_every_place_of_a_list_counts() -> None:
    rows = table(**{column_of("system_prompt"): lists([*range(MOST)], [], [])})
    assert [row[3] for row in rows_of(pieces_of(rows))] == [*range(MOST)]


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_accounts_of_any_kind_of_text_and_in_chunks(kind: pa.DataType) -> None:
    rows = table(**{column_of("prompt"): lists([5], [6], [7])})
    rows = rows.set_column(1, "account_id", rows["account_id"].cast(kind))
    both = pa.concat_tables([rows.slice(1), rows])
    assert rows_of(pieces_of(both)) == [(30, "b", 2, 7), (10, "a", 2, 5), (30, "b", 2, 7)]
    found = pieces_of(both)
    assert found and found.schema.field("account_id").type == pa.dictionary(
        pa.int32(), pa.string()
    )


def test_nobody_s_exchanges_have_no_pieces() -> None:
    one = lists([1], [2], [3])
    nobody = table(**{column_of("prompt"): one}).set_column(1, "account_id", pa.nulls(3, "string"))
    assert pieces_of(nobody) is None
    assert pieces_of(nobody.drop_columns("account_id")) is None
    assert pieces_of(table(**{column_of("prompt"): lists([], [], [])})) is None
    assert pieces_of(table()) is None


def test_a_log_leaves_its_pieces_in_the_lake(tmp_path: Path) -> None:
    system, prompt = (" ".join(f"{c}{a}{b}" for a in LETTERS for b in LETTERS) for c in "sp")
    lines = [
        {"ts_us": NOW + 1, "account_id": "a", "prompt": prompt, "system_prompt": system},
        {"ts_us": NOW + 2, "account_id": "b", "prompt": None, "system_prompt": system},
        {"ts_us": NOW + 3, "prompt": prompt},
        {"ts_us": NOW + 4, "account_id": "c", "template": 5, "words": 9},
    ]
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(one) + "\n" for one in lines))
    settings = HuntSettings(folder=tmp_path)
    call.ingest(log, lake=tmp_path / "lake", config=settings)
    with Lake.open(tmp_path / "lake").connect() as con:
        found = con.sql("FROM pieces ORDER BY ALL").fetchall()
    seed = sketch_seed(hash_key(settings))
    wanted = [(NOW + 1, "a", 1, piece) for piece in pieces(system, seed)]
    wanted += [(NOW + 1, "a", 2, piece) for piece in pieces(prompt, seed)]
    wanted += [(NOW + 2, "b", 1, piece) for piece in pieces(system, seed)]
    assert found == wanted
    assert len(wanted) > 3
