"""Everything that is kept up while a log grows: one batch in, new findings out."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillhunt.hunt.parameters import Value
from stillhunt.hunt.rule import Rule
from stillhunt.hunt.tail.batch import Batch
from stillhunt.hunt.tail.keys import Ints, Keyer
from stillhunt.hunt.tail.live import LiveLookback, LiveRule, LiveSliding
from stillhunt.hunt.tail.novelty import Novelty
from stillhunt.hunt.tail.pace import Pace
from stillhunt.hunt.tail.rules import Chooser, answers, form_of
from stillhunt.model.finding import DAY_US, Finding

__all__ = ["Engine", "Limits"]

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What bounds the memory and the patience of the engine."""

    events: int = 650_000
    """Exchanges that each sliding rule holds, 8 bytes each."""
    rows: int = 200_000
    """Sums that each look-back rule holds, 24 bytes each."""
    lateness_us: int = 300_000_000
    memory_mb: int = 64
    """Of the DuckDB connection [MB]."""


@dataclass
class Engine:
    """The live rules and detectors over one stream of exchanges."""

    rules: dict[str, LiveRule]
    chooser: Chooser
    keyer: Keyer
    pace: Pace | None
    novelty: Novelty | None
    lateness_us: int
    swept_only: tuple[str, ...] = ()
    """Rules that only a sweep can ask."""
    unanswered: tuple[str, ...] = ()
    """Rules that this log cannot answer."""
    newest_us: int = 0
    """The newest moment of the log [us since epoch]; the engine's clock."""
    exchanges: int = 0
    waiting: int = 0
    """Exchanges that were taken and not yet looked at."""
    _chosen: list[pa.Table] = field(default_factory=list)
    _rows: list[pa.Table] = field(default_factory=list)
    ahead: int = 0
    """Exchanges that were left out, because their time was far ahead of all others."""
    _ahead_us: int = 0

    @classmethod
    def of(
        cls,
        rules: Collection[Rule],
        values: Mapping[str, Mapping[str, Value]],
        fills: Collection[str],
        *,
        seed: int,
        limits: Limits,
    ) -> "Engine":
        """Return an engine for a log that fills the columns *fills*.

        Args:
            rules: Every rule there is.
            values: Their parameters.
            fills: Columns that the reader can fill.
            seed: Of the secret hashes, unsigned 64-bit.
            limits: Of memory and lateness.
        """
        forms = {rule.name: form_of(rule, values[rule.name]) for rule in rules}
        live = [r for r in rules if forms[r.name] and answers(r, fills)]
        keyer = Keyer(seed)
        told = [(rule, values[rule.name]) for rule in live]
        chooser = Chooser(told, limits.memory_mb)
        made: dict[str, LiveRule] = {}
        for rule, own in told:
            if forms[rule.name] == "sliding":
                made[rule.name] = LiveSliding(
                    rule, own, chooser, capacity=limits.events, lateness_us=limits.lateness_us
                )
            else:
                made[rule.name] = LiveLookback(rule, own, chooser, capacity=limits.rows)
        has = set(fills)
        return cls(
            rules=made,
            chooser=chooser,
            keyer=keyer,
            pace=Pace(keyer, values.get("cadence", {})) if "account_id" in has else None,
            novelty=Novelty(keyer) if has >= {"account_id", "template"} else None,
            lateness_us=limits.lateness_us,
            swept_only=tuple(name for name, form in forms.items() if form is None),
            unanswered=tuple(r.name for r in rules if forms[r.name] and r not in live),
        )

    def take(self, rows: pa.Table) -> None:
        """Take exchanges in the order of their lines; ``flush`` looks at them."""
        rows = self._in_its_time(rows)
        if not rows.num_rows:
            return
        chosen = self.chooser.choose(rows)
        if chosen is not None:
            self._chosen.append(chosen)
        names = [n for n in ("ts_us", "account_id", "template") if n in rows.column_names]
        if self.pace is not None:
            # A copy, because columns from DuckDB keep their whole batch alive.
            self._rows.append(rows.select(names).take(np.arange(rows.num_rows)))
        self.waiting += rows.num_rows

    def flush(self) -> Iterator[Finding]:
        """Look at what was taken, and yield what it makes true.

        The same finding comes again, with the same id, only where it became graver.
        """
        chosen, self._chosen = self._chosen, []
        rows, self._rows = self._rows, []
        if chosen:
            batch = Batch(chosen, self.keyer)
            for live in self.rules.values():
                yield from live.observe(batch, self)
        if rows:
            joined = pa.concat_tables(rows, promote_options="default").combine_chunks()
            for detector in (self.pace, self.novelty):
                if detector is not None:
                    yield from detector.observe(joined, self)
        self.exchanges += self.waiting
        self.waiting = 0
        self.newest_us = max(self.newest_us, self._ahead_us)

    def _in_its_time(self, rows: pa.Table) -> pa.Table:
        """Return the rows whose time can be believed, and move the clock.

        A line that is a day ahead would push the clock on, and everything behind it would come
        too late: whoever can write one such line would blind us. So it is left out if the log
        goes on at the time before it. Where we learn only later that it did, and most lines are
        a day behind, the clock is set back.
        """
        times = rows["ts_us"].to_numpy()
        if not len(times):
            return rows
        start = self._ahead_us or int(times[0])
        if int(times.max()) > start + DAY_US:
            believed = _believed(times, start)
            self.ahead += int(len(times) - believed.sum())
            rows, times = rows.filter(pa.array(believed)), times[believed]
        behind = times < self._ahead_us - DAY_US - self.lateness_us
        if 2 * int(behind.sum()) > len(times):
            self.newest_us = self._ahead_us = int(times[behind].max())
        self._ahead_us = max(self._ahead_us, int(times.max()))
        return rows

    @property
    def late(self) -> int:
        """Return how many exchanges came too late for a sliding window."""
        return max((r.late for r in self.rules.values() if isinstance(r, LiveSliding)), default=0)

    @property
    def losses(self) -> dict[str, float]:
        """Return the share of its bound that a figure may lack, where memory ran short."""
        return {name: rule.loss for name, rule in self.rules.items() if rule.loss}

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """Return the state for a checkpoint: what is JSON, and what is arrays."""
        told: dict[str, Any] = {"newest_us": self.newest_us, "exchanges": self.exchanges}
        told["episodes"] = {n: rule.episodes.to_json() for n, rule in self.rules.items()}
        arrays = {
            f"{n}/{k}": a for n, rule in self.rules.items() for k, a in rule.arrays().items()
        }
        for name, detector in (("pace", self.pace), ("novelty", self.novelty)):
            if detector is not None:
                told[name] = detector.told()
                arrays |= {f"{name}/{key}": array for key, array in detector.arrays().items()}
        return told, arrays

    def restore(self, told: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take back what ``state`` gave; a rule that was not there then starts anew."""
        self.newest_us, self.exchanges = told["newest_us"], told["exchanges"]
        self._ahead_us = self.newest_us
        for name, rule in self.rules.items():
            if name in told["episodes"]:
                rule.episodes.restore(told["episodes"][name])
                rule.restore(_below(arrays, name))
        for name, detector in (("pace", self.pace), ("novelty", self.novelty)):
            if detector is not None and name in told:
                detector.restore(told[name], _below(arrays, name))


def _believed(times: Ints, start_us: int) -> npt.NDArray[np.bool_]:
    """Say which of *times*, in the order of the log, are not a day ahead of what follows.

    Args:
        times: Shape (n,) [us].
        start_us: The newest moment before them [us].
    """
    believed = np.ones(len(times), np.bool_)
    clock = start_us
    last = _last_near(times, clock)
    for place in np.flatnonzero(times > start_us + DAY_US).tolist():
        moment = int(times[place])
        if moment > clock + DAY_US and place < last:
            believed[place] = False
        elif moment > clock:
            clock = moment
            last = _last_near(times, clock)
    return believed


def _last_near(times: Ints, clock_us: int) -> int:
    """Return the place of the last of *times* within a day of *clock_us*, -1 if there is none."""
    near = np.flatnonzero(np.abs(times - clock_us) <= DAY_US)
    return int(near[-1]) if len(near) else -1


def _below(arrays: Mapping[str, npt.NDArray[Any]], name: str) -> Arrays:
    start = f"{name}/"
    return {key[len(start) :]: array for key, array in arrays.items() if key.startswith(start)}
