"""A whole hunt of a simulated population: who is named, who is not, and what is said of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from stillhunt.hunt.call import hunt
from stillhunt.hunt.campaigns import links
from stillhunt.hunt.settings import HuntSettings
from stillhunt.lab.simulate import simulate

Told = tuple[dict[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Return what each account is, and the report of a hunt of 700 accounts, 28 attackers."""
    folder = tmp_path_factory.mktemp("campaigns") / "population"
    simulate(folder, accounts=700, seed=5, campaigns=("pool",), base_rate=0.04)
    report = hunt(
        folder / "exchanges.jsonl",
        as_="native",
        accounts=folder / "accounts.jsonl",
        events=folder / "events.jsonl",
        config=HuntSettings(),
    )
    lines = (folder / "truth.jsonl").read_text().splitlines()
    truth = {t["account_id"]: t["label"] for t in map(json.loads, lines)}
    return truth, report.document


def test_a_pool_under_every_limit_is_named_as_one(told: Told) -> None:
    truth, document = told
    attackers = {name for name, label in truth.items() if label == "attack"}
    first = document["campaigns"][0]
    assert len(attackers & set(first["accounts"])) >= 0.8 * len(attackers)
    assert first["severity"] >= 4
    assert first["exchanges"] > 100
    assert first["output_tokens"] > 10_000
    assert sum(first["models"].values()) == first["exchanges"]


def test_nobody_honest_is_accused_gravely(told: Told) -> None:
    truth, document = told
    grave = {one["account_id"] for one in document["accounts"] if one["severity"] >= 4}
    assert {name for name in grave if truth[name] == "benign"} == set()


def test_both_sides_are_told_with_figures(told: Told) -> None:
    _, document = told
    for one in document["campaigns"]:
        assert one["evidence"]
        for claim in (*one["evidence"], *one["counter_evidence"]):
            assert claim["claim"]
            assert claim["figures"]


def test_an_account_is_said_of_once_and_as_its_campaign_says(told: Told) -> None:
    _, document = told
    named = [one["account_id"] for one in document["accounts"]]
    assert len(named) == len(set(named))
    of = {name: one["id"] for one in document["campaigns"] for name in one["accounts"]}
    for one in document["accounts"]:
        if one["campaign_id"] is not None:
            assert of[one["account_id"]] == one["campaign_id"]
            assert 0 <= one["q_value"] <= 0.05


def test_a_pool_is_found_where_not_all_that_is_shared_can_be_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What people share in measures of their own is left out before what a pool shares evenly."""
    monkeypatch.setattr(links, "MOST_LINKED", 30_000)
    simulate(tmp_path / "p", accounts=500, seed=6, campaigns=("pool",), base_rate=0.04)
    report = hunt(
        tmp_path / "p" / "exchanges.jsonl",
        as_="native",
        accounts=tmp_path / "p" / "accounts.jsonl",
        config=HuntSettings(),
    )
    lines = (tmp_path / "p" / "truth.jsonl").read_text().splitlines()
    attackers = {t["account_id"] for t in map(json.loads, lines) if t["label"] == "attack"}
    named = {name for one in report.document["campaigns"] for name in one["accounts"]}
    assert len(named & attackers) >= 0.7 * len(attackers)
