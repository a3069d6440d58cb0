"""The first paragraph says who, how much, its price, since when and how sure."""

# ruff: noqa: ANN401 - stand-ins of any shape
from typing import Any

import report_crowd as crowd

from stillhunt.hunt.report.panels import Pictures, Spend
from stillhunt.hunt.report.story import ACCUSES_NOBODY, Story, tell
from stillhunt.model.finding import Finding, Severity


def words(story: Story) -> str:
    return "".join(piece.text for piece in story.said)


def sure(story: Story) -> str:
    return "".join(piece.text for piece in story.sure)


def spend(name: str, tokens: int | None, **more: Any) -> Spend:
    told: dict[str, Any] = {"requests": 1_000, "input_tokens": None, "first_us": 0, "last_us": 1}
    told |= {"cost": None if tokens is None else tokens * 15e-6} | more
    return Spend(name=name, output_tokens=tokens, **told)


def figures(*spends: tuple[str, Spend], tokens: int | None = 2_000_000, **more: Any) -> Pictures:
    told: dict[str, Any] = {
        "who": "account_id", "names": 9, "requests": 4_000, "input_tokens": None,
        "output_tokens": tokens, "cost": None, "currency": "EUR", "input_price": 3.0,
        "output_price": 15.0, "assumed": 1.0,
    }  # fmt: skip
    return Pictures(spends={(kind, one.name): one for kind, one in spends}, **(told | more))


def volume(name: str = "a1", kind: str = "account_id", **more: Any) -> Finding:
    return crowd.finding("volume_account", {kind: name}, **more)


def test_one_account_is_told_in_full() -> None:
    mine = spend("a1", 1_000_000, requests=6_420, others=3)
    story = tell(crowd.document([volume(statistic=2.4)]), figures(("account_id", mine)))
    assert story.title == "One account stands out"
    assert words(story) == (
        "Account a1 took 1M output tokens (50 % of all) in 6,420 requests from 3 addresses, "
        "worth about EUR 15.00 at assumed prices (EUR 3 and 15 per million input and output "
        "tokens). It stands out since 2026-03-05 01:00 UTC, last at 2026-03-07 05:00. "
    )
    assert sure(story).startswith(
        "How sure: volume_account points at it: one kind of evidence (usage), "
        "at most 2.4\u00d7 its bound."
    )
    assert sure(story).endswith(ACCUSES_NOBODY)


def test_listed_prices_are_not_called_assumed() -> None:
    mine = ("account_id", spend("a1", 10))
    document = crowd.document([volume()])
    assert " at list prices. " in words(tell(document, figures(mine, assumed=0.0)))
    assert "list prices, 40 % of it assumed" in words(tell(document, figures(mine, assumed=0.4)))


def test_without_tokens_there_is_no_price() -> None:
    mine = ("account_id", spend("a1", None))
    told = words(tell(crowd.document([volume()]), figures(mine, tokens=None)))
    assert (
        "took 1,000 requests (25 % of all); the log counts no tokens, so it has no price." in told
    )


def test_without_pictures_the_finding_itself_is_told() -> None:
    told = words(tell(crowd.document([volume(n=77)])))
    assert told.startswith("Account a1 crossed its bounds in 77 requests. ")


def test_an_address_that_one_account_uses_is_another_sight_of_it() -> None:
    findings = [
        volume(severity=Severity.HIGH),
        volume("192.0.2.1", "source_ip", severity=Severity.CRITICAL),
    ]
    mine = ("account_id", spend("a1", 10))
    whole = ("source_ip", spend("192.0.2.1", 10, main="a1", main_requests=900))
    story = tell(crowd.document(findings), figures(mine, whole))
    assert story.title == "One account stands out"
    assert [one.name for one in story.leads[0].aliases] == ["192.0.2.1"]
    shared = ("source_ip", spend("192.0.2.1", 10, main="a1", main_requests=899))
    story = tell(crowd.document(findings), figures(mine, shared))
    assert story.title == "One address and one account stand out"


def test_a_grave_finding_of_an_address_is_told_with_its_account_of_weak_signs() -> None:
    findings = [
        volume(severity=Severity.LOW),
        volume("192.0.2.1", "source_ip", severity=Severity.HIGH),
    ]
    whole = ("source_ip", spend("192.0.2.1", 10, main="a1", main_requests=1_000))
    story = tell(crowd.document(findings), figures(("account_id", spend("a1", 10)), whole))
    assert story.title == "One account stands out"


def test_the_largest_of_equal_severity_comes_first_and_three_more_are_named() -> None:
    findings = [volume(f"a{k}") for k in range(7)]
    spends = [("account_id", spend(f"a{k}", 1_000 * (k + 1))) for k in range(7)]
    story = tell(crowd.document(findings), figures(*spends))
    assert story.title == "7 accounts stand out"
    assert words(story).startswith("Account a6 took ")
    assert words(story).endswith(
        "Then come a5 (6,000 output tokens), a4 (5,000 output tokens), "
        "a3 (4,000 output tokens) and 3 more."
    )


def test_weak_signs_make_no_headline() -> None:
    story = tell(crowd.document([volume(severity=Severity.LOW)]), figures())
    assert story.title == "Nothing crossed a bound"
    assert story.leads == ()
    assert "1 weak sign below medium severity is listed." in words(story)
    assert "51,000 requests of 60 accounts with 9M output tokens were looked at" in words(story)


def test_what_could_not_be_asked_is_said_where_nothing_was_found() -> None:
    assert "1 detector could not answer from this source" in sure(tell(crowd.document([])))


def test_what_is_allowed_makes_no_headline() -> None:
    story = tell(crowd.document([volume(allowed="agreed")]))
    assert story.title == "Only what was agreed to"
    assert "allowed to: 1 finding" in "".join(piece.text for piece in story.said)


def test_nothing_read_is_said_so() -> None:
    totals = {"exchanges": 0, "accounts": 0, "output_tokens": None}
    story = tell(crowd.document([], totals=totals, period=None))
    assert story.title == "No exchange to look at"
    assert words(story) == "51,006 lines read, none of them an exchange."


def test_medium_is_grave_enough_for_the_headline() -> None:
    story = tell(crowd.document([volume(severity=Severity.MEDIUM)]))
    assert story.title == "One account stands out"
