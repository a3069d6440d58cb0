"""Intervals: what the numbers would have been with other tenants and other campaigns.

Accounts of a tenant behave alike, and so do those of a campaign, so whole tenants and whole
groups are drawn with replacement, and never single accounts. Where there are only a few groups
there is no interval for a recall: five draws of the same two campaigns are no evidence.
Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), percentile intervals;
Field and Welsh (2007) for drawing clusters.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from stillhunt.lab.judge.accounts import Accounts
from stillhunt.lab.judge.metrics import Floats, Ints, Order, Ranking

__all__ = ["FEWEST", "Clusters", "Interval", "intervals"]

FEWEST = 5
"""Groups, or tenants, below which there is no interval: with four, one draw in 64 is all one."""
LEVEL = 0.95
Interval = tuple[float, float] | None
Figure = Callable[[Ranking], float]


@dataclass(frozen=True)
class Clusters:
    """Which cluster each account belongs to; groups of attackers before tenants."""

    of: Ints
    groups: int
    tenants: int

    @classmethod
    def of_accounts(cls, accounts: Accounts) -> "Clusters":
        """Number the groups of the attackers and the tenants of the others."""
        names = np.where(accounts.is_attack, accounts.group, accounts.tenant).astype(str)
        of = np.zeros(len(accounts), np.int64)
        attack, honest = accounts.is_attack, accounts.is_honest
        groups, of[attack] = np.unique(names[attack], return_inverse=True)
        tenants, places = np.unique(names[honest], return_inverse=True)
        of[honest] = places + len(groups)
        return cls(of, len(groups), len(tenants))

    def draw(self, rng: np.random.Generator) -> Floats:
        """Return how often each account is in a sample of as many groups and tenants."""
        times = [
            np.bincount(rng.integers(0, n, n), minlength=n) if n else np.zeros(0, np.int64)
            for n in (self.groups, self.tenants)
        ]
        drawn: Floats = np.concatenate(times)[self.of].astype(np.float64)
        return drawn


def intervals(
    accounts: Accounts,
    scores: Floats,
    figures: Mapping[str, Figure],
    *,
    rounds: int = 400,
    seed: int = 0,
) -> dict[str, Interval]:
    """Return the 95 % interval of each figure of the ranking by *scores*.

    Args:
        accounts: Those that are judged.
        scores: One for each.
        figures: What to work out of a ranking, by name.
        rounds: Samples drawn. A figure that is undefined in a sample is left out there.
        seed: Of the draws.
    """
    clusters = Clusters.of_accounts(accounts)
    if min(clusters.groups, clusters.tenants) < FEWEST or not rounds:
        return dict.fromkeys(figures)
    order = Order.of(scores, accounts.is_attack)
    drawn: dict[str, list[float]] = {name: [] for name in figures}
    rng = np.random.default_rng([seed, 7])
    for _ in range(rounds):
        ranking = order.rank(clusters.draw(rng))
        for name, figure in figures.items():
            drawn[name].append(figure(ranking))
    return {name: _interval(np.array(values)) for name, values in drawn.items()}


def _interval(values: Floats) -> Interval:
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
