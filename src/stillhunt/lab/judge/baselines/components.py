"""Connected components: accounts joined by every address and template that they share.

What most link analysis starts with. Values of very many accounts are left out, or there
would be a single component; even so, a few honest bridges join what has nothing in common.
Source: label propagation with pointer jumping, Shiloach and Vishkin (1982).
"""

from dataclasses import dataclass

import numpy as np

from stillhunt.lab.judge.exchanges import Exchanges
from stillhunt.lab.judge.metrics import Flags, Floats, Ints
from stillhunt.lab.judge.shared import Shared, shared

__all__ = ["Components"]


@dataclass(frozen=True)
class Components:
    """Score an account by the size of its component."""

    title = "connected components"
    most: int = 100
    """A value of more accounts joins nobody [accounts]: a public template, a large office."""

    def scores(self, exchanges: Exchanges, is_honest: Flags) -> Floats:
        """Return the number of accounts joined, minus infinity for one that stands alone."""
        del is_honest
        labels = component_of(shared(exchanges, most=self.most), exchanges.accounts)
        sizes = np.bincount(labels, minlength=exchanges.accounts)[labels]
        return np.where(sizes > 1, sizes.astype(np.float64), -np.inf)


def component_of(pairs: Shared, accounts: int) -> Ints:
    """Return the lowest account code of the component of each account."""
    label = np.arange(accounts)
    while True:
        lowest = np.full(len(pairs.users), accounts)
        np.minimum.at(lowest, pairs.value, label[pairs.account])
        joined = label.copy()
        np.minimum.at(joined, pairs.account, lowest[pairs.value])
        np.minimum.at(joined, label[pairs.account], lowest[pairs.value])  # the root follows
        joined = joined[joined]
        if np.array_equal(joined, label):
            return label
        label = joined
