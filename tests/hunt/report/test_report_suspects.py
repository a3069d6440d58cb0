"""Findings are put together under the name that they are about."""

import report_crowd as crowd

from stillhunt.hunt.report.suspects import began_us, name_of, notable, rank
from stillhunt.model.finding import Severity


def test_the_most_telling_column_names_a_finding() -> None:
    both = {"source_ip": "192.0.2.1", "account_id": "a"}
    assert name_of(crowd.finding("volume", both)) == ("account_id", "a")
    assert name_of(crowd.finding("volume", both | {"account_id": None})) == (
        "source_ip",
        "192.0.2.1",
    )
    assert name_of(crowd.finding("foreign", {"colour": "blue"})) == ("colour", "blue")
    assert name_of(crowd.finding("foreign", {})) == ("subject", "None")


def test_one_name_gathers_its_findings_gravest_first() -> None:
    first = rank(crowd.findings())[0]
    assert (first.kind, first.name) == ("account_id", crowd.HARVESTER)
    assert first.severity is Severity.CRITICAL
    assert [one.severity for one in first.findings] == sorted(
        (one.severity for one in first.findings), reverse=True
    )
    assert first.families == ("content", "time", "usage")
    assert first.detectors[:2] == ("volume_account", "volume")
    assert first.first_seen_us < first.last_seen_us


def test_what_is_allowed_makes_nobody_a_suspect() -> None:
    assert "batch-5@example.com" not in {one.name for one in rank(crowd.findings())}


def test_pictures_mark_the_grave_and_only_else_the_weak() -> None:
    weak = crowd.finding("cadence", {"account_id": "w"}, severity=Severity.LOW)
    grave = crowd.finding("volume", {"account_id": "g"}, severity=Severity.MEDIUM)
    assert [one.name for one in notable(rank([weak, grave]))] == ["g"]
    assert [one.name for one in notable(rank([weak]))] == ["w"]


def test_an_episode_may_have_begun_before_the_window() -> None:
    def begun(told: object) -> int:
        return began_us(
            crowd.finding("volume", {"account_id": "a"}, evidence={"episode_began": told})
        )

    start = crowd.START_US + 3 * crowd.DAY_US + crowd.HOUR_US
    assert begun("2026-03-02T00:00:00Z") == crowd.START_US
    assert begun("2026-03-08T00:00:00Z") == start
    assert begun("2026-03-02T00:00:00") == begun("soon") == begun(None) == begun(7) == start
