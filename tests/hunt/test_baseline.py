"""The baseline: quantiles of each rule's figure, and what each would find as a bound."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sweep_kit import DAY, HOUR, MINUTE, NOON, MemoryLake, Row, exchange, many

from stillhunt.hunt.baseline import baseline
from stillhunt.hunt.directory import Directory
from stillhunt.hunt.settings import Hunting, HuntSettings
from stillhunt.hunt.sweep import sweep


def _row(
    rows: Sequence[Row], parameter: str, told: dict[str, str] | None = None
) -> dict[str, Any]:
    answer = baseline(MemoryLake(rows), settings=HuntSettings(), overrides=told or {})
    return next(one for one in answer["rules"] if one.get("parameter") == parameter)


def test_each_subject_and_window_is_one_figure() -> None:
    rows: list[Row] = []
    for k in range(100):  # account k sends k + 1 requests on the first day and one on the second
        rows += many(k + 1, account_id=f"a{k}", step=1)
        rows.append(exchange(NOON + DAY + 1_000, account_id=f"a{k}"))
    told = {"volume_account.requests_per_day": "90"}
    row = _row(rows, "volume_account.requests_per_day", told)
    assert (row["figures"], row["max"], row["bound"], row["findings"]) == (200, 100, 90, 10)
    assert row["quantiles"]["p50"] == {
        "value": 1,
        "findings": 99,
        "set": "--set volume_account.requests_per_day=1",
    }
    assert row["quantiles"]["p99"]["value"] == 98
    assert row["quantiles"]["p99"]["findings"] == 2
    assert row["quantiles"]["p99.9"]["value"] == 100


def test_windows_lie_end_to_end_from_the_newest_exchange() -> None:
    rows = [exchange(NOON - DAY), exchange(NOON - DAY + 1), exchange(NOON)]
    row = _row(rows, "volume.requests_per_day")
    assert (row["figures"], row["max"]) == (2, 2)


def test_a_burst_figure_is_the_fullest_minute() -> None:
    rows = [
        *many(3, step=1),
        *many(5, start=NOON + MINUTE, step=1),
        *many(2, source_ip="192.0.2.2"),
    ]
    row = _row(rows, "burst.requests_per_minute")
    assert (row["figures"], row["max"]) == (2, 5)


def test_a_rule_that_cannot_be_answered_says_what_it_misses() -> None:
    rows = many(3, output_tokens=None)
    answer = baseline(MemoryLake(rows), settings=HuntSettings())
    assert {"rule": "heavy_output", "answered": "no", "missing": ["output_tokens"]} in answer[
        "rules"
    ]
    tokens = _row(rows, "volume.tokens_per_day")
    assert (tokens["answered"], tokens["quantiles"]) == ("no", {})
    assert tokens["missing"] == ["output_tokens"]
    requests = next(one for one in answer["rules"] if "requests_per_day" in str(one))
    assert set(requests) == {
        "rule", "answered", "figure", "figures", "per", "where", "held", "max", "parameter",
        "bound", "findings", "quantiles",
    }  # fmt: skip
    assert answer["period"] == "2026-03-01T12:00:00Z to 2026-03-01T12:00:02Z"


def test_an_empty_lake_has_no_baseline() -> None:
    answer = baseline(MemoryLake([]), settings=HuntSettings())
    assert {one["answered"] for one in answer["rules"]} == {"no"}


def test_the_level_of_a_mean_is_rounded_up_to_a_tenth() -> None:
    rows = [exchange(NOON + k, account_id="a1", output_tokens=n) for k, n in enumerate((1, 1, 2))]
    row = _row(rows, "heavy_output.mean_tokens")
    assert row["quantiles"]["p50"]["value"] == 1.4
    assert row["quantiles"]["p50"]["set"] == "--set heavy_output.mean_tokens=1.4"
    assert row["quantiles"]["p50"]["findings"] == 0


def _days(name: str, days: Sequence[int], *, hours: int, requests: int) -> list[Row]:
    """Return *requests* in each of the first *hours* of some UTC days."""
    return [
        exchange(NOON - 12 * HOUR + day * DAY + hour * HOUR + k, account_id=name, model=f"m{day}")
        for day in days
        for hour in range(hours)
        for k in range(requests)
    ]


PEOPLE = [
    *_days("always", range(5), hours=24, requests=3),
    *_days("busy", range(5), hours=8, requests=9),
    *_days("twice", (0, 1, 3, 4), hours=24, requests=3),
    *_days("thin", range(5), hours=24, requests=1),
    *many(9, account_id="long", output_tokens=900),
    *many(2, account_id="rare", output_tokens=900),
]
TOLD = {
    "round_the_clock.requests": "48", "heavy_output.requests": "5",
    "new_model_pivot.requests": "20", "new_model_pivot.earlier": "20",
}  # fmt: skip
"""Several bounds that have to hold together, each exceeded alone by somebody."""


@pytest.mark.parametrize("rule", ["round_the_clock", "heavy_output", "new_model_pivot"])
def test_now_is_what_the_report_finds_where_bounds_hold_together(rule: str) -> None:
    lake, settings = MemoryLake(PEOPLE), HuntSettings()
    found = sweep(lake, settings=settings, overrides=TOLD).findings
    count = sum(one.detector == rule for one in found)
    assert count
    answer = baseline(lake, settings=settings, overrides=TOLD)
    rows = [one for one in answer["rules"] if one["rule"] == rule]
    assert [one["findings"] for one in rows] == [count] * len(rows)
    assert all(len(one["held"]) == len(rows) - 1 for one in rows)


def test_a_quantile_is_counted_with_the_other_bounds_as_they_are() -> None:
    row = _row(PEOPLE, "round_the_clock.hours", TOLD)
    assert row["held"] == {"requests": 48}
    assert row["per"] == "subjects and days"
    assert row["quantiles"]["p50"]["value"] == 24
    low = _row(PEOPLE, "round_the_clock.hours", {**TOLD, "round_the_clock.hours": "5"})
    assert low["findings"] == 4  # always, busy, and twice two episodes; thin sends too little


def test_a_tier_is_named_and_the_option_is_ready_for_a_shell() -> None:
    known = Directory(
        table=pa.table({"account_id": ["a1", "a2"], "tier": ["basic", "gold"]}), duplicates=0
    )
    told = {"out_of_plan.tokens_per_day": "basic=5,*=7"}
    rows = [*many(3, output_tokens=3), *many(3, account_id="a2", output_tokens=3)]
    answer = baseline(MemoryLake(rows), settings=HuntSettings(), overrides=told, accounts=known)
    plans = [one for one in answer["rules"] if one["rule"] == "out_of_plan"]
    assert [(one["where"], one["figures"], one["findings"]) for one in plans] == [
        ({"tier": "basic"}, 1, 1),
        ({"tier": "*"}, 1, 1),
    ]
    assert plans[1]["quantiles"]["p50"]["set"] == (
        "--set 'out_of_plan.tokens_per_day=*=9,basic=5'"
    )


def test_a_rule_that_found_nothing_to_measure_was_answered_all_the_same() -> None:
    row = _row(many(3, status=200), "failover.accounts")
    assert (row["answered"], row["figures"], row["findings"]) == ("partly", 0, 0)


def test_short_bins_less_than_a_day_apart_are_one_finding(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")
    text = page.partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "many_refusals.toml").write_text(text)
    settings = HuntSettings(folder=tmp_path, hunt=Hunting(rules=("*.toml",)))
    rows = [
        row
        for hour in (0, 3, 28, 30, 56)
        for row in many(3, start=NOON + hour * HOUR, step=1, status=429)
    ]
    told = {"many_refusals.refused": "2"}
    found = sweep(MemoryLake(rows), settings=settings, overrides=told).findings
    assert sum(one.detector == "many_refusals" for one in found) == 3
    answer = baseline(MemoryLake(rows), settings=settings, overrides=told)
    (row,) = (one for one in answer["rules"] if one["rule"] == "many_refusals")
    assert (row["figures"], row["per"], row["findings"]) == (5, "subjects and bins", 3)
