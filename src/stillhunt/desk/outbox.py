"""The way out: each finding goes into the spool first, then from there to every sink.

``deliver`` returns as soon as the finding is on the disk; it never waits for a receiver.
``flush`` tries what is due, once; the sinks take turns, so that a slow one does not starve the
others. A sink that fails ``IN_A_ROW`` times in a row is taken for down, and the rest of its items
wait untried. What the spool itself cannot keep is counted and said, and nothing stops for it.
"""

import json
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

from stillhunt.desk.items import Item
from stillhunt.desk.settings import Desk
from stillhunt.desk.sink import SINKS, Sink
from stillhunt.desk.spool import Spool
from stillhunt.desk.wording import as_line, ascii_json
from stillhunt.hunt.report.document import read_findings
from stillhunt.model.errors import ConfigError, DeliveryError
from stillhunt.model.finding import Finding
from stillhunt.registry import parts
from stillhunt.settings import near

__all__ = ["FLUSH_S", "IN_A_ROW", "Outbox", "Route", "Sent", "open_spool", "routes"]

AT_ONCE = 500
"""Findings written in one change: a tenth of a second, in which other processes wait."""
IN_A_ROW = 3
"""One failure may be the item's fault, three different ones are the sink's."""
TURN_S = 1.0  # a slow sink then takes one item a turn, and a file several hundred
FLUSH_S = 60.0
"""For the deliveries of a hunt or a sweep: longer than this, nobody waits at a terminal."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """A sink by its name in the settings."""

    name: str
    sink: Sink
    min_severity: int = 1


@dataclass(kw_only=True)
class Sent:
    """What became of one sink's items."""

    delivered: int = 0
    failed: int = 0
    parked: int = 0
    reason: str = ""
    """Why the last one failed."""
    in_a_row: int = 0
    """How many of the last ones failed, one behind the other."""
    is_late: bool = False
    """Whether the time was over before all was tried."""

    def add(self, now: "Sent") -> None:
        """Add what became of some more."""
        self.delivered += now.delivered
        self.failed += now.failed
        self.parked += now.parked
        self.reason = now.reason or self.reason
        self.in_a_row, self.is_late = now.in_a_row, now.is_late

    @property
    def is_down(self) -> bool:
        """Return whether it failed ``IN_A_ROW`` times in a row, or on all there was."""
        return self.in_a_row > 0 and (self.in_a_row >= IN_A_ROW or self.delivered == 0)


def routes(desk: Desk, names: Sequence[str] | None = None) -> tuple[Route, ...]:
    """Return the sinks called *names*, ready to deliver; None takes all of them.

    Raises:
        ConfigError: There is no such sink, or it misses a secret.
    """
    for name in names or ():
        if name not in desk.sinks:
            known = f"; there are {', '.join(desk.sinks)}" if desk.sinks else ""
            raise ConfigError(
                f"no sink is called {name!r}{known}{near(name, desk.sinks)}; "
                f"a table [desk.sinks.{name}] in the settings makes one"
            )
    made = parts(SINKS)
    return tuple(
        Route(
            name=name,
            sink=cast("Sink", made[cast("Any", options).kind](options)),
            min_severity=options.min_severity,
        )
        for name, options in desk.sinks.items()
        if names is None or name in names
    )


def open_spool(desk: Desk, clock: Callable[[], float] = time.time) -> Spool:
    """Return the spool that the settings name; DeliveryError where it cannot be opened."""
    return Spool(desk.spool, limit_bytes=desk.spool_mb << 20, attempts=desk.attempts, clock=clock)


