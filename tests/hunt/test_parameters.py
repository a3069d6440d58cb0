"""Parameters: every name, every kind of value, and what a mistake is told."""

from dataclasses import dataclass

import pytest

from stillhunt.hunt.parameters import (
    ALL_US,
    Kind,
    Parameter,
    duration_us,
    entries,
    fields_of,
    items,
    resolve,
)
from stillhunt.hunt.sweep import known_parameters
from stillhunt.model.errors import ConfigError

KNOWN = known_parameters()


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("volume.tokens_per_day", 100_000),
        ("volume.requests_per_day", 5_000),
        ("volume.critical_tokens", 200_000),
        ("volume.lookback", 86_400_000_000),
        ("volume.paths", ""),
        ("volume_account.tokens_per_day", 100_000),
        ("volume_prefix.requests_per_day", 5_000),
        ("heavy_output.requests", 1_000),
        ("heavy_output.mean_tokens", 500),
        ("heavy_output.lookback", ALL_US),
        ("burst.requests_per_minute", 100),
        ("burst.paths", ""),
        ("burst_account.requests_per_minute", 100),
        ("burst_prefix.requests_per_minute", 100),
    ],
)
def test_the_fixed_names_have_their_defaults(name: str, default: int | str) -> None:
    owner, _, parameter = name.partition(".")
    assert resolve(KNOWN, {}, {})[owner][parameter] == default


def of_kind(kind: Kind, default: str, minimum: float = 0) -> Parameter:
    return Parameter(owner="r", name="p", kind=kind, default=default, minimum=minimum)


def test_a_list_is_words_without_blanks_each_once() -> None:
    assert of_kind("list", "").parse(" nat , vpn,nat,, ") == "nat,vpn"
    assert items("a b, c") == ("a b", "c")
    assert items("") == ()


def test_a_map_is_names_with_whole_numbers() -> None:
    assert of_kind("map", "").parse(" a=5, b =1_000,*=0") == "a=5,b=1000,*=0"
    assert entries("a=b=5") == {"a=b": 5}


@pytest.mark.parametrize("text", ["a", "a=", "=5", "a=1.5", "a=-1", "a=5,a=6", "a=1e3"])
def test_a_map_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="give names and whole numbers, such as basic=200000"):
        of_kind("map", "").parse(text)


def test_a_number_of_a_map_has_a_least_value() -> None:
    with pytest.raises(ConfigError, match=r"r\.p is 3 for 'a'; the least is 4"):
        of_kind("map", "", minimum=4).parse("a=3,b=5")


def test_every_parameter_says_what_it_is_for() -> None:
    assert all(parameter.note for parameter in KNOWN)
    assert {p.owner for p in KNOWN} >= {"repetition", "cadence", "volume"}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("60m", 3_600),
        ("24h", 86_400),
        ("1d", 86_400),
        ("7d", 604_800),
        (" 1h ", 3_600),
    ],
)
def test_durations_have_a_unit(text: str, seconds: int) -> None:
    assert duration_us(text) == seconds * 1_000_000


@pytest.mark.parametrize("text", ["", "1", "0d", "-1d", "1.5h", "1w", "1 d", "d", "9" * 12 + "d"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"volume\.lookback is .*such as 90s"):
        resolve(KNOWN, {}, {"volume.lookback": text})


def test_the_longest_duration_is_all() -> None:
    assert duration_us("all") == duration_us("999999999d") == ALL_US


@pytest.mark.parametrize("value", ["x", "", "1.5", "1e5", "nan", "-1"])
def test_a_count_is_a_whole_number_of_at_least_zero(value: str) -> None:
    with pytest.raises(ConfigError, match=r"volume\.tokens_per_day is"):
        resolve(KNOWN, {}, {"volume.tokens_per_day": value})


@pytest.mark.parametrize("value", ["9" * 400, 10**400, 2**53 + 1])
def test_a_number_larger_than_every_engine_counts_is_refused(value: int | str) -> None:
    known = (Parameter(owner="r", name="p", kind="integer", default=1),)
    with pytest.raises(ConfigError, match=r"r\.p is .*; the most is 9007199"):
        resolve(known, {"r": {"p": value}}, {})
    assert resolve(known, {"r": {"p": 2**53}}, {})["r"]["p"] == 2**53


@pytest.mark.parametrize("value", ["nan", "inf", "-0.1", "much"])
def test_a_number_is_finite_and_not_below_its_minimum(value: str) -> None:
    with pytest.raises(ConfigError, match=r"heavy_output\.mean_tokens is"):
        resolve(KNOWN, {}, {"heavy_output.mean_tokens": value})


def test_settings_are_typed_and_the_command_line_wins() -> None:
    file = {"volume": {"tokens_per_day": 7, "requests_per_day": 8}}
    values = resolve(KNOWN, file, {"volume.tokens_per_day": "9"})["volume"]
    assert (values["tokens_per_day"], values["requests_per_day"]) == (9, 8)


@pytest.mark.parametrize("value", [True, 1.5])
def test_a_setting_of_another_type_is_refused(value: float) -> None:
    with pytest.raises(ConfigError, match="whole number"):
        resolve(KNOWN, {"volume": {"tokens_per_day": value}}, {})


def test_unknown_names_are_told_with_their_neighbours() -> None:
    with pytest.raises(ConfigError, match=r"--set volume\.token_per_day.*volume\.tokens_per_day"):
        resolve(KNOWN, {}, {"volume.token_per_day": "1"})
    with pytest.raises(ConfigError, match=r"detectors\.volum\.lookback.*volume\.lookback"):
        resolve(KNOWN, {"volum": {"lookback": "1d"}}, {})


@dataclass(frozen=True, kw_only=True)
class Part:
    """A detector of the tests."""

    least: int = 3
    """Least [things]. More text."""
    share: float = 0.5
    """A share."""
    needs = ("account_id",)


def test_a_field_is_described_by_the_text_below_it() -> None:
    least, share = fields_of("part", Part)
    assert least == Parameter(
        owner="part",
        name="least",
        kind="integer",
        default=3,
        unit="things",
        note="Least [things]. More text.",
    )
    assert (share.kind, share.unit, share.note) == ("number", "", "A share.")


def test_a_share_is_below_the_whole_wherever_it_is_told() -> None:
    told = {"new_model_pivot.share": "1.5"}
    with pytest.raises(ConfigError, match=r"new_model_pivot\.share is '1\.5'; the most is 0\.99"):
        resolve(KNOWN, {}, told)
    with pytest.raises(ConfigError, match=r"the most is 0\.99"):
        resolve(KNOWN, {"new_model_pivot": {"share": 7}}, {})
    assert resolve(KNOWN, {}, {"new_model_pivot.share": "0.9"})["new_model_pivot"]["share"] == 0.9
    plan = Parameter(owner="r", name="p", kind="map", default="", maximum=5)
    with pytest.raises(ConfigError, match=r"r\.p is 6 for 'b'; the most is 5"):
        plan.parse("a=5,b=6")
