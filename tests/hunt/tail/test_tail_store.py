"""The lake beside a tail: what goes wrong there is said, and following goes on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from sweep_kit import SECOND, many
from tail_kit import Clock, close_all, settings_in, tail_of, write

from stillhunt.hunt import ingest as ingesting
from stillhunt.hunt.lake.store import Lake
from stillhunt.hunt.sweep import sweep
from stillhunt.hunt.tail.store import LakeWriter
from stillhunt.model.errors import InputError, LakeError


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_all()


@pytest.mark.parametrize(
    "trouble",
    [
        OSError(28, "No space left on device"),
        duckdb.IOException("No space left on device"),
        pa.ArrowInvalid("No space left on device"),
        LakeError("No space left on device"),
    ],
    ids=lambda trouble: type(trouble).__name__,
)
def test_what_keeps_the_lake_behind_is_said_and_caught_up_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    real, calls = ingesting.ingest, list[int]()

    def fails_once(*args: Any, **more: Any) -> object:  # noqa: ANN401
        calls.append(1)
        if len(calls) == 1:
            raise trouble
        return real(*args, **more)

    monkeypatch.setattr(ingesting, "ingest", fails_once)
    clock, said = Clock(), list[str]()
    write(tmp_path / "log.jsonl", many(20, step=SECOND))
    tail = tail_of(
        tmp_path / "log.jsonl", folder=tmp_path, lake=tmp_path / "lake", clock=clock,
        say=said.append, from_start=None,
    )  # fmt: skip
    tail.step()
    ended = tail.run(once=True)
    assert len(calls) == 2
    assert any("cannot keep the lake up: " in text and "No space left" in text for text in said)
    assert not ended.is_whole
    result = sweep(Lake.open(tmp_path / "lake"), settings=settings_in(tmp_path))
    assert result.totals["exchanges"] == 20


def test_a_mistake_of_ours_is_not_swallowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*_: object, **__: object) -> None:
        raise KeyError("no such thing")

    monkeypatch.setattr(ingesting, "ingest", wrong)
    write(tmp_path / "log.jsonl", many(2))
    tail = tail_of(
        tmp_path / "log.jsonl", folder=tmp_path, lake=tmp_path / "lake", from_start=None
    )
    with pytest.raises(KeyError):
        tail.run(once=True)


def test_a_lake_is_made_where_findings_are_already(tmp_path: Path) -> None:
    (tmp_path / "lake" / "findings").mkdir(parents=True)
    (tmp_path / "lake" / "findings" / "2026-03-01.jsonl").write_text("{}\n")
    Lake.create(tmp_path / "lake")
    Lake.open(tmp_path / "lake")
    (tmp_path / "other" / "holiday").mkdir(parents=True)
    with pytest.raises(InputError, match="holiday"):
        Lake.create(tmp_path / "other")


def test_a_file_that_was_rotated_after_a_failure_is_caught_up_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ingesting.ingest

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    write(tmp_path / "log.jsonl.1", many(20, step=SECOND))
    lake = LakeWriter(tmp_path / "lake", settings_in(tmp_path), "native")
    monkeypatch.setattr(ingesting, "ingest", full)
    lake.keep_up([str(tmp_path / "log.jsonl.1")])
    lake._wait()
    assert "No space left" in lake.complaint()
    assert lake.complaint() == ""
    monkeypatch.setattr(ingesting, "ingest", real)
    lake.close([])
    result = sweep(Lake.open(tmp_path / "lake"), settings=settings_in(tmp_path))
    assert result.totals["exchanges"] == 20


def test_a_mistake_of_ours_is_raised_at_the_next_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*_: object, **__: object) -> None:
        raise KeyError("no such thing")

    monkeypatch.setattr(ingesting, "ingest", wrong)
    write(tmp_path / "log.jsonl", many(2))
    lake = LakeWriter(tmp_path / "lake", settings_in(tmp_path), "native")
    lake.keep_up([str(tmp_path / "log.jsonl")])
    lake._pool.shutdown()  # waits for it
    with pytest.raises(KeyError):
        lake.keep_up([])
