"""Findings as lines in a file."""

import fcntl
import json
import multiprocessing
import os
from pathlib import Path

import jsonschema
import pytest
from desk_kit import finding

from stillhunt.desk.sinks.jsonl import JsonLines
from stillhunt.hunt.report.schemas import SCHEMAS
from stillhunt.model.errors import DeliveryError


def sink(path: Path, form: str = "finding") -> JsonLines:
    return JsonLines(JsonLines.Options.model_validate({"path": path, "format": form}))


def test_a_line_is_a_finding_of_the_published_schema(tmp_path: Path) -> None:
    sink(tmp_path / "out").deliver(finding())
    (line,) = (tmp_path / "out").read_text().splitlines()
    jsonschema.Draft202012Validator(SCHEMAS["finding"]()).validate(json.loads(line))
    assert json.loads(line)["id"] == finding().id


def test_a_line_that_a_crash_cut_short_is_ended_before_ours(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text('{"id": "to')
    sink(path).deliver(finding())
    torn, whole = path.read_text().splitlines()
    assert (torn, json.loads(whole)["id"]) == ('{"id": "to', finding().id)


def test_a_write_that_fails_half_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out"
    sink(path).deliver(finding())
    before, real = path.read_bytes(), os.write
    sizes = iter([10])

    def some(handle: int, data: bytes) -> int:
        for size in sizes:
            return real(handle, bytes(data)[:size])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", some)
    with pytest.raises(DeliveryError, match="No space left on device"):
        sink(path).deliver(finding("a2"))
    assert path.read_bytes() == before


def test_a_file_that_was_rotated_away_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "out"
    one = sink(path)
    one.deliver(finding())
    path.rename(tmp_path / "out.1")
    one.deliver(finding("a2"))
    assert [len(p.read_text().splitlines()) for p in (path, tmp_path / "out.1")] == [1, 1]


def test_a_reader_that_holds_the_lock_holds_nobody_up_for_long(tmp_path: Path) -> None:
    path, passed, released = tmp_path / "out", [0.0], [9.0]
    path.touch()
    reader = os.open(path, os.O_RDONLY)

    def rest(seconds: float) -> None:
        passed[0] += seconds
        if passed[0] > released[0]:
            fcntl.flock(reader, fcntl.LOCK_UN)

    options = JsonLines.Options.model_validate({"path": path})
    one = JsonLines(options, steady=lambda: passed[0], rest=rest)
    fcntl.flock(reader, fcntl.LOCK_SH)
    with pytest.raises(DeliveryError, match="another process has held its lock for 5 s"):
        one.deliver(finding())
    assert (4.9 < passed[0] < 5.1, path.read_bytes()) == (True, b"")
    one.deliver(finding())  # the reader lets go in time
    os.close(reader)
    assert path.read_text().count("\n") == 1


def _many(path: Path, name: str) -> None:
    one = sink(path)
    for i in range(30):
        one.deliver(finding(f"{name}{i}"))


def test_two_processes_write_whole_lines_to_one_file(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=_many, args=(tmp_path / "out", name)) for name in "ab"]
    for one in both:
        one.start()
    for one in both:
        one.join()
    lines = (tmp_path / "out").read_text().splitlines()
    assert len({json.loads(line)["id"] for line in lines}) == len(lines) == 60
