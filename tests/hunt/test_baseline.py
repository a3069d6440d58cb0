"""The baseline: quantiles of each rule's figure, and what each would find as a bound."""

from collections.abc import Sequence
from typing import Any

from sweep_kit import DAY, MINUTE, NOON, MemoryLake, Row, exchange, many

from stillhunt.hunt.baseline import baseline
from stillhunt.hunt.settings import HuntSettings


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
