"""The command line as scripts know it: exit codes, streams, fixed names."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DAY = "2026-10-12T{:02d}:{:02d}:{:02d}.{:03d}Z"


def stillhunt(
    *words: str, cwd: Path, stdin: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "stillhunt", *words],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        check=False,
        timeout=180,
    )


def exchange(i: int, **more: object) -> str:
    seconds = i * 7
    return json.dumps(
        {
            "ts": DAY.format(seconds // 3600, seconds // 60 % 60, seconds % 60, 0),
            "account_id": "a1",
            "source_ip": "192.0.2.1",
            "method": "POST",
            "path": "/v1/messages",
            "output_tokens": 10,
        }
        | more
    )


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(exchange(i, output_tokens=2_000) for i in range(60)) + "\n")
    return path


def test_help_answers_and_names_every_command(tmp_path: Path) -> None:
    done = stillhunt("--help", cwd=tmp_path)
    assert done.returncode == 0
    for command in (b"hunt", b"ingest", b"sweep", b"lake", b"rules", b"lab", b"schema", b"demo"):
        assert command in done.stdout


def test_the_version_is_the_packages(tmp_path: Path) -> None:
    assert stillhunt("--version", cwd=tmp_path).stdout == b"stillhunt 0.1.0\n"


def test_findings_leave_with_1_and_json_alone_on_standard_output(log: Path) -> None:
    done = stillhunt("hunt", str(log), "--json", "-", cwd=log.parent)
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["schema"] == "stillhunt.report/1"
    (one,) = report["inputs"]
    assert (one["lines"], one["rows"], one["rejects"]) == (60, 60, 0)
    found = {f["detector"]: f for f in report["findings"]}
    assert found["volume"]["subject"] == {"account_id": "a1", "source_ip": "192.0.2.1"}
    assert found["volume"]["evidence"]["total_output_tokens"] == 120_000
    assert all(account["severity"] <= 2 for account in report["accounts"])


def test_nothing_found_leaves_with_0(log: Path) -> None:
    log.write_text("\n".join(exchange(i) for i in range(20)) + "\n")
    done = stillhunt("hunt", str(log), "--quiet", cwd=log.parent)
    assert (done.returncode, done.stdout) == (0, b"")


def test_an_allowed_finding_is_shown_and_leaves_with_0(log: Path) -> None:
    (log.parent / "stillhunt.toml").write_text(
        '[[allow]]\naccount_id = "a1"\nreason = "migration"\n'
        '[[allow]]\nsource_prefix = "192.0.2.0/24"\nreason = "migration"\n'
    )
    done = stillhunt("hunt", str(log), "--json", "-", cwd=log.parent)
    report = json.loads(done.stdout)
    assert {f["allowed"] for f in report["findings"]} == {"migration"}
    assert done.returncode == 0
    assert report["accounts"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("hunt", "none.jsonl"), b"there is no file none.jsonl"),
        (("hunt", "*.nothing"), b"no file matches"),
        (("hunt", "."), b"is a folder"),
        (("hunt", "log.jsonl", "--as", "natve"), b"native"),
        (("hunt", "log.jsonl", "--set", "volume.token_per_day=1"), b"volume.tokens_per_day"),
        (("hunt", "log.jsonl", "--set", "volume"), b"expected NAME=VALUE"),
        (("hunt", "log.jsonl", "--until", "yesterday"), b"RFC 3339"),
        (("hunt", "log.jsonl", "--until", "2026-10-12T00:00:00"), b"time zone"),
        (("hunt", "log.jsonl", "--until=--5"), b"RFC 3339"),
        (("hunt", "log.jsonl", "--replay", "1s", "--set", "volume.lookback=0s"), b"lookback"),
        (("hunt", "log.jsonl", "--config", "none.toml"), b"none.toml"),
        (("sweep", "--lake", "nowhere"), b"no lake"),
        (("rules", "show", "volum"), b"volume"),
        (("schema", "reprot"), b"report"),
        (("hunt",), b"Missing argument"),
    ],
)
def test_a_wrong_word_leaves_with_2_and_says_what_would_be_right(
    log: Path, words: tuple[str, ...], said: bytes
) -> None:
    done = stillhunt(*words, cwd=log.parent)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""


def test_ingest_then_sweep_finds_what_hunt_finds(log: Path) -> None:
    hunted = json.loads(stillhunt("hunt", str(log), "--json", "-", cwd=log.parent).stdout)
    first = stillhunt("ingest", str(log), "--lake", "lake", "--json", "-", cwd=log.parent)
    assert first.returncode == 0
    assert json.loads(first.stdout)["inputs"][0]["rows"] == 60
    assert b"60 lines = 60 rows + 0 rejects (native)\n" in first.stderr
    again = stillhunt("ingest", str(log), "--lake", "lake", "--json", "-", cwd=log.parent)
    assert json.loads(again.stdout)["inputs"][0]["rows"] == 0
    assert b"0 rejects (native); 60 more were in the lake already\n" in again.stderr
    swept = json.loads(stillhunt("sweep", "--lake", "lake", "--json", "-", cwd=log.parent).stdout)
    assert swept["findings"] == hunted["findings"]
    assert swept["totals"] == hunted["totals"]


def test_standard_input_is_read(log: Path) -> None:
    done = stillhunt("hunt", "-", "--json", "-", cwd=log.parent, stdin=log.read_bytes())
    assert json.loads(done.stdout)["inputs"][0]["path"] == "-"
    assert done.returncode == 1


def test_replay_says_when_a_finding_was_first_visible(log: Path) -> None:
    done = stillhunt("hunt", str(log), "--json", "-", "--replay", "1m", cwd=log.parent)
    (volume,) = [f for f in json.loads(done.stdout)["findings"] if f["detector"] == "volume"]
    assert volume["first_seen"] == "2026-10-12T00:00:00Z"
    # The 51st request, at 350 s, is the first above 100,000 tokens; the next full minute sees it.
    assert volume["first_alert_at"] == "2026-10-12T00:06:00Z"


def test_rejects_are_listed_and_outlive_a_temporary_lake(log: Path) -> None:
    log.write_text(exchange(0) + "\nnot json\n\n" + exchange(1) + "\n")
    done = stillhunt("hunt", str(log), "--json", "-", cwd=log.parent)
    report = json.loads(done.stdout)
    assert [r["line"] for r in report["rejects"]] == [2, 3]
    (named,) = [ln for ln in done.stderr.decode().splitlines() if ln.startswith("rejects: ")]
    kept = Path(named.removeprefix("rejects: "))
    lines = [json.loads(line) for line in kept.read_text().splitlines()]
    kept.unlink()
    assert [(one["path"], one["line"]) for one in lines] == [(str(log), 2), (str(log), 3)]
    assert "not json" not in json.dumps(lines)


def test_what_has_no_unit_is_listed_with_its_kind(tmp_path: Path) -> None:
    said = stillhunt("rules", "list", cwd=tmp_path).stderr.decode()
    assert "[]" not in said
    assert "    volume.tokens_per_day = 100000 [output tokens]\n" in said
    assert "    volume.lookback = 1d [duration]\n" in said
    assert '    burst.paths = "" [paths]\n' in said


def test_rules_and_schemas_are_printed(tmp_path: Path) -> None:
    listed = json.loads(stillhunt("rules", "list", "--json", "-", cwd=tmp_path).stdout)
    names = {p["name"]: p["default"] for hunt in listed["hunts"] for p in hunt["parameters"]}
    assert names["volume.tokens_per_day"] == 100_000
    assert names["burst.requests_per_minute"] == 100
    assert b"SELECT" in stillhunt("rules", "show", "burst", cwd=tmp_path).stdout
    schema = json.loads(stillhunt("schema", "exchange", cwd=tmp_path).stdout)
    assert "ts_us" in schema["properties"]


def test_a_rule_that_would_write_to_the_terminal_is_refused(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "docs" / "rules.md").read_text("utf-8")
    rule = text.partition("```toml\n")[2].partition("```")[0]
    assert 'title = "' in rule
    (tmp_path / "mine.toml").write_text(
        rule.replace('title = "', 'title = "\\u001b]0;pwn\\u0007', 1)
    )
    (tmp_path / "stillhunt.toml").write_text('[hunt]\nrules = ["mine.toml"]\n')
    ran = stillhunt("rules", "show", "mine", cwd=tmp_path)
    assert ran.returncode == 2
    assert b"title holds the control character U+001B" in ran.stderr
    assert b"\x1b" not in ran.stdout + ran.stderr


def test_a_rule_is_shown_so_that_a_terminal_does_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from typer.testing import CliRunner  # noqa: PLC0415 - only here

    from stillhunt.cli.rules import app  # noqa: PLC0415
    from stillhunt.hunt import catalogue  # noqa: PLC0415

    monkeypatch.setattr(catalogue, "show", lambda *_: "a\x1b]0;pwn\x07\n\tb\u202e")
    assert CliRunner().invoke(app, ["show", "x"]).output == "a\\x1b]0;pwn\\x07\n        b\\u202e\n"


def test_replay_keeps_what_is_over_by_the_end(log: Path) -> None:
    lines = [exchange(i, output_tokens=50_000) for i in range(20)]
    late = {"ts": "2026-10-15T00:00:00Z", "account_id": "a2", "path": "/v1/messages"}
    log.write_text("\n".join([*lines, json.dumps(late)]) + "\n")
    done = stillhunt("hunt", str(log), "--json", "-", "--replay", "1h", cwd=log.parent)
    report = json.loads(done.stdout)
    (volume,) = [f for f in report["findings"] if f["detector"] == "volume"]
    assert volume["subject"]["account_id"] == "a1"
    assert volume["first_alert_at"] == "2026-10-12T01:00:00Z"
    assert [d["findings"] for d in report["detectors"] if d["name"] == "volume"] == [1]
    assert [a["account_id"] for a in report["accounts"]] == ["a1"]
    assert done.returncode == 1


def test_a_wrong_argument_is_refused_before_anything_is_read(log: Path) -> None:
    for words in (("--until", "soon"), ("--accounts", "none.csv"), ("--replay", "often"),
                  ("--until", "9" * 30)):  # fmt: skip
        done = stillhunt("hunt", str(log), "--lake", "lake", *words, cwd=log.parent)
        assert done.returncode == 2, done.stderr
        assert not (log.parent / "lake").exists()


def test_an_account_with_a_nul_in_its_name_hides_nobody(log: Path) -> None:
    hostile = exchange(0, account_id="a\0b", output_tokens=300_000)
    log.write_text(hostile + "\n")
    done = stillhunt("hunt", str(log), "--json", "-", "--html", "page.html", cwd=log.parent)
    assert done.returncode == 1, done.stderr
    (volume,) = [f for f in json.loads(done.stdout)["findings"] if f["detector"] == "volume"]
    assert volume["subject"]["account_id"] == "a\0b"


def test_an_extra_slash_is_no_way_past_a_rule(log: Path) -> None:
    log.write_text(
        "\n".join(exchange(i, path="/v1//messages/", output_tokens=2_000) for i in range(60))
    )
    done = stillhunt("hunt", str(log), "--quiet", cwd=log.parent)
    assert done.returncode == 1


def test_what_the_lake_knew_is_counted_apart(log: Path) -> None:
    stillhunt("hunt", str(log), "--lake", "lake", "--quiet", cwd=log.parent)
    again = stillhunt("hunt", str(log), "--lake", "lake", "--json", "-", cwd=log.parent)
    (one,) = json.loads(again.stdout)["inputs"]
    assert (one["lines"], one["known_lines"]) == (0, 60)
    assert b"60 lines more were in the lake already" in again.stderr


def test_a_replay_of_too_many_steps_is_refused(log: Path) -> None:
    log.write_text(exchange(0) + "\n" + exchange(0, ts="2026-10-14T00:00:00Z") + "\n")
    done = stillhunt("hunt", str(log), "--replay", "1s", cwd=log.parent)
    assert done.returncode == 2
    assert b"172,800 steps" in done.stderr


def test_a_full_disk_under_standard_output_is_said_in_a_sentence(log: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "stillhunt", "hunt", str(log), "--json", "-", "--quiet"],
            cwd=log.parent, stdout=full, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert done.returncode == 3
    assert b"cannot write --json -" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_report_is_written_whole(log: Path) -> None:
    stillhunt("hunt", str(log), "--json", "report.json", "--quiet", cwd=log.parent)
    assert json.loads((log.parent / "report.json").read_text())["findings"]
    assert not list(log.parent.glob("*.new"))


def test_a_pipe_with_a_name_is_written_to_and_not_replaced(log: Path) -> None:
    pipe = log.parent / "answers"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE)
    stillhunt("ingest", log.name, "--lake", "lake", "--json", pipe.name, cwd=log.parent)
    answer, _ = reader.communicate(timeout=60)
    assert json.loads(answer)["inputs"][0]["rejects"] == 0
    assert pipe.is_fifo()


def test_being_told_to_end_removes_the_temporary_lake(log: Path) -> None:
    folder = log.parent / "temporary"
    folder.mkdir()
    os.mkfifo(log.parent / "pipe")
    process = subprocess.Popen(
        [sys.executable, "-m", "stillhunt", "hunt", "pipe", "--as", "native", "--quiet"],
        cwd=log.parent,
        env={**os.environ, "TMPDIR": str(folder)},
        stderr=subprocess.DEVNULL,
    )
    with (log.parent / "pipe").open("wb") as pipe:  # opens once the hunt reads it
        pipe.write(log.read_bytes())
        pipe.flush()
        assert list(folder.iterdir())
        process.terminate()
        assert process.wait(timeout=60) == 143
    assert list(folder.iterdir()) == []
