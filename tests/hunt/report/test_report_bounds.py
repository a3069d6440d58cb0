"""The baseline is told bound by bound, within 100 columns."""

from stillhunt.hunt.report.terminal import baseline_text


def test_each_bound_says_where_it_stands_and_how_to_move_it() -> None:
    answer = {
        "schema": "stillhunt.baseline/1",
        "period": "2026-03-02T00:00:00Z to 2026-03-09T00:00:00Z",
        "rules": [
            {
                "rule": "volume", "answered": "yes", "figure": "total_output_tokens",
                "figures": 1_200, "max": 363_942_117, "parameter": "volume.tokens_per_day",
                "bound": 100_000, "findings": 1,
                "quantiles": {
                    "p99.9": {"value": 52_000, "findings": 12,
                              "set": "--set volume.tokens_per_day=52000"},
                },
            },
            {"rule": "volume", "answered": "no", "missing": ["output_tokens"],
             "figure": "total_output_tokens"},
            {"rule": "burst", "answered": "no", "missing": ["source_ip", "\x1b"]},
            {"rule": "failover", "answered": "partly", "figure": "stepped_in", "figures": 0,
             "per": "subjects and days", "max": None, "parameter": "failover.accounts",
             "bound": 3, "findings": 0, "quantiles": {}},
        ],
    }  # fmt: skip
    text = baseline_text(answer)
    assert "volume: total_output_tokens of 1,200 subjects, at most 363,942,117" in text
    assert "now           100,000           1 finding  volume.tokens_per_day" in text
    assert "p99.9          52,000         12 findings  --set volume.tokens_per_day=52000" in text
    assert "burst: no answer, needs source_ip, \\x1b" in text
    assert "volume: total_output_tokens: no answer, needs output_tokens" in text
    assert "failover: stepped_in of 0 subjects and days\n  now " in text
    assert max(map(len, text.splitlines())) <= 100


def test_an_option_is_shown_whole_and_names_its_group_and_the_other_bounds() -> None:
    told = "--set out_of_plan.tokens_per_day=" + ",".join(f"tier{k}={k}" for k in range(40))
    answer = {
        "period": "2026-03-02T00:00:00Z to 2026-03-09T00:00:00Z",
        "rules": [
            {
                "rule": "out_of_plan", "answered": "yes", "figure": "output_tokens",
                "figures": 9, "per": "subjects and days", "where": {"tier": "tier7"},
                "held": {"requests": 480}, "max": 8, "parameter": "out_of_plan.tokens_per_day",
                "bound": 7, "findings": 1,
                "quantiles": {"p50": {"value": 2, "findings": 3, "set": told}},
            },
        ],
    }  # fmt: skip
    text = baseline_text(answer)
    assert "output_tokens of 9 subjects and days with tier tier7, at most 8\n" in text
    assert "\n  if also requests > 480\n" in text
    assert told in text
