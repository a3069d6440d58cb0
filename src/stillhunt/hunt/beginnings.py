"""Since when does a subject stand above a look-back bound?

Exact, but without reading everything again. A first pass sums the subjects' exchanges by the
hour (or a smaller step that divides the window): that gives the figure at every whole hour
and a ceiling for the time in between. Hours that are above at their end hold an episode
together; only where the ceiling leaves a doubt are single exchanges looked at.

Only the subjects found are looked at, and only as far back as it takes to see 24 h below the
bound: a few windows first, then twice as far each time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb
import numpy as np
import numpy.typing as npt

from stillhunt.hunt.episodes import QUIET_US, began, sliding_windows
from stillhunt.hunt.parameters import ALL_US, Value
from stillhunt.hunt.rule import Rule
from stillhunt.hunt.traces import Rows, Traces

__all__ = ["beginnings", "step_us"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Sums = Mapping[str, Floats]
"""``n``, and for each measured column its sum and, as ``COLUMN_known``, its known values."""

REACH = 8
"""The first look goes this many windows (or quiet times) back: one to fill the window, one
to be quiet, a working week for the episode."""
STEPS_US = (3_600_000_000, 300_000_000, 60_000_000)
"""Steps to choose from: hour, five minutes, minute; else a second [us]."""
COARSE_ROWS = 2_000_000
"""Subjects times steps in memory at once, ~100 MB."""
FINE_ROWS = 1_000_000
"""Single exchanges in memory at once. A subject with more of them in doubt, which means
hundreds a second, is said to have begun at the end of the step: he chooses how many he sends, and
that must not decide how much memory we take."""


def step_us(span_us: int) -> int:
    """Return the step by which a window is summed: it divides the window [us]."""
    if span_us >= ALL_US:
        return STEPS_US[0]
    for step in STEPS_US:
        if span_us % step == 0 and span_us >= 12 * step:
            return step
    return 1_000_000


def beginnings(
    con: duckdb.DuckDBPyConnection,
    rule: Rule,
    values: Mapping[str, Value],
    subjects: Sequence[tuple[object, ...]],
    until_us: int,
) -> list[int | None]:
    """Return when the episode of each subject that is alive at *until_us* began [us].

    Args:
        con: With the view ``exchanges`` up to *until_us*, as far back as there is any.
        rule: A look-back rule.
        values: Its parameters.
        subjects: Values of ``rule.subject`` of subjects that are above the bound now.
        until_us: The moment of the sweep [us since epoch].

    Returns:
        In the order of *subjects*; None where the exchanges are not there (any more).
    """
    found: list[int | None] = [None] * len(subjects)
    pending = list(range(len(subjects)))
    oldest = con.execute("SELECT MIN(ts_us) FROM exchanges").fetchall()[0][0]
    traces = Traces(con=con, rule=rule, values=values, until_us=until_us)
    search = _Search(traces=traces, rule=rule, values=values, until_us=until_us)
    reach = REACH * max(search.span, QUIET_US)
    while pending and oldest is not None:
        first = max((until_us - reach) // search.step, (oldest - 1) // search.step)
        size = max(1, COARSE_ROWS // (search.last - first + 1))
        for start in range(0, len(pending), size):
            part = pending[start : start + size]
            begins = search.look([subjects[k] for k in part], first)
            for k, moment in zip(part, begins, strict=True):
                found[k] = moment
        if first * search.step < oldest:
            break
        sure = first * search.step + search.span + QUIET_US
        pending = [k for k in pending if (found[k] or 0) <= sure]
        reach *= 2
    return found


@dataclass(kw_only=True)
class _Trail:
    """One subject on its way back in time. Step k covers (edge(k - 1), edge(k)]."""

    sums: Sums
    """By step, shape (steps,)."""
    is_above: Bools
    """At the end of each step; the last one ends at the moment of the sweep."""
    may_be_above: Bools
    """Whether it can have been, at any time of the step."""
    at: int
    """Step up to which it is known."""
    moment: int
    """The earliest moment known to belong to the episode [us]."""
    first: int = 0
    """Where the doubt begins: steps ``first..at`` are looked at exchange by exchange."""
    quiets: int = 1
    """How many quiet times before it are looked at; who is not settled at once is one that
    comes and goes, so then it is more."""
    is_done: bool = False


@dataclass(kw_only=True)
class _Search:
    traces: Traces
    rule: Rule
    values: Mapping[str, Value]
    until_us: int
    span: int = field(init=False)
    step: int = field(init=False)
    last: int = field(init=False)
    """Number of the step that holds the moment of the sweep, counted from the epoch."""

    def __post_init__(self) -> None:
        self.span = int(self.values[str(self.rule.window.parameter)])
        self.step = step_us(self.span)
        self.last = (self.until_us - 1) // self.step

    def look(self, subjects: Sequence[tuple[object, ...]], first: int) -> list[int | None]:
        """Return the begin of each subject, as far as the steps from *first* on show it."""
        self.traces.load(subjects, first * self.step)
        trails = self._trails(first)
        for trail in trails.values():
            self._back(trail, first)
        while doubtful := {k: trail for k, trail in trails.items() if not trail.is_done}:
            seen: set[int] = set()
            for number, rows in self._rows(doubtful, first):
                self._settle(doubtful[number], rows, first)
                seen.add(number)
            for number in doubtful.keys() - seen:
                doubtful[number].is_done = True
        self.traces.drop()
        return [trails[k].moment if k in trails else None for k in range(len(subjects))]

    def _edge(self, k: int, first: int) -> int:
        """Return the end of step k [us since epoch]."""
        return min((first + k + 1) * self.step, self.until_us)

    def _trails(self, first: int) -> dict[int, _Trail]:
        steps = self.last - first + 1
        trails = {}
        for number, own in self.traces.coarse(self.step, first):
            sums = {name: _dense(own["step"], own[name], steps) for name in self.traces.names}
            now = self._above(self._inside(sums, self.span // self.step))
            ceiling = self._inside(sums, self.span // self.step + 1)
            trails[number] = _Trail(
                sums=sums,
                is_above=now,
                may_be_above=self._above(ceiling, is_ceiling=True) | now,
                at=steps - 1,
                moment=self.until_us,
            )
        return trails

    def _back(self, trail: _Trail, first: int) -> None:
        """Follow the steps that end above the bound; then mark the doubt before the first."""
        quiet = QUIET_US // self.step
        while True:
            low = max(trail.at - quiet, 0)
            earlier = low + np.flatnonzero(trail.is_above[low : trail.at])
            earlier = earlier[
                [trail.moment - self._edge(int(k), first) <= QUIET_US for k in earlier]
            ]
            if not len(earlier):
                break
            trail.at = int(earlier[0])
            trail.moment = self._edge(trail.at, first)
        low = max(trail.at - trail.quiets * quiet - 1, 0)
        doubt = low + np.flatnonzero(trail.may_be_above[low : trail.at + 1])
        trail.first = int(doubt[0]) if len(doubt) else trail.at

    def _settle(self, trail: _Trail, rows: Rows, first: int) -> None:
        """Find the begin among the single exchanges, and go on if it only moved the doubt."""
        steps = np.arange(len(trail.sums["n"]))
        is_coarse = trail.sums["n"] > 0
        for a, b in _fine_steps(trail, self.span // self.step):
            is_coarse &= (steps < a) | (steps > b)
        edges = (first + 1 + steps[is_coarse]) * self.step
        times = np.concatenate((edges, rows["ts_us"]))
        order = np.argsort(times, kind="stable")
        windows = sliding_windows(times[order], self.span, self._edge(trail.at, first))
        inside = {}
        for name in self.traces.names:
            amounts = np.concatenate((trail.sums[name][is_coarse], rows[name].astype(np.float64)))
            inside[name] = windows.total(amounts[order])
        start = (first + trail.first) * self.step
        k = max(int(np.searchsorted(windows.moments, start, side="right")) - 1, 0)
        moments = np.maximum(windows.moments[k:], start)
        moment = began(moments, self._above(inside)[k:])
        if moment is None or moment >= trail.moment:
            trail.is_done = True
            return
        trail.moment = moment
        trail.at = max((moment - 1) // self.step - first, 0)
        low = max(trail.at - QUIET_US // self.step - 1, 0)
        trail.is_done = not trail.may_be_above[low : trail.first].any()
        if not trail.is_done:
            trail.quiets = REACH
            self._back(trail, first)

    def _rows(self, trails: Mapping[int, _Trail], first: int) -> Iterator[tuple[int, Rows]]:
        """Yield (subject, its single exchanges in doubt); too many of them are left out."""
        for group in _groups(trails, self.span // self.step):
            yield from self.traces.fine({k: self._ranges(trails[k], first) for k in group})

    def _ranges(self, trail: _Trail, first: int) -> tuple[int, int, int, int]:
        a, b = (first + trail.first) * self.step, (first + trail.at + 1) * self.step
        return a, b, a - self.span, b - self.span

    def _inside(self, sums: Sums, steps: int) -> dict[str, Floats]:
        """Return the sums over the last *steps* steps up to each."""
        ends = np.arange(1, len(sums["n"]) + 1)
        begins = np.maximum(ends - steps, 0)
        inside = {}
        for name, values in sums.items():
            total = np.concatenate(([0.0], np.cumsum(values)))
            inside[name] = total[ends] - total[begins]
        return inside

    def _above(self, inside: Sums, *, is_ceiling: bool = False) -> Bools:
        """Say where the sums *inside* a window are above the rule's bounds.

        A sum over more than the window is a ceiling for counts and sums, but not for means.
        """
        tests = []
        for bound in self.rule.bounds:
            figure = self.rule.figures[bound.figure]
            least = float(self.values[bound.above])
            if figure.measure == "count":
                tests.append(inside["n"] > least)
                continue
            known = inside[f"{figure.column}_known"]
            total = inside[str(figure.column)]
            if figure.measure == "mean":
                above = is_ceiling or total / np.maximum(known, 1) > least
            elif figure.measure == "sum":
                above = total > least
            else:
                raise ValueError(f"a {figure.measure} cannot be a bound over time")
            tests.append((known > 0) & above)
        join = np.logical_or if self.rule.combine == "any" else np.logical_and
        together: Bools = join.reduce(tests)
        return together


def _fine_steps(trail: _Trail, span: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the steps in doubt, and those that leave the window meanwhile."""
    return (trail.first, trail.at), (trail.first - span, trail.at - span)


def _groups(trails: Mapping[int, _Trail], span: int) -> Iterator[list[int]]:
    """Yield subjects whose exchanges in doubt fit into memory together."""
    group: list[int] = []
    rows = 0.0
    for number, trail in trails.items():
        own = sum(
            float(trail.sums["n"][max(a, 0) : max(b + 1, 0)].sum())
            for a, b in _fine_steps(trail, span)
        )
        if own > FINE_ROWS:
            continue
        if group and rows + own > FINE_ROWS:
            yield group
            group, rows = [], 0.0
        group.append(number)
        rows += own
    if group:
        yield group


def _dense(steps: Ints, values: Ints, length: int) -> Floats:
    dense = np.zeros(length)
    dense[steps] = values
    return dense
