"""A reader that fails on a line loses that line alone, however many others there are."""

import sys
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent / "lake"))
from lake_kit import TinyRead, TinyReading, line

from stillhunt.hunt import salvage
from stillhunt.hunt.salvage import Read, Salvaged, read_whole
from stillhunt.model.errors import InputError

FAILED = "the reader failed on this line: TypeError"


class Failing(TinyReading):
    """Raises on some lines, and counts how often it was asked."""

    def __init__(self, bad: set[int], error: Exception | None = None) -> None:
        super().__init__("00000000")
        self.bad, self.error, self.asked = bad, error or TypeError("somebody's prompt"), 0

    def read(self, lines: pa.Table, /) -> TinyRead:
        self.asked += 1
        if self.bad & set(lines["line_number"].to_pylist()):
            raise self.error
        return super().read(lines)


def lines_of(count: int) -> pa.Table:
    numbers = range(1, count + 1)
    return pa.table({"line_number": numbers, "line": [line(n) for n in numbers]})


def numbers_of(read: Read | Salvaged) -> list[int]:
    return [] if read.rows is None else sorted(read.rows["line_number"].to_pylist())


@given(bad=st.sets(st.integers(1, 60)), count=st.integers(1, 60))
def test_only_the_lines_that_fail_are_refused(bad: set[int], count: int) -> None:
    bad = {n for n in bad if n <= count}
    found = read_whole(lines_of(count), Failing(bad).read)
    assert found.rejects == [(n, FAILED) for n in sorted(bad)]
    assert numbers_of(found) == [n for n in range(1, count + 1) if n not in bad]
    assert found.lines == count


def test_a_reading_without_fault_is_asked_once() -> None:
    reading = Failing(set())
    assert isinstance(read_whole(lines_of(9), reading.read), TinyRead)
    assert reading.asked == 1


def test_tries_are_bounded_and_no_line_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(salvage, "TRIES", 20)
    reading = Failing(set(range(1, 101)))
    found = read_whole(lines_of(100), reading.read)
    assert reading.asked <= 21
    assert [n for n, _ in found.rejects] == list(range(1, 101))
    assert "or one near it: TypeError" in found.rejects[0][1]
    reading = Failing({1, 50})
    found = read_whole(lines_of(100), reading.read)
    assert reading.asked <= 21
    assert found.lines == len(found.rejects) + len(numbers_of(found)) == 100
    assert len(found.rejects) < 20


def test_what_is_no_fault_of_a_line_passes_through() -> None:
    for error in (InputError("no such column"), MemoryError()):
        with pytest.raises(type(error)):
            read_whole(lines_of(9), Failing({3}, error).read)
