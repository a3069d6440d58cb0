"""Batches that were read the quick way and others share one load of the lake, and lose nothing."""

import dataclasses
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(Path(__file__).parent / "lake"))
from lake_kit import KIT, TinyReading, line, pieces_of, rows_of

from stillhunt.hunt import framing, ingest, source
from stillhunt.hunt.framing import Batch
from stillhunt.hunt.ingest import InputReport
from stillhunt.hunt.lake.schema import join
from stillhunt.hunt.lake.store import Lake
from stillhunt.hunt.settings import HuntSettings
from stillhunt.hunt.settings import Lake as LakeSettings

PLAIN = (
    "198.51.100.7 - - [28/May/2026:20:26:40 +0000]"
    ' "POST /v1/messages HTTP/1.1" 200 7 "-" "curl/8.5.0"\n'
)
ODD = PLAIN.replace("POST /v1/messages HTTP/1.1", r"\x16\x03\x01").replace("200", "400")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "lake", wait_s=0)


def paths_in(lake: Lake) -> list[tuple[object, ...]]:
    with lake.connect(threads=1) as con:
        return con.sql(
            "SELECT path, user_agent, count(*) FROM exchanges GROUP BY ALL ORDER BY ALL"
        ).fetchall()


def run(lake: Lake, text: str) -> InputReport:
    log = lake.path.parent / "a.log"
    log.write_text(text)
    [report] = ingest.ingest([str(log)], lake=lake, settings=HuntSettings(), reader="nginx")
    return report


@pytest.mark.parametrize("place", [0, 7, 15])
def test_a_blank_line_in_one_batch_of_many_costs_no_other_line(
    lake: Lake, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(framing, "MAX_LINES", 4)
    lines = [PLAIN] * 15
    lines.insert(place, "\n")
    report = run(lake, "".join(lines))
    assert (report.lines, report.rows, report.rejects) == (16, 15, 1)
    assert paths_in(lake) == [("/v1/messages", "curl/8.5.0", 15)]


def test_a_line_too_long_in_one_batch_of_many_costs_no_other_line(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(framing, "MAX_LINES", 4)
    for module in ("framing", "combined"):
        monkeypatch.setattr(f"stillhunt.hunt.{module}.MAX_LINE", 5_000)
    report = run(lake, PLAIN * 6 + "x" * 6_000 + "\n" + PLAIN * 6)
    assert (report.lines, report.rows, report.rejects) == (13, 12, 1)
    assert paths_in(lake) == [("/v1/messages", "curl/8.5.0", 12)]


@pytest.mark.parametrize("before", [True, False])
def test_a_batch_of_odd_lines_alone_joins_the_others(
    lake: Lake, before: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(framing, "MAX_LINES", 4)
    report = run(lake, ODD * 4 + PLAIN * 8 if before else PLAIN * 8 + ODD * 4)
    assert (report.lines, report.rows, report.rejects) == (12, 12, 0)
    assert paths_in(lake) == [("/v1/messages", "curl/8.5.0", 8), (None, "curl/8.5.0", 4)]


class Coded(TinyReading):
    """Reads every second batch the quick way, its texts as dictionaries."""

    def quick(self, batch: Batch, /) -> pa.Table | None:
        if batch.first_line // 4 % 2:
            return None
        rows = self.read(batch.lines).rows
        batch.settle(batch.lines.slice(0, 0))
        for name in ("account_id", "prompt"):
            place = rows.column_names.index(name)
            rows = rows.set_column(place, name, rows[name].dictionary_encode())
        return rows


@pytest.mark.parametrize("text", ["preview", "full"])
def test_texts_that_are_kept_survive_it_too(
    lake: Lake, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "CHUNK", 300)
    monkeypatch.setattr(framing, "MAX_LINES", 4)
    log = lake.path.parent / "a.jsonl"
    log.write_text("".join(line(n) + "\n" for n in range(30)))
    settings = HuntSettings(lake=LakeSettings.model_validate({"text": text}))
    kit = dataclasses.replace(KIT, reading=lambda name, stream: Coded(stream))
    [report] = ingest.ingest([str(log)], lake=lake, settings=settings, kit=kit)
    assert (report.lines, report.rows) == (30, 30)
    kept = [row for f in lake.files("cold") for row in pq.ParquetFile(f).read().to_pylist()]
    assert [(row["account_id"], row["prompt"]) for row in kept] == [
        (f"a{n % 3}", f"say {n}") for n in range(30)
    ]
    assert [row[2] for row in rows_of(lake)] == [f"a{n % 3}" for n in range(30)]
    assert len(pieces_of(lake)) == 60


def test_a_column_that_is_coded_in_one_table_and_missing_in_another_is_null_there() -> None:
    coded = pa.table({"n": [1], "text": pa.array(["a"]).dictionary_encode()})
    plain = pa.table({"text": pa.array(["b", None]), "n": [2, 3]})
    both = join([coded, pa.table({"n": [9]}), plain])
    assert both.to_pylist() == [
        {"n": 1, "text": "a"},
        {"n": 9, "text": None},
        {"n": 2, "text": "b"},
        {"n": 3, "text": None},
    ]
