"""Live rules: a batch in, what became true with it out.

The figures are kept in ``sliding`` and ``lookback``; here they become findings, with the ids,
subjects and severities that a sweep would give them.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from stillhunt.hunt.episodes import QUIET_US
from stillhunt.hunt.parameters import Value
from stillhunt.hunt.report.figures import rfc3339
from stillhunt.hunt.rule import Rule
from stillhunt.hunt.tail.batch import Batch
from stillhunt.hunt.tail.episodes import Episode, Episodes
from stillhunt.hunt.tail.keys import Ints, Keys
from stillhunt.hunt.tail.lookback import Lookback, summed
from stillhunt.hunt.tail.rules import Chooser
from stillhunt.hunt.tail.sliding import Above, Sliding
from stillhunt.model.finding import Finding, Severity, finding_id

__all__ = ["Arrays", "Clock", "LiveLookback", "LiveRule", "LiveSliding"]

Arrays = dict[str, npt.NDArray[Any]]


class Clock(Protocol):
    """The log's own time."""

    newest_us: int
    """The newest moment before this batch [us]."""

    @property
    def lateness_us(self) -> int:
        """Return by how much a line may be older than the newest one [us]."""
        ...


class LiveRule(Protocol):
    """A rule that is kept up batch by batch."""

    rule: Rule
    episodes: Episodes

    @property
    def loss(self) -> float:
        """Return which share of the bound a figure may lack; 0 while memory suffices."""
        ...

    def observe(self, batch: Batch, clock: Clock) -> Iterator[Finding]:
        """Take the exchanges that count, and yield what they make true."""
        ...

    def arrays(self) -> Arrays:
        """Return the windows for the checkpoint."""
        ...

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take them back."""
        ...


class LiveSliding:
    """A count in a sliding window: the burst family."""

    def __init__(
        self,
        rule: Rule,
        values: Mapping[str, Value],
        chooser: Chooser,
        *,
        capacity: int,
        lateness_us: int,
    ) -> None:
        """Prepare; *capacity* [exchanges] and *lateness_us* bound the memory."""
        self.rule = rule
        self.episodes = Episodes(rule.name)
        self._values = values
        self._chooser = chooser
        (bound,) = rule.bounds
        self._figure, self._above = bound.figure, bound.above
        self._bound = int(values[bound.above])
        self.windows = Sliding(int(rule.window.span_us or 0), self._bound, capacity, lateness_us)
        self.late = 0
        """Exchanges that came too late to be counted."""

    @property
    def loss(self) -> float:
        """See ``LiveRule``."""
        return self.windows.loss / max(self._bound, 1)

    def observe(self, batch: Batch, clock: Clock) -> Iterator[Finding]:
        """See ``LiveRule``."""
        places = batch.counted(self.rule.name)
        times = batch.times[places]
        before = np.maximum.accumulate(np.concatenate(([clock.newest_us], times)))[:-1]
        in_time = times >= before - clock.lateness_us
        self.late += int(len(times) - in_time.sum())
        places, times = places[in_time], times[in_time]
        if not len(times):
            return
        keys = batch.keys(self.rule.subject)[places]
        above = self.windows.add(keys, times, clock.newest_us)
        self.episodes.drop(int(max(clock.newest_us, times.max())))
        grown = list(self._grown(batch, places, keys, above))
        if not grown:
            return
        graver = self._chooser.severities(self.rule.name, {self._figure: [e.peak for e in grown]})
        for episode, severity in zip(grown, graver, strict=True):
            if severity > episode.severity:
                episode.severity = severity
                yield self._finding(episode)

    def _grown(self, batch: Batch, places: Ints, keys: Keys, found: Above) -> Iterator[Episode]:
        """Yield the episodes that begin or reach a new peak."""
        above, times, counts = found.keys, found.times, found.counts
        if not len(above):
            return
        new = (above[1:] != above[:-1]) | (np.diff(times) > QUIET_US)
        starts = np.flatnonzero(np.concatenate(([True], new)))
        ends = [*starts[1:].tolist(), len(above)]
        distinct, first = np.unique(keys, return_index=True)
        rows = places[first[np.searchsorted(distinct, above[starts])]]
        names = batch.names(self.rule.subject, rows)
        for start, end, subject in zip(starts.tolist(), ends, names, strict=True):
            peak = start + int(np.argmax(counts[start:end]))
            episode = self.episodes.at(
                int(above[start]), subject, int(times[start]), int(times[end - 1])
            )
            if counts[peak] > episode.peak:
                episode.peak, episode.peak_us = int(counts[peak]), int(times[peak])
                yield episode

    def _finding(self, episode: Episode) -> Finding:
        evidence = {
            self._figure: episode.peak,
            "peak_at": rfc3339(episode.peak_us),
            f"{self._above}_bound": self._values[self._above],
            "episode_began": rfc3339(episode.began_us),
        }
        statistic = episode.peak / max(self._bound, 1)
        return _finding(self.rule, episode, statistic, episode.peak, episode.began_us, evidence)

    def arrays(self) -> Arrays:
        """See ``LiveRule``."""
        return dict(self.windows.arrays())

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """See ``LiveRule``."""
        self.windows.restore(arrays)


class LiveLookback:
    """Counts and sums in a look-back window: the volume family."""

    def __init__(
        self,
        rule: Rule,
        values: Mapping[str, Value],
        chooser: Chooser,
        *,
        capacity: int,
    ) -> None:
        """Prepare; *capacity* [rows] bounds the memory."""
        self.rule = rule
        self.episodes = Episodes(rule.name)
        self._values = values
        self._chooser = chooser
        counts = [name for name, figure in rule.last_figures.items() if figure.measure == "count"]
        others = [name for name in rule.last_figures if name not in counts[:1]]
        self._named = [*(counts[:1] or [""]), *others]  # column 0 counts exchanges
        self._bounds = np.full(len(self._named), np.inf)
        for bound in rule.bounds:
            self._bounds[self._named.index(bound.figure)] = float(values[bound.above])
        length = int(values[str(rule.window.parameter)])
        self.windows = Lookback(length, np.maximum(self._bounds, 1), capacity)

    @property
    def loss(self) -> float:
        """See ``LiveRule``."""
        return self.windows.loss

    def observe(self, batch: Batch, clock: Clock) -> Iterator[Finding]:
        """See ``LiveRule``; a batch that spans panes is taken pane by pane."""
        places = batch.counted(self.rule.name)
        places = places[np.argsort(batch.times[places], kind="stable")]
        if not len(places):
            return
        times = batch.times[places]
        keys, amounts = batch.keys(self.rule.subject)[places], self._amounts(batch)[places]
        panes = times // self.windows.width_us
        starts = np.flatnonzero(np.diff(panes, prepend=panes[:1] - 1)).tolist()
        newest = clock.newest_us
        for start, end in zip(starts, [*starts[1:], len(times)], strict=True):
            part = slice(start, end)
            newest = max(newest, int(times[end - 1]))
            yield from self._pane(
                batch, places[part], keys[part], times[part], amounts[part], newest
            )

    def _pane(
        self, batch: Batch, places: Ints, keys: Keys, times: Ints, amounts: Ints, newest_us: int
    ) -> Iterator[Finding]:
        if self.windows.forget(newest_us):
            self._settle(newest_us)
        number = int(times[0]) // self.windows.width_us
        if number < self.windows.floor:
            return
        distinct, sums = summed(keys, amounts)
        before = self.windows.totals.of(distinct)
        self.windows.add(distinct, number, sums)
        after = before + sums
        above = (after > self._bounds).any(axis=1)
        if not above.any():
            return
        chosen, old, now = distinct[above], before[above], after[above]
        episodes = []
        for key, was in zip(chosen.tolist(), old, strict=True):
            episode = self._still(key, newest_us)
            if episode is None:
                mine = np.flatnonzero(keys == np.uint64(key))
                running = was + np.cumsum(amounts[mine], axis=0)
                first = mine[int(np.argmax((running > self._bounds).any(axis=1)))]
                (subject,) = batch.names(self.rule.subject, places[mine[:1]])
                episode = self.episodes.at(key, subject, int(times[first]), int(times[mine[-1]]))
            episodes.append(episode)
        figures = {name: now[:, k].tolist() for k, name in enumerate(self._named) if name}
        severities = self._chooser.severities(self.rule.name, figures)
        for episode, key, figure, severity in zip(
            episodes, chosen.tolist(), now, severities, strict=True
        ):
            if severity > episode.severity:
                episode.severity = severity
                yield self._finding(episode, key, figure)

    def _still(self, key: int, newest_us: int) -> Episode | None:
        """Return the episode of *key* if it was above before."""
        known = self.episodes.open.get(key)
        if known is None or not known.is_above:
            return None
        known.last_us = newest_us
        return known

    def _settle(self, newest_us: int) -> None:
        """See who fell below the bound as the window moved on, and forget what is over."""
        keys = np.array(list(self.episodes.open), np.uint64)
        totals = self.windows.totals.of(keys)
        above = np.atleast_1d((totals > self._bounds).any(axis=1))
        for key, is_above in zip(keys.tolist(), above.tolist(), strict=True):
            episode = self.episodes.open[key]
            if is_above or episode.is_above:
                episode.last_us = newest_us
            episode.is_above = is_above
        self.episodes.drop(newest_us)

    def _amounts(self, batch: Batch) -> Ints:
        ones = np.ones(len(batch.times), np.int64)
        figures = [self.rule.last_figures[name] for name in self._named[1:]]
        measured = (
            ones if f.measure == "count" else batch.amounts(str(f.column)) for f in figures
        )
        return np.stack([ones, *measured], axis=1)

    def _finding(self, episode: Episode, key: int, sums: Ints) -> Finding:
        evidence: dict[str, Value | None] = {
            name: int(n) for name, n in zip(self._named, sums, strict=True) if name
        }
        evidence |= {f"{b.above}_bound": self._values[b.above] for b in self.rule.bounds}
        evidence["episode_began"] = rfc3339(episode.began_us)
        limits = [max(float(self._values[b.above]), 1) for b in self.rule.bounds]
        figures = [int(sums[self._named.index(b.figure)]) for b in self.rule.bounds]
        statistic = max(figure / limit for figure, limit in zip(figures, limits, strict=True))
        first = self.windows.first_pane_us(key)
        return _finding(self.rule, episode, statistic, int(sums[0]), first, evidence)

    def arrays(self) -> Arrays:
        """See ``LiveRule``."""
        return dict(self.windows.arrays())

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """See ``LiveRule``."""
        self.windows.restore(arrays)


def _finding(
    rule: Rule,
    episode: Episode,
    statistic: float,
    n: int,
    first_us: int,
    evidence: Mapping[str, Any],
) -> Finding:
    subject = dict(zip(rule.subject, episode.subject, strict=True))
    return Finding(
        id=finding_id(rule.name, subject, episode.began_us),
        detector=rule.name,
        family=rule.family,
        severity=Severity(episode.severity),
        subject=subject,
        statistic=float(statistic),
        n=n,
        first_seen_us=first_us,
        last_seen_us=episode.last_us,
        evidence=evidence,
    )
