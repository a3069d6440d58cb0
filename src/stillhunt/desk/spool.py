"""What waits to be delivered, on disk, so that a kill or a dead receiver loses nothing.

One SQLite file (WAL, mode 0600) per installation; several processes may use it at once. An
item is here from before its first delivery until after its last, so it is delivered *at least*
once: whoever is killed between the two delivers it again. A taken item is hidden from others
for ``LEASE_S``.

An item that fails waits longer each time, up to an hour, and after ``attempts`` tries it is
*parked*: kept and reported, no longer tried. It stands behind those that have failed less
often, so it holds up nobody.

The spool is bounded in bytes. When it is full, a new item takes the place of the least grave
and oldest ones that are less grave than it is; if there are none, it is refused, and said so.
What was delivered is remembered by id and severity, so that a repeat is sent only when it has
become graver.
"""

import contextlib
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stillhunt.desk.items import SCHEMA, Count, Item
from stillhunt.desk.spool_file import make_private
from stillhunt.model.errors import DeliveryError

__all__ = ["LEASE_S", "Spool"]

LEASE_S = 300.0
"""No sink needs longer for one item: each ends after its own timeout, a minute at most."""
FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 3_600.0
REMEMBERED = 500_000
"""Deliveries that are remembered, the newest; about 100 bytes each."""
BUSY_MS = 10_000


