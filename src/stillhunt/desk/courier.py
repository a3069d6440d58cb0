"""Threads that carry findings to the sinks while something else reads the logs.

Each sink has its own, so that a slow one keeps nothing from the others.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence

from stillhunt.desk.outbox import Outbox, Route, Sent
from stillhunt.desk.spool import Spool
from stillhunt.model.errors import DeliveryError
from stillhunt.model.finding import Finding

__all__ = ["IN_HAND_S", "LAST_S", "Carrier", "Courier"]

REST_S = 1.0
"""Between two looks at the spool where nothing is known to be due: others write to it, too."""
LAST_S = 10.0
"""For the last deliveries of all sinks together, once the end is asked for; a service manager
that stops us waits for 90 s before it kills (systemd, ``DefaultTimeoutStopSec``)."""
IN_HAND_S = 60.0
"""For the item in hand after that [s]: the longest ``timeout_s`` that a sink may be given."""


class Courier:
    """Takes findings at once and delivers them behind its owner's back.

    A sink that is down rests for as long as its next item waits, so it costs no more than a
    few tries an hour. Close it: then what is due is tried once more, for ``LAST_S`` at most.
    """

    def __init__(
        self,
        ways: Sequence[Route],
        open_spool: Callable[[], Spool],
        clock: Callable[[], float] = time.time,
        say: Callable[[str], None] | None = None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start a thread for each sink.

        Args:
            ways: The sinks.
            open_spool: Opens the spool; each thread has its own connection.
            clock: Seconds since the epoch, the spool's.
            say: Told at once why a finding could not be kept, the first time.
            steady: Seconds since anything, for the deadline of the end.

        Raises:
            DeliveryError: The spool cannot be opened.
        """
        self._say, self._steady = say, steady
        self._outbox = Outbox(ways, open_spool())
        self._carriers = [Carrier(route, open_spool, clock, steady) for route in ways]
        self.is_settled = False
        """Whether everything reached its sink, known once it is closed."""
        for carrier in self._carriers:
            carrier.start()

    def deliver(self, finding: Finding) -> None:
        """Keep *finding*; see ``Outbox.deliver``."""
        self.deliver_all((finding,))

    def deliver_all(self, findings: Iterable[Finding]) -> None:
        """Keep *findings*, waiting for the disk once; see ``Outbox.deliver_all``."""
        before = self._outbox.lost
        self._outbox.deliver_all(findings)
        if self._say and before == 0 < self._outbox.lost:
            self._say(self._outbox.trouble)
        for carrier in self._carriers:
            carrier.news.set()

    def close(self) -> list[str]:
        """Try once more what is due, end the threads, and return what a person should know.

        It takes ``LAST_S`` at most, and ``IN_HAND_S`` for the item in hand; what is left waits in
        the spool.
        """
        until = self._steady() + LAST_S
        for carrier in self._carriers:
            carrier.end(until)
        stuck = [one for one in self._carriers if not one.has_ended(until + IN_HAND_S)]
        try:
            lines = self._outbox.report({one.name: one.sent for one in self._carriers})
            self.is_settled = self._outbox.is_settled
        finally:
            self._outbox.spool.close()
        lines += [f"{one.name}: an item is still under way; it may be sent twice" for one in stuck]
        return lines + list(dict.fromkeys(o.trouble for o in self._carriers if o.trouble))

    @property
    def lost(self) -> int:
        """Return how many findings could not be kept."""
        return self._outbox.lost


class Carrier:
    """Serves one sink from its own thread."""

    def __init__(
        self,
        route: Route,
        open_spool: Callable[[], Spool],
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take what ``Courier`` is given, for one sink; ``start`` begins."""
        self._route, self._open, self._clock, self._steady = route, open_spool, clock, steady
        self._ends = threading.Event()
        self._until = 0.0
        self._is_resting = False
        self.news = threading.Event()
        """Set where something new may wait."""
        self.sent = Sent()
        """What became of the sink's items so far."""
        self.trouble = ""
        """Why the thread could not go on for a while."""
        self.name = route.name
        self._thread = threading.Thread(target=self._carry, name=f"to {self.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self, until: float) -> None:
        """Ask for the end: one more round, which begins no item after *until* [steady s]."""
        self._until = until
        self._ends.set()
        self.news.set()

    def has_ended(self, until: float) -> bool:
        """Wait for the end until *until* [steady s], and return whether it came."""
        self._thread.join(max(0.0, until - self._steady()))
        return not self._thread.is_alive()

    def once(self, outbox: Outbox) -> float:
        """Serve the sink until it has nothing, is down, or the end is asked for.

        Returns:
            For how long there is nothing to do [s].
        """
        now = self._round(outbox, self._ends.is_set)
        due = outbox.spool.next_due(self.name) if now.is_down else None
        self._is_resting = due is not None
        return REST_S if due is None else max(REST_S, due - self._clock())

    def _round(self, outbox: Outbox, is_over: Callable[[], bool]) -> Sent:
        now = Sent()
        try:
            now.is_late = outbox.serve(self._route, now, is_over)
        finally:
            self.sent.add(now)
        return now

    def _carry(self) -> None:
        while True:
            try:
                with self._open() as spool:
                    self._serve(Outbox([self._route], spool))
                    return
            except DeliveryError as error:  # a full disk may be emptied
                self.trouble = str(error)
            if self._ends.wait(REST_S):
                return

    def _serve(self, outbox: Outbox) -> None:
        """Make rounds until told to end, then a last one."""
        while not self._ends.is_set():
            self.news.clear()
            self._rest(self.once(outbox))
        self._round(outbox, lambda: self._steady() >= self._until)
        self.trouble = ""

    def _rest(self, rest_s: float) -> None:
        """Wait for news; of a sink that is down there are none but the end."""
        (self._ends if self._is_resting else self.news).wait(rest_s)
