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
from stillhunt.hunt.tail.clock import LogClock
from stillhunt.hunt.tail.episodes import Told
from stillhunt.hunt.tail.keys import Keyer
from stillhunt.hunt.tail.live import LiveLookback, LiveRule, LiveSliding
from stillhunt.hunt.tail.novelty import Novelty
from stillhunt.hunt.tail.pace import Pace
from stillhunt.hunt.tail.rules import Chooser, answers, fingerprint, form_of
from stillhunt.model.finding import Finding

__all__ = ["Engine", "Limits"]

Arrays = dict[str, npt.NDArray[Any]]
HELD = "held"  # no rule's arrays: those have a slash


@dataclass
class _Segment:
    """Exchanges between which the clock was not set back."""

    newest_us: int
    """The clock before them."""
    chosen: list[pa.Table] = field(default_factory=list)


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
    clock: LogClock
    prints: dict[str, str]
    """Rule -> fingerprint of what its windows rest on."""
    swept_only: tuple[str, ...] = ()
    """Rules that only a sweep can ask."""
    unanswered: tuple[str, ...] = ()
    """Rules that this log cannot answer."""
    anew: tuple[str, ...] = ()
    """Rules that are not those of the checkpoint, so that their windows start anew."""
    has_other_secret: bool = False
    """The checkpoint's keys are of another ``identity.hash_key``, so that all starts anew."""
    newest_us: int = 0
    """The newest moment of the log before what is looked at just now [us since epoch]."""
    exchanges: int = 0
    waiting: int = 0
    """Exchanges that were taken and not yet looked at."""
    ahead: int = 0
    """Exchanges that were left out, because their time was ahead of most others."""
    _segments: list[_Segment] = field(default_factory=list)
    _rows: list[pa.Table] = field(default_factory=list)
    _held: pa.Table | None = None
    """A few lines that are ahead of the clock, and wait for others to decide."""

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
            clock=LogClock(limits.lateness_us),
            prints={rule.name: fingerprint(rule, own) for rule, own in told},
            swept_only=tuple(name for name, form in forms.items() if form is None),
            unanswered=tuple(r.name for r in rules if forms[r.name] and r not in live),
        )

    def take(self, rows: pa.Table) -> None:
        """Take exchanges in the order of their lines; ``flush`` looks at them."""
        names = self.chooser.columns | {"ts_us", "account_id", "template"}
        rows = rows.select([name for name in rows.column_names if name in names])
        held = 0
        if self._held is not None:
            held = self._held.num_rows
            rows = pa.concat_tables([self._held, rows], promote_options="permissive")
        if not rows.num_rows:
            return
        read = self.clock.read(rows["ts_us"].to_numpy(), held)
        if read.is_set_back or not self._segments:
            start = self.clock.now_us if read.is_set_back else self.newest_us
            self._segments.append(_Segment(start))
        self._held = rows.filter(pa.array(read.held)) if read.held.any() else None
        if not read.counted.all():
            self.ahead += int((~read.counted & ~read.held).sum())
            rows = rows.filter(pa.array(read.counted))
        self._count(rows)

    def settle(self) -> None:
        """Decide on the lines that were held, because no others will come."""
        if self._held is None:
            return
        rows, self._held = self._held, None
        counted = self.clock.settle(rows["ts_us"].to_numpy())
        self.ahead += int((~counted).sum())
        if not self._segments:
            self._segments.append(_Segment(self.newest_us))
        self._count(rows.filter(pa.array(counted)))

    def _count(self, rows: pa.Table) -> None:
        if not rows.num_rows:
            return
        chosen = self.chooser.choose(rows)
        if chosen is not None:
            self._segments[-1].chosen.append(chosen)
        names = [n for n in ("ts_us", "account_id", "template") if n in rows.column_names]
        if self.pace is not None:
            # A copy, because columns from DuckDB keep their whole batch alive.
            self._rows.append(rows.select(names).take(np.arange(rows.num_rows)))
        self.waiting += rows.num_rows

    def flush(self) -> Iterator[Finding]:
        """Look at what was taken, and yield what it makes true.

        The same finding comes again, with the same id, only where it became graver.
        """
        segments, self._segments = self._segments, []
        rows, self._rows = self._rows, []
        for segment in segments:
            self.newest_us = segment.newest_us
            if segment.chosen:
                batch = Batch(segment.chosen, self.keyer)
                for live in self.rules.values():
                    yield from live.observe(batch, self)
        if rows:
            joined = pa.concat_tables(rows, promote_options="default").combine_chunks()
            for detector in (self.pace, self.novelty):
                if detector is not None:
                    yield from detector.observe(joined, self)
        self.exchanges += self.waiting
        self.waiting = 0
        self.newest_us = self.clock.now_us

    @property
    def lateness_us(self) -> int:
        """Return by how much a line may be older than the newest one [us]."""
        return self.clock.lateness_us

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
        told: dict[str, Any] = {"clock": self.clock.told(), "exchanges": self.exchanges}
        told["secret"], told["rules"] = self.keyer.mark, self.prints
        told["episodes"] = {n: rule.episodes.to_json() for n, rule in self.rules.items()}
        arrays = {
            f"{n}/{k}": a for n, rule in self.rules.items() for k, a in rule.arrays().items()
        }
        if self._held is not None:
            arrays[HELD] = _packed(self._held)
        for name, detector in (("pace", self.pace), ("novelty", self.novelty)):
            if detector is not None:
                told[name] = detector.told()
                arrays |= {f"{name}/{key}": array for key, array in detector.arrays().items()}
        return told, arrays

    def recall(self, told: Mapping[str, Told]) -> None:
        """Let episodes that were told behind the checkpoint keep their ids."""
        for rule in self.rules.values():
            rule.episodes.told = told

    def restore(self, told: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take back what ``state`` gave.

        A rule that was not there then starts anew, and so does one that has changed: what its
        windows hold was counted by other figures, or in panes of another length. With another
        secret every name has another key, so nothing of it fits.
        """
        self.clock.restore(told["clock"])
        self.newest_us, self.exchanges = self.clock.now_us, told["exchanges"]
        if HELD in arrays:
            self._held = _unpacked(arrays[HELD])
        self.has_other_secret = told.get("secret", self.keyer.mark) != self.keyer.mark
        if self.has_other_secret:
            return
        for name, rule in self.rules.items():
            before = told["rules"].get(name)
            if before == self.prints[name]:
                rule.episodes.restore(told["episodes"][name])
                rule.restore(_below(arrays, name))
            elif before is not None:
                self.anew += (name,)
        for name, detector in (("pace", self.pace), ("novelty", self.novelty)):
            if detector is not None and name in told:
                detector.restore(told[name], _below(arrays, name))


def _packed(rows: pa.Table) -> npt.NDArray[np.uint8]:
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, rows.schema) as writer:
        writer.write_table(rows)
    return np.frombuffer(stream.getvalue(), np.uint8)


def _unpacked(packed: npt.NDArray[Any]) -> pa.Table:
    with pa.ipc.open_stream(pa.py_buffer(packed.tobytes())) as reader:
        return reader.read_all()


def _below(arrays: Mapping[str, npt.NDArray[Any]], name: str) -> Arrays:
    start = f"{name}/"
    return {key[len(start) :]: array for key, array in arrays.items() if key.startswith(start)}
