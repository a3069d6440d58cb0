"""How well the accounts of a group agree with each other, account by account.

Whoever runs a pool of accounts hands requests to whichever comes next. His accounts are
*interchangeable*: each does what the others do, at the times at which the others do it, in the
same amount. People who merely use the same text are not: each has days, hours, sessions and an
appetite of his own. Every test here asks of one account: is it explained by the other members
of the group (never by itself), or by what anybody does? The answer is a log-likelihood ratio
in nats, so it can be added over accounts and compared between groups.

All tests take the *linked* exchanges only, those that carry what the group shares: on all of
an account's traffic, honest cover would hide everything.

Cost to evade: an attacker must give each account a personality of its own (hours, sessions,
days off, volume), and so leave most of what he pays for unused.
Source: Aldous, Exchangeability and related topics (1985), for the idea.
"""

from dataclasses import dataclass

import numpy as np

from stillhunt.sketch.likelihood import (
    Floats,
    Ints,
    log_gamma,
    log_mixture,
    negative_binomial,
)

__all__ = ["Linked", "Members", "composition", "rhythms_of", "times", "volumes"]

CLUMPED = 8.0
"""Concentration of an honest account's times: about so many visits make up its week."""
OWN, OTHERS = 0.6, 0.4
"""Share of honest accounts that come in visits of their own (the rest keep a rhythm, evenly or
as many do), and share of pools with a rhythm that only their accounts keep."""
PRIOR = 30.0
"""Exchanges of anybody's that a group's profile starts with."""
LEAST = 30
"""Exchanges of an account that has a rhythm."""
UNEVEN, EVEN = 0.7, (4.0, 40.0)
"""Sizes of the negative binomial: appetites of people who share nothing but a text spread like
a log-normal of sigma 1.1; shares of a pool are even within a quarter or a half."""
ALIKE = 0.5
"""Share of the members of a pool that are like the others in a trait; the rest are as anybody.
So a group whose members differ loses ln 2 nats an account at most."""


@dataclass(frozen=True, kw_only=True)
class Linked:
    """Linked exchanges of many groups; arrays of equal length, in any order."""

    group: Ints
    """From 0, without gaps."""
    account: Ints
    """Code of whoever may be a member."""
    bin: Ints
    """Time, in bins from 0 on."""


class Members:
    """The pairs of group and account that *linked* names, sorted; with their counts."""

    def __init__(self, linked: Linked) -> None:
        self.linked = linked
        self._stride = int(linked.account.max(initial=0)) + 1
        pairs = linked.group * self._stride + linked.account
        steps = np.diff(pairs, prepend=-1)
        if (steps >= 0).all():  # as ``carried`` leaves them: no need to sort millions again
            first = np.flatnonzero(steps)
            keys, self.of = pairs[first], np.cumsum(steps > 0) - 1
            self.n = np.diff(np.append(first, len(pairs)))
        else:
            keys, self.of, self.n = np.unique(pairs, return_inverse=True, return_counts=True)
        self.group: Ints = keys // self._stride
        self.account: Ints = keys % self._stride
        self.groups = int(linked.group.max(initial=-1)) + 1
        self.accounts_of: Ints = np.bincount(self.group, minlength=self.groups)
        self.n_of: Ints = np.bincount(self.group, self.n, self.groups).astype(np.int64)

    def __len__(self) -> int:
        return len(self.group)

    def mean(self, values: Floats) -> Floats:
        """Return the mean of *values*, one per member, over each group."""
        total = np.bincount(self.group, values, self.groups)
        found: Floats = total / np.maximum(self.accounts_of, 1)
        return found


def volumes(members: Members, bins: int) -> Floats:
    """Return, per member, how its number of linked exchanges fits the others' [nats].

    What the others asked *while it was active* is what it is held to: an account banned in the
    middle asked half as much, and one that asked all of it in an hour does not fit.
    """
    if not len(members):
        return np.zeros(0)
    cells = _Cells(members, bins)
    # Its first and last exchange lie inside its life, by about one gap between two of them.
    gap = np.ceil((cells.end - cells.begin + 1) / members.n).astype(np.int64)
    begin, end = np.maximum(cells.begin - gap, 0), np.minimum(cells.end + gap, bins - 1)
    others = np.maximum(members.accounts_of[members.group] - 1, 1)
    mean = np.maximum((cells.lies(begin, end) - members.n) / others, 0.5)
    even = log_mixture([(0.5, negative_binomial(members.n, mean, size)) for size in EVEN])
    found: Floats = even - negative_binomial(members.n, mean, UNEVEN)
    return found


def times(members: Members, rhythms: Floats) -> Floats:
    """Return, per member, how its times fit the others' rather than a life of its own [nats].

    An account is only asked about the span from its first linked exchange to its last: when
    it was created or banned says nothing of how it is run.

    Args:
        members: With the bin of each linked exchange.
        rhythms: Shares of the exchanges in each bin, all > 0, shape (rhythms, bins): first of
            everybody together, then of kinds of accounts that are common; see ``rhythms_of``.
    """
    if not len(members):
        return np.zeros(0)
    cells = _Cells(members, rhythms.shape[1])
    who, when, counts = cells.who, cells.when, cells.counts
    n = members.n.astype(np.float64)
    prior = _within(rhythms[0], cells)
    weight = cells.of_group - counts + PRIOR * rhythms[0][when]  # of the others, in its bins
    whole = cells.lies(cells.begin, cells.end) - n + PRIOR * prior  # and over its span
    share = CLUMPED * weight / whole[who]

    def total(values: Floats) -> Floats:
        return np.asarray(np.bincount(who, values, len(members)), np.float64)

    # Not the likelihood at the others' profile but its mean over what they leave open: in a
    # group of eight, chance in the profile alone would speak against every one of them.
    ours = total(log_gamma(weight + counts) - log_gamma(weight))
    ours = ours + log_gamma(whole) - log_gamma(whole + n)
    visits = total(log_gamma(share + counts) - log_gamma(share))
    visits = visits + log_gamma(CLUMPED) - log_gamma(CLUMPED + n)
    steady = -n * np.log(cells.end - cells.begin + 1.0)
    kept = [steady]
    for rhythm in rhythms:
        logs = np.asarray(counts * np.log(rhythm[when]), np.float64)
        kept.append(total(logs) - n * np.log(_within(rhythm, cells)))
    each = [(1 / len(kept), values) for values in kept]
    rhythmic = log_mixture(each)
    honest = log_mixture([(OWN, visits), (1 - OWN, rhythmic)])
    pooled = log_mixture([(OTHERS, ours), (1 - OTHERS, rhythmic)])
    found: Floats = pooled - honest
    return found


