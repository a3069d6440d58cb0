"""In which files a rotated log is looked for: its own, no neighbour's, also if some vanish."""

import builtins
import gzip
import io
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from test_tail_files import add, numbers, read, resumed, some

from stillhunt.hunt.tail import files, place
from stillhunt.hunt.tail.files import Log
from stillhunt.hunt.tail.leaving import GRACE_S, LONGEST_S
from stillhunt.hunt.tail.place import is_rotated, predecessors


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "server.log"


def test_a_number_in_a_name_is_another_server_and_a_date_is_not(path: Path) -> None:
    own = [
        "server.log.1",
        "server.log-20261012",
        "server-20261012.log",
        "server-2026-10-12.log.gz",
    ]
    others = [
        "server-2.log",
        "server.2.log",
        "server_1234567.log",
        "server-a.log",
        "server-2.log.1",
    ]
    for name in [*own, *others]:
        path.with_name(name).write_text("x\n")
    assert {found.name for found in predecessors(path)} == set(own)
    bare = path.with_name("server")
    assert is_rotated(path.with_name("server.1"), bare)
    assert not is_rotated(path.with_name("server-2"), bare)
    assert not is_rotated(path.parent / "other" / "server.log.1", path)


def test_a_neighbour_is_not_read_as_what_came_since(path: Path) -> None:
    path.write_text(some(0, 3))
    log = Log(str(path))
    read(log)
    places = log.places()
    log.close()
    os.utime(path, (1_000, 1_000))
    path.rename(path.with_name("server.log.1"))
    path.with_name("server-2.log").write_text(some(70, 73))
    path.write_text(some(10, 11))
    assert numbers(read(resumed(path, places))) == [10]


def test_what_another_log_reads_or_has_other_lines_is_not_taken(path: Path) -> None:
    path.write_text(some(0, 3))
    log = Log(str(path))
    read(log)
    places = log.places()
    log.close()
    for k, (name, text) in enumerate(
        [("server.log.1", path.read_text()), ("server-20261012.log", some(70, 73)),
         ("server-20261013.log", "something else\n")]
    ):  # fmt: skip
        path.with_name(name).write_text(text)
        os.utime(path.with_name(name), (1_000 + k, 1_000 + k))
    path.unlink()
    path.write_text(some(10, 11))
    said: list[str] = []
    again = Log(
        str(path), places=places, warn=said.append,
        is_foreign=lambda file: file.name == "server-20261012.log",
        is_alike=lambda file: file.read_text().startswith("line"),
    )  # fmt: skip
    assert numbers(read(again)) == [10]
    assert [text for text in said if "server-20261013.log" in text]


def test_a_truncation_without_a_copy_is_always_said(path: Path) -> None:
    path.write_text(some(0, 3))
    said: list[str] = []
    log = Log(str(path), warn=said.append)
    read(log)
    size = path.stat().st_size
    add(path, some(3, 5))
    (path.parent / "old").mkdir()
    shutil.copyfile(path, path.parent / "old" / "server.log.1")
    path.write_text("")
    add(path, some(10, 11))
    assert numbers(read(log) + read(log)) == [10]
    assert [text for text in said if f"after byte {size:,} is lost" in text]


def test_a_file_that_vanishes_while_it_is_looked_at_hides_no_other(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text(some(0, 3))
    log = Log(str(path))
    read(log)
    places = log.places()
    path.rename(path.with_name("server.log.1"))
    path.with_name("server.log.2").write_text("x\n")
    path.write_text(some(10, 11))
    true_stat = Path.stat

    def stat(self: Path, **more: Any) -> os.stat_result:  # noqa: ANN401
        if self.name == "server.log.2":
            raise FileNotFoundError(self)
        return true_stat(self, **more)

    monkeypatch.setattr(Path, "stat", stat)
    assert [found.name for found in predecessors(path)] == ["server.log.1"]
    assert numbers(read(resumed(path, places))) == [10]


@pytest.mark.parametrize("gone", [1, 2, 3])
def test_a_rotation_that_is_packed_just_now_ends_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch, gone: int
) -> None:
    path.write_text(some(0, 3))
    log = Log(str(path))
    read(log)
    places = log.places()
    log.close()
    add(path, some(3, 4))
    old = path.rename(path.with_name("server.log.1"))
    path.write_text(some(10, 11))
    packed = path.with_name("server.log.1.gz")
    true_open, opened = io.open, [0]

    def racing(file: Any, *args: Any, **more: Any) -> Any:  # noqa: ANN401
        """Pack the old file just before it is opened for the *gone*-th time."""
        if Path(file) == old and old.exists():
            opened[0] += 1
            if opened[0] == gone:
                packed.write_bytes(gzip.compress(old.read_bytes()))
                old.unlink()
        return true_open(file, *args, **more)

    monkeypatch.setattr(io, "open", racing)
    monkeypatch.setattr(builtins, "open", racing)
    said: list[str] = []
    assert numbers(read(resumed(path, places, said))) == [3, 10]
    assert not said
    assert opened[0] >= min(gone, 2)


