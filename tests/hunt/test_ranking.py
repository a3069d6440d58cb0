"""Accounts to look at first: a ranking that never says more than low."""

import math

from stillhunt.hunt.ranking import rank_accounts
from stillhunt.model.finding import Finding, Severity


def _finding(family: str, statistic: float, **more: object) -> Finding:
    usual = {
        "id": "1",
        "detector": "d",
        "severity": Severity.CRITICAL,
        "subject": {"account_id": "a1"},
        "n": 1,
        "first_seen_us": 0,
        "last_seen_us": 0,
    }
    return Finding(family=family, statistic=statistic, **(usual | more))  # type: ignore[arg-type]


def test_a_family_counts_once_with_its_largest_statistic() -> None:
    findings = [_finding("usage", 1.0), _finding("usage", 3.0), _finding("time", 1.0)]
    (account,) = rank_accounts(findings)
    assert account["families"] == {"time": math.log(2), "usage": math.log(4)}
    assert account["score"] == math.log(8)


def test_nobody_stands_above_low_and_nothing_is_claimed() -> None:
    (account,) = rank_accounts([_finding("usage", 99.0)])
    assert account["severity"] == 2
    assert account["q_value"] is None
    assert account["campaign_id"] is None


def test_informational_allowed_and_anonymous_findings_list_nobody() -> None:
    assert not rank_accounts(
        [
            _finding("usage", 9.0, severity=Severity.INFORMATIONAL),
            _finding("usage", 9.0, allowed="agreed"),
            _finding("usage", 9.0, subject={"source_ip": "192.0.2.1"}),
            _finding("usage", 9.0, subject={"account_id": None, "source_ip": "192.0.2.1"}),
        ]
    )


def test_an_informational_finding_adds_to_an_account_that_is_listed() -> None:
    low = _finding("time", 1.0, severity=Severity.INFORMATIONAL)
    (account,) = rank_accounts([low, _finding("usage", 1.0, severity=Severity.LOW)])
    assert set(account["families"]) == {"time", "usage"}


def test_the_highest_score_comes_first() -> None:
    other = _finding("usage", 5.0, subject={"account_id": "b"})
    assert [a["account_id"] for a in rank_accounts([_finding("usage", 1.0), other])] == ["b", "a1"]