class Spool:
    """Items that wait, in one file. Use it in one thread, and close it."""

    def __init__(
        self,
        path: Path,
        *,
        limit_bytes: int = 64 << 20,
        attempts: int = 72,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Open or create the spool.

        Args:
            path: The file; beside it stand ``PATH-wal`` and ``PATH-shm``.
            limit_bytes: What all payloads together may take [bytes].
            attempts: Failed tries after which an item is parked.
            clock: Seconds since the epoch.
            chance: A number in [0, 1), for the jitter of the waits.

        Raises:
            DeliveryError: It cannot be opened, is a link, or belongs to somebody else.
        """
        self.path = path
        self.limit_bytes = limit_bytes
        self.attempts = attempts
        self._clock = clock
        self._chance = chance
        self._is_batch = False
        with self._answering("open"):
            path.parent.mkdir(parents=True, exist_ok=True)
            make_private(path)
            self._con = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None)
            try:
                self._con.execute("PRAGMA journal_mode = WAL")
                self._con.execute("PRAGMA synchronous = FULL")
                self._con.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
            except sqlite3.Error:
                self._con.close()
                raise

    def close(self) -> None:
        """Close the file."""
        self._con.close()

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Make all changes inside one, whole or not at all: one wait for the disk, not many."""
        with self._answering("write"), self._change():
            self._is_batch = True
            try:
                yield
            finally:
                self._is_batch = False

    def put(self, sink: str, name: str, severity: int, payload: str) -> bool:
        """Keep an item until it is delivered; once this returns, it is on the disk.

        An item that waits already is replaced by a newer state that is as grave; an older one,
        such as a repeat after a crash, changes nothing.

        Returns:
            Whether there is something to deliver: False where *sink* was told before, and of a
            severity as grave.

        Raises:
            DeliveryError: The spool is full of items as grave as this one, or the disk is full.
        """
        with self._answering(f"keep {name} in"), self._change():
            told = self._one("SELECT severity FROM sent WHERE sink = ? AND id = ?", sink, name)
            if told is not None and told >= severity:
                return False
            self._make_room(sink, name, severity, len(payload))
            self._con.execute(
                """INSERT INTO item (sink, id, severity, payload, is_update, queued, due)
                   VALUES (?, ?, ?, ?, ?, ?, ?)
                   ON CONFLICT (sink, id) DO UPDATE SET payload = excluded.payload,
                   severity = excluded.severity WHERE excluded.severity >= severity""",
                (sink, name, severity, payload, told is not None, self._clock(), self._clock()),
            )
        return True

    def take(self, sink: str) -> Item | None:
        """Return what is due for *sink*, least often failed first; hide it from others.

        What is further ahead than anything waits was noted before the clock was set back: it is
        due, too.
        """
        now = self._clock()
        with self._answering("read"), self._change():
            row = self._con.execute(
                """UPDATE item SET taken = taken + 1, leased = ? WHERE rowid = (
                       SELECT rowid FROM item WHERE sink = ? AND parked = 0
                       AND (due <= ? OR due > ?) AND (leased <= ? OR leased > ?)
                       ORDER BY attempts, queued, id LIMIT 1)
                   RETURNING id, severity, payload, is_update, attempts, taken""",
                (now + LEASE_S, sink, now, now + LONGEST_WAIT_S, now, now + LEASE_S),
            ).fetchone()
        if row is None:
            return None
        name, severity, payload, is_update, attempts, token = row
        return Item(
            sink=sink, id=name, severity=severity, payload=payload, is_update=bool(is_update),
            attempts=attempts, token=token,
        )  # fmt: skip

    def delivered(self, item: Item) -> None:
        """Forget *item* and remember that it was delivered; a newer, graver state stays."""
        with self._answering("write"), self._change():
            self._con.execute(
                """DELETE FROM item WHERE sink = ? AND id = ? AND severity <= ?""",
                (item.sink, item.id, item.severity),
            )
            self._con.execute(
                "UPDATE item SET is_update = 1, leased = 0, due = ? WHERE sink = ? AND id = ?",
                (self._clock(), item.sink, item.id),
            )
            self._con.execute(
                """INSERT INTO sent (sink, id, severity) VALUES (?, ?, ?)
                   ON CONFLICT (sink, id)
                   DO UPDATE SET severity = MAX(severity, excluded.severity)""",
                (item.sink, item.id, item.severity),
            )
            self._con.execute(
                "DELETE FROM sent WHERE number <= (SELECT MAX(number) FROM sent) - ?",
                (REMEMBERED,),
            )

    def failed(self, item: Item, reason: str) -> bool:
        """Let *item* wait for its next try; return whether it is parked now instead."""
        attempts = item.attempts + 1
        is_parked = attempts >= self.attempts
        with self._answering("write"), self._change():
            self._con.execute(
                """UPDATE item SET attempts = ?, parked = ?, due = ?, reason = ?, leased = 0
                   WHERE sink = ? AND id = ? AND taken = ?""",
                (attempts, is_parked, self._clock() + self.wait_s(attempts), reason,
                 item.sink, item.id, item.token),
            )  # fmt: skip
        return is_parked

    def release(self, item: Item) -> None:
        """Give *item* back as it was, untried."""
        with self._answering("write"), self._change():
            self._con.execute(
                "UPDATE item SET leased = 0 WHERE sink = ? AND id = ? AND taken = ?",
                (item.sink, item.id, item.token),
            )

    def wait_s(self, attempts: int) -> float:
        """Return how long to wait after *attempts* failures [s]: doubled, with jitter."""
        longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(attempts - 1, 30))
        return longest * (0.5 + self._chance() / 2)

    def revive(self, sink: str) -> int:
        """Make due now what waits for *sink*, parked or not yet due; return how many."""
        with self._answering("write"), self._change():
            changed = self._con.execute(
                """UPDATE item SET due = ?, attempts = CASE WHEN parked THEN 0 ELSE attempts END,
                   parked = 0 WHERE sink = ? AND (parked OR due > ?)""",
                (self._clock(), sink, self._clock()),
            )
            return changed.rowcount

    @property
    def dropped(self) -> int:
        """Return how many items ever had to give way to graver ones."""
        with self._answering("read"):
            return self._one("SELECT dropped FROM held") or 0

    def count(self, sink: str) -> Count:
        """Return what waits for *sink*."""
        with self._answering("read"):
            waiting, parked = self._con.execute(
                "SELECT COUNT(*) - COALESCE(SUM(parked), 0), COALESCE(SUM(parked), 0)"
                " FROM item WHERE sink = ?", (sink,)
            ).fetchone()  # fmt: skip
            reason = self._con.execute(
                """SELECT reason FROM item WHERE sink = ? AND reason <> ''
                   ORDER BY due DESC LIMIT 1""",
                (sink,),
            ).fetchone()
        return Count(waiting=waiting, parked=parked, reason=reason[0] if reason else "")

    def next_due(self, sink: str) -> float | None:
        """Return when the next item for *sink* is due [s since epoch], None if none waits."""
        with self._answering("read"):
            (due,) = self._con.execute(
                """SELECT MIN(MAX(CASE WHEN due > ? THEN 0 ELSE due END,
                                  CASE WHEN leased > ? THEN 0 ELSE leased END))
                   FROM item WHERE sink = ? AND parked = 0""",
                (self._clock() + LONGEST_WAIT_S, self._clock() + LEASE_S, sink),
            ).fetchone()
        return None if due is None else float(due)

    def _make_room(self, sink: str, name: str, severity: int, wanted: int) -> None:
        """Remove less grave items until *wanted* bytes fit."""
        own = self._one("SELECT length(payload) FROM item WHERE sink = ? AND id = ?", sink, name)
        held = self._one("SELECT bytes FROM held") or 0
        over = held + wanted - (own or 0) - self.limit_bytes
        if over <= 0:
            return
        less = self._con.execute(
            """SELECT sink, id, length(payload) FROM item WHERE severity < ?
               ORDER BY severity, queued""", (severity,)
        )  # fmt: skip
        gone = []
        for other, its_id, size in less:
            gone.append((other, its_id))
            over -= size
            if over <= 0:
                break
        less.close()
        if over > 0:
            raise DeliveryError(
                f"the spool {self.path} is full ({self.limit_bytes:,} bytes) of findings as grave"
                f" as {name}, which was not kept; mend the sinks, or raise desk.spool_mb"
            )
        self._con.executemany("DELETE FROM item WHERE sink = ? AND id = ?", gone)
        self._con.execute("UPDATE held SET dropped = dropped + ?", (len(gone),))

    def _one(self, sql: str, *values: object) -> int | None:
        row = self._con.execute(sql, values).fetchone()
        return None if row is None else row[0]

    @contextmanager
    def _change(self) -> Iterator[None]:
        """Make a change whole or not at all; others wait for it."""
        if self._is_batch:
            yield
            return
        self._con.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._con.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._con.execute("ROLLBACK")
            raise

    @contextmanager
    def _answering(self, doing: str) -> Iterator[None]:
        """Say in a sentence what is wrong with the file."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            said = getattr(error, "strerror", None) or error
            raise DeliveryError(f"cannot {doing} the spool {self.path}: {said}") from error
