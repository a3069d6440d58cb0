"""Template novelty: prompts that nobody sent before, from one account or from many at once.

``many_new``: one account brings more than ``NEW`` templates within a day of log time that nobody
had sent. Statistic: how many. ``sudden``: a template first seen within the last day is used by
more than ``USERS`` accounts. Statistic: how many accounts.
Severity: informational, always. Honest look-alikes: a product launch, a new SDK with its sample
prompt, an evaluation suite, people who type (each of whose prompts is its own template).
Cost to evade: low; reuse old templates, or stay below the bounds with each account.
Nothing is called new before the tail has seen a day of log time. The bounds are house rules,
not calibrated.
Bounded: ``MOST`` templates and pairs of template and account are kept, 16 bytes each; beyond
that the older half is forgotten, so that an old template can seem new again. That takes
300,000 other ones, and costs an informational finding.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillhunt.hunt.tail.keys import Ints, Keyer, Keys
from stillhunt.model.finding import DAY_US, Finding, Severity, finding_id

__all__ = ["MOST", "NEW", "USERS", "Novelty"]

MOST = 300_000
NEW = 200  # templates a day; a person types about a tenth of that
USERS = 20  # accounts; a class of pupils that starts on one sheet
NAME = "template_novelty"


class Seen:
    """Numbers and the time at which each was first seen, the older half forgotten when full."""

    def __init__(self) -> None:
        self.keys: Keys = np.zeros(0, np.uint64)
        self.times: Ints = np.zeros(0, np.int64)

    def add(self, keys: Keys, times: Ints) -> npt.NDArray[np.bool_]:
        """Take distinct, sorted *keys*; say which of them are new."""
        at = np.searchsorted(self.keys, keys)
        new = np.ones(len(keys), np.bool_)
        if len(self.keys):
            new = self.keys[np.minimum(at, len(self.keys) - 1)] != keys
        self.keys = np.insert(self.keys, at[new], keys[new])
        self.times = np.insert(self.times, at[new], times[new])
        if len(self.keys) > MOST:
            young = np.sort(np.argsort(self.times, kind="stable")[-MOST // 2 :])
            self.keys, self.times = self.keys[young], self.times[young]
        return new

    def first(self, keys: Keys) -> Ints:
        """Return when each of *keys* was first seen, 0 if never [us]."""
        if not len(self.keys):
            return np.zeros(len(keys), np.int64)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, self.times[at], 0)


class Novelty:
    """Which templates are new, and whose."""

    def __init__(self, keyer: Keyer) -> None:
        """Start to learn."""
        self._keyer = keyer
        self.templates, self.pairs = Seen(), Seen()
        self.began_us = 0
        """Log time at which learning began [us]; 0 is not yet."""
        self.counts: dict[str, list[int]] = {}
        """``a:ACCOUNT`` or ``t:TEMPLATE`` -> when counting began [us], how many."""

    def observe(self, rows: pa.Table, clock: object) -> Iterator[Finding]:
        """Take a batch, and yield what became conspicuous."""
        if not {"template", "account_id"} <= set(rows.column_names):
            return
        rows = rows.select(["ts_us", "account_id", "template"]).drop_null()
        if not rows.num_rows:
            return
        times = rows["ts_us"].to_numpy()
        names = rows["account_id"].combine_chunks()
        templates = rows["template"].to_numpy().astype(np.int64).view(np.uint64)
        if not self.began_us:
            self.began_us = int(times.min())
        fresh, first = np.unique(templates, return_index=True)
        new = self.templates.add(fresh, times[first])
        both = self._keyer.keys([names]) ^ (templates * np.uint64(0x9E3779B97F4A7C15))
        pairs, place = np.unique(both, return_index=True)
        is_new_pair = self.pairs.add(pairs, times[place])
        if int(times.max()) - self.began_us < DAY_US:
            return
        for row in np.sort(first[new]).tolist():
            account = str(names[row])
            yield from self._count("many_new", "account_id", account, int(times[row]), NEW)
        recent = place[is_new_pair]
        recent = recent[times[recent] - self.templates.first(templates[recent]) < DAY_US]
        for row in np.sort(recent).tolist():
            template = str(int(templates.view(np.int64)[row]))
            yield from self._count("sudden", "template", template, int(times[row]), USERS)

    def _count(
        self, sign: str, column: str, value: str, moment_us: int, bound: int
    ) -> Iterator[Finding]:
        key = f"{sign}:{value}"
        since = self.counts.setdefault(key, [moment_us, 0])
        if moment_us - since[0] >= DAY_US:
            since[:] = [moment_us, 0]
        since[1] += 1
        if since[1] == bound + 1:
            subject = {column: value, "sign": sign}
            yield Finding(
                id=finding_id(NAME, subject, since[0]),
                detector=NAME,
                family="content",
                severity=Severity.INFORMATIONAL,
                subject=subject,
                statistic=float(since[1]),
                n=since[1],
                first_seen_us=since[0],
                last_seen_us=moment_us,
                evidence={"bound": bound},
            )
        if len(self.counts) > MOST // 10:
            kept = sorted(self.counts.items(), key=lambda item: -item[1][0])
            self.counts = dict(kept[: MOST // 20])

    def told(self) -> dict[str, Any]:
        """Return the part of the state that is no array."""
        return {"began_us": self.began_us, "counts": self.counts}

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the state as arrays, for the checkpoint."""
        return {
            "templates": self.templates.keys, "template_times": self.templates.times,
            "pairs": self.pairs.keys, "pair_times": self.pairs.times,
        }  # fmt: skip

    def restore(self, told: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take the state back that ``told`` and ``arrays`` gave."""
        self.began_us, self.counts = told["began_us"], told["counts"]
        self.templates.keys = arrays["templates"].copy()
        self.templates.times = arrays["template_times"].copy()
        self.pairs.keys, self.pairs.times = arrays["pairs"].copy(), arrays["pair_times"].copy()
