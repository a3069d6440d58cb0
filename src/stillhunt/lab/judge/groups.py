"""Whether campaigns were found as one: purity, completeness, pieces.

A *group* is what the truth says acts as one, a *campaign* what the report names. Both are
taken over accounts that sent something: a standby account that never woke up cannot be found.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stillhunt.lab.judge.accounts import Accounts
from stillhunt.lab.judge.said import CampaignSaid

__all__ = ["FOUND", "PURE", "FalseCampaign", "Match", "false_campaigns", "groups_of", "match"]

FOUND, PURE = 0.5, 0.9
"""A group is found as one when one campaign names so much of it, and is itself so much of it."""
MOST = 0.5


@dataclass(frozen=True, kw_only=True)
class Match:
    """What became of one group."""

    group: str
    campaign: str
    kind: str
    members: int
    best: CampaignSaid | None
    """The campaign that holds most of it; of equal ones the purest."""
    named: int
    """Members that the best campaign names."""
    purity: float
    """Share of the best campaign's accounts that are of the group; 0 without one."""
    completeness: float
    """Share of the group that the best campaign names."""
    suspected: float
    """The same with the accounts that it lists as possible."""
    pieces: int
    """Campaigns of which most accounts are of the group."""

    @property
    def is_found(self) -> bool:
        """Whether it was found as one."""
        return self.completeness >= FOUND and self.purity >= PURE


@dataclass(frozen=True, kw_only=True)
class FalseCampaign:
    """A campaign whose accounts are mostly honest."""

    said: CampaignSaid
    honest: int
    attackers: int
    kinds: Mapping[str, int]
    """Kinds of its honest accounts, the most frequent first."""
    strangers: int
    """Accounts that the truth does not know, or that sent nothing."""


def groups_of(accounts: Accounts) -> dict[str, set[str]]:
    """Return the members of each attacking group of two accounts or more."""
    members: dict[str, set[str]] = {}
    for at in accounts.is_attack.nonzero()[0]:
        members.setdefault(accounts.group[at], set()).add(accounts.ids[at])
    return {name: theirs for name, theirs in members.items() if len(theirs) > 1}


def match(accounts: Accounts, campaigns: Sequence[CampaignSaid]) -> list[Match]:
    """Return what became of each attacking group, in the order of their names."""
    groups = groups_of(accounts)
    of = {account: name for name, theirs in groups.items() for account in theirs}
    about = {}
    for at in accounts.is_attack.nonzero()[0]:
        about[accounts.group[at]] = (accounts.campaign[at], accounts.kind[at])
    shares = [Counter(of.get(account) for account in {*one.accounts}) for one in campaigns]
    return [
        _match(name, groups[name], *about[name], list(zip(campaigns, shares, strict=True)))
        for name in sorted(groups)
    ]


def _match(
    name: str,
    members: set[str],
    campaign: str,
    kind: str,
    said: Sequence[tuple[CampaignSaid, Mapping[str | None, int]]],
) -> Match:
    held = [
        (theirs.get(name, 0), theirs.get(name, 0) / sum(theirs.values()), one)
        for one, theirs in said
        if theirs.get(name, 0)
    ]
    named, purity, best = max(held, key=lambda h: (h[0], h[1], h[2].id), default=(0, 0.0, None))
    listed = members & {*best.accounts, *best.possible} if best else set()
    return Match(
        group=name,
        campaign=campaign,
        kind=kind,
        members=len(members),
        best=best,
        named=named,
        purity=purity,
        completeness=named / len(members),
        suspected=len(listed) / len(members),
        pieces=sum(share > MOST for _, share, _ in held),
    )


def false_campaigns(accounts: Accounts, campaigns: Sequence[CampaignSaid]) -> list[FalseCampaign]:
    """Return the campaigns of which at least half of the accounts attack nobody."""
    place = {account: at for at, account in enumerate(accounts.ids)}
    found = []
    for one in campaigns:
        known = [place[account] for account in {*one.accounts} if account in place]
        attackers = sum(bool(accounts.is_attack[at]) for at in known)
        kinds = Counter(accounts.kind[at] for at in known if not accounts.is_attack[at])
        if one.accounts and 2 * attackers <= len({*one.accounts}):
            found.append(
                FalseCampaign(
                    said=one,
                    honest=len(known) - attackers,
                    attackers=attackers,
                    kinds=dict(sorted(kinds.items(), key=lambda item: (-item[1], item[0]))),
                    strangers=len({*one.accounts}) - len(known),
                )
            )
    return found
