"""When did it begin? Exceedings of a bound, joined to episodes.

A finding's id holds the UTC day on which its episode began, so the beginning must not depend
on when we look. An episode ends after 24 h below the bound; whatever exceeds it again within
that time still belongs to it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["QUIET_US", "Windows", "began", "sliding_windows", "starts"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

QUIET_US = 86_400_000_000
"""An episode ends after this long below the bound [us]."""


@dataclass(frozen=True)
class Windows:
    """What stands in (t - span, t], as a step function of t."""

    moments: Ints
    """Moments at which an exchange enters or leaves, ascending, shape (m,) [us]; row k holds
    from ``moments[k]`` until just before ``moments[k + 1]``."""
    starts: Ints
    """Index of the first exchange inside, shape (m,)."""
    ends: Ints
    """Index behind the last exchange inside, shape (m,)."""

    def total(self, values: Floats) -> Floats:
        """Return the sum of *values*, one per exchange, at each moment."""
        sums = np.concatenate(([0.0], np.cumsum(values)))
        inside: Floats = sums[self.ends] - sums[self.starts]
        return inside


def sliding_windows(times: Ints, span_us: int, until_us: int) -> Windows:
    """Return the windows over *times* up to *until_us*.

    Args:
        times: Times of the exchanges, ascending, shape (n,) [us].
        span_us: Length of a window, which is open at its left end [us].
        until_us: Nothing after this moment is looked at [us].
    """
    moments = np.unique(np.concatenate((times, times + span_us)))
    moments = moments[moments <= until_us]
    return Windows(
        moments=moments,
        starts=np.searchsorted(times, moments - span_us, side="right"),
        ends=np.searchsorted(times, moments, side="right"),
    )


def began(moments: Ints, is_above: Bools) -> int | None:
    """Return when the last episode began, or None if there is none [us].

    Args:
        moments: Ascending, shape (m,) [us].
        is_above: Whether the figure is above the bound from that moment until the next.
    """
    was_above = np.concatenate(([False], is_above[:-1]))
    rises = moments[is_above & ~was_above]
    falls = moments[~is_above & was_above]
    if not len(rises):
        return None
    quiet = rises[1:] - falls[: len(rises) - 1] > QUIET_US
    last = np.flatnonzero(np.concatenate(([True], quiet)))[-1]
    return int(rises[last])


def starts(first: Ints, last: Ints, quiet_us: int = QUIET_US) -> Bools:
    """Say for each exceeding whether it starts a new episode.

    Args:
        first: When each exceeding began, ascending, shape (n,) [us].
        last: When it was last seen, shape (n,) [us].
        quiet_us: An exceeding more than this after the ones before starts an episode [us].
    """
    if not len(first):
        return np.zeros(0, dtype=np.bool_)
    new: Bools = first[1:] - np.maximum.accumulate(last)[:-1] > quiet_us
    return np.concatenate(([True], new))
