"""Real input, where ``STILLHUNT_DATA`` names it: nothing lost, and honest customers are found."""

import json
from pathlib import Path

import numpy as np
import pytest
from benchmarks.real_input import apache, customers
from benchmarks.servegen import BUSIEST_DAY, clients, write_day

pytestmark = pytest.mark.data


def test_the_apache_log_loses_no_line_and_awk_agrees(data: Path) -> None:
    log = apache(data)
    assert log["lines"] == log["lines_by_split"] == 4_525
    assert log["rows"] + log["rejects"] == log["lines"]
    assert log["rejects"] == 0
    assert log["busiest"] == log["busiest_by_awk"]


def test_honest_customers_pass_the_bounds_of_the_rules(data: Path) -> None:
    day = customers(data, most=300)
    assert day["lines"] == day["rows"]
    shares = {row["hunt"]: row["share"] for row in day["hunts"]}
    assert shares["repetition: low"] > 0.2
    assert {row["bound"]: row["share"] for row in day["unthinned"]}[
        "more than 5,000 requests a day"
    ] > 0.5


def test_a_replay_keeps_counts_and_token_means_of_the_trace(data: Path, tmp_path: Path) -> None:
    replay = write_day(data, tmp_path / "day.jsonl", most=400)
    text = (tmp_path / "day.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.split("\n")[:-1]]
    assert len(rows) == replay.rows
    counts: dict[str, int] = {}
    tokens: dict[str, list[int]] = {}
    for row in rows:
        counts[row["account_id"]] = counts.get(row["account_id"], 0) + 1
        tokens.setdefault(row["account_id"], []).append(row["output_tokens"])
    for client in clients(data, BUSIEST_DAY):
        name = client.name.replace("language/", "")
        expected = client.requests / replay.thinned[client.name]
        assert counts.get(name, 0) == pytest.approx(expected, abs=5 * np.sqrt(expected) + 5)
    off = [
        np.median(tokens[name]) / max(client.output_median, 1)
        for client in clients(data, BUSIEST_DAY)
        if len(tokens.get(name := client.name.replace("language/", ""), [])) > 300
    ]
    assert np.median(off) == pytest.approx(1, abs=0.15)
