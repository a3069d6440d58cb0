"""How likely counts are under a few models: what the tests of groups are made of.

Plain numpy, whole arrays at a time. Natural logarithms throughout: a difference of two results
is evidence in nats.

Source: Johnson, Kemp and Kotz, Univariate Discrete Distributions (2005), for the negative
binomial; Mosimann, Biometrika 49 (1962), for the Dirichlet-multinomial.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Floats", "Ints", "log_gamma", "log_mixture", "negative_binomial"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_SHIFT = 8


def log_gamma(x: npt.ArrayLike) -> Floats:
    """Return ln Gamma(*x*) for x > 0, to 1e-10.

    Stirling's series at x + 8, brought back by the recurrence Gamma(x + 1) = x Gamma(x).
    """
    x = np.asarray(x, np.float64)
    product = np.ones_like(x)
    for k in range(_SHIFT):
        product = product * (x + k)
    y = x + _SHIFT
    square = y * y
    series = (1 / 12 - (1 / 360 - (1 / 1260 - 1 / 1680 / square) / square) / square) / y
    found: Floats = (y - 0.5) * np.log(y) - y + 0.5 * np.log(2 * np.pi) + series - np.log(product)
    return found


def negative_binomial(counts: Ints, mean: npt.ArrayLike, size: float) -> Floats:
    """Return the log-likelihood of *counts*, knowing that they are not 0.

    Args:
        counts: At least 1 each.
        mean: Before zeros were left out, > 0; one for each count, or one for all.
        size: The variance is mean + mean^2 / size: small is uneven.
    """
    mean = np.asarray(mean, np.float64)
    share = np.log(size / (size + mean))
    log: Floats = (
        log_gamma(counts + size) - log_gamma(size) - log_gamma(counts + 1.0)
        + size * share + counts * np.log(mean / (size + mean))
        - np.log(-np.expm1(size * share))
    )  # fmt: skip
    return log


def log_mixture(parts: list[tuple[float, Floats]]) -> Floats:
    """Return ln(sum of weight x exp(log-likelihood)) of *parts*, (weight, log-likelihoods)."""
    logs: npt.NDArray[Any] = np.stack([np.log(weight) + values for weight, values in parts])
    top = logs.max(axis=0)
    mixed: Floats = top + np.log(np.exp(logs - top).sum(axis=0))
    return mixed
