"""When requests come: how regular, at which hours, with which pauses.

None of these tells a person from an attacker: batch jobs are as regular, and run at night.
"""

import numpy as np
import numpy.typing as npt

from stillhunt.sketch import entropy

__all__ = ["DAY_S", "HOUR_S", "gap_variation", "hour_entropy", "idle_gaps"]

Times = npt.NDArray[np.float64] | npt.NDArray[np.int64]
HOUR_S, DAY_S = 3_600, 86_400
_FEWEST = 3  # two gaps: fewer have no spread


def gap_variation(times: Times) -> float:
    """Return the coefficient of variation of the gaps between requests.

    A metronome gives 0, a Poisson process 1, a person more. Low values also come from
    back-to-back batch jobs, so never use it alone. The spread is that of a sample (n - 1); it
    can be sqrt(gaps) at most. Where all requests come at once the gaps do not vary: 0.

    Args:
        times: Arrival times, ascending, shape (n,), n >= 3 [s].

    Raises:
        ValueError: Fewer than three times, or not ascending.
    """
    gaps = _gaps(times, _FEWEST)
    mean = gaps.mean()
    return float(gaps.std(ddof=1) / mean) if mean > 0 else 0.0


def hour_entropy(times: Times, offset_s: int = 0) -> float:
    """Return the entropy of the hour of day, corrected for small samples, in [0, log2 24].

    Round-the-clock traffic comes near 4.58, office hours near 3, one nightly job near 0. The
    correction is Miller and Madow's, cut at log2 24. It takes requests for independent: a
    session of a hundred requests is one visit, so count visits where sessions are known.

    Args:
        times: Arrival times in any order, shape (n,), n >= 1 [s since an epoch in UTC].
        offset_s: Local time less UTC, if it is known; the entropy only depends on it where it
            is no whole hour [s].

    Raises:
        ValueError: No times.
    """
    hours = (np.asarray(times, np.float64) + offset_s) // HOUR_S % 24
    counts = np.bincount(hours.astype(np.int64), minlength=24)
    return min(entropy.miller_madow(counts), float(np.log2(24)))


def idle_gaps(times: Times, longer_than_s: float) -> npt.NDArray[np.float64]:
    """Return the pauses longer than *longer_than_s*, in the order they came [s].

    A person's account pauses for a night in most days; a pipeline for maintenance.

    Args:
        times: Arrival times, ascending, shape (n,), n >= 1 [s].
        longer_than_s: Bound, itself not included [s].

    Raises:
        ValueError: No times, or not ascending.
    """
    gaps = _gaps(times, 1)
    return gaps[gaps > longer_than_s]


def _gaps(times: Times, fewest: int) -> npt.NDArray[np.float64]:
    values = np.asarray(times)
    if len(values) < fewest:
        raise ValueError(f"{len(values)} times; at least {fewest} are needed")
    gaps = np.diff(values).astype(
        np.float64
    )  # before the cast: microseconds since 1970 fit no less
    if (gaps < 0).any():
        raise ValueError("times must be ascending")
    return gaps
