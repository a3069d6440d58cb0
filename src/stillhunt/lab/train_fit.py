"""Fit one linear model on hashed features: logistic regression on a text's best passage.

A text counts by the passage that says most, see ``sketch.models.features``; so the gradient
goes to that passage alone, for elicitations and for honest texts, where it is the one nearest
to a false alarm. Features are left out at random while fitting: a model that may not
rely on any one phrase learns the others, too, which is what unseen families need.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from stillhunt.sketch.kernels import models
from stillhunt.sketch.kernels.compiled import cached, compiled
from stillhunt.sketch.models.features import BITS

__all__ = ["Fit", "Indexed", "fit", "index", "scores"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Indexed:
    """Texts as rows of the weight table: what ``kernels.models.rows_of`` gives."""

    rows: npt.NDArray[np.int32]
    ends: Ints
    counts: Ints


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How a model is fitted: FTRL-Proximal (McMahan and others, 2013)."""

    epochs: int = 4
    rate: float = 0.2
    sparsity: float = 0.5
    """How much a feature must have said before it gets a weight at all [sum of slopes]: else
    the collisions of rare words add up to noise."""
    shrinkage: float = 1.0
    dropout: float = 0.4
    """Share of features left out of each text, each time."""
    lowest: float = -1.0
    """Bound of a weight from below: honest words may not outweigh an elicitation."""
    cap: float = 4.0
    """The most that one word says, for or against [log-odds]."""
    drift: float = 0.3
    """What each word takes away, whatever it is [log-odds]."""
    honest: float = 2.0
    """How much an honest text counts beside another: false alarms cost more than misses."""


def index(texts: Sequence[str]) -> Indexed:
    """Return *texts* as rows of the weight table."""
    encoded = [text.encode(errors="replace") for text in texts]
    offsets = np.concatenate([[0], np.cumsum([len(text) for text in encoded], dtype=np.int64)])
    return Indexed(*models.rows_of(offsets, np.frombuffer(b"".join(encoded), np.uint8)))


@compiled
def _weight(
    z: float, n: float, rate: float, sparsity: float, shrinkage: float, lowest: float
) -> float:
    """Return a weight from what its feature has said and how often."""
    if abs(z) <= sparsity:
        return 0.0
    raw = -(z - (sparsity if z > 0 else -sparsity)) / ((1.0 + math.sqrt(n)) / rate + shrinkage)
    return raw if raw > lowest else lowest


@cached
def _epoch(
    rows: npt.NDArray[np.int32], ends: Ints, counts: Ints, order: Ints, labels: Floats,
    importance: Floats, weights: Floats, said: Floats, squares: Floats, bias: Floats,
    how: tuple[float, float, float, float, float, float, float], seed: int,
) -> None:  # fmt: skip
    """Go once through the texts in *order*; ``bias`` holds the bias and its squares."""
    rate, sparsity, shrinkage, dropout, lowest, drift, cap = how
    keep = np.empty(1_000_000, np.bool_)
    threshold = np.uint64(dropout * 2.0**64) if dropout > 0 else np.uint64(0)
    state = np.uint64(seed)
    gain = 1.0 / (1.0 - dropout)
    for document in order:
        first = counts[document - 1] if document > 0 else 0
        last = counts[document]
        if first == last:
            continue
        begin = ends[first - 1] if first > 0 else 0
        for i in range(ends[last - 1] - begin):
            state ^= state << np.uint64(13)
            state ^= state >> np.uint64(7)
            state ^= state << np.uint64(17)
            keep[i] = state >= threshold
        best, best_from, best_to = -1e300, begin, begin
        running, since, at = 0.0, begin, begin
        for word in range(first, last):
            this = 0.0
            for i in range(at, ends[word]):
                if keep[i - begin]:
                    this += weights[rows[i]] * gain
            this = min(max(this, -cap), cap) - drift
            if running <= 0.0:
                running, since = 0.0, at
            running += this
            at = ends[word]
            if running > best:
                best, best_from, best_to = running, since, at
        z = best + bias[0]
        z = min(max(z, -30.0), 30.0)
        slope = (1.0 / (1.0 + np.exp(-z)) - labels[document]) * importance[document]
        for i in range(best_from, best_to):
            if keep[i - begin]:
                row = rows[i]
                n = squares[row] + slope * slope
                sigma = (np.sqrt(n) - np.sqrt(squares[row])) / rate
                said[row] += slope - sigma * weights[row]
                squares[row] = n
                weights[row] = _weight(said[row], n, rate, sparsity, shrinkage, lowest)
        bias[1] += slope * slope
        bias[0] -= 0.1 * slope / np.sqrt(bias[1])


def fit(
    texts: Indexed, labels: Floats, importance: Floats, how: Fit, seed: int
) -> tuple[Floats, float]:
    """Return weights and bias of a model that tells label 1 from 0, by log-odds.

    Args:
        texts: To learn from.
        labels: 0 or 1, one a text.
        importance: How much each text counts; 0 leaves it out.
        how: Steps and shrinkage.
        seed: Of the order and of what is left out.
    """
    rng = np.random.default_rng(seed)
    weights, said, squares = np.zeros((3, 1 << BITS))
    bias = np.array([0.0, 1.0])
    used = np.flatnonzero(importance > 0)
    numbers = (how.rate, how.sparsity, how.shrinkage, how.dropout, how.lowest, how.drift, how.cap)
    for _ in range(how.epochs):
        _epoch(
            texts.rows, texts.ends, texts.counts, rng.permutation(used), labels, importance,
            weights, said, squares, bias, numbers, int(rng.integers(1, 2**62)),
        )  # fmt: skip
    return weights, float(bias[0])


@cached
def _best(
    rows: npt.NDArray[np.int32], ends: Ints, counts: Ints, weights: Floats, drift: float,
    cap: float, found: Floats,
) -> None:  # fmt: skip
    for document in range(counts.size):
        first = counts[document - 1] if document > 0 else 0
        at = ends[first - 1] if first > 0 else 0
        running = 0.0
        for word in range(first, counts[document]):
            this = 0.0
            for i in range(at, ends[word]):
                this += weights[rows[i]]
            running = max(running, 0.0) + min(max(this, -cap), cap) - drift
            found[document] = max(found[document], running)
            at = ends[word]


_NO_WORDS: Final = -1e9


def scores(texts: Indexed, weights: Floats, drift: float, cap: float) -> Floats:
    """Return the sum of each text's best passage, before bias and calibration."""
    found = np.full(len(texts.counts), _NO_WORDS)
    _best(texts.rows, texts.ends, texts.counts, weights, drift, cap, found)
    return found
