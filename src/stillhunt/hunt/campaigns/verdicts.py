"""From scores to what a report says: campaigns, their members, and accounts.

A group becomes part of a campaign when at least LEAST of its members, and most of them, are
convicted. Groups that share most of their members are one campaign. A member is named when the
evidence of its best group and its own together convict it (false discovery rate over all
accounts); whose evidence is not enough is listed as *possible*, and accused of nothing.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from stillhunt.hunt.campaigns.accounts import Accounts
from stillhunt.hunt.campaigns.evidence import FAMILIES, FEATURES
from stillhunt.hunt.campaigns.fusion import AGREED, Scores, Weights, p_values, q_values
from stillhunt.hunt.campaigns.groups import Groups
from stillhunt.model.finding import NAMESPACE, Severity
from stillhunt.sketch.likelihood import Floats, Ints

__all__ = ["Campaign", "Standing", "Verdicts", "decide"]

OVERLAP = 0.5
"""Share of the members of the smaller group that makes two groups one campaign."""
NAMED, GRAVE = 0.05, 0.01
"""False discovery rate at which an account is named at all, and from which on it may be high."""
COUNTS = 1.0
"""A family counts as evidence of its own from so many nats on."""
MOSTLY = 0.5
"""Share of the members of a group that must be convicted, so that it is more than a text that
convicted accounts share with everybody."""
LEAST = 3
"""Accounts of a group that must be convicted before it is called a campaign."""
CROWD = 10
"""Accounts of a campaign that may be critical."""
DAY_US = 86_400_000_000


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One account that belongs to a campaign."""

    account: int
    score: float
    q_value: float
    families: Mapping[str, float]
    severity: Severity


@dataclass(kw_only=True)
class Campaign:
    """Accounts that act as one."""

    id: str
    groups: list[int]
    """Its candidate groups, the surest first."""
    score: float
    members: list[Standing] = field(default_factory=list)
    possible: list[int] = field(default_factory=list)
    """Codes of accounts."""
    families: dict[str, float] = field(default_factory=dict)
    severity: Severity = Severity.LOW


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """What a sweep says of groups and accounts."""

    campaigns: list[Campaign]


def decide(groups: Groups, scores: Scores, accounts: Accounts, told: Weights) -> Verdicts:
    """Return the campaigns, the surest first."""
    best, where = _best(groups, scores, accounts)
    known = np.flatnonzero(where >= 0)
    q = np.ones(len(accounts))
    q[known] = q_values(p_values(best[known], told), len(accounts))
    campaigns: list[Campaign] = []
    for theirs in _merged(groups, accounts, q):
        taken = np.array([m.account for one in campaigns for m in one.members], np.int64)
        campaign = _campaign(groups, scores, accounts, theirs, q, best, where, told, taken)
        if campaign is not None:
            campaigns.append(campaign)
    campaigns.sort(key=lambda one: (-one.severity, -one.score, one.id))
    return Verdicts(campaigns=campaigns)


def _best(groups: Groups, scores: Scores, accounts: Accounts) -> tuple[Floats, Ints]:
    """Return the score of each account in its best group, and that member; -1 for none."""
    members = groups.members
    best, where = np.full(len(accounts), -np.inf), np.full(len(accounts), -1, np.int64)
    stride = len(accounts)
    pairs = np.unique(members.of * stride + groups.account)  # accounts that linked
    account, member = pairs % stride, pairs // stride
    order = np.lexsort((member, scores.member[member]))
    best[account[order]] = scores.member[member[order]]
    where[account[order]] = member[order]
    return best, where


def _merged(groups: Groups, accounts: Accounts, q: Floats) -> list[list[int]]:
    """Return the groups that somebody runs, those with mostly the same members together.

    Those are the groups of which most members are convicted, whatever convicts them: a pool on
    four cards is convicted card by card, and is one by its text.
    """
    members = groups.members
    guilty = np.zeros(accounts.n_tenants, bool)
    guilty[accounts.tenant[q <= NAMED]] = True
    names = np.bincount(members.group, guilty[members.account], members.groups)
    run = np.flatnonzero((names >= LEAST) & (names >= MOSTLY * members.accounts_of))
    run = run[np.argsort(-names[run], kind="stable")]
    first = np.searchsorted(members.group, np.arange(members.groups + 1))
    kept: list[tuple[set[int], list[int]]] = []
    for group in run.tolist():
        who = members.account[first[group] : first[group + 1]]
        convicted = set(who[guilty[who]].tolist())
        for have, theirs in kept:
            if len(have & convicted) >= OVERLAP * min(len(have), len(convicted)):
                have.update(convicted)
                theirs.append(group)
                break
        else:
            kept.append((convicted, [group]))
    return [theirs for _, theirs in kept]


def _campaign(
    groups: Groups,
    scores: Scores,
    accounts: Accounts,
    theirs: list[int],
    q: Floats,
    best: Floats,
    where: Ints,
    told: Weights,
    taken: Ints,
) -> Campaign | None:
    members = groups.members
    is_theirs = np.isin(members.linked.group, theirs)
    who = np.setdiff1d(np.unique(groups.account[is_theirs]), taken)
    named = who[q[who] <= NAMED]
    if len(named) < LEAST:
        return None
    theirs = sorted(theirs, key=lambda group: (-scores.group[group], group))
    lead = theirs[0]
    terms = dict.fromkeys(FAMILIES, 0.0)
    for feature, family in FEATURES.items():
        terms[family] += float(scores.group_terms[feature][lead])
    for family in ("identity", "infrastructure"):
        terms[family] += float(scores.group_terms[AGREED][lead]) / 2
    begun = accounts.first_us[named]
    oldest = named[np.lexsort((named, begun))[0]]
    name = f"campaign/{accounts.ids[int(oldest)].as_py()}/{int(begun.min()) // DAY_US}"
    campaign = Campaign(
        id=str(uuid.uuid5(NAMESPACE, name)),
        groups=theirs,
        score=float(scores.group[lead]),
        possible=who[(q[who] > NAMED) & (best[who] > 0)].tolist(),
        families={n: v for n, v in terms.items() if v > 0},
    )
    for account in named.tolist():
        own = {n: float(v[where[account]]) for n, v in scores.member_terms.items()}
        campaign.members.append(
            Standing(
                account=account,
                score=float(best[account]),
                q_value=float(q[account]),
                families=own,
                severity=_severity(own, float(q[account]), len(named), told),
            )
        )
    campaign.members.sort(key=lambda one: (-one.score, one.account))
    grades = sorted((one.severity for one in campaign.members), reverse=True)
    campaign.severity = grades[len(grades) // 2]
    return campaign


def _severity(families: Mapping[str, float], q: float, crowd: int, told: Weights) -> Severity:
    """Medium is one family, high two, critical two and a crowd; low before calibration."""
    if not told.is_calibrated:
        return Severity.LOW
    count = sum(value >= COUNTS for value in families.values())
    if count < 2 or q > GRAVE:  # noqa: PLR2004 - two independent families
        return Severity.MEDIUM if count else Severity.LOW
    return Severity.CRITICAL if crowd >= CROWD else Severity.HIGH
