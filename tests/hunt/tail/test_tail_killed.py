"""Killed at any moment: nothing is lost, and nothing that is in the output is said again."""

import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tail_kit import nginx_line

PATIENCE_S = 60
BURSTS = 40
"""Addresses that each send 150 requests within 60 s, one after the other."""


def lines() -> list[str]:
    made = []
    for burst in range(BURSTS):
        for k in range(150):
            made.append(nginx_line(burst * 120 + k // 3, f"198.51.100.{burst}"))
            made.append(nginx_line(burst * 120 + k // 3, f"203.0.113.{k}"))
    return made


def start(folder: Path, *more: str) -> "subprocess.Popen[bytes]":
    with (folder / "out.jsonl").open("ab") as out, (folder / "err.txt").open("ab") as err:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "stillhunt", "tail", "access.log", "--as", "nginx",
                "--state", "state", "--json", "-", "--config", "settings.toml", *more,
            ],
            cwd=folder, stdout=out, stderr=err,
        )  # fmt: skip
    running.append(process)
    return process


running: list["subprocess.Popen[bytes]"] = []


def found(folder: Path) -> list[tuple[str, int]]:
    return [
        (one["id"], one["severity"])
        for one in map(json.loads, whole_lines(folder / "out.jsonl"))
        if one["detector"] == "burst"
    ]


def whole_lines(path: Path) -> list[str]:
    """Return the lines of *path* but for one that is just being written."""
    return path.read_text().split("\n")[:-1]


def wait_until(folder: Path, n: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and process.poll() is None:
        if len(found(folder)) >= n:
            return
        time.sleep(0.02)
    pytest.fail(f"{len(found(folder))} of {n} findings: {(folder / 'err.txt').read_text()}")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "settings.toml").write_text('[tail]\ncheckpoint = "1s"\n')
    (tmp_path / "access.log").write_text("")
    (tmp_path / "out.jsonl").write_text("")
    yield tmp_path
    while running:
        process = running.pop()
        process.kill()
        process.wait()


class Writer(threading.Thread):
    """Writes a log in pieces that end anywhere, as fast as it likes, and rotates it twice."""

    def __init__(self, folder: Path, text: bytes, rng: random.Random, seconds: float) -> None:
        super().__init__()
        self.log, self.text, self.rng = folder / "access.log", text, rng
        self.pause_s = seconds / 200

    def run(self) -> None:
        mean = len(self.text) // 200
        at, rotations = 0, [0.7, 0.3]
        file = self.log.open("ab", buffering=0)
        while at < len(self.text):
            size = self.rng.randrange(1, 2 * mean)
            file.write(self.text[at : at + size])
            at += size
            if rotations and at > rotations[-1] * len(self.text):
                rotations.pop()
                file.write(rest := self.text[at : self.text.find(b"\n", at) + 1])
                at += len(rest)
                file.close()
                for k in (1, 0):  # access.log.1 becomes access.log.2
                    old = self.log.with_name(f"access.log.{k}") if k else self.log
                    if old.exists():
                        old.rename(self.log.with_name(f"access.log.{k + 1}"))
                time.sleep(self.pause_s)
                file = self.log.open("ab", buffering=0)
            time.sleep(self.rng.random() * 2 * self.pause_s)
        file.close()


def gravest(folder: Path) -> dict[str, int]:
    said: dict[str, int] = {}
    for one in map(json.loads, whole_lines(folder / "out.jsonl")):
        said[one["id"]] = max(one["severity"], said.get(one["id"], 0))
    return said


@pytest.mark.parametrize("seed", [1, 2])
def test_kills_at_any_moment_lose_nothing_and_repeat_nothing(folder: Path, seed: int) -> None:
    clean = folder / "clean"
    clean.mkdir()
    (clean / "settings.toml").write_text("")
    (clean / "access.log").write_text("".join(lines()))
    assert start(clean, "--from", "start", "--once").wait(PATIENCE_S) == 1
    rng = random.Random(seed)
    process = start(folder, "--from", "start")
    wait_for_state(folder)
    writer = Writer(folder, "".join(lines()).encode(), random.Random(seed), seconds=8)
    writer.start()
    kills = 0
    while writer.is_alive():
        time.sleep(rng.uniform(0.2, 3.0))  # also while it starts, and while it reads
        process.kill()
        process.wait()
        kills += 1
        process = start(folder)
    writer.join()
    until = time.monotonic() + PATIENCE_S
    while gravest(folder) != gravest(clean) and time.monotonic() < until:
        assert process.poll() is None, (folder / "err.txt").read_text()
        time.sleep(0.05)
    assert kills >= 3
    assert gravest(folder) == gravest(clean)
    said = [
        (one["id"], one["severity"]) for one in map(json.loads, whole_lines(folder / "out.jsonl"))
    ]
    assert len(said) == len(set(said)) >= BURSTS


def test_killed_between_output_and_journal_it_looks_into_the_output(folder: Path) -> None:
    (folder / "access.log").write_text("".join(lines()[:300]))
    assert start(folder, "--from", "start", "--once").wait(PATIENCE_S) == 1
    said = found(folder)
    (folder / "state").unlink()  # as if neither journal nor checkpoint had been written
    assert start(folder, "--from", "start", "--once").wait(PATIENCE_S) == 1
    assert found(folder) == said


def test_sigterm_ends_with_0_where_nothing_was_found(folder: Path) -> None:
    process = start(folder)
    wait_for_state(folder)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0


def test_a_second_tail_may_not_use_the_same_checkpoint(folder: Path) -> None:
    process = start(folder)
    wait_for_state(folder)
    assert start(folder).wait(PATIENCE_S) == 2
    assert "another tail" in (folder / "err.txt").read_text()
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 0


def wait_for_state(folder: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while not (folder / "state").exists() and time.monotonic() < until:
        time.sleep(0.02)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_is_survived_and_told_by_the_exit_code(folder: Path) -> None:
    disk = folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], check=False
    )
    if mounted.returncode:
        pytest.skip("cannot mount a small disk here")
    try:
        (disk / "filler").write_bytes(b"x" * 60_000)
        (folder / "access.log").write_text("".join(lines()))
        done = start(folder, "--state", str(disk / "state"), "--from", "start", "--once")
        assert done.wait(PATIENCE_S) == 3
        assert len(found(folder)) == BURSTS
        assert "No space left" in (folder / "err.txt").read_text()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_standard_input_is_followed_to_its_end(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stillhunt", "tail", "-", "--as", "nginx", "--json", "-"],
        cwd=folder, input="".join(lines()[:300]).encode(), capture_output=True, check=False,
        timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert [json.loads(line)["detector"] for line in done.stdout.splitlines()] == [
        "burst", "burst_prefix", "burst_prefix",
    ]  # fmt: skip
    assert b"300 lines = 300 exchanges + 0 rejects; 3 findings" in done.stderr


def test_what_means_nothing_is_exit_2(folder: Path) -> None:
    for words in (["--from", "middle"], ["--set", "burst.x=1"], ["--as", "nginxx"]):
        done = subprocess.run(
            [sys.executable, "-m", "stillhunt", "tail", "access.log", "--as", "nginx", *words],
            cwd=folder, capture_output=True, check=False, timeout=PATIENCE_S,
        )  # fmt: skip
        assert done.returncode == 2, done.stderr


def test_escapes_in_a_log_reach_no_terminal(folder: Path) -> None:
    record = {"account_id": "\x1b[31mred\x07\u202e", "source_ip": "192.0.2.1"}
    text = "".join(
        json.dumps(record | {"ts_us": 1_772_366_400_000_000 + k, "path": "/v1/messages"}) + "\n"
        for k in range(150)
    )
    (folder / "log.jsonl").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "stillhunt", "tail", "log.jsonl", "--from", "start", "--once"],
        cwd=folder, capture_output=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "\\x1b[31mred\\x07\\u202e" in done.stdout.decode()
    assert b"\x1b" not in done.stdout + done.stderr


def start_into_a_full_pipe(folder: Path) -> tuple["subprocess.Popen[bytes]", int]:
    """Start a tail whose findings nobody reads; return it when it waits for a reader."""
    (folder / "access.log").write_text("".join(lines()))
    reads, writes = os.pipe()
    size = fcntl.fcntl(writes, fcntl.F_SETPIPE_SZ, 4096)
    process = subprocess.Popen(
        [
            sys.executable, "-m", "stillhunt", "tail", "access.log", "--as", "nginx",
            "--from", "start", "--state", "state", "--json", "-", "--quiet",
        ],
        cwd=folder, stdout=writes, stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    running.append(process)
    os.close(writes)
    until = time.monotonic() + PATIENCE_S
    while bytes_in(reads) < size and time.monotonic() < until:
        time.sleep(0.02)
    return process, reads


def bytes_in(pipe: int) -> int:
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_a_signal_while_the_reader_of_a_pipe_is_slow_loses_no_finding(folder: Path) -> None:
    process, reads = start_into_a_full_pipe(folder)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)  # the signal cuts the write short
    with os.fdopen(reads, "rb") as file:
        told = [json.loads(line) for line in file.read().splitlines()]
    assert process.wait(PATIENCE_S) == 1
    assert start(folder, "--once").wait(PATIENCE_S) in {0, 1}  # whatever came behind the batch
    told += map(json.loads, whole_lines(folder / "out.jsonl"))
    said = [(one["id"], one["severity"]) for one in told]
    assert len(said) == len(set(said))
    assert sum(one["detector"] == "burst" for one in told) == BURSTS


def test_a_second_signal_ends_at_once(folder: Path) -> None:
    process, reads = start_into_a_full_pipe(folder)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == -signal.SIGTERM
    os.close(reads)


def test_a_full_output_ends_with_3_and_a_sentence(folder: Path) -> None:
    (folder / "access.log").write_text("".join(lines()))
    done = start(folder, "--from", "start", "--once", "--json", "/dev/full")
    assert done.wait(PATIENCE_S) == 3
    said = (folder / "err.txt").read_text()
    assert "cannot write --json /dev/full: No space left on device" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("words", "closed", "code"),
    [
        ("- --json out.jsonl", "<&-", 2),
        ("access.log --once --from start", ">&-", 3),
        ("access.log --once --from start --json -", ">&-", 3),
        ("access.log --once --from start --json out.jsonl", ">&- 2>&-", 1),
    ],
)
def test_closed_standard_streams_are_a_sentence(
    folder: Path, words: str, closed: str, code: int
) -> None:
    (folder / "access.log").write_text("".join(lines()[:300]))
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m stillhunt tail {words} --as nginx {closed}"],
        cwd=folder, capture_output=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"is closed" in done.stderr or code == 1