class Outbox:
    """Takes findings and sees to it that each sink gets them. Use it in one thread."""

    def __init__(self, ways: Iterable[Route], spool: Spool) -> None:
        self.routes = tuple(ways)
        self.spool = spool
        self.lost = 0
        """Findings that could not be kept for a sink."""
        self.trouble = ""
        """Why the first of them could not."""
        self._dropped = spool.dropped

    def deliver(self, finding: Finding) -> None:
        """Keep *finding* for every sink that wants it; an allowed one is for none.

        It never raises DeliveryError: what cannot be kept counts as ``lost``.
        """
        for route, payload in self._wanted(finding):
            try:
                self.spool.put(route.name, finding.id, int(finding.severity), payload)
            except DeliveryError as error:
                self.lost += 1
                self.trouble = self.trouble or str(error)

    def deliver_all(self, findings: Iterable[Finding]) -> None:
        """Do the same for many, quicker: the disk is waited for once in ``AT_ONCE`` findings."""
        left = iter(findings)
        while some := list(islice(left, AT_ONCE)):
            try:
                with self.spool.batch():
                    for finding in some:
                        for route, payload in self._wanted(finding):
                            self.spool.put(route.name, finding.id, int(finding.severity), payload)
            except DeliveryError:  # none of them was kept: see which can be
                for finding in some:
                    self.deliver(finding)

    def _wanted(self, finding: Finding) -> list[tuple[Route, str]]:
        """Return the sinks that *finding* is for, and what to keep for them."""
        if finding.allowed is not None:
            return []
        payload = ascii_json(as_line(finding))
        return [(one, payload) for one in self.routes if finding.severity >= one.min_severity]

    def flush(
        self, within_s: float | None = None, steady: Callable[[], float] = time.monotonic
    ) -> dict[str, Sent]:
        """Try once what is due for each sink, and return what became of it.

        Args:
            within_s: Begin no item later than this, but give each sink one turn. None takes the
                time that it takes.
            steady: Seconds since anything.

        Raises:
            DeliveryError: The spool cannot be read.
        """
        until = math.inf if within_s is None else steady() + within_s
        sent = {route.name: Sent() for route in self.routes}
        todo = list(self.routes)
        while todo:
            todo = [route for route in todo if self._turn(route, sent[route.name], steady)]
            if steady() >= until:
                break
        for route in todo:
            sent[route.name].is_late = True
        return sent

    def _turn(self, route: Route, sent: Sent, steady: Callable[[], float]) -> bool:
        """Serve one sink for its turn; return whether it may want another."""
        end = steady() + TURN_S
        return self.serve(route, sent, lambda: steady() >= end)

    def serve(self, route: Route, sent: Sent, is_over: Callable[[], bool]) -> bool:
        """Try what is due for one sink, until it is down or *is_over* says so behind an item.

        Returns:
            Whether it was *is_over* that ended it.
        """
        while sent.in_a_row < IN_A_ROW:
            if is_over():
                return True
            item = self.spool.take(route.name)
            if item is None:
                return False
            reason = self._tried(route, item)
            if reason is None:
                self.spool.delivered(item)
                sent.delivered += 1
                sent.in_a_row = 0
                continue
            sent.parked += self.spool.failed(item, reason)
            sent.failed += 1
            sent.reason = reason
            sent.in_a_row += 1
        return False

    def _tried(self, route: Route, item: Item) -> str | None:
        """Deliver *item*; return why it failed, or None."""
        try:
            (finding,) = read_findings({"findings": [json.loads(item.payload)]})
            route.sink.deliver(finding, update=item.is_update)
        except DeliveryError as error:
            return str(error)
        except Exception as error:  # a sink with a mistake must not hold up the others
            return f"{item.id}: internal error, {type(error).__name__}"
        except BaseException:  # told to end: whoever comes next need not wait for the lease
            self.spool.release(item)
            raise
        return None

    def report(self, sent: Mapping[str, Sent]) -> list[str]:
        """Return what a person should know, a line per sink and one per trouble."""
        lines = []
        for route in self.routes:
            left, now = self.spool.count(route.name), sent.get(route.name, Sent())
            line = f"{route.name}: {now.delivered:,} sent"
            if left.waiting:
                line += f", {left.waiting:,} waiting"
            if left.parked:
                line += f", {left.parked:,} parked after {self.spool.attempts} tries"
            line += f" ({now.reason or left.reason})" if left.reason else ""
            is_cut = now.is_late and left.waiting
            lines.append(f"{line}; the time was up: desk send sends the rest" if is_cut else line)
        if self.lost:
            lines.append(f"{self.lost:,} findings could not be kept: {self.trouble}")
        if dropped := self.spool.dropped - self._dropped:
            lines.append(f"{dropped:,} less grave findings gave way in a full spool")
        return lines

    @property
    def is_settled(self) -> bool:
        """Return whether everything reached its sink."""
        left = [self.spool.count(route.name) for route in self.routes]
        return self.lost == 0 and not any(one.waiting or one.parked for one in left)
