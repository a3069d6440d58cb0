"""The tests that stand in rules: all pass, and each rule has one that a broken rule fails."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from typer.testing import CliRunner

from stillhunt.cli import app
from stillhunt.hunt import sweep
from stillhunt.hunt.rule import Rule, load_rules
from stillhunt.hunt.rule_shape import RuleTest
from stillhunt.hunt.rule_tests import exchanges_of, try_rule, try_rules
from stillhunt.model.errors import ConfigError, RuleError

RULES = {rule.name: rule for rule in load_rules()}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_passes_its_own_tests(name: str) -> None:
    outcomes = list(try_rule(RULES[name]))
    assert outcomes
    assert [one for one in outcomes if one.wrong] == []


def test_a_rule_that_is_tried_looks_for_no_campaigns(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*told: Any) -> None:  # noqa: ANN401
        raise AssertionError("only the rule is asked")

    monkeypatch.setattr(sweep, "find_campaigns", none)
    assert all(one.is_passed for one in try_rule(RULES["volume"]))


def changed(name: str, **parts: Any) -> Rule:  # noqa: ANN401 - any part of a rule
    """Return the rule *name* with some of its parts replaced."""
    kept: Mapping[str, Any] = RULES[name].model_dump(exclude_unset=True)
    return Rule(**{**kept, **parts})


def without(name: str, *tests: str) -> dict[str, Any]:
    """Return the filter of the rule *name* without the conditions on *tests*."""
    made = RULES[name].filter.model_dump(exclude_unset=True)
    made["then"] = [one for one in made["then"] if not set(tests) & set(one)]
    return made


@pytest.mark.parametrize(
    "broken",
    [
        changed("failover", filter=without("failover", "differs_from")),
        changed("failover", filter=without("failover", "apart")),
        changed("failover", filter=without("failover", "within")),
        changed("failover", filter=without("failover", "below")),
        changed("failover", severity=3),
        changed("many_accounts", severity=2),
        changed("many_accounts", severity=1),
        changed("many_accounts", window={"kind": "bins", "span_us": 43_200_000_000}),
        changed("many_addresses", combine="any"),
        changed("many_addresses", severity=2),
        changed("new_model_pivot", combine="any"),
        changed("round_the_clock", combine="any"),
        changed("signature_reuse", derive={"first": {"owner": ["account_id"]}}),
        changed("bulk_signup", severity=2),
        changed("bulk_signup", subject=["email_domain"]),
        changed("heavy_output", combine="any"),
        changed("volume", combine="all"),
        changed("volume", severity=4),
        changed("volume_account", filter={}),
        changed("burst", filter={"paths": "paths"}),
        changed("burst", window={"kind": "sliding", "span_us": 30_000_000}),
    ],
    ids=lambda rule: rule.name,
)
def test_a_broken_rule_fails_a_test_of_its_own(broken: Rule) -> None:
    assert any(one.wrong for one in try_rule(broken))


def fails(broken: Rule) -> bool:
    return any(one.wrong for one in try_rule(broken))


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.filter.paths])
def test_a_rule_that_forgets_its_paths_fails_a_test_of_its_own(name: str) -> None:
    kept = RULES[name].filter.model_dump(exclude_unset=True)
    assert fails(changed(name, filter={key: kept[key] for key in kept if key != "paths"}))


def defaulting(name: str, parameter: str, default: str | int) -> Rule:
    """Return the rule *name* with another default."""
    told = {key: one.model_dump(exclude_unset=True) for key, one in RULES[name].parameters.items()}
    told[parameter]["default"] = default
    return changed(name, parameters=told)


@pytest.mark.parametrize("name", ["many_accounts", "failover"])
@pytest.mark.parametrize("lost", ["vpn", "nat"])
def test_a_kind_of_network_that_is_forgotten_fails_a_test(name: str, lost: str) -> None:
    words = str(RULES[name].parameters["shared_networks"].default).split(",")
    assert lost in words
    kept = ",".join(word for word in words if word != lost)
    assert fails(defaulting(name, "shared_networks", kept))


@pytest.mark.parametrize("status", [401, 402, 403, 429])
def test_a_status_that_is_forgotten_fails_a_test(status: int) -> None:
    kept = RULES["failover"].filter.model_dump(exclude_unset=True)
    (refused,) = (one for one in kept["then"] if one["column"] == "previous_status")
    refused["one_of"] = [one for one in refused["one_of"] if one != status]
    assert fails(changed("failover", filter=kept))


@pytest.mark.parametrize(("name", "parameter", "default"), [
    ("out_of_plan", "tokens_per_day", "anonymous=20001,basic=200000,person=1000000"),
    ("out_of_plan", "tokens_per_day", "anonymous=19999,basic=200000,person=1000000"),
    ("out_of_plan", "tokens_per_day", "anonymous=20000,basic=200000,person=1000001"),
    ("out_of_plan", "tokens_per_day", "anonymous=20000,basic=200000,person=999999"),
    ("new_model_pivot", "history", "13d"),
    ("new_model_pivot", "history", "15d"),
])  # fmt: skip
def test_another_default_fails_a_test(name: str, parameter: str, default: str) -> None:
    assert fails(defaulting(name, parameter, default))


def test_rows_are_repeated_numbered_and_sorted() -> None:
    rows = [
        {"at": "1s", "repeat": 2, "every": "500ms", "account_id": "a{n}", "path": ""},
        {"status": 429},
    ]
    table = exchanges_of(RuleTest.model_validate({"name": "n", "rows": rows}))
    assert table["account_id"].to_pylist() == [None, "a0", "a1"]
    assert table["path"].to_pylist() == ["/v1/messages", None, None]
    first, second, third = table["ts_us"].to_pylist()
    assert (second - first, third - second) == (1_000_000, 500_000)


def test_what_was_not_as_expected_is_said() -> None:
    broken = changed("volume", severity=4)
    (said,) = [line for one in try_rule(broken) for line in one.wrong]
    assert said.startswith("severity of {'account_id': 'a1'")
    assert said.endswith("is 4, expected 5")


def test_a_test_with_too_many_rows_is_refused() -> None:
    test = {"name": "n", "rows": [{"repeat": 200_000}] * 6}
    with pytest.raises(RuleError, match="more than 1,000,000 rows"):
        list(try_rule(changed("volume", tests=[test])))


def test_an_unknown_rule_has_near_names() -> None:
    with pytest.raises(ConfigError, match="did you mean volume"):
        list(try_rules(load_rules(), ["volumes"]))
    with pytest.raises(ConfigError, match="the rules are bulk_signup, burst, "):
        list(try_rules(load_rules(), ["nosuch"]))


def test_the_command_leaves_with_what_happened(tmp_path: Any) -> None:  # noqa: ANN401
    good = CliRunner().invoke(app, ["rules", "test", "round_the_clock", "--json", "-"])
    assert good.exit_code == 0
    document = json.loads(good.stdout)
    assert document["schema"] == "stillhunt.rule-tests/1"
    assert {one["rule"] for one in document["tests"]} == {"round_the_clock"}
    (tmp_path / "mine.toml").write_text(BAD)
    (tmp_path / "stillhunt.toml").write_text('[hunt]\nrules = ["mine.toml"]\n')
    config = ["--config", str(tmp_path / "stillhunt.toml")]
    bad = CliRunner().invoke(app, ["rules", "test", "mine", *config])
    assert bad.exit_code == 1
    assert "no finding about" in bad.stderr
    assert CliRunner().invoke(app, ["rules", "show", "mine", *config]).exit_code == 0


BAD = """
version = 1
title = "t"
description = "d"
statistic = "s"
family = "usage"
subject = ["account_id"]
needs = ["account_id"]
severity = 1
look_alikes = "l"
cost_to_evade = "c"
source = "s"
[window]
kind = "bins"
span_us = 3_600_000_000
[figures]
total = { measure = "count" }
[[bounds]]
figure = "total"
above = "least"
[parameters.least]
type = "integer"
default = 5
note = "n"
[[tests]]
name = "five are not more than five"
rows = [{ repeat = 5, account_id = "a1" }]
findings = [{ subject = { account_id = "a1" } }]
"""
