"""Cadence as it happens: an account that keeps time like a machine, or in fits and starts.

The signs ``even_gaps`` and ``uneven_gaps`` of the detector ``cadence``, with its bounds, over
what the account has sent since the tail knows it. Statistic and severity are the detector's;
it may have changed its mind by the end of the day, which a sweep will say. ``all_hours`` and
``unread`` are for sweeps.
For each account the number of its gaps, their sum and the sum of their squares are kept, 48
bytes; when there are more than ``MOST`` accounts, the half that sent least is forgotten. A line
that comes late leaves a gap out: it makes the answer neither even nor uneven.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.hunt.detectors.cadence import Cadence
from stillhunt.hunt.parameters import Value
from stillhunt.hunt.tail.keys import Ints, Keyer, Keys
from stillhunt.model.finding import Finding, Severity, finding_id

__all__ = ["MOST", "Pace"]

MOST = 50_000
"""Accounts that are kept, 2.4 MB."""
LARGEST = 1_000.0  # of even_gaps, as in the detector
SIGNS = ("even_gaps", "uneven_gaps")
Floats = npt.NDArray[np.float64]


class Pace:
    """The gaps between the requests of each account."""

    name = "cadence"

    def __init__(self, keyer: Keyer, values: Mapping[str, Value]) -> None:
        """Take the parameters of the detector ``cadence``."""
        usual = Cadence()
        self._keyer = keyer
        self._least = int(values.get("min_requests", usual.min_requests))
        self._bounds = (
            float(values.get("even", usual.even)),
            float(values.get("uneven", usual.uneven)),
        )
        self.keys: Keys = np.zeros(0, np.uint64)
        self.times: Ints = np.zeros((0, 2), np.int64)
        """First and last exchange of each account [us]."""
        self.gaps: Floats = np.zeros((0, 3))
        """Number, sum [s] and sum of squares [s^2] of the gaps."""
        self.said: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)
        """Bit k: sign k was said."""

    def observe(self, rows: pa.Table, clock: object) -> Iterator[Finding]:
        """Take a batch, and yield each sign of an account once."""
        if "account_id" not in rows.column_names:
            return
        rows = rows.select(["ts_us", "account_id"]).filter(pc.is_valid(rows["account_id"]))
        if not rows.num_rows:
            return
        names = rows["account_id"].combine_chunks()
        keys, times = self._keyer.keys([names]), rows["ts_us"].to_numpy()
        order = np.lexsort((times, keys))
        keys, times = keys[order], times[order]
        starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
        at = self._places(keys[starts], times[starts])
        self._add(at, starts, times)
        for place, start in zip(*self._conspicuous(at, starts), strict=True):
            yield from self._findings(place, str(names[int(order[start])]))
        if len(self.keys) > MOST:
            self._thin()

    def _places(self, keys: Keys, first: Ints) -> Ints:
        """Return where *keys* stand, after giving new ones a place."""
        at = np.searchsorted(self.keys, keys)
        known = np.zeros(len(keys), np.bool_)
        if len(self.keys):
            known = self.keys[np.minimum(at, len(self.keys) - 1)] == keys
        new = ~known
        if new.any():
            places = at[new]
            self.keys = np.insert(self.keys, places, keys[new])
            both = np.stack((first[new], first[new]), axis=1)
            self.times = np.insert(self.times, places, both, axis=0)
            self.gaps = np.insert(self.gaps, places, 0.0, axis=0)
            self.said = np.insert(self.said, places, 0)
            at = np.searchsorted(self.keys, keys)
        return at

    def _add(self, at: Ints, starts: Ints, times: Ints) -> None:
        gaps = np.diff(times, prepend=times[:1]) / 1e6
        since = (times[starts] - self.times[at, 1]) / 1e6
        gaps[starts] = np.maximum(since, 0)
        counted = np.ones(len(times))
        is_first = (self.gaps[at, 0] == 0) & (self.times[at, 0] == times[starts])
        counted[starts] = np.where((since < 0) | is_first, 0, 1)
        gaps *= counted
        sums = np.stack([np.add.reduceat(x, starts) for x in (counted, gaps, gaps * gaps)], axis=1)
        self.gaps[at] += sums
        ends = np.concatenate((starts[1:], [len(times)])) - 1
        self.times[at, 1] = np.maximum(self.times[at, 1], times[ends])

    def _conspicuous(self, at: Ints, starts: Ints) -> tuple[list[int], list[int]]:
        even, uneven = self._statistics(at)
        fresh = ((even > self._bounds[0]) & (self.said[at] & 1 == 0)) | (
            (uneven > self._bounds[1]) & (self.said[at] & 2 == 0)
        )
        fresh &= self.gaps[at, 0] + 1 >= self._least
        return at[fresh].tolist(), starts[fresh].tolist()

    def _statistics(self, at: Ints) -> tuple[Floats, Floats]:
        """Return the statistics of both signs, 0 where there is none."""
        n, total, squares = (self.gaps[at, k] for k in range(3))
        mean = total / np.maximum(n, 1)
        variance = np.maximum(squares / np.maximum(n, 1) - mean * mean, 0)
        known = mean > 0
        variation = np.sqrt(variance) / np.where(known, mean, 1)
        return np.where(known, 1 / np.maximum(variation, 1 / LARGEST), 0), variation * known

    def _findings(self, place: int, account: str) -> Iterator[Finding]:
        first, last = (int(moment) for moment in self.times[place])
        n = int(self.gaps[place, 0]) + 1
        for bit, figures in enumerate(self._statistics(np.array([place]))):
            statistic = float(figures[0])
            if statistic <= self._bounds[bit] or self.said[place] >> bit & 1:
                continue
            self.said[place] |= 1 << bit
            subject = {"account_id": account, "sign": SIGNS[bit]}
            yield Finding(
                id=finding_id(self.name, subject, first),
                detector=self.name,
                family=Cadence.family,
                severity=Severity.INFORMATIONAL,
                subject=subject,
                statistic=statistic,
                n=n,
                first_seen_us=first,
                last_seen_us=last,
                evidence={"mean_gap_s": float(self.gaps[place, 1] / max(n - 1, 1))},
            )

    def _thin(self) -> None:
        """Forget the half that sent least."""
        kept = np.sort(np.argsort(self.gaps[:, 0], kind="stable")[-MOST // 2 :])
        self.keys, self.times = self.keys[kept], self.times[kept]
        self.gaps, self.said = self.gaps[kept], self.said[kept]

    def told(self) -> dict[str, Any]:
        """Return the part of the state that is no array."""
        return {}

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the state as arrays, for the checkpoint."""
        return {"keys": self.keys, "times": self.times.ravel(), "gaps": self.gaps.ravel(),
                "said": self.said}  # fmt: skip

    def restore(self, told: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take the state back that ``arrays`` gave."""
        self.keys, self.said = arrays["keys"].copy(), arrays["said"].copy()
        self.times = arrays["times"].reshape(-1, 2).copy()
        self.gaps = arrays["gaps"].reshape(-1, 3).copy()
