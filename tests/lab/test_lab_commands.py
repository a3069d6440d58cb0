"""The lab's commands: knobs and campaigns by name, and a population that is played."""

import json
from pathlib import Path

import pytest
from endpoint_kit import Endpoint
from typer.testing import CliRunner

from stillhunt.cli.lab import app
from stillhunt.lab.simulate import simulate
from stillhunt.model.errors import ConfigError

TINY = ("--accounts", "40", "--days", "1", "--base-rate", "0.25")


def test_knobs_and_campaigns_are_given_by_name(tmp_path: Path) -> None:
    out = tmp_path / "sim"
    words = ["simulate", "--out", str(out), *TINY, "--campaign", "rubric", "--evade", "cards=one"]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0
    truth = [json.loads(line) for line in (out / "truth.jsonl").read_text().splitlines()]
    attackers = {t["account_id"] for t in truth if t["campaign"] == "rubric"}
    assert len(attackers) == 10
    accounts = [json.loads(line) for line in (out / "accounts.jsonl").read_text().splitlines()]
    cards = {a["payment_hash"] for a in accounts if a["account_id"] in attackers} - {None}
    assert len(cards) == 1


def test_a_knob_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    words = ["simulate", "--out", str(tmp_path / "sim"), *TINY, "--evade", "covre=0.2"]
    with pytest.raises(ConfigError, match="did you mean cover"):
        CliRunner().invoke(app, words, catch_exceptions=False)
    assert not (tmp_path / "sim").exists()


def test_a_population_is_played_whole(tmp_path: Path, endpoint: Endpoint) -> None:
    made = simulate(tmp_path / "sim", accounts=20, days=1, size="large", base_rate=0.5)
    words = ["play", str(made.folder), "--url", endpoint.url, "--speed", "max", "--at-once", "8"]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0
    assert f"{made.exchanges:,} requests" in done.output
    assert len(endpoint.asked) == made.exchanges
    assert endpoint.most <= 8


def test_who_gets_no_answer_says_so_by_the_exit_code(tmp_path: Path) -> None:
    row = {
        "ts_us": 0, "account_id": "a", "method": "POST", "path": "/v1/messages", "model": "m",
        "stream": False, "max_tokens": None, "temperature": None, "system_prompt": None,
        "prompt": "x", "source_ip": "192.0.2.1", "user_agent": None,
    }  # fmt: skip
    (tmp_path / "exchanges.jsonl").write_text(json.dumps(row) + "\n")
    words = ["play", str(tmp_path), "--url", "http://127.0.0.1:9"]
    assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 1
