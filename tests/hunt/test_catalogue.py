"""What is said of each rule and detector is complete."""

import pytest

from stillhunt.hunt import catalogue
from stillhunt.hunt.report.shape import Rules
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
