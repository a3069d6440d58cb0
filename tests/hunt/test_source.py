"""Framing: every line of every input comes out once, in bounded memory."""

import gzip
import io
import os
import sys
import tracemalloc
import zlib
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from stillhunt.hunt import framing, source
from stillhunt.hunt.source import Batch, expand, open_source
from stillhunt.model.errors import InputError


def lines_of(batches: list[Batch]) -> dict[int, str]:
    rows = [row for batch in batches for row in batch.lines.to_pylist()]
    return {row["line_number"]: row["line"] for row in rows}


def rejects_of(batches: list[Batch]) -> dict[int, str]:
    """Return the reason of each rejected line; a run names them all."""
    found = [reject for batch in batches for reject in batch.rejects]
    runs = [(one, range(one.line, (one.to_line or one.line) + 1)) for one in found]
    assert all(one.count == len(lines) for one, lines in runs)
    return {line: one.reason for one, lines in runs for line in lines}


def read(path: Path) -> list[Batch]:
    return list(open_source(str(path)).batches())


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "a.log"


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
def test_the_same_lines_come_out_however_they_are_packed(log: Path, pack: object) -> None:
    log.write_bytes(pack(b"one\ntwo\nthree\n"))  # type: ignore[operator]
    batches = read(log)
    assert lines_of(batches) == {1: "one", 2: "two", 3: "three"}
    assert batches[-1].end_offset == 14
    assert batches[-1].seam == b"one\ntwo\nthree\n"


def test_an_empty_file_has_no_lines(log: Path) -> None:
    log.write_bytes(b"")
    assert read(log) == []
    assert open_source(str(log)).head(3) == []


def test_bad_bytes_never_hide_a_line(log: Path) -> None:
    log.write_bytes(b"\xef\xbb\xbfbom\r\n\xff\xfe bad\r\na\0b\n\0\0\0hole\nlone\rcr\n\xc3\xa9\n")
    assert lines_of(read(log)) == {
        1: "bom", 2: "\ufffd\ufffd bad", 3: "a\ufffdb", 4: "hole", 5: "lone cr", 6: "é",
    }  # fmt: skip


def test_a_blank_line_is_a_reject_with_its_number(log: Path) -> None:
    log.write_bytes(b"\none\n\r\n\ntwo\n")
    batches = read(log)
    assert lines_of(batches) == {2: "one", 5: "two"}
    assert rejects_of(batches) == dict.fromkeys((1, 3, 4), framing.BLANK)
    assert sum(batch.count for batch in batches) == 5


def test_a_last_line_without_newline_is_read_and_marked_open(log: Path) -> None:
    log.write_bytes(b"one\ntw")
    first, last = read(log)
    assert (first.is_open, last.is_open) == (False, True)
    assert lines_of([last]) == {2: "tw"}
    assert last.end_offset == 6


def test_reading_goes_on_where_it_ended(log: Path) -> None:
    log.write_bytes(b"one\ntwo\n")
    before = read(log)[-1]
    log.write_bytes(b"one\ntwo\nthree\n")
    grown = open_source(str(log))
    seam = grown.seam(before.end_offset)
    assert seam == before.seam
    again = list(grown.batches(before.end_offset, before.next_line, seam))
    assert lines_of(again) == {3: "three"}
    assert again[-1].seam == b"one\ntwo\nthree\n"


def test_the_newline_of_a_line_that_was_read_without_it_is_no_line(log: Path) -> None:
    for newline in (b"\n", b"\r\n"):
        log.write_bytes(b"one" + newline + b"two\n")
        assert lines_of(list(open_source(str(log)).batches(3, 2, b"one"))) == {2: "two"}


def test_a_shorter_input_has_no_seam(log: Path) -> None:
    log.write_bytes(b"one\n")
    assert open_source(str(log)).seam(5) is None


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
def test_lines_cross_chunks_unharmed(
    log: Path, pack: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "CHUNK", 7)
    monkeypatch.setattr(framing, "MAX_LINES", 2)
    text = "".join(f"line {n} {'x' * (n % 17)}\n" for n in range(1, 60))
    log.write_bytes(pack(text.encode()))  # type: ignore[operator]
    batches = read(log)
    assert lines_of(batches) == dict(enumerate(text.splitlines(), 1))
    assert all(batch.count <= 2 for batch in batches)
    for batch in batches:
        done = text.encode()[: batch.end_offset]
        assert done.count(b"\n") == batch.next_line - 1
        assert batch.seam == done[-framing.SEAM :]


@given(
    data=st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r\n", b"\0", b"\xff", b"\xc3\xa9"])).map(
        b"".join
    ),
    chunk=st.integers(1, 9),
)
def test_any_cut_into_chunks_gives_the_same_lines(data: bytes, chunk: int) -> None:
    text = data.decode("utf-8", "replace").encode()
    pieces = text.split(b"\n")
    expected = len(pieces) - 1 + (pieces[-1].lstrip(b"\0") != b"")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "CHUNK", chunk)
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        whole = open_source("-")
        batches = list(whole.batches())
    assert sum(batch.count for batch in batches) == expected
    for line in lines_of(batches).values():
        assert line and not set(line) & {"\n", "\r", "\0"}


