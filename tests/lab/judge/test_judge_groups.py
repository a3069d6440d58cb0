"""Campaigns against groups: purity, completeness, pieces, and both sides of found as one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillhunt.lab.judge.accounts import Accounts, accounts_of
from stillhunt.lab.judge.groups import Match, false_campaigns, groups_of, match
from stillhunt.lab.judge.said import AccountSaid, CampaignSaid, Said
from stillhunt.lab.judge.truth import Known


def population(groups: dict[str, int], honest: int = 20) -> Accounts:
    """Return accounts p0, p1 ... of each group p, and h0, h1 ... who attack nobody."""
    known = {f"{name}{i}": Known(True, f"type {name}", "relay", name)
             for name, size in groups.items() for i in range(size)}  # fmt: skip
    known |= {
        f"h{i}": Known(False, None, "rag" if i % 2 else "judge", None) for i in range(honest)
    }
    return accounts_of(known, Said(schema="stillhunt.report/1", accounts=(), campaigns=()))


def said(name: str, *accounts: str, possible: tuple[str, ...] = ()) -> CampaignSaid:
    return CampaignSaid(id=name, severity=4, accounts=accounts, possible=possible)


def of(name: str, *numbers: int) -> list[str]:
    return [f"{name}{i}" for i in numbers]


def only(accounts: Accounts, *campaigns: CampaignSaid) -> Match:
    (found,) = match(accounts, campaigns)
    return found


def test_half_of_a_group_at_ninety_per_cent_is_found_as_one() -> None:
    accounts = population({"p": 18})
    one = only(accounts, said("c", *of("p", *range(9)), "h0"))
    assert (one.named, one.completeness, one.purity, one.is_found) == (9, 0.5, 0.9, True)
    assert (one.group, one.campaign, one.kind, one.members) == ("p", "type p", "relay", 18)
    assert only(accounts, said("c", *of("p", *range(8)))).is_found is False  # 8 of 18
    assert only(accounts, said("c", *of("p", *range(9)), "h0", "h1")).is_found is False  # 9 of 11


def test_possible_accounts_make_nothing_found_and_are_told_apart() -> None:
    one = only(
        population({"p": 10}), said("c", *of("p", 0, 1), possible=tuple(of("p", *range(9))))
    )
    assert (one.completeness, one.suspected, one.is_found) == (0.2, 0.9, False)


def test_accounts_that_nobody_knows_count_against_purity() -> None:
    one = only(population({"p": 10}), said("c", *of("p", *range(8)), "x", "y"))
    assert one.purity == 0.8


def test_an_account_named_twice_counts_once() -> None:
    one = only(population({"p": 4}), said("c", "p0", "p0", "p0", "p1", "h0"))
    assert one.named == 2
    assert one.purity == pytest.approx(2 / 3)


def test_the_campaign_that_holds_most_is_the_groups_own_and_the_purer_of_equals() -> None:
    accounts = population({"p": 10, "q": 10})
    small = said("small", *of("p", 0, 1, 2))
    dirty = said("dirty", *of("p", *range(3, 8)), *of("h", *range(6)))
    clean = said("clean", *of("p", *range(3, 8)))
    p, q = match(accounts, [small, dirty, clean])
    assert p.best == clean
    assert p.pieces == 2  # small and clean; dirty is mostly honest
    assert (q.best, q.named, q.purity, q.completeness, q.pieces) == (None, 0, 0.0, 0.0, 0)


def test_two_groups_in_one_campaign_are_neither_of_them_found() -> None:
    accounts = population({"p": 10, "q": 10})
    p, q = match(accounts, [said("both", *of("p", *range(10)), *of("q", *range(10)))])
    assert (p.purity, q.purity) == (0.5, 0.5)
    assert not p.is_found
    assert not q.is_found
    assert p.pieces == q.pieces == 0


def test_a_group_of_one_is_no_group() -> None:
    assert set(groups_of(population({"p": 2, "q": 1}))) == {"p"}


def test_a_campaign_that_is_half_honest_is_false_and_its_kinds_are_told() -> None:
    accounts = population({"p": 4})
    campaigns = [
        said("true", "p0", "p1", "h0"),
        said("half", "p0", "h1", "h3", "h0", "p1", "p2"),
        said("strange", "p0", "x"),
        said("empty"),
    ]
    half, strange = false_campaigns(accounts, campaigns)
    assert (half.said.id, half.honest, half.attackers, half.strangers) == ("half", 3, 3, 0)
    assert list(half.kinds.items()) == [("rag", 2), ("judge", 1)]
    assert (strange.honest, strange.attackers, strange.strangers) == (0, 1, 1)


@settings(deadline=None)
@given(st.lists(st.sets(st.integers(0, 19), min_size=1), max_size=6), st.integers(2, 10))
def test_shares_are_shares_and_agree_with_sets(campaigns: list[set[int]], size: int) -> None:
    everybody = [*of("p", *range(size)), *of("h", *range(20 - size))]
    accounts = population({"p": size})
    told = [said(f"c{n}", *(everybody[i] for i in one)) for n, one in enumerate(campaigns)]
    one = only(accounts, *told)
    most = max((len({*c.accounts} & set(of("p", *range(size)))) for c in told), default=0)
    assert one.named == most
    assert one.completeness == pytest.approx(most / size)
    assert 0 <= one.purity <= 1
    assert one.suspected >= one.completeness
    if one.is_found:
        assert one.best is not None
        assert 2 * most >= size
        assert 10 * most >= 9 * len({*one.best.accounts})


def test_an_account_without_a_q_value_stands_below_all_that_have_one() -> None:
    known = {f"a{i}": Known(i < 2, "pool" if i < 2 else None, "x", None) for i in range(4)}
    listed = (
        AccountSaid(account_id="a0", severity=4, score=0.5, q_value=0.01),
        AccountSaid(account_id="a1", severity=2, score=90.0),
        AccountSaid(account_id="a2", severity=2, score=100.0),
        AccountSaid(account_id="x", severity=5, score=100.0, q_value=0.0),
    )
    both = accounts_of(known, Said(schema="stillhunt.report/1", accounts=listed, campaigns=()))
    assert np.argsort(-both.score).tolist() == [0, 2, 1, 3]
    assert both.score[3] == -np.inf
    assert both.severity.tolist() == [4, 2, 2, 0]
    bare = accounts_of(
        known, Said(schema="stillhunt.report/1", accounts=listed[1:3], campaigns=())
    )
    assert bare.score.tolist() == [-np.inf, 90.0, 100.0, -np.inf]