def test_a_rotated_file_is_read_although_its_name_goes_to_another(path: Path) -> None:
    path.write_text(some(0, 3))
    log = Log(str(path))
    read(log)
    places = log.places()
    log.close()
    path.rename(path.with_name("server.log.2"))
    path.with_name("server.log.1").write_text(some(10, 12))
    os.utime(path.with_name("server.log.2"), (1_000, 1_000))
    path.write_text(some(20, 21))
    again = resumed(path, places)
    path.with_name("server.log.1").rename(path.with_name("server.log.3"))
    path.with_name("server.log.1").write_text(some(20, 21))
    assert numbers(read(again)) == [10, 11, 20]


def test_a_long_plain_copy_is_not_read_through_to_know_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text(some(0, 1_000))
    log = Log(str(path))
    read(log)
    where = log.places()[0]
    copy = Path(shutil.copyfile(path, path.with_name("server.log.1")))

    def whole(*_: object) -> None:
        raise AssertionError("the copy is read from its first byte")

    monkeypatch.setattr(place, "unpacked", whole)
    assert where.is_in(copy)
    with copy.open("r+b") as file:
        file.seek(where.offset - 9)
        file.write(b"#")
    assert not where.is_in(copy)


def test_files_that_were_read_are_known_by_any_name(path: Path) -> None:
    path.write_text(some(0, 100))
    log = Log(str(path))
    read(log)
    moved = path.rename(path.with_name("kept"))
    path.write_text(some(200, 300))
    for now in (1.0, 2.0, 2.0 + GRACE_S):
        read(log, now)
    copy = Path(shutil.copyfile(moved, path.with_name("copy")))
    other = path.with_name("other")
    other.write_text(some(100, 200))
    for one, is_known in ((moved, True), (copy, True), (path, True), (other, False)):
        assert log.has_read(one, one.stat()) is is_known
    again = resumed(path, log.places())
    assert again.has_read(moved, moved.stat())


def test_two_logs_with_one_header_are_two_logs(path: Path) -> None:
    header = "#Version: 1.0\n#Fields: date time c-ip cs-method cs-uri-stem sc-status\n"
    path.write_text(header)
    log = Log(str(path))
    read(log)
    other = path.with_name("other.log")
    other.write_text(header)
    assert not log.has_read(other, other.stat())


def test_only_so_many_files_that_are_done_are_remembered(path: Path) -> None:
    path.write_text(some(0, 1))
    log = Log(str(path))
    for k in range(files.DONE + 5):
        read(log, 100.0 * k)
        path.rename(path.with_name(f"kept{k}"))
        path.write_text(some(10 + k, 11 + k))
        read(log, 100.0 * k + 1)
        read(log, 100.0 * k + 50)
    assert len(log.places()) == files.DONE + 1
    again = resumed(path, log.places())
    assert read(again) == []
    assert len(again.places()) == files.DONE + 1


