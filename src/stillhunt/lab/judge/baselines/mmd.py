"""Windowed MMD: do an account's recent prompts differ from what everybody sends?

Windows of 32 prompts are compared with the pooled prompts of honest accounts by maximum mean
discrepancy, and judged by how windows of honest accounts fare. Here the honest accounts are
those of the truth, which is more than a house can know. Prompts are embedded without a model
(``embedding``), where the authors use sentence embeddings.
Source: arXiv 2606.05725; Gretton et al., A kernel two-sample test (2012).
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from stillhunt.lab.judge.embedding import FEATURES, Features, Vectors, add_to_windows, embed
from stillhunt.lab.judge.exchanges import Exchanges
from stillhunt.lab.judge.metrics import Flags, Floats, Ints

__all__ = ["Mmd"]


class Mmd:
    """Score an account by its window that is furthest from the pool."""

    title = "windowed MMD"
    size = 32
    """Prompts of a window."""
    least = 8
    """A smaller last window is passed over."""

    def __init__(self) -> None:
        self._features: Features | None = None
        self._sums: Vectors = np.zeros((0, FEATURES), np.float32)
        self._counts: Ints = np.zeros(0, np.int64)
        self._full: list[tuple[Vectors, Ints]] = []

    def read(self, rows: pa.Table) -> dict[str, pa.Array]:
        """Remember sums of features; the first batch says how wide the kernel is."""
        account, vectors = rows["account"].to_numpy().astype(np.int64), embed(rows["prompt"])
        told = vectors.any(axis=1)
        account, vectors = account[told], vectors[told]
        if not len(account):
            return {}
        if self._features is None:
            self._features = Features.fitted(vectors, np.random.default_rng(11))
        self._grow(int(account.max()) + 1)
        self._full.append(
            add_to_windows(
                account, self._features.of(vectors), size=self.size, sums=self._sums,
                counts=self._counts,
            )
        )  # fmt: skip
        return {}

    def _grow(self, accounts: int) -> None:
        if (more := accounts - len(self._counts)) > 0:
            more = max(more, len(self._counts))  # doubling: growing must not cost the square
            self._sums = np.pad(self._sums, ((0, more), (0, 0)))
            self._counts = np.pad(self._counts, (0, more))

    def scores(self, exchanges: Exchanges, is_honest: Flags) -> Floats:
        """Return the largest distance of an account's windows, in deviations of honest ones."""
        best = np.full(exchanges.accounts, -np.inf)
        sums, counts, owner = self._windows()
        if not len(owner) or not is_honest[owner].any():
            return best
        squares = distances(sums, counts, is_honest[owner])
        classes = np.log2(counts).astype(np.int64)
        for size in np.unique(classes).tolist():
            mine = classes == size
            normal = squares[mine & is_honest[owner]]
            if len(normal) > 1 and normal.std() > 0:
                deviations = (squares[mine] - normal.mean()) / normal.std()
                np.maximum.at(best, owner[mine], deviations)
        return best

    def _windows(self) -> tuple[Vectors, Ints, Ints]:
        """Return sums, sizes and owners of the full windows, and of those left open."""
        left = np.flatnonzero(self._counts >= self.least)
        sums = np.concatenate([*(s for s, _ in self._full), self._sums[left]])
        owner = np.concatenate([*(o for _, o in self._full), left])
        counts = np.full(len(owner), self.size)
        counts[len(owner) - len(left) :] = self._counts[left]
        return sums, counts, owner


def distances(sums: Vectors, counts: Ints, is_pool: Flags) -> Floats:
    """Return the squared MMD of each window to the pool, without bias for its size.

    Args:
        sums: Of the features of each window, which are unit vectors; shape (windows, features).
        counts: Texts of each window, two or more.
        is_pool: Windows that make up the reference.
    """
    pool, texts = np.zeros(sums.shape[1]), max(int(counts[is_pool].sum()), 1)
    for rows in _blocks(len(sums)):
        pool += sums[rows][is_pool[rows]].sum(axis=0, dtype=np.float64) / texts
    squares = np.empty(len(sums))
    for rows in _blocks(len(sums)):
        wide, n = sums[rows].astype(np.float64), counts[rows]
        own = (np.sum(wide**2, axis=1) - n) / (n * (n - 1))
        squares[rows] = own - 2 * (wide @ pool) / n + pool @ pool
    return squares


def _blocks(rows: int) -> Iterator[slice]:
    """Yield slices of 65,536 rows: in double precision, 16M exchanges are a gigabyte."""
    return (slice(first, first + 65_536) for first in range(0, rows, 65_536))
