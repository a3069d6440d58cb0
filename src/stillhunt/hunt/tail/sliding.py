"""How many in the last minute? Counts of every subject at every moment, in bounded memory.

Log time is cut into blocks as long as the window, so that any window lies in two neighbouring
blocks. A block holds one sorted number for each exchange: the subject's key in the upper bits,
its time inside the block, to the microsecond, in the lower ones. That is eight bytes, whoever
sends; to add a batch is to merge two sorted runs, and a subject is found by bisection.

What is claimed is exact as long as all exchanges of the last ``lateness`` fit (``capacity`` of
them) and no two subjects share a key. Beyond the capacity the lightest subjects of each block
are forgotten first (lossy counting): a count can then be too small, by at most ``loss``; memory
never makes it too large. So a subject above the bound by more than ``loss`` is always found.
One below the bound is found by a collision alone: with a 60 s window a key keeps 38 bits in a
block, so that of a million other subjects of that minute one shares it with a chance of 4e-6,
and then both have the sum of their requests. The hash is secret, so nobody can aim for it; a
sweep counts by names and does not repeat such a finding.
Source: Manku and Motwani, "Approximate frequency counts over data streams", VLDB 2002.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from stillhunt.hunt.tail.keys import Ints, Keys
from stillhunt.model.finding import DAY_US

__all__ = ["LONGEST_SPAN_US", "Above", "Sliding"]

LONGEST_SPAN_US = 300_000_000
"""A longer window would leave fewer than 35 bits to a key [us]."""
SLICE = 50_000
Flags = npt.NDArray[np.bool_]
KEPT_TIMES = 10
"""Of a subject in one block, this many times the bound are kept when memory runs short: enough
to know that it is above, and how grave that is."""


@dataclass(frozen=True)
class Above:
    """Moments at which subjects stand above the bound, by subject, then time."""

    keys: Keys
    """As they were given, shape (n,)."""
    times: Ints
    """When [us]."""
    counts: Ints
    """Exchanges in (time - span, time]."""


@dataclass
class Sliding:
    """The windows of one rule."""

    span_us: int
    bound: int
    capacity: int
    """Exchanges held at most; eight bytes each."""
    lateness_us: int
    blocks: dict[int, Keys] = field(default_factory=dict)
    losses: dict[int, int] = field(default_factory=dict)
    """Block -> exchanges of a subject that may have been forgotten there."""

    def __post_init__(self) -> None:
        self._bits = np.uint64(int(self.span_us - 1).bit_length())

    @property
    def size(self) -> int:
        """Return how many exchanges are held."""
        return sum(len(block) for block in self.blocks.values())

    @property
    def loss(self) -> int:
        """Return by how much a count in any window may be too small [exchanges]."""
        return max((n + self.losses.get(b + 1, 0) for b, n in self.losses.items()), default=0)

    def add(self, keys: Keys, times: Ints, newest_us: int) -> Above:
        """Take exchanges, and say which moments they brought above the bound.

        Args:
            keys: Subjects, shape (n,).
            times: When, shape (n,), in any order, none older than the lateness allows [us].
            newest_us: The newest moment of the log [us].
        """
        self._forget(newest_us)
        numbers = times // self.span_us
        found = []
        shortened = keys >> self._bits
        touched = np.unique(numbers).tolist()
        for number in touched:
            here = numbers == number
            inside = (times[here] - number * self.span_us).astype(np.uint64)
            fresh = np.sort((shortened[here] << self._bits) | inside)
            self.blocks[number] = _merged(self.blocks.pop(number, None), fresh)
        for number in touched:
            here = numbers == number
            found.append(self._look(number, keys[here], shortened[here], times[here]))
        if self.size > self.capacity:
            self._thin()
        return Above(*(np.concatenate(part) for part in zip(*found, strict=True)))

    def _look(
        self, number: int, keys: Keys, shortened: Keys, times: Ints
    ) -> tuple[Keys, Ints, Ints]:
        """Count at the moments that the new exchanges of block *number* may have changed."""
        distinct, first = np.unique(shortened, return_index=True)
        before, own, after = (self._count(number + step, distinct) for step in (-1, 0, 1))
        busy = np.maximum(before + own, own + after) > self.bound
        nothing = np.zeros(0, np.int64)
        if not busy.any():
            return keys[:0], nothing, nothing
        chosen, first = distinct[busy], first[busy]
        rank = np.minimum(np.searchsorted(chosen, shortened), len(chosen) - 1)
        is_chosen = chosen[rank] == shortened
        ranks, moments = self._moments(number, chosen, rank[is_chosen], times[is_chosen])
        counts = self._counts(chosen[ranks], moments)
        above = counts > self.bound
        return keys[first][ranks[above]], moments[above], counts[above]

    def _moments(self, number: int, chosen: Keys, rank: Ints, times: Ints) -> tuple[Ints, Ints]:
        """Return (rank of the subject, time) of what is new and what lies in its reach.

        Each moment once and sorted, so that a thousand requests of one second cost one look.
        """
        earliest = np.full(len(chosen), np.iinfo(np.int64).max)
        latest = np.zeros(len(chosen), np.int64)
        np.minimum.at(earliest, rank, times)
        np.maximum.at(latest, rank, times)
        ranks, moments = [rank], [times]
        for near in (number, number + 1):
            block, start = self._block(near), near * self.span_us
            low = self._place(block, chosen, np.clip(earliest + 1 - start, 0, self.span_us))
            high = self._place(
                block, chosen, np.clip(latest + self.span_us - start, 0, self.span_us)
            )
            lengths = np.maximum(high - low, 0)
            ranks.append(np.repeat(np.arange(len(chosen)), lengths))
            skipped = low - np.concatenate(([0], np.cumsum(lengths)[:-1]))
            events = block[np.arange(lengths.sum()) + np.repeat(skipped, lengths)]
            mask = (np.uint64(1) << self._bits) - np.uint64(1)
            moments.append((events & mask).astype(np.int64) + start)
        rank, moment = np.concatenate(ranks), np.concatenate(moments)
        first = number * self.span_us
        line = np.unique(rank * (3 * self.span_us) + (moment - first))
        return line // (3 * self.span_us), line % (3 * self.span_us) + first

    def _counts(self, keys: Keys, moments: Ints) -> Ints:
        """Return how many exchanges of each of *keys* lie in (moment - span, moment]."""
        numbers = moments // self.span_us
        counts = np.zeros(len(keys), np.int64)
        for number in np.unique(numbers).tolist():
            here = numbers == number
            own, inside = keys[here], moments[here] - number * self.span_us
            block, before = self._block(number), self._block(number - 1)
            counts[here] = (
                self._place(block, own, inside + 1)
                - self._place(block, own, np.zeros_like(inside))
                + self._place(before, own, np.full_like(inside, self.span_us))
                - self._place(before, own, inside + 1)
            )
        return counts

    def _count(self, number: int, chosen: Keys) -> Ints:
        block, nothing = self._block(number), np.zeros(len(chosen), np.int64)
        end: Ints = self._place(block, chosen, nothing + self.span_us)
        return end - self._place(block, chosen, nothing)

    def _block(self, number: int) -> Keys:
        return self.blocks.get(number, np.zeros(0, np.uint64))

    def _place(self, block: Keys, keys: Keys, inside: Ints) -> Ints:
        """Return the place in *block* of the first exchange of each key at *inside* or later."""
        wanted = (keys << self._bits) + inside.astype(np.uint64)
        return np.searchsorted(block, wanted)

    def _forget(self, newest_us: int) -> None:
        """Drop blocks that no window of an acceptable exchange reaches into.

        Blocks far ahead are of a clock that was set back.
        """
        oldest = (newest_us - self.lateness_us - self.span_us) // self.span_us
        last = (newest_us + DAY_US) // self.span_us if newest_us else 2**62
        for number in [n for n in self.blocks if not oldest <= n <= last]:
            del self.blocks[number]
            self.losses.pop(number, None)

    def _thin(self) -> None:
        """Come down to half the capacity: first the surplus of the heaviest, then the lightest."""
        keep = KEPT_TIMES * (self.bound + 1)
        self.blocks = {n: self._capped(block, keep) for n, block in self.blocks.items()}
        least = 0
        while self.size > self.capacity // 2:
            least = 2 * least or 1
            for number, block in self.blocks.items():
                kept = self._without(block, least)
                if len(kept) < len(block):
                    self.blocks[number] = kept
                    self.losses[number] = self.losses.get(number, 0) + least

    def _without(self, block: Keys, least: int) -> Keys:
        """Leave out the subjects with *least* exchanges or fewer."""
        return self._kept(block, lambda place, length: length > least)

    def _capped(self, block: Keys, most: int) -> Keys:
        """Keep the newest *most* exchanges of each subject."""
        return self._kept(block, lambda place, length: place >= length - most)

    def _kept(self, block: Keys, keep: Callable[[Ints, Ints], Flags]) -> Keys:
        """Return the exchanges for which *keep* holds, given their place among their subject's.

        Slice by slice, because what is computed for each takes five times its memory.
        """
        kept, start = [], 0
        while start < len(block):
            end = len(block)
            if end - start > SLICE:  # not inside of a subject
                last = (block[start + SLICE] >> self._bits) << self._bits
                end = int(np.searchsorted(block, last))
                if end <= start:  # one subject alone is larger
                    end = int(np.searchsorted(block, last + (np.uint64(1) << self._bits)))
            part = block[start:end]
            keys = part >> self._bits
            starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
            lengths = np.diff(np.concatenate((starts, [len(part)])))
            place = np.arange(len(part)) - np.repeat(starts, lengths)
            kept.append(part[keep(place, np.repeat(lengths, lengths))])
            start = end
        return np.concatenate(kept) if kept else block

    def arrays(self) -> dict[str, Keys | Ints]:
        """Return the state as arrays, for the checkpoint; the blocks themselves, no copies."""
        numbers = sorted(self.blocks)
        return {
            "blocks": np.array(numbers, np.int64),
            "losses": np.array([self.losses.get(n, 0) for n in numbers], np.int64),
            **{f"events/{n}": self.blocks[n] for n in numbers},
        }

    def restore(self, arrays: Mapping[str, Keys | Ints]) -> None:
        """Take the state back that ``arrays`` gave."""
        for number, loss in zip(arrays["blocks"].tolist(), arrays["losses"].tolist(), strict=True):
            self.blocks[number] = arrays[f"events/{number}"].astype(np.uint64)
            if loss:
                self.losses[number] = loss


def _merged(old: Keys | None, fresh: Keys) -> Keys:
    """Return both, sorted; each is sorted already, and a stable sort merges such runs."""
    if old is None:
        return fresh
    both: Keys = np.concatenate((old, fresh))
    both.sort(kind="stable")
    return both
