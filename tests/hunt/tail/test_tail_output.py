"""Findings out: in groups, the gravest first, and never behind half a line."""

import fcntl
import io
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest
from tail_kit import tail_of

from stillhunt.hunt.settings import HuntSettings
from stillhunt.hunt.tail import checkpoint, output
from stillhunt.hunt.tail.checkpoint import (
    Checkpoint,
    Delivered,
    read_checkpoint,
    write_checkpoint,
)
from stillhunt.hunt.tail.command import follow
from stillhunt.hunt.tail.output import JsonLines, TextLines, groups
from stillhunt.hunt.tail.place import Place
from stillhunt.hunt.tail.store import LakeWriter
from stillhunt.model.errors import InputError, OutputError
from stillhunt.model.finding import Finding, Severity, finding_id


def finding(k: int, severity: int = 3, name: str = "") -> Finding:
    subject = {"source_ip": name or f"192.0.2.{k}"}
    return Finding(
        id=finding_id("burst", subject, 0), detector="burst", family="time",
        severity=Severity(severity), subject=subject, statistic=2.0, n=200,
        first_seen_us=1_772_366_400_000_000, last_seen_us=1_772_366_460_000_000,
        evidence={"peak_requests": 200},
    )  # fmt: skip


def ids(path: Path) -> list[str]:
    """Return the id of each line, "" for one that is no JSON."""
    found = []
    for line in path.read_bytes().splitlines():
        try:
            found.append(str(json.loads(line)["id"]))
        except ValueError:
            found.append("")
    return found