def _within(rhythm: Floats, cells: "_Cells") -> Floats:
    """Return the share of *rhythm* in the span of each member."""
    before = np.concatenate([[0.0], np.cumsum(rhythm)])
    share: Floats = before[cells.end + 1] - before[cells.begin]
    return share


def rhythms_of(account: Ints, bins: Ints, width: int, *, most: int = 12) -> Floats:
    """Return what everybody's and the commonest kinds of accounts' times look like.

    K-means on the square roots of the shares (Hellinger distance), of accounts with enough
    exchanges to have a rhythm; the seeds are spread deterministically, farthest first.

    Args:
        account: Of each exchange.
        bins: Of each exchange.
        width: Bins in all.
        most: Kinds.
    """
    everybody = np.bincount(bins, minlength=width) + 1.0
    who, at, counts = np.unique(account, return_inverse=True, return_counts=True)
    busy = np.flatnonzero(counts >= LEAST)
    kinds = [everybody / everybody.sum()]
    if len(busy) >= most:
        busy = busy[:: max(1, len(busy) // 4_000)]
        row = np.full(len(who), -1, np.int64)
        row[busy] = np.arange(len(busy))
        known = row[at] >= 0
        cells = np.bincount(row[at][known] * width + bins[known], minlength=len(busy) * width)
        table = np.sqrt(cells.reshape(len(busy), width) / counts[busy, None])
        centres = _k_means(table, most)
        for centre in centres:
            mixed = centre**2 / max((centre**2).sum(), 1e-12) + 0.05 * kinds[0]
            kinds.append(mixed / mixed.sum())
    return np.stack(kinds)


def _k_means(table: Floats, k: int) -> Floats:
    centres = [table.mean(axis=0)]
    for _ in range(k - 1):
        nearest = np.min([((table - c) ** 2).sum(axis=1) for c in centres], axis=0)
        centres.append(table[int(nearest.argmax())])
    found = np.stack(centres)
    for _ in range(10):
        distance = (found**2).sum(axis=1) - 2 * table @ found.T
        of = distance.argmin(axis=1)
        for one in range(k):
            if (of == one).any():
                found[one] = table[of == one].mean(axis=0)
    return found


class _Cells:
    """Linked exchanges counted by member and bin."""

    def __init__(self, members: Members, bins: int) -> None:
        keys, self.counts = np.unique(members.of * bins + members.linked.bin, return_counts=True)
        self.who: Ints = keys // bins
        """Member of each cell, ascending."""
        self.when: Ints = keys % bins
        self._row: Ints = members.group * bins
        self._cells, at = np.unique(
            members.group[self.who] * bins + self.when, return_inverse=True
        )
        in_bin = np.bincount(at, self.counts, len(self._cells))
        self.of_group = np.asarray(in_bin[at], np.float64)
        """Exchanges of the whole group in the bin of each cell."""
        self._sums = np.concatenate([[0.0], np.cumsum(in_bin)])
        first = np.searchsorted(self.who, np.arange(len(members)))
        self.begin: Ints = self.when[first]
        """First bin of each member."""
        self.end: Ints = self.when[np.append(first[1:], len(self.who)) - 1]

    def lies(self, begin: Ints, end: Ints) -> Floats:
        """Return how many exchanges of its group lie in the bins from *begin* to *end*."""
        until = self._sums[np.searchsorted(self._cells, self._row + end + 1)]
        found: Floats = until - self._sums[np.searchsorted(self._cells, self._row + begin)]
        return found


def composition(members: Members, values: Ints, background: Floats) -> Floats:
    """Return, per member, how its values of a trait fit the others' rather than anybody's.

    The mean over the account's linked exchanges, so that it is worth one observation however
    much the account asks [nats]; 0 where nothing is known.

    Args:
        members: The groups.
        values: Code of the trait of each linked exchange, -1 unknown, shape (exchanges,).
        background: Share of all accounts that have each value, shape (values,), all > 0.
    """
    if not len(members):
        return np.zeros(0)
    known = values >= 0
    stride = len(background)
    keys, counts = np.unique(members.of[known] * stride + values[known], return_counts=True)
    who, value = keys // stride, keys % stride
    n = np.bincount(who, counts, len(members))
    share = counts / n[who]
    group = members.group[who]
    cells, at = np.unique(group * stride + value, return_inverse=True)
    in_cell = np.bincount(at, share, len(cells))  # accounts, not exchanges: each counts as one
    asked = np.bincount(members.group, n > 0, members.groups)[members.group]
    theirs = (in_cell[at] - share) / np.maximum(asked[who] - 1, 1)
    fit = np.log(ALIKE * theirs / background[value] + 1 - ALIKE)
    return np.asarray(np.bincount(who, share * fit, len(members)), np.float64)