def half_packed(plain: Path) -> Path:
    """Return the packed twin of *plain* while gzip is at work, newer than *plain*."""
    packed = gzip.compress(plain.read_bytes())
    twin = plain.with_name(plain.name + ".gz")
    twin.write_bytes(packed[: len(packed) * 6 // 10])
    os.utime(plain, (1_000, 1_000))
    return twin


@pytest.mark.parametrize("is_running", [True, False])
def test_a_half_packed_twin_of_what_was_read_is_not_read_again(
    path: Path, is_running: bool
) -> None:
    path.write_text(some(0, 2_000))
    log = Log(str(path))
    assert numbers(read(log)) == list(range(2_000))
    old = path.rename(path.with_name("server.log.1"))
    path.write_text(some(3_000, 3_001))
    half_packed(old)
    again = log if is_running else resumed(path, log.places())
    assert numbers(read(again)) == [3_000]


@pytest.mark.parametrize("is_running", [True, False])
def test_a_packed_file_that_ends_in_damage_is_not_taken_for_a_new_one(
    path: Path, is_running: bool
) -> None:
    path.write_text(some(0, 2_000))
    said: list[str] = []
    log = Log(str(path), warn=said.append)
    read(log)
    path.rename(path.with_name("server.log.2"))
    os.utime(path.with_name("server.log.2"), (1_000, 1_000))
    other = path.with_name("server.log.1")
    other.write_text(some(2_000, 4_000))
    half_packed(other)
    other.unlink()
    path.write_text(some(5_000, 5_001))
    again = log if is_running else resumed(path, log.places(), said)
    assert numbers(read(again)) == [5_000]
    assert [text for text in said if "server.log.1.gz" in text and "half-written" in text]


def test_of_a_damaged_archive_the_loss_of_its_rest_is_said(path: Path) -> None:
    path.with_name("server.log.1").write_text(some(0, 2_000))
    twin = half_packed(path.with_name("server.log.1"))
    said: list[str] = []
    log = Log(str(path), before=[twin], warn=said.append)
    assert 100 < len(read(log)) < 2_000
    assert [text for text in said if "cut short" in text and "rest is lost" in text]


def rotated(path: Path, said: list[str]) -> tuple[Log, Path]:
    """Return a log that has read its file, and where that file stands now: an empty one came."""
    path.write_text(some(0, 2))
    log = Log(str(path), warn=said.append)
    read(log)
    old = path.rename(path.with_name("server.log.1"))
    path.write_text("")
    read(log, 1.0)
    return log, old


def test_a_renamed_file_is_read_on_while_the_new_one_is_empty(path: Path) -> None:
    said: list[str] = []
    log, old = rotated(path, said)
    read(log, 500.0)
    add(old, some(2, 3))
    assert numbers(read(log, 1_000.0)) == [2]
    add(path, some(10, 11))
    assert numbers(read(log, 1_001.0)) == [10]
    add(old, some(3, 4))
    assert numbers(read(log, 1_001.0 + GRACE_S - 1)) == [3]
    assert numbers(read(log, 1_001.0 + 2 * GRACE_S - 2)) == []
    assert [place.is_done for place in log.places()] == [False, False]  # it has just grown
    read(log, 1_001.0 + 2 * GRACE_S)
    assert [place.is_done for place in log.places()] == [True, False]
    assert said == []


def test_a_renamed_file_of_a_silent_log_is_left_after_an_hour_and_that_is_said(
    path: Path,
) -> None:
    said: list[str] = []
    log, _ = rotated(path, said)
    read(log, LONGEST_S)
    assert (len(log.places()), said) == (2, [])
    read(log, 1.0 + LONGEST_S)
    assert [place.is_done for place in log.places()] == [True, False]
    assert "not read any more" in said[0]


def test_a_writer_that_never_turns_is_read_on_and_said(path: Path) -> None:
    said: list[str] = []
    log, old = rotated(path, said)
    for k in range(1, 5):
        add(old, some(k, k + 1))
        assert numbers(read(log, k * (LONGEST_S / 2))) == [k]
    assert len(said) == 1
    assert "make the writer open the new one" in said[0]


@pytest.mark.parametrize("is_alone", [False, True])
def test_two_rotations_with_packing_between_two_looks_lose_nothing(
    path: Path, is_alone: bool
) -> None:
    said: list[str] = []
    path.write_text(some(0, 100))
    log = Log(str(path), warn=said.append)
    read(log)
    if not is_alone:
        pack(path, path.with_name("server.log.2.gz"))
    path.unlink(missing_ok=True)
    path.write_text(some(200, 300))
    pack(path, path.with_name("server.log.1.gz"))
    path.write_text(some(400, 401))
    found = numbers(read(log))
    if is_alone:  # nothing tells which of the others came behind it
        assert found == [400]
        assert [text for text in said if "server.log.1.gz" in text and "not read" in text]
    else:
        assert found == [*range(200, 300), 400]
        assert said == []


def pack(plain: Path, packed: Path) -> None:
    """Do what gzip does."""
    status = plain.stat()
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    os.utime(packed, ns=(status.st_atime_ns, status.st_mtime_ns))
    plain.unlink()
