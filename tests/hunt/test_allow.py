"""Allowed subjects: what an entry covers, and what it must not."""

import datetime

import pytest
from sweep_kit import DAY, NOON

from stillhunt.hunt.allow import apply_allow, check_allow
from stillhunt.hunt.settings import Allow
from stillhunt.model.errors import ConfigError
from stillhunt.model.finding import Finding, Severity


def _finding(last: int = NOON, detector: str = "volume", **subject: str | None) -> Finding:
    return Finding(
        id="1",
        detector=detector,
        family="usage",
        severity=Severity.HIGH,
        subject=subject,
        statistic=1.0,
        n=1,
        first_seen_us=NOON - DAY,
        last_seen_us=last,
    )


def _allowed(entry: Allow, finding: Finding, orgs: dict[str, set[str]] | None = None) -> bool:
    (marked,) = apply_allow([finding], [entry], orgs)
    assert marked.allowed in (None, "agreed")
    return marked.allowed is not None


def test_a_subject_needs_every_key_that_is_given() -> None:
    entry = Allow(account_id="a1", source_ip="192.0.2.1", reason="agreed")
    assert _allowed(entry, _finding(account_id="a1", source_ip="192.0.2.1"))
    assert not _allowed(entry, _finding(account_id="a1", source_ip="192.0.2.2"))
    assert not _allowed(entry, _finding(account_id="a1"))
    assert _allowed(
        Allow(account_id="a1", reason="agreed"), _finding(account_id="a1", source_ip="192.0.2.2")
    )


@pytest.mark.parametrize(
    ("detectors", "is_allowed"), [((), True), (("burst", "volume"), True), (("burst",), False)]
)
def test_no_detectors_means_all(detectors: tuple[str, ...], is_allowed: bool) -> None:
    entry = Allow(account_id="a1", detectors=detectors, reason="agreed")
    assert _allowed(entry, _finding(account_id="a1")) is is_allowed


@pytest.mark.parametrize(("last", "is_allowed"), [(DAY // 2 - 1, True), (DAY // 2, False)])
def test_the_day_it_expires_is_still_covered(last: int, is_allowed: bool) -> None:
    entry = Allow(account_id="a1", expires=datetime.date(2026, 3, 1), reason="agreed")
    assert _allowed(entry, _finding(NOON + last, account_id="a1")) is is_allowed


def test_an_address_lies_in_its_prefix() -> None:
    entry = Allow(source_prefix="192.0.2.0/24", reason="agreed")
    assert _allowed(entry, _finding(source_ip="192.0.2.9"))
    assert _allowed(entry, _finding(source_prefix="192.0.2.0/24"))
    assert not _allowed(entry, _finding(source_ip="198.51.100.9"))
    assert not _allowed(entry, _finding(source_ip="2001:db8::1"))
    assert not _allowed(entry, _finding(source_ip=None, account_id="a1"))


def test_an_account_of_several_organisations_is_not_covered_by_one() -> None:
    entry = Allow(org_id="o1", reason="agreed")
    assert _allowed(entry, _finding(account_id="a1"), {"a1": {"o1"}})
    assert not _allowed(entry, _finding(account_id="a1"), {"a1": {"o1", "o2"}})
    assert not _allowed(entry, _finding(account_id="a2"), {"a1": {"o1"}})


def test_an_entry_without_a_subject_would_allow_everybody_and_is_refused() -> None:
    entry = Allow(reason="agreed")
    with pytest.raises(ConfigError, match="names no subject"):
        check_allow([entry], ["volume"])
    assert not _allowed(entry, _finding(account_id="a1"))


def test_an_unknown_detector_is_told_with_its_neighbours() -> None:
    with pytest.raises(ConfigError, match="'volum'; did you mean volume"):
        check_allow([Allow(account_id="a", detectors=("volum",), reason="r")], ["volume"])


def test_a_prefix_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"source_prefix is '192\.0\.2\.1/24'"):
        check_allow([Allow(source_prefix="192.0.2.1/24", reason="r")], [])
