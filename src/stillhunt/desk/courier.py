"""A thread that carries findings to the sinks while something else reads the logs."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence

from stillhunt.desk.outbox import Outbox, Route, Sent
from stillhunt.desk.spool import Spool
from stillhunt.model.errors import DeliveryError
from stillhunt.model.finding import Finding

__all__ = ["Courier", "Rounds"]

REST_S = 1.0
"""Between two looks at the spool where nothing is known to be due: others write to it, too."""

SHORTEST_S = 0.05  # a clock that lags behind the spool's shall not make it spin


class Courier:
    """Takes findings at once and delivers them behind its owner's back.

    A sink that is down rests for as long as its next item waits, so it costs no more than a
    few tries an hour. Close it: then everything due is tried once more.
    """

    def __init__(
        self,
        ways: Sequence[Route],
        open_spool: Callable[[], Spool],
        clock: Callable[[], float] = time.time,
        say: Callable[[str], None] | None = None,
    ) -> None:
        """Start the thread.

        Args:
            ways: The sinks.
            open_spool: Opens the spool; each thread has its own connection.
            clock: Seconds since the epoch, the spool's.
            say: Told at once why a finding could not be kept, the first time.

        Raises:
            DeliveryError: The spool cannot be opened.
        """
        self._ways, self._open, self._clock, self._say = ways, open_spool, clock, say
        self._outbox = Outbox(ways, open_spool())
        self._news, self._ends = threading.Event(), threading.Event()
        self.sent = {route.name: Sent() for route in ways}
        """What became of each sink's items so far."""
        self.trouble = ""
        """Why the thread could not go on for a while."""
        self.is_settled = False
        """Whether everything reached its sink, known once it is closed."""
        self._thread = threading.Thread(target=self._carry, name="courier", daemon=True)
        self._thread.start()

    def deliver(self, finding: Finding) -> None:
        """Keep *finding*; see ``Outbox.deliver``."""
        self.deliver_all((finding,))

    def deliver_all(self, findings: Iterable[Finding]) -> None:
        """Keep *findings*, waiting for the disk once; see ``Outbox.deliver_all``."""
        before = self._outbox.lost
        self._outbox.deliver_all(findings)
        if self._say and before == 0 < self._outbox.lost:
            self._say(self._outbox.trouble)
        self._news.set()

    def close(self) -> list[str]:
        """Try once more what is due, end the thread, and return what a person should know."""
        self._ends.set()
        self._news.set()
        self._thread.join()
        try:
            lines = self._outbox.report(self.sent)
            self.is_settled = self._outbox.is_settled
        finally:
            self._outbox.spool.close()
        return lines + ([self.trouble] if self.trouble else [])

    @property
    def lost(self) -> int:
        """Return how many findings could not be kept."""
        return self._outbox.lost

    def _carry(self) -> None:
        while True:
            try:
                with self._open() as spool:
                    self._serve(Outbox(self._ways, spool))
                    return
            except DeliveryError as error:  # a full disk may be emptied
                self.trouble = str(error)
            if self._ends.wait(REST_S):
                return

    def _serve(self, outbox: Outbox) -> None:
        """Make rounds until told to end, then a last one."""
        rounds = Rounds(outbox, self.sent, self._clock)
        while not self._ends.is_set():
            self._news.clear()
            self._news.wait(rounds.once())
        Rounds(outbox, self.sent, self._clock).once()
        self.trouble = ""


class Rounds:
    """Serves every sink in turn, and lets one rest that is down."""

    def __init__(self, outbox: Outbox, sent: dict[str, Sent], clock: Callable[[], float]) -> None:
        self._outbox, self._sent, self._clock = outbox, sent, clock
        self._rests: dict[str, float] = {}

    def once(self) -> float:
        """Serve each sink that does not rest; return how long there is nothing to do [s]."""
        for route in self._outbox.routes:
            if self._rests.get(route.name, 0.0) > self._clock():
                continue
            now = self._outbox.flush_one(route)
            total = self._sent[route.name]
            total.delivered += now.delivered
            total.failed += now.failed
            total.parked += now.parked
            total.reason = now.reason or total.reason
            due = self._outbox.spool.next_due(route.name)
            self._rests[route.name] = due if now.is_down and due is not None else 0.0
        waits = [at - self._clock() for at in self._rests.values() if at]
        return max(SHORTEST_S, min([REST_S, *waits]))
