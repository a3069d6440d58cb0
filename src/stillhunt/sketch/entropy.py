"""Entropy of what was counted, and what the count did not see.

A sample misses rare things, so the entropy of its shares is too low, the more so the smaller
the sample. All estimates are in bits, from counts of the things seen; zeros are ignored.
"""

import numpy as np
import numpy.typing as npt

__all__ = ["chao_shen", "coverage", "miller_madow", "plug_in"]

Counts = npt.NDArray[np.integer[npt.NBitBase]] | npt.NDArray[np.int64]
_NATS_TO_BITS = 1 / np.log(2)


def plug_in(counts: Counts) -> float:
    """Return the entropy of the shares as they are [bits, >= 0].

    Too low by about (kinds - 1) / (2 n) nats, see ``miller_madow``.

    Args:
        counts: How often each kind was seen, shape (kinds,).

    Raises:
        ValueError: A count is negative, or nothing was seen.
    """
    shares = _seen(counts) / _seen(counts).sum()
    return float(max(0.0, -(shares * np.log2(shares)).sum()))


def miller_madow(counts: Counts) -> float:
    """Return the entropy with the first term of its bias added back [bits, >= 0].

    Good where most kinds were seen several times; hopeless where most were seen once.

    Source: Miller (1955), "Note on the bias of information estimates".

    Raises:
        ValueError: As ``plug_in``.
    """
    seen = _seen(counts)
    return plug_in(seen) + float((len(seen) - 1) / (2 * seen.sum()) * _NATS_TO_BITS)


def coverage(counts: Counts) -> float:
    """Return which share of all traffic belongs to kinds that were seen, in [0, 1].

    That is one less the share of the sample that was seen only once. 0 when everything was
    seen once: then the sample says nothing about how many kinds there are.

    Source: Good (1953), who credits Turing.

    Raises:
        ValueError: As ``plug_in``.
    """
    seen = _seen(counts)
    return float(1 - (seen == 1).sum() / seen.sum())


def chao_shen(counts: Counts) -> float:
    """Return the entropy with unseen kinds accounted for [bits, >= 0].

    Shares are shrunk by the coverage, and each term is weighted by how unlikely its kind was
    to be missed (Horvitz-Thompson). Where everything was seen once the coverage is taken as
    1 / n, as the authors do; the result then only says "large".

    Source: Chao and Shen (2003), "Nonparametric estimation of Shannon's index of diversity
    when there are unseen species in sample".

    Raises:
        ValueError: As ``plug_in``.
    """
    seen = _seen(counts)
    n = seen.sum()
    shares = max(coverage(seen), 1 / n) * seen / n
    found = -np.expm1(n * np.log1p(-np.minimum(shares, 1 - 1e-15)))
    return float(max(0.0, -(shares * np.log2(shares) / found).sum()))


def _seen(counts: Counts) -> npt.NDArray[np.int64]:
    values = np.asarray(counts, np.int64)
    if (values < 0).any() or not values.any():
        raise ValueError(f"counts must be >= 0 and not all zero; got {values[:5].tolist()} ...")
    return values[values > 0]
