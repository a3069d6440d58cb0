"""How much in the last day? Running sums of every subject, in bounded memory.

The look-back window is cut into 48 panes. Each pane holds the sums of the subjects that were
active in it, and a table holds their totals; when a pane begins to leave the window it is taken
off. So a total is a sum of exchanges that all lie in the window: it is exact as long as the log
is shorter than the window, and else too small by at most what the subject did in the oldest
pane (half an hour of a day). It is never too large, so no finding is false.

When there are more subjects than ``capacity``, the lighter half is forgotten, by its share of
the bounds (lossy counting). What a subject may have lost by that is ``loss``, a share of the
bounds: one above (1 + loss) times a bound is always found.
Source: Manku and Motwani, "Approximate frequency counts over data streams", VLDB 2002.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from stillhunt.hunt.tail.keys import Ints, Keys

__all__ = ["PANES", "Lookback", "Totals"]

PANES = 48
"""More would make totals tighter at the window's old end, and cost memory for each subject."""

Floats = npt.NDArray[np.float64]
Sums = npt.NDArray[np.int64]
"""One row for each subject, one column for each figure."""


@dataclass
class Totals:
    """Subjects in the order of their keys, and their sums."""

    keys: Keys
    sums: Sums

    @classmethod
    def empty(cls, figures: int) -> "Totals":
        """Return no subjects."""
        return cls(np.zeros(0, np.uint64), np.zeros((0, figures), np.int64))

    def add(self, keys: Keys, sums: Sums) -> None:
        """Add *sums* of the distinct, sorted *keys*."""
        at, is_known = self._find(keys)
        self.sums[at[is_known]] += sums[is_known]
        if not is_known.all():
            new = ~is_known
            places = at[new]
            self.keys = np.insert(self.keys, places, keys[new])
            self.sums = np.insert(self.sums, places, sums[new], axis=0)

    def take(self, keys: Keys, sums: Sums) -> None:
        """Take *sums* of *keys* off again; subjects without a remainder go."""
        at, is_known = self._find(keys)
        self.sums[at[is_known]] -= sums[is_known]
        self.keep(self.sums[:, 0] > 0)

    def of(self, keys: Keys) -> Sums:
        """Return the sums of *keys*, zeros for an unknown one."""
        at, is_known = self._find(keys)
        found = np.zeros((len(keys), self.sums.shape[1]), np.int64)
        found[is_known] = self.sums[at[is_known]]
        return found

    def keep(self, chosen: npt.NDArray[np.bool_]) -> None:
        """Forget all others."""
        if not chosen.all():
            self.keys, self.sums = self.keys[chosen], self.sums[chosen]

    def has(self, keys: Keys) -> npt.NDArray[np.bool_]:
        """Say which of *keys* are here."""
        return self._find(keys)[1]

    def _find(self, keys: Keys) -> tuple[Ints, npt.NDArray[np.bool_]]:
        at = np.searchsorted(self.keys, keys)
        if not len(self.keys):
            return at, np.zeros(len(keys), np.bool_)
        inside = np.minimum(at, len(self.keys) - 1)
        is_known: npt.NDArray[np.bool_] = self.keys[inside] == keys
        return at, is_known


