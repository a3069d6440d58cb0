"""One path through everything that rotates logs: every line once, in its order."""

import gzip
import os
import shutil
from pathlib import Path

import pytest

from stillhunt.hunt.tail.files import Log
from stillhunt.hunt.tail.leaving import GRACE_S
from stillhunt.hunt.tail.place import Place, predecessors


def read(log: Log, now_s: float = 0.0) -> list[str]:
    """Return the lines that are there now."""
    lines: list[str] = []
    for _ in range(20):
        pieces = list(log.read(now_s))
        lines += [line for piece in pieces for line in piece.block.data.decode().splitlines()]
        if not pieces and not log.is_behind:
            break
    return lines


def some(start: int, end: int) -> str:
    return "".join(f"line {k} of a log that is followed\n" for k in range(start, end))


def numbers(lines: list[str]) -> list[int]:
    return [int(line.split()[1]) for line in lines]


def add(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def resumed(path: Path, places: list[Place], said: list[str] | None = None) -> Log:
    return Log(str(path), places=places, warn=(said if said is not None else []).append)


def test_a_growing_file_is_read_as_it_grows(path: Path) -> None:
    path.write_text(some(0, 3))
    log = Log(str(path))
    assert numbers(read(log)) == [0, 1, 2]
    add(path, some(3, 5))
    assert numbers(read(log)) == [3, 4]
    assert read(log) == []


def test_a_half_written_line_waits_for_its_rest(path: Path) -> None:
    path.write_text("line 0 x\nline 1")
    log = Log(str(path))
    assert read(log) == ["line 0 x"]
    assert log.places()[0].offset == len("line 0 x\n")
    add(path, " y\nline")
    assert read(log) == ["line 1 y"]
    assert [piece.block.data for piece in log.finish()] == [b"line\n"]


def test_from_the_end_begins_with_the_line_that_is_being_written(path: Path) -> None:
    path.write_text("line 0 x\nline 1")
    log = Log(str(path), from_start=False)
    assert read(log) == []
    add(path, " y\n")
    assert read(log) == ["line 1 y"]


def test_a_file_that_appears_later_is_read_from_its_beginning(path: Path) -> None:
    log = Log(str(path), from_start=False)
    assert read(log) == []
    path.write_text(some(0, 2))
    assert numbers(read(log)) == [0, 1]


def test_a_renamed_file_is_read_on_until_its_writer_has_turned(path: Path) -> None:
    path.write_text(some(0, 2))
    log = Log(str(path))
    assert numbers(read(log)) == [0, 1]
    old = path.rename(path.with_name("access.log.1"))
    add(old, some(2, 3))
    assert numbers(read(log)) == [2]
    path.write_text(some(10, 12))
    add(old, some(3, 4))
    assert numbers(read(log) + read(log)) == [3, 10, 11]
    add(old, some(4, 5))
    assert numbers(read(log, 1.0)) == [4]
    assert len(log.places()) == 2
    read(log, 2.0)
    read(log, 2.0 + GRACE_S)
    assert [place.is_done for place in log.places()] == [True, False]


def test_a_removed_file_under_a_new_one_of_the_same_name_loses_nothing(path: Path) -> None:
    path.write_text(some(0, 2))
    log = Log(str(path))
    read(log)
    add(path, some(2, 4))
    path.unlink()
    path.write_text(some(10, 11))
    assert numbers(read(log) + read(log)) == [2, 3, 10]


def test_after_copytruncate_the_rest_comes_from_the_copy(path: Path) -> None:
    path.write_text(some(0, 3))
    log = Log(str(path))
    read(log)
    add(path, some(3, 6))
    shutil.copyfile(path, path.with_name("access.log.1"))
    path.write_text("")
    add(path, some(10, 12))
    assert numbers(read(log) + read(log)) == [3, 4, 5, 10, 11]


def test_a_truncation_is_seen_although_the_file_grew_past_the_place(path: Path) -> None:
    path.write_text(some(0, 3))
    log = Log(str(path))
    read(log)
    path.write_text(some(10, 40))
    assert numbers(read(log) + read(log)) == list(range(10, 40))


def test_the_hole_of_a_writer_that_keeps_its_offset_is_passed_over(path: Path) -> None:
    path.write_text(some(0, 3))
    log = Log(str(path))
    read(log)
    size = path.stat().st_size
    path.write_bytes(b"\0" * size + some(10, 12).encode())
    assert numbers(read(log) + read(log)) == [10, 11]


def test_it_goes_on_at_its_place(path: Path) -> None:
    path.write_text(some(0, 3))
    log = Log(str(path))
    read(log)
    places = log.places()
    add(path, some(3, 5))
    assert numbers(read(resumed(path, places))) == [3, 4]


@pytest.mark.parametrize("packed", [False, True])
def test_what_was_rotated_while_nobody_looked_is_read_from_there(path: Path, packed: bool) -> None:
    path.write_text(some(0, 3))
    log = Log(str(path))
    read(log)
    places = log.places()
    log.close()
    add(path, some(3, 5))
    first = path.rename(path.with_name("access.log.2"))
    path.write_text(some(10, 13))
    second = path.rename(path.with_name("access.log.1"))
    path.write_text(some(20, 22))
    os.utime(first, (1_000, 1_000))
    os.utime(second, (2_000, 2_000))
    if packed:
        target = path.with_name("access.log.2.gz")
        target.write_bytes(gzip.compress(first.read_bytes()))
        os.utime(target, (1_000, 1_000))
        first.unlink()
    again = resumed(path, places)
    assert not again.is_settled  # no checkpoint before the old ones are through
    assert numbers(read(again)) == [3, 4, 10, 11, 12, 20, 21]
    assert again.is_settled


def test_a_copy_that_is_just_being_packed_is_read_once(path: Path) -> None:
    path.write_text(some(0, 3))
    log = Log(str(path))
    read(log)
    places = log.places()
    add(path, some(3, 5))
    old = path.rename(path.with_name("access.log.1"))
    path.with_name("access.log.1.gz").write_bytes(gzip.compress(old.read_bytes()))
    path.write_text(some(10, 11))
    assert numbers(read(resumed(path, places))) == [3, 4, 10]


def test_both_files_of_a_rotation_in_progress_are_gone_on_with(path: Path) -> None:
    path.write_text(some(0, 2))
    log = Log(str(path))
    read(log)
    old = path.rename(path.with_name("access.log.1"))
    path.write_text(some(10, 11))
    assert numbers(read(log)) == [10]
    places = log.places()
    assert len(places) == 2
    add(old, some(2, 3))
    add(path, some(11, 12))
    again = resumed(path, places)
    assert numbers(read(again)) == [2, 11]
    add(old, some(3, 4))
    assert numbers(read(again)) == [3]


def test_a_file_that_is_gone_is_said_and_the_new_one_is_read_whole(path: Path) -> None:
    path.write_text(some(0, 3))
    log = Log(str(path))
    read(log)
    places = log.places()
    path.unlink()
    path.write_text(some(10, 12))
    said: list[str] = []
    assert numbers(read(resumed(path, places, said))) == [10, 11]
    assert "is gone" in said[0]


def test_another_log_that_begins_alike_is_no_predecessor(path: Path) -> None:
    path.write_text(some(0, 3))
    log = Log(str(path))
    read(log)
    place = log.places()[0]
    other = path.with_name("access.log.1")
    other.write_text(some(0, 2) + some(7, 9))
    assert not place.is_in(other)
    other.write_text(some(0, 9))
    assert place.is_in(other)


def test_only_the_names_that_rotation_gives_are_predecessors(path: Path) -> None:
    names = [
        "access.log.1", "access.log.2.gz", "access.log-20261012", "access.log-20261013.zst",
        "access-20261012.log", "access-20261013.log.gz", "access.log.1.bak", "access_ssl.log",
        "access.log.gz", "error.log.1",
    ]  # fmt: skip
    for name in names:
        path.with_name(name).write_text("x\n")
    assert {found.name for found in predecessors(path)} == set(names[:6])


def test_lines_keep_their_numbers_over_pieces(path: Path) -> None:
    path.write_text(some(0, 3))
    log = Log(str(path))
    first = [piece.first_line for piece in log.read(0.0)]
    add(path, some(3, 5))
    assert first + [piece.first_line for piece in log.read(0.0)] == [1, 4]


def test_a_file_that_was_empty_when_last_seen_is_found_by_when_it_was_written(path: Path) -> None:
    before = path.with_name("access.log.1")
    before.write_text(some(90, 93))
    os.utime(before, (1_000, 1_000))
    path.write_text("")
    log = Log(str(path))
    read(log)
    places = log.places()
    before.rename(path.with_name("access.log.3"))
    add(path, some(0, 2))
    path.with_name("access.log.2.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    path.with_name("access.log.1").write_text(some(10, 12))
    path.write_text(some(20, 21))
    assert numbers(read(resumed(path, places))) == [0, 1, 10, 11, 20]


def test_a_file_that_was_done_is_not_read_again(path: Path) -> None:
    path.write_text(some(0, 2))
    log = Log(str(path))
    read(log)
    path.rename(path.with_name("access.log.1"))
    path.write_text(some(10, 11))
    for now in (1.0, 2.0, 2.0 + GRACE_S):
        read(log, now)
    places = log.places()
    assert [place.is_done for place in places] == [True, False]
    again = resumed(path, places)
    assert read(again) == []
    path.rename(path.with_name("access.log.2"))
    add(path.with_name("access.log.2"), some(5, 6))
    path.write_text(some(20, 21))
    assert numbers(read(resumed(path, places))) == [5, 20]


def test_two_rotations_between_two_looks_lose_nothing(path: Path) -> None:
    add(path, some(0, 10))
    log = Log(str(path))
    assert numbers(read(log)) == list(range(10))
    add(path, some(10, 12))
    path.rename(path.with_name("access.log.1"))
    add(path, some(12, 40))
    path.with_name("access.log.1").rename(path.with_name("access.log.2"))
    path.rename(path.with_name("access.log.1"))
    add(path, some(40, 45))
    assert numbers(read(log)) == list(range(10, 45))
    assert numbers(read(log, 2 * GRACE_S)) == []
    log.close()


def test_a_named_pipe_at_the_path_holds_nobody_up(path: Path) -> None:
    told: list[str] = []
    os.mkfifo(path)
    log = Log(str(path), fail=told.append)
    assert read(log) == []
    assert "no regular file" in told[0]
    path.unlink()
    add(path, some(0, 3))
    assert numbers(read(log)) == [0, 1, 2]
    log.close()


@pytest.mark.parametrize("what", ["folder", "pipe"])
def test_what_is_no_file_takes_no_files_place(path: Path, what: str) -> None:
    told: list[str] = []
    add(path, some(0, 3))
    log = Log(str(path), fail=told.append)
    assert numbers(read(log)) == [0, 1, 2]
    path.rename(path.with_name("access.log.1"))
    path.mkdir() if what == "folder" else os.mkfifo(path)
    add(path.with_name("access.log.1"), some(3, 5))
    assert numbers(read(log)) == [3, 4]
    assert read(log) == []
    assert "no regular file" in told[-1]
    log.close()


def test_a_log_that_may_not_be_read_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    told: list[str] = []
    add(path, some(0, 3))
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refused)
        log = Log(str(path), fail=told.append)
    assert told == [f"cannot read {path}: Permission denied"]
    assert numbers(read(log)) == [0, 1, 2]
    log.close()