def test_a_line_of_100_mb_is_one_reject_and_is_never_held(log: Path) -> None:
    with log.open("wb") as file:
        file.write(b"one\n")
        for _ in range(100):
            file.write(b"x" * (1 << 20))
        file.write(b"\nthree\n")
    tracemalloc.start()
    batches = read(log)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert lines_of(batches) == {1: "one", 3: "three"}
    assert rejects_of(batches) == {2: framing.TOO_LONG}
    assert batches[-1].end_offset == log.stat().st_size
    assert peak < 3 * framing.MAX_LINE


def test_the_bound_of_a_line_is_the_same_wherever_chunks_fall(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "MAX_LINE", 20)
    monkeypatch.setattr(framing, "MAX_LINE", 20)
    for chunk in (3, 8, 64):
        monkeypatch.setattr(source, "CHUNK", chunk)
        for length, is_kept in ((20, True), (21, False), (70, False)):
            log.write_bytes(b"a\n" + b"x" * length + b"\nb\n" + b"y" * length)
            batches = read(log)
            assert (2 in lines_of(batches)) is is_kept
            assert (4 in lines_of(batches)) is is_kept
            assert lines_of(batches)[3] == "b"


def test_the_hole_that_copytruncate_leaves_is_skipped(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "MAX_LINE", 16)
    monkeypatch.setattr(source, "CHUNK", 8)
    log.write_bytes(b"one\n" + b"\0" * 100 + b"two\n")
    assert lines_of(read(log)) == {1: "one", 2: "two"}


def test_garbage_behind_an_archive_is_one_reject(log: Path) -> None:
    for pack, name in ((gzip.compress, "gzip"), (zstandard.compress, "zstd")):
        log.write_bytes(pack(b"one\ntwo\n") + b"garbage")
        batches = read(log)
        assert lines_of(batches) == {1: "one", 2: "two"}
        assert rejects_of(batches) == {3: f"bytes behind the {name} archive are not part of it"}
        assert batches[-1].is_open


def test_members_and_padding_are_part_of_an_archive(log: Path) -> None:
    skippable = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"
    log.write_bytes(gzip.compress(b"one\nt") + gzip.compress(b"wo\n") + b"\0" * 512)
    assert lines_of(read(log)) == {1: "one", 2: "two"}
    frames = zstandard.compress(b"one\nt") + skippable + zstandard.compress(b"wo\n")
    log.write_bytes(frames)
    assert lines_of(read(log)) == {1: "one", 2: "two"}


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_what_came_before_the_cut_of_an_archive_is_read(log: Path, pack: object) -> None:
    text = b"".join(b"%d %s\n" % (n, os.urandom(50).hex().encode()) for n in range(9_000))
    packed = pack(text)  # type: ignore[operator]
    log.write_bytes(packed[: len(packed) // 2])
    batches = read(log)
    lines = lines_of(batches)
    assert len(lines) > 100
    assert "cut short" in next(iter(rejects_of(batches).values()))
    expected = dict(enumerate(text.decode().splitlines(), 1))
    assert all(expected[n].startswith(line) for n, line in lines.items())


def test_a_damaged_archive_is_one_reject(log: Path) -> None:
    packed = bytearray(gzip.compress(b"one\n" * 1000))
    packed[-6] ^= 255  # its checksum
    log.write_bytes(packed)
    assert next(iter(rejects_of(read(log)).values())).startswith("the gzip archive is damaged")
    with pytest.raises(zlib.error):
        zlib.decompress(bytes(packed), wbits=31)


def test_a_growing_file_is_read_up_to_its_size_at_opening(log: Path) -> None:
    log.write_bytes(b"one\n")
    opened = open_source(str(log))
    with log.open("ab") as file:
        file.write(b"two\n")
    assert lines_of(list(opened.batches())) == {1: "one"}


def test_a_pipe_is_recognised_and_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = gzip.compress(b"one\ntwo\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(packed)))
    pipe = open_source("-")
    assert pipe.head(1) == ["one"]
    seam = pipe.seam(4)
    assert seam == b"one\n"
    assert lines_of(list(pipe.batches(4, 2, seam))) == {2: "two"}
    with pytest.raises(InputError, match="save it as a file"):
        list(pipe.batches(0))


@pytest.mark.parametrize("name", ["x" * 300, "/".join(["x" * 200] * 30)])
def test_a_name_too_long_for_the_disk_is_no_input(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="File name too long"):
        expand([str(tmp_path / name)])
    with pytest.raises(InputError, match="no file matches"):
        expand([str(tmp_path / name) + "*"])


def test_a_file_that_is_named_twice_is_one_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_text("x\n")
    (tmp_path / "link").symlink_to("a.log")
    spelled = ["./a.log", "a.log", str(tmp_path / "a.log"), "link", "*.log", "-", "-"]
    assert expand(spelled) == ["./a.log", "b.log", "-"]
    assert expand(spelled[::-1]) == ["-", "a.log", "b.log"]


def test_names_are_files_globs_or_standard_input(tmp_path: Path) -> None:
    for name in ("b.log", "a.log", "x[1].log"):
        (tmp_path / name).write_text("")
    a, b = str(tmp_path / "a.log"), str(tmp_path / "b.log")
    assert expand([b, str(tmp_path / "[ab].log"), "-"]) == [b, a, "-"]
    assert expand([str(tmp_path / "x[1].log")]) == [str(tmp_path / "x[1].log")]
    for wrong in ("c.log", "c*.log", ""):
        with pytest.raises(InputError):
            expand([str(tmp_path / wrong)])
    with pytest.raises(InputError, match="folder"):
        open_source(str(tmp_path))
    with pytest.raises(InputError, match="cannot read"):
        open_source(str(tmp_path / "c.log"))
