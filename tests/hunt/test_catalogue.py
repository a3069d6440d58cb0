"""What is said of each rule and detector is complete."""

import re

import pytest
from sweep_kit import DAY, NOON, MemoryLake, many

from stillhunt.hunt import catalogue
from stillhunt.hunt.parameters import resolve
from stillhunt.hunt.report.shape import Rules
from stillhunt.hunt.rule import Rule, load_rules
from stillhunt.hunt.rule_sql import rule_sql, shown_sql
from stillhunt.model.errors import ConfigError
from stillhunt.model.exchange import COLUMNS

FIXED = {
    "volume.tokens_per_day": 100_000,
    "volume.requests_per_day": 5_000,
    "volume.critical_tokens": 200_000,
    "volume.lookback": "1d",
    "volume.paths": "",
    "heavy_output.requests": 1_000,
    "heavy_output.mean_tokens": 500,
    "burst.requests_per_minute": 100,
    "burst.paths": "",
}


def test_the_names_and_defaults_that_others_rely_on_are_there() -> None:
    known = {p.full_name: p.default for hunt in catalogue.hunts() for p in hunt.parameters}
    assert {name: known.get(name) for name in FIXED} == FIXED


@pytest.mark.parametrize("hunt", catalogue.hunts(), ids=lambda hunt: hunt.name)
def test_each_says_what_it_costs_to_evade_and_what_looks_the_same(hunt: catalogue.Hunt) -> None:
    for head in ("statistic", "look-alikes", "cost to evade", "source"):
        assert head in hunt.text.lower(), f"{hunt.name} does not say: {head}"
    assert all(p.note for p in hunt.parameters)
    columns = {c.name for c in COLUMNS}
    assert columns.issuperset((*hunt.needs, *hunt.either, *hunt.uses))


def test_what_a_log_can_answer_follows_from_its_columns() -> None:
    nginx = ("ts_us", "source_ip", "method", "path", "status", "user_agent")
    assert catalogue.answer("volume", nginx) == "partly"
    assert catalogue.answer("volume_account", nginx) == "no"
    assert catalogue.answer("burst", nginx) == "yes"


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    with pytest.raises(ConfigError, match="did you mean volume"):
        catalogue.show("volumn")


def test_the_listing_has_its_published_shape() -> None:
    listing = catalogue.listing()
    assert Rules.model_validate(listing).model_dump(by_alias=True) == listing


def summed(sql: str) -> str:
    """Return *sql* with each difference of two numbers worked out."""
    return re.sub(r"\b(\d+) - (\d+)\b", lambda match: str(int(match[1]) - int(match[2])), sql)


@pytest.mark.parametrize("rule", load_rules(), ids=lambda rule: rule.name)
def test_a_query_that_is_shown_names_its_ends_and_is_the_one_that_is_asked(rule: Rule) -> None:
    values = resolve(rule.known_parameters, {}, {})[rule.name]
    shown = shown_sql(rule, values)
    assert {":from_us", ":until_us"} <= set(re.findall(r":[a-z_]+us\b", shown))
    head, _, query = shown.partition("\n")
    assert head.startswith("-- :until_us: end of the period, us since 1970")
    filled = query.replace(":from_us", str(7 * DAY)).replace(":until_us", str(9 * DAY))
    assert summed(filled) == summed(rule_sql(rule, values, 7 * DAY, 9 * DAY))


def test_a_shown_query_runs_once_its_ends_are_put_in() -> None:
    (hunt,) = (one for one in catalogue.hunts() if one.name == "volume_account")
    assert "-- :until_us: end of the period" in catalogue.show("volume_account")
    assert f":from_us: :until_us - {DAY}, not included" in hunt.sql
    sql = hunt.sql.replace(":from_us", str(NOON - 1)).replace(":until_us", str(NOON + DAY))
    found = MemoryLake(many(5_001)).connect().execute(sql).fetchall()
    assert [row[0] for row in found] == ["a1"]
    (whole,) = (one for one in catalogue.hunts() if one.name == "heavy_output")
    assert ":from_us: -1, not included" in whole.sql