def deliver(path: Path, *groups: list[Finding], is_resumed: bool = False) -> None:
    """Append to *path*."""
    lines = JsonLines(str(path), io.BytesIO(), is_resumed=is_resumed)
    for group in groups:
        lines.deliver(group)
    lines.close()


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the waits for the disk."""
    seen: list[int] = []
    real = os.fsync

    def counted(file: int) -> None:
        seen.append(file)
        real(file)

    monkeypatch.setattr(os, "fsync", counted)
    return seen


def test_the_gravest_go_first_and_each_id_once() -> None:
    several = [finding(1), finding(2, 4), finding(1, 4), finding(3, 5), finding(4)]
    (group,) = groups(several)
    assert [(f.id, int(f.severity)) for f in group] == [
        (finding(3).id, 5), (finding(2).id, 4), (finding(1).id, 4), (finding(4).id, 3),
    ]  # fmt: skip
    assert list(groups([])) == []


def test_no_group_has_more_findings_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "MOST", 3)
    assert [len(g) for g in groups(finding(k) for k in range(7))] == [3, 3, 1]
    assert [len(g) for g in groups(finding(k) for k in range(6))] == [3, 3]


def test_a_group_stays_within_the_end_of_a_file_that_is_looked_at(tmp_path: Path) -> None:
    several = [finding(k, name=f"{k}" + "\x01" * 100_000) for k in range(20)]
    several += [finding(0, name="\x01" * 2_000_000)]
    sizes = list[tuple[int, int]]()
    for group in groups(several):
        path = tmp_path / f"{len(sizes)}.jsonl"
        deliver(path, group)
        sizes.append((len(group), path.stat().st_size))
    assert sum(n for n, _ in sizes) == 21
    assert all(size <= output.LOOKED_AT for n, size in sizes if n > 1)
    assert len(sizes) < 10


def test_a_group_waits_for_the_disk_once_in_each_file(tmp_path: Path, syncs: list[int]) -> None:
    several = [finding(k) for k in range(250)]
    lake = LakeWriter(
        tmp_path / "lake", HuntSettings.model_validate({"folder": tmp_path}), "nginx"
    )
    syncs.clear()
    deliver(tmp_path / "out.jsonl", several)
    assert len(syncs) == 1
    Delivered(tmp_path / "state").add(several)
    assert len(syncs) == 2
    lake.add(several)
    assert len(syncs) == 3
    assert ids(tmp_path / "out.jsonl") == ids(tmp_path / "state.delivered")[1:]
    assert ids(tmp_path / "lake" / "findings" / "2026-03-01.jsonl") == [f.id for f in several]
    lake.close([])


def test_killed_between_output_and_journal_the_whole_group_is_known_by_the_output(
    tmp_path: Path,
) -> None:
    several = [finding(k, name=f"{k}" + "x" * 300) for k in range(999)]
    (group,) = groups(several)
    out = tmp_path / "out.jsonl"
    deliver(out, group)
    deliver(out, group, is_resumed=True)  # nothing was noted, so the tail delivers it again
    assert ids(out) == [one.id for one in group]


def test_killed_in_the_middle_of_a_group_only_its_rest_is_said_again(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    group = [finding(k) for k in range(3)]
    deliver(out, group)
    out.write_bytes(out.read_bytes()[:-20])
    deliver(out, group, is_resumed=True)
    assert ids(out) == [finding(0).id, finding(1).id, "", finding(2).id]


def test_what_grew_graver_is_said_again_in_the_same_file(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    deliver(out, [finding(1)])
    deliver(out, [finding(1, 4)], is_resumed=True)
    assert ids(out) == [finding(1).id] * 2


def test_what_stands_in_the_output_still_goes_to_a_sink(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    line = (
        "192.0.2.1 - - [28/May/2026:20:26:{:02d} +0000]"
        ' "POST /v1/messages HTTP/1.1" 200 7 "-" "a"\n'
    )
    log.write_text("".join(line.format(k // 4) for k in range(160)))
    given: list[Finding] = []
    for _ in range(2):  # the second time without its state, beside the same output
        follow(
            [str(log)], as_="nginx", state=tmp_path / "state", lake=None, overrides={},
            config=None, from_start=True, once=True, json_to=str(tmp_path / "out.jsonl"),
            quiet=True, deliver=given.extend,
        )  # fmt: skip
        for left in tmp_path.glob("state*"):
            left.unlink()
    told = ids(tmp_path / "out.jsonl")
    assert told
    assert [one.id for one in given] == told * 2


def test_a_draft_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "state.new").symlink_to(tmp_path / "victim")
    write_checkpoint(tmp_path / "state", Checkpoint(reader="nginx"))
    assert (tmp_path / "victim").read_text() == "mine"
    assert not (tmp_path / "state").is_symlink()


@pytest.mark.parametrize("torn", [b'{"id": "to', b"\n{", b'{"id":"a"}\n{"id"'])
def test_half_a_line_spoils_no_finding(tmp_path: Path, torn: bytes) -> None:
    out = tmp_path / "out.jsonl"
    out.write_bytes(torn)
    deliver(out, [finding(1)], [finding(2)])
    assert ids(out)[-2:] == [finding(1).id, finding(2).id]
    assert out.read_bytes().startswith(torn + b"\n")


@pytest.mark.parametrize("whole", [b"", b'{"id":"a"}\n'])
def test_a_whole_file_gets_no_empty_line(tmp_path: Path, whole: bytes) -> None:
    out = tmp_path / "out.jsonl"
    out.write_bytes(whole)
    deliver(out, [finding(1)])
    assert b"\n\n" not in out.read_bytes()
    assert ids(out)[-1] == finding(1).id


def test_standard_output_into_a_torn_file_begins_with_a_new_line(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_bytes(b'{"id": "to')
    with (tmp_path / "out.jsonl").open("ab") as stream:
        JsonLines("-", stream).deliver([finding(1)])
    assert ids(tmp_path / "out.jsonl") == ["", finding(1).id]


def test_half_a_line_in_the_lake_spoils_no_finding(tmp_path: Path) -> None:
    lake = LakeWriter(
        tmp_path / "lake", HuntSettings.model_validate({"folder": tmp_path}), "nginx"
    )
    day = tmp_path / "lake" / "findings" / "2026-03-01.jsonl"
    day.write_bytes(b'{"id": "to')
    lake.add([finding(1)])
    lake.add([finding(2)])
    assert ids(day) == ["", finding(1).id, finding(2).id]
    lake.close([])


def test_a_journal_that_was_torn_in_this_run_costs_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Delivered(tmp_path / "state")
    said.add([finding(1)])

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            said.add([finding(2)])
    (tmp_path / "state.delivered").write_bytes(
        (tmp_path / "state.delivered").read_bytes()[:-9]
    )  # it did not get there whole
    said.add([finding(3)])
    assert set(Delivered(tmp_path / "state").said) == {finding(1).id, finding(3).id}


def test_people_read_them_line_by_line(tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    with out.open("w") as stream:
        TextLines(stream).deliver([finding(1), finding(2, 4)])
    assert [line.split()[2] for line in out.read_text().splitlines()] == ["medium", "high"]


def test_a_journal_is_kept_where_the_lake_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    tail = tail_of(
        tmp_path / "log.jsonl", folder=tmp_path, state=tmp_path / "state",
        lake=tmp_path / "lake", from_start=None,
    )  # fmt: skip
    monkeypatch.setattr(LakeWriter, "add", full)
    tail._send([finding(1)])
    tail.close()
    assert set(Delivered(tmp_path / "state").said) == {finding(1).id}


@pytest.mark.parametrize("form", [lambda file: JsonLines("-", file), TextLines])
@pytest.mark.parametrize("buffering", [0, 4096])
def test_what_a_full_pipe_does_not_take_is_not_taken_for_written(
    form: Callable[[IO[bytes]], JsonLines | TextLines], buffering: int
) -> None:
    reads, writes = os.pipe()
    fcntl.fcntl(writes, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(writes, False)
    with os.fdopen(writes, "wb", buffering=buffering) as stream:
        with pytest.raises(OutputError, match="cannot write"):
            form(stream).deliver([finding(k) for k in range(200)])
        assert os.read(reads, 1 << 20)
    os.close(reads)


def test_a_reader_of_a_pipe_that_takes_little_at_a_time_gets_every_line() -> None:
    reads, writes = os.pipe()
    fcntl.fcntl(writes, fcntl.F_SETPIPE_SZ, 4096)
    got = bytearray()

    def read() -> None:
        while data := os.read(reads, 100):
            got.extend(data)

    reader = threading.Thread(target=read)
    reader.start()
    with os.fdopen(writes, "wb", buffering=0) as stream:
        JsonLines("-", stream).deliver([finding(k) for k in range(100)])
    reader.join()
    os.close(reads)
    assert [json.loads(line)["id"] for line in got.splitlines()] == [
        finding(k).id for k in range(100)
    ]


def test_a_file_on_a_full_disk_is_an_error_and_closes() -> None:
    lines = JsonLines("/dev/full", None)
    with pytest.raises(OutputError, match="No space left"):
        lines.deliver([finding(1)])
    lines.close()


def test_a_closed_standard_output_is_said() -> None:
    with pytest.raises(OutputError, match="closed"):
        JsonLines("-", None)
    with pytest.raises(OutputError, match="closed"):
        TextLines(None)


def test_json_is_ascii_and_the_same_value(tmp_path: Path) -> None:
    name = "a\x9b31m\u202e\u2028\x7f\x85\x07\U0001f600é"
    deliver(tmp_path / "out.jsonl", [finding(1, name=name)])
    lake = LakeWriter(
        tmp_path / "lake", HuntSettings.model_validate({"folder": tmp_path}), "nginx"
    )
    lake.add([finding(1, name=name)])
    lake.close([])
    for path in (tmp_path / "out.jsonl", tmp_path / "lake" / "findings" / "2026-03-01.jsonl"):
        text = path.read_bytes()
        assert all(32 <= byte < 127 for byte in text.rstrip(b"\n"))
        assert json.loads(text)["subject"] == {"source_ip": name}


def test_a_checkpoint_may_name_a_file_that_is_no_utf_8(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.log")
    Path(path).write_text("a line of the log\n")
    with Path(path).open("rb") as file:
        place = Place.of(path, file.fileno(), 5, 1)
    write_checkpoint(tmp_path / "state", Checkpoint(reader="nginx", places=(place,)))
    found = read_checkpoint(tmp_path / "state")
    assert found is not None
    assert found.places == (place,)


@pytest.mark.parametrize(
    ("true", "false"),
    [
        (b'"length": ', b'"length": 9000000000000000'),
        (b'"length": ', b'"length": -'),
        (b'"length": ', b'"length": 1e999, "x": '),
        (b'"schema": ', b'"schema": 1, "x": '),
    ],
)
def test_a_damaged_checkpoint_is_an_input_error(tmp_path: Path, true: bytes, false: bytes) -> None:
    state = tmp_path / "state"
    write_checkpoint(state, Checkpoint(reader="nginx"))
    state.write_bytes(state.read_bytes().replace(true, false, 1))
    with pytest.raises(InputError, match="no whole checkpoint"):
        read_checkpoint(state)


def test_a_checkpoint_with_places_of_another_version_is_an_input_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "log").write_text("a line of the log\n")
    with (tmp_path / "log").open("rb") as file:
        place = Place.of("log", file.fileno(), 5, 1)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "asdict", lambda _: {"path": "log", "colour": "blue"})
        write_checkpoint(tmp_path / "state", Checkpoint(reader="nginx", places=(place,)))
    with pytest.raises(InputError, match="no whole checkpoint"):
        read_checkpoint(tmp_path / "state")


def test_a_state_that_is_no_file_is_refused_and_nothing_is_made_beside_it(
    tmp_path: Path,
) -> None:
    os.mkfifo(tmp_path / "state")
    for state in (tmp_path / "state", Path("/dev/null")):
        with pytest.raises(InputError, match="no regular file"):
            read_checkpoint(state)
    with pytest.raises(InputError, match="no regular file"):
        follow(
            [str(tmp_path / "log")], as_="nginx", state=tmp_path / "state", lake=None,
            overrides={}, config=None, from_start=True, once=True, json_to=None, quiet=True,
        )  # fmt: skip
    assert [file.name for file in tmp_path.iterdir()] == ["state"]


def test_a_closed_standard_input_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="closed"):
        tail_of("-", folder=tmp_path)
