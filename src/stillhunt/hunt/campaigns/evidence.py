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
from stillhunt.hunt.campaigns.agreement import (
    Linked,
    Members,
    composition,
    times,
    volumes,
)
from stillhunt.hunt.campaigns.groups import BIN_US, TRAITS, Groups
from stillhunt.sketch.likelihood import Floats, Ints

__all__ = ["FAMILIES", "FEATURES", "Evidence", "gather"]

FAMILIES = ("content", "time", "identity", "infrastructure", "usage")
FEATURES = {
    "rarity": "content", "novelty": "content",
    "rhythm": "time", "volume": "time", "queue": "time", "calendar": "time",
    "identity": "identity", "infrastructure": "infrastructure", "usage": "usage",
    "standing": "identity", "premises": "infrastructure",
}  # fmt: skip
"""What is measured, and the family that it belongs to."""
DAY_US = 86_400_000_000
FAR, NEAR = -8.0, 2.0
"""What the times of one account can say at most against its group and for it [nats]: one member
with a night job must not hide forty without, nor one convict them."""
SCALES_US = (60_000_000, 300_000_000, 900_000_000)
"""Widths of the bins in which the exchanges of a group are counted [us]."""
SETTLED_DAYS = 180.0
"""Age of an account at which tenure says all that it can."""
SETTLED = 0.3
"""What tenure is worth at most beside verification: aged accounts are for sale."""
VERIFIED = {"business": 1.0, "contract": 2.0}
"""What a verified customer is worth [1]."""
CALENDAR_DAYS = 4
"""Days of a period in which a busiest day says something."""
USUAL_DAY, USUAL_ROOF = 0.3, 0.2
"""Share of a group's exchanges on its busiest day, and of its members at one address, that says
nothing yet: five working days have a fifth each, and proxies meet by chance."""
VISIT_US = 30 * 60_000_000
"""Requests of one account that follow each other by less are one visit."""
_MIX = -7046029254386353131
"""An odd number of 64 bits, 2^64 over the golden ratio."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Per feature: of each group (a mean over its members), and of each member."""

    of_groups: Mapping[str, Floats]
    """Shape (groups,)."""
    of_members: Mapping[str, Floats]
    """Shape (members,)."""
    told_by: Mapping[str, list[str]]
    """Name of the trait that counts in a family, by group."""
    dispersion: Floats
    """How steady the pooled counts are: index of dispersion of the steadiest scale over that of
    the members alone, shape (groups,) [1]; 1 is chance."""


def gather(groups: Groups, accounts: Accounts) -> Evidence:
    """Measure every group and member."""
    members = groups.members
    own: dict[str, Floats] = {
        "rarity": _rarity(groups, accounts),
        "novelty": _novelty(groups),
        "rhythm": np.clip(_rhythm(groups), FAR, NEAR),
        "volume": volumes(members, groups.rhythms.shape[1]),
        "premises": -_premises(groups),
        "calendar": -_calendar(groups),
        "standing": -_standing(accounts)[members.account] if len(members) else np.zeros(0),
    }
    of_groups = {name: members.mean(values) for name, values in own.items()}
    of_groups["queue"], dispersion = _queue(groups)
    own["queue"] = np.zeros(len(members))
    told_by = {}
    for family, statistics in _traits(groups, accounts).items():
        names = list(statistics)
        nothing = np.zeros(len(members))
        values = np.stack([statistics[name] for name in names] or [nothing])
        means = np.stack([members.mean(row) for row in values])
        best = means.argmax(axis=0)
        of_groups[family] = means.max(axis=0)
        own[family] = values[best[members.group], np.arange(len(members))]
        told_by[family] = [names[k] if names else "" for k in best]
    return Evidence(of_groups=of_groups, of_members=own, told_by=told_by, dispersion=dispersion)


def _rhythm(groups: Groups) -> Floats:
    """Return, per member, how its *visits* fit the others' [nats].

    Visits, not requests: a relay passes on the sessions of its users, whose requests come in
    bunches on whatever account they get.
    """
    members = groups.members
    order = np.lexsort((groups.ts_us, members.of))
    of, ts_us = members.of[order], groups.ts_us[order]
    begins = np.append(True, (of[1:] != of[:-1]) | (np.diff(ts_us) >= VISIT_US))
    rows = order[begins[: len(order)]]
    linked = members.linked
    visits = Members(
        Linked(group=linked.group[rows], account=linked.account[rows], bin=linked.bin[rows])
    )
    return times(visits, groups.rhythms)  # each member has a visit, so they are the same members


def _traits(groups: Groups, accounts: Accounts) -> dict[str, dict[str, Floats]]:
    """Return, by family, how alike the members are in each trait [nats]."""
    members = groups.members
    found: dict[str, dict[str, Floats]] = {"identity": {}, "infrastructure": {}, "usage": {}}
    for trait in TRAITS:
        codes, shares = groups.traits[trait.name], groups.shares[trait.name]
        if len(shares):
            found[trait.family][trait.name] = composition(members, codes, shares)
    for name, codes in _directory_traits(accounts).items():
        shares = _shares(codes)
        if len(shares):
            found["identity"][name] = composition(members, codes[groups.account], shares)
    return found


