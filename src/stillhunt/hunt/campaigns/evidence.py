"""What speaks for and against a group and each of its members, by family.

Families: *content* (how rare the shared text is), *time* (volumes, times and the queue behind
them), *identity* (cards, phones, mail, sign-up), *infrastructure* (addresses, clients) and
*usage* (models, parameters, lengths). Inside a family the statistics see the same thing, so the
one that says most for the group counts, and its members are measured by that one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.hunt.campaigns.accounts import Accounts
from stillhunt.hunt.campaigns.agreement import composition, times, volumes
from stillhunt.hunt.campaigns.groups import TRAITS, Groups
from stillhunt.sketch.likelihood import Floats, Ints

__all__ = ["FAMILIES", "Evidence", "gather"]

FAMILIES = ("content", "time", "identity", "infrastructure", "usage")
DAY_US = 86_400_000_000
LEAST_TIME = 8.0
"""An account cannot speak more than this against its group by its times [nats]: one member with
a night job must not hide forty without."""
SCALES_US = (60_000_000, 300_000_000, 900_000_000)
"""Widths of the bins in which the exchanges of a group are counted [us]."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Per family: of each group, of each member, and which statistic it was."""

    of_groups: Mapping[str, Floats]
    """Mean over the members [nats an account], shape (groups,)."""
    of_members: Mapping[str, Floats]
    """Shape (members,) [nats]."""
    told_by: Mapping[str, list[str]]
    """Name of the statistic that counts, by group."""
    queue: Floats
    """How far the pooled counts are steadier than chance, as the index of dispersion of the
    steadiest scale over that of the members alone, shape (groups,) [1]; 1 is chance."""


def gather(groups: Groups, accounts: Accounts) -> Evidence:
    """Measure every group and member."""
    members = groups.members
    found: dict[str, dict[str, Floats]] = {family: {} for family in FAMILIES}
    found["content"]["rarity"] = _rarity(groups, accounts)
    paced = np.clip(times(members, groups.everybody), -LEAST_TIME, LEAST_TIME)
    found["time"]["interchangeable"] = paced + volumes(members, len(groups.everybody))
    for trait in TRAITS:
        codes, shares = groups.traits[trait.name], groups.shares[trait.name]
        if len(shares):
            found[trait.family][trait.name] = composition(members, codes, shares)
    for name, codes in _directory_traits(accounts).items():
        shares = _shares(codes)
        if len(shares):
            found["identity"][name] = composition(members, codes[groups.account], shares)
    of_groups, of_members, told_by = {}, {}, {}
    for family, statistics in found.items():
        names = list(statistics)
        means = np.stack(
            [members.mean(statistics[n]) for n in names] or [np.zeros(members.groups)]
        )
        best = means.argmax(axis=0)
        of_groups[family] = means.max(axis=0)
        own = np.stack([statistics[n] for n in names] or [np.zeros(len(members))])
        of_members[family] = own[best[members.group], np.arange(len(members))]
        told_by[family] = [names[k] if names else "" for k in best]
    return Evidence(
        of_groups=of_groups, of_members=of_members, told_by=told_by, queue=_queue(groups)
    )


def _rarity(groups: Groups, accounts: Accounts) -> Floats:
    """Return, per member, ln of how rare the group's commonest value is among tenants."""
    shared, members = groups.shared, groups.members
    users = np.zeros(members.groups)
    np.maximum.at(users, shared.group, shared.tenants)
    rarity: Floats = np.log(max(accounts.n_tenants, 1) / np.maximum(users, 1))
    return rarity[members.group]


def _directory_traits(accounts: Accounts) -> dict[str, Ints]:
    """Return the codes of what the directory says of each account, -1 unknown."""
    table = accounts.directory
    names = ("payment_hash", "phone_hash", "device_hash", "email_domain", "email_pattern")
    traits = {n: _codes(table[n]) for n in names if n in table.column_names}
    if "created_at_us" in table.column_names:
        created = table["created_at_us"]
        for days in (1, 4):
            traits[f"created_within_{days}d"] = _codes(pc.divide(created, days * DAY_US))
    return traits


def _codes(column: pa.ChunkedArray) -> Ints:
    if not len(column):
        return np.zeros(0, np.int64)
    coded = pc.dictionary_encode(column)
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    codes: Ints = pc.fill_null(coded.indices, -1).to_numpy().astype(np.int64)
    return codes


def _shares(codes: Ints) -> Floats:
    known = codes[codes >= 0]
    shares: Floats = (np.bincount(known) + 1.0) / (len(known) + 1)
    return shares


def _queue(groups: Groups) -> Floats:
    """Return how steady the pooled counts are beside chance.

    Differences of neighbouring bins are free of the day's swell (Allan variance). One queue
    behind many accounts makes their sum steadier than independent accounts can be, unless each
    is steady alone: hence over the same index of the members' own counts.
    """
    members = groups.members
    found = np.ones(members.groups)
    order = np.lexsort((groups.ts_us, members.linked.group))
    group, ts_us = members.linked.group[order], groups.ts_us[order]
    member = members.of[order]
    for scale in SCALES_US:
        pooled = _index(group, ts_us // scale, members.groups)
        by_member = np.argsort(member, kind="stable")
        own = _index(member[by_member], (ts_us // scale)[by_member], len(members))
        weight = np.bincount(members.group, members.n, members.groups)
        alone = np.bincount(members.group, own * members.n, members.groups)
        ratio = pooled / np.maximum(alone / np.maximum(weight, 1), 1e-9)
        found = np.minimum(found, ratio)
    return found


def _index(owner: Ints, bins: Ints, owners: int) -> Floats:
    """Return variance over mean of the counts per bin of each owner, from first bin to last.

    Args:
        owner: Ascending.
        bins: Ascending within an owner.
        owners: How many there are.
    """
    if not len(owner):
        return np.ones(owners)
    new = np.flatnonzero(np.diff(owner, prepend=-1) | np.diff(bins, prepend=-1))
    who, at = owner[new], bins[new]
    counts = np.diff(np.append(new, len(owner))).astype(np.float64)
    follows = np.zeros(len(who), bool)
    follows[1:] = (who[1:] == who[:-1]) & (at[1:] == at[:-1] + 1)
    lag = np.where(follows, np.roll(counts, 1), 0.0)
    # Sum of squared steps: each count is a step up from its left neighbour and, where the next
    # bin is empty, a step down again. The outer edges are no steps.
    is_last = np.append(who[1:] != who[:-1], True)
    is_first = np.append(True, who[1:] != who[:-1])
    next_empty = np.append(~follows[1:], True) & ~is_last
    up = np.where(is_first, 0.0, counts - lag)
    steps = up**2 + np.where(next_empty, counts, 0.0) ** 2
    total = np.bincount(who, steps, owners)
    first = np.zeros(owners)
    last = np.zeros(owners)
    first[who[is_first]], last[who[is_last]] = at[is_first], at[is_last]
    pairs = np.maximum(last - first, 1)
    mean = np.bincount(who, counts, owners) / (pairs + 1)
    index: Floats = np.where(mean > 0, total / (2 * pairs) / np.maximum(mean, 1e-12), 1.0)
    return index
