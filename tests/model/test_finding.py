"""A finding's id is the same wherever and however often the same claim is made."""

from stillhunt.model.finding import finding_id

DAY_US = 86_400_000_000


def test_the_order_of_the_subject_does_not_matter() -> None:
    a = finding_id("volume", {"account_id": "a1", "source_ip": "192.0.2.1"}, 5)
    b = finding_id("volume", {"source_ip": "192.0.2.1", "account_id": "a1"}, 5)
    assert a == b


def test_the_day_counts_and_the_hour_does_not() -> None:
    subject = {"source_ip": "192.0.2.1"}
    assert finding_id("burst", subject, 0) == finding_id("burst", subject, DAY_US - 1)
    assert finding_id("burst", subject, 0) != finding_id("burst", subject, DAY_US)


def test_detector_and_subject_tell_findings_apart() -> None:
    subject = {"account_id": "a1"}
    assert finding_id("a", subject, 0) != finding_id("b", subject, 0)
    assert finding_id("a", subject, 0) != finding_id("a", {"account_id": "a2"}, 0)
    assert finding_id("a", {"account_id": None}, 0) != finding_id("a", {"account_id": "None"}, 0)


def test_the_id_never_changes_between_versions() -> None:
    found = finding_id("volume", {"account_id": "a1", "source_ip": "192.0.2.1"}, DAY_US)
    assert found == "dde01fbe-8a33-5645-8536-aa62bcdcbb48"
