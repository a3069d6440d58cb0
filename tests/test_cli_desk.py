"""Findings from the command line to the sinks, and what scripts see of it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


def stillhunt(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stillhunt", *words],
        cwd=cwd, capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = [
        {"ts": f"2026-10-12T00:{i:02d}:00Z", "account_id": "a1\x1b[2J", "source_ip": "192.0.2.1",
         "path": "/v1/messages", "output_tokens": 9_000}
        for i in range(30)
    ]  # fmt: skip
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "stillhunt.toml").write_text(
        '[desk.sinks.file]\nkind = "jsonl"\npath = "out/findings.jsonl"\n'
        '[desk.sinks.lake]\nkind = "jsonl"\npath = "ocsf.jsonl"\nformat = "ocsf"\n'
    )
    return tmp_path


def test_findings_go_to_the_sinks_that_are_named_and_wait_for_one_that_is_down(
    folder: Path,
) -> None:
    words = ("hunt", "log.jsonl", "--json", "report.json")
    done = stillhunt(*words, "--to", "file", "--to", "lake", cwd=folder)
    found = json.loads((folder / "report.json").read_text())["findings"]
    assert done.returncode == 1
    assert f"file: 0 sent, {len(found)} waiting (cannot append " in done.stderr
    assert f"lake: {len(found)} sent" in done.stderr
    sent = [json.loads(line) for line in (folder / "ocsf.jsonl").read_text().splitlines()]
    assert {one["finding_info"]["uid"] for one in sent} == {one["id"] for one in found}

    assert stillhunt("desk", "send", cwd=folder).returncode == 3
    (folder / "out").mkdir()
    done = stillhunt("desk", "send", "--to", "file", cwd=folder)
    assert (done.returncode, done.stderr) == (0, f"file: {len(found)} sent\n")
    lines = (folder / "out" / "findings.jsonl").read_text().splitlines()
    assert {json.loads(line)["id"] for line in lines} == {one["id"] for one in found}

    done = stillhunt(*words, "--to", "file", cwd=folder)  # the same again
    assert "file: 0 sent\n" in done.stderr
    assert done.returncode == 1
    assert stillhunt(*words, "--quiet", "--to", "file", cwd=folder).stderr == ""


def test_a_sink_that_nobody_knows_is_refused_before_anything_is_read(folder: Path) -> None:
    done = stillhunt("hunt", "log.jsonl", "--lake", "lake", "--to", "fiel", cwd=folder)
    assert done.returncode == 2
    assert "no sink is called 'fiel'; there are file, lake; did you mean file" in done.stderr
    assert not (folder / "lake").exists()
    assert not (folder / "spool.db").exists()


def test_a_mistake_in_the_desks_table_stops_every_hunt(folder: Path) -> None:
    (folder / "stillhunt.toml").write_text('[desk.sinks.x]\nkind = "jsonl"\npth = "x"\n')
    done = stillhunt("hunt", "log.jsonl", cwd=folder)
    assert done.returncode == 2
    assert "stillhunt.toml:3: desk.sinks.x.pth is unknown; did you mean path" in done.stderr


def test_without_sinks_there_is_nothing_to_send(tmp_path: Path) -> None:
    done = stillhunt("desk", "send", cwd=tmp_path)
    assert done.returncode == 2
    assert "[desk.sinks.NAME]" in done.stderr


def test_a_spool_that_cannot_be_is_said_in_a_sentence(folder: Path) -> None:
    (folder / "spool.db").write_text("no database " * 100)
    done = stillhunt("hunt", "log.jsonl", "--to", "lake", cwd=folder)
    assert done.returncode == 3
    assert "cannot open the spool spool.db: file is not a database" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_tail_sends_what_it_finds(folder: Path) -> None:
    words = ("tail", "log.jsonl", "--as", "native", "--from", "start", "--once")
    done = stillhunt(*words, "--json", "found.jsonl", "--to", "lake", cwd=folder)
    found = [json.loads(line) for line in (folder / "found.jsonl").read_text().splitlines()]
    sent = [json.loads(line) for line in (folder / "ocsf.jsonl").read_text().splitlines()]
    assert {one["finding_info"]["uid"] for one in sent} == {one["id"] for one in found}
    assert found
    assert f"lake: {len(sent)} sent" in done.stderr
    assert done.returncode == 1