def _novelty(groups: Groups) -> Floats:
    """Return, per member, minus the share of its exchanges that somebody of the group repeats.

    Whoever buys answers does not buy one twice; timers and suites ask the same every day.
    """
    members = groups.members
    # Group and fill in one number, as odd a mixture as the hash that the fill is already.
    keys = groups.fill ^ (members.linked.group * _MIX)
    order = np.argsort(keys)
    keys = keys[order]
    same = keys[1:] == keys[:-1]
    again = np.zeros(len(keys), bool)
    again[order[1:][same]] = True
    again[order[:-1][same]] = True
    again &= groups.fill != 0
    share: Floats = np.bincount(members.of, again, len(members)) / members.n
    return -share


def _calendar(groups: Groups) -> Floats:
    """Return, per member, how much of its group's exchanges beyond USUAL_DAY is on one day.

    A lesson, an event, a release or a test suite brings people together for a day or two: that
    they come when the others come is then no sign of one hand. Nothing is said of periods
    shorter than CALENDAR_DAYS, so that a campaign is not excused in its first days.
    """
    members, linked = groups.members, groups.members.linked
    days = groups.rhythms.shape[1] * BIN_US / DAY_US
    if not len(members) or days < CALENDAR_DAYS:
        return np.zeros(len(members))
    span = int(linked.bin.max()) * BIN_US // DAY_US + 1
    keys, counts = np.unique(
        linked.group * span + linked.bin * BIN_US // DAY_US, return_counts=True
    )
    most = np.zeros(members.groups)
    np.maximum.at(most, keys // span, counts)
    share: Floats = np.maximum(most / np.maximum(members.n_of, 1) - USUAL_DAY, 0.0)
    return share[members.group]


def _premises(groups: Groups) -> Floats:
    """Return, per member, how much of its group beyond USUAL_ROOF is at one address.

    An office, a classroom and an agency share a roof, and with it hours, cards and homework:
    that explains what would be evidence elsewhere. A pool behind one address is for the rule
    ``many_accounts``.
    """
    members, codes = groups.members, groups.traits["source_ip"]
    if not len(members):
        return np.zeros(0)
    known = codes >= 0
    stride = int(codes.max(initial=0)) + 1
    pairs = np.unique(members.of[known] * stride + codes[known])
    cells, counts = np.unique(
        members.group[pairs // stride] * stride + pairs % stride, return_counts=True
    )
    most = np.zeros(members.groups)
    np.maximum.at(most, cells // stride, counts)
    share: Floats = np.maximum(most / np.maximum(members.accounts_of, 1) - USUAL_ROOF, 0.0)
    return share[members.group]


def _standing(accounts: Accounts) -> Floats:
    """Return how well known each tenant is: by verification and tenure, the best account's."""
    known = np.zeros(len(accounts))
    table = accounts.directory
    if "verification_level" in table.column_names:
        levels = table["verification_level"].to_pylist()
        known += np.array([VERIFIED.get(level or "", 0.0) for level in levels])
    if "created_at_us" in table.column_names:
        created = pc.fill_null(table["created_at_us"], 1 << 62).to_numpy()
        days = np.maximum(accounts.first_us - created, 0) / DAY_US
        known += SETTLED * np.minimum(days / SETTLED_DAYS, 1.0)
    standing = np.zeros(accounts.n_tenants)
    np.maximum.at(standing, accounts.tenant, known)
    return standing


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


def _queue(groups: Groups) -> tuple[Floats, Floats]:
    """Return how much steadier than chance the pooled counts are [ln(1 + nats)], and the index.

    Differences of neighbouring bins are free of the day's swell (Allan variance). One queue
    behind many accounts makes their sum steadier than independent accounts can be, unless each
    is steady alone: hence over the same index of the members' own counts.
    """
    members = groups.members
    lowest, nats = np.ones(members.groups), np.zeros(members.groups)
    order = np.lexsort((groups.ts_us, members.linked.group))
    group, ts_us = members.linked.group[order], groups.ts_us[order]
    member = members.of[order]
    by_member = np.argsort(member, kind="stable")
    for scale in SCALES_US:
        pooled, pairs, mean = _index(group, ts_us // scale, members.groups)
        own, _, _ = _index(member[by_member], (ts_us // scale)[by_member], len(members))
        alone = np.bincount(members.group, own * members.n, members.groups)
        ratio = pooled / np.maximum(alone / np.maximum(members.n_of, 1), 1e-9)
        # Of the index of n differences of Poisson counts: variance (3 + 1 / mean) / n.
        spread = np.sqrt((3 + 1 / np.maximum(mean, 1e-9)) / pairs)
        z = np.minimum((ratio - 1) / spread, 0.0)
        lowest, nats = np.minimum(lowest, ratio), np.maximum(nats, z * z / 2)
    return np.log1p(nats), lowest


def _index(owner: Ints, bins: Ints, owners: int) -> tuple[Floats, Floats, Floats]:
    """Return variance over mean of each owner's counts per bin, bins compared, and the mean.

    Args:
        owner: Ascending.
        bins: Ascending within an owner.
        owners: How many there are.
    """
    if not len(owner):
        return np.ones(owners), np.ones(owners), np.ones(owners)
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
    return index, pairs, mean