@dataclass
class Lookback:
    """The sums of one rule. Figure 0 counts exchanges."""

    length_us: int
    bounds: Floats
    """Of each figure; infinite where the figure is no bound."""
    capacity: int
    """Rows held at most, panes and totals together; 16 to 24 bytes each."""
    panes: dict[int, Totals] = field(default_factory=dict)
    losses: dict[int, float] = field(default_factory=dict)
    """Pane -> share of the bounds that a subject may have lost in it."""

    def __post_init__(self) -> None:
        self.width_us = max(1, self.length_us // PANES)
        self.totals = Totals.empty(len(self.bounds))
        self.floor = -(2**62)
        """The oldest pane that counts; older ones were taken off."""

    @property
    def loss(self) -> float:
        """Return which share of the bounds a total may lack."""
        return sum(self.losses.values())

    @property
    def size(self) -> int:
        """Return how many rows are held."""
        return len(self.totals.keys) + sum(len(pane.keys) for pane in self.panes.values())

    def forget(self, newest_us: int) -> bool:
        """Take off what begins to leave (newest - length, newest]; say whether there was any.

        Where the log's clock was set back, what was taken off does not come back, and nothing
        older is let in, so that no total spans more than the length. Was the clock wrong by
        more than that, all starts anew.
        """
        oldest = (newest_us - self.length_us) // self.width_us + 1
        is_wrong = newest_us // self.width_us < self.floor
        self.floor = oldest if is_wrong else max(oldest, self.floor)
        gone = [number for number in self.panes if is_wrong or number < self.floor]
        for number in gone:
            pane = self.panes.pop(number)
            self.totals.take(pane.keys, pane.sums)
        kept = {} if is_wrong else self.losses  # a pane may be gone before its loss is
        self.losses = {number: loss for number, loss in kept.items() if number >= self.floor}
        return bool(gone)

    def add(self, keys: Keys, number: int, sums: Sums) -> None:
        """Take what subjects did in one pane.

        Args:
            keys: Subjects, distinct and sorted, shape (n,).
            number: Of the pane, time // width; one below ``floor`` does not count.
            sums: What each adds to each figure, shape (n, figures).
        """
        if number < self.floor:
            return
        self.panes.setdefault(number, Totals.empty(len(self.bounds))).add(keys, sums)
        self.totals.add(keys, sums)
        if self.size > self.capacity:
            self._thin()

    def _thin(self) -> None:
        """Forget the lighter half of the subjects, as often as it takes."""
        newest = max(self.panes)
        while self.size > self.capacity // 2 and len(self.totals.keys) > 1:
            weights = (self.totals.sums / self.bounds).max(axis=1)
            middle = float(np.partition(weights, len(weights) // 2)[len(weights) // 2])
            self.losses[newest] = self.losses.get(newest, 0.0) + middle
            self.totals.keep(weights > middle)
            for number, pane in list(self.panes.items()):
                pane.keep(self.totals.has(pane.keys))
                if not len(pane.keys) and number != newest:
                    del self.panes[number]

    def first_pane_us(self, key: int) -> int:
        """Return the begin of the first pane in which *key* was active [us]."""
        wanted = np.array([key], np.uint64)
        numbers = [n for n, pane in self.panes.items() if pane.has(wanted)[0]]
        return min(numbers, default=0) * self.width_us

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return the state as arrays, for the checkpoint; the panes themselves, no copies."""
        numbers, lossy = sorted(self.panes), sorted(self.losses)
        return {
            "floor": np.array([self.floor], np.int64),
            "bounds": self.bounds,
            "panes": np.array(numbers, np.int64),
            "lossy": np.array(lossy, np.int64),
            "losses": np.array([self.losses[n] for n in lossy], np.float64),
            **{f"keys/{n}": self.panes[n].keys for n in numbers},
            **{f"sums/{n}": self.panes[n].sums.ravel() for n in numbers},
        }

    def restore(self, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Take the state back that ``arrays`` gave; the bounds may be others."""
        self.floor = int(arrays["floor"][0])
        is_bound = np.isfinite(self.bounds)
        growth = float((arrays["bounds"].astype(float) / self.bounds)[is_bound].max(initial=0.0))
        lossy = arrays.get("lossy", arrays["panes"])  # one for each pane, of an earlier version
        for number, loss in zip(lossy.tolist(), arrays["losses"].tolist(), strict=True):
            if loss:
                self.losses[number] = loss * growth
        for number in arrays["panes"].tolist():
            keys = arrays[f"keys/{number}"].astype(np.uint64)
            sums = arrays[f"sums/{number}"].astype(np.int64).reshape(len(keys), len(self.bounds))
            self.panes[number] = Totals(keys, sums)
            self.totals.add(keys, sums)


def summed(keys: Keys, amounts: Sums) -> tuple[Keys, Sums]:
    """Return the distinct *keys*, sorted, and the sum of the *amounts* of each."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    return ordered[starts], np.add.reduceat(amounts[order], starts, axis=0)
