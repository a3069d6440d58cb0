"""The tail itself: what comes in, what goes out, and in which order.

A finding is delivered, then written into the journal, and only then a checkpoint may say so. A
checkpoint is made between two batches, when everything that was read has been looked at.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stillhunt.hunt.allow import apply_allow
from stillhunt.hunt.identity import hash_key, sketch_seed
from stillhunt.hunt.parameters import duration_us
from stillhunt.hunt.reading import Reading
from stillhunt.hunt.settings import HuntSettings
from stillhunt.hunt.tail.checkpoint import (
    Checkpoint,
    Delivered,
    read_checkpoint,
    write_checkpoint,
)
from stillhunt.hunt.tail.display import Silent, Watch
from stillhunt.hunt.tail.logs import Asking, Logs
from stillhunt.hunt.tail.opened import Pipe
from stillhunt.hunt.tail.opening import engine_of, reader_of
from stillhunt.hunt.tail.output import groups
from stillhunt.hunt.tail.place import PIECE
from stillhunt.hunt.tail.rejects import Quarantine
from stillhunt.hunt.tail.saying import (
    Said,
    Say,
    greet,
    speak_at_the_end,
    speak_of_loss,
    unheard,
)
from stillhunt.hunt.tail.silence import Silence, named
from stillhunt.hunt.tail.store import LakeWriter
from stillhunt.hunt.tail.taking import Taking
from stillhunt.hunt.tail.watch import Watcher
from stillhunt.model.errors import ConfigError
from stillhunt.model.finding import Finding

__all__ = ["ROWS", "Ended", "Tail"]

ROWS = 32_768
"""A batch is looked at from so many exchanges on, or after WAIT_S. Twice as many are a tenth
faster and cost 10 MB."""
WAIT_S = 0.2
GLOB_S = 2.0
"""How often globs are looked at for new files [s]."""
AT_ONCE = 8 << 20
LEAST_PIECE = 64 << 10
"""So much is read of all logs that are behind, before it is known whose turn it is [bytes]."""
NOTHING_READ = (
    "nothing was read: without a checkpoint, following begins at the end of what is there;"
    " give --from start"
)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What became of a tail."""

    lines: int
    exchanges: int
    rejects: int
    findings: int
    """Delivered, without those that an ``[[allow]]`` entry covers."""
    is_whole: bool
    """Whether every checkpoint and journal line could be written."""


@dataclass
class _Due:
    """Something that is done every so often."""

    every_s: float
    next_s: float = 0.0

    def is_due(self, now_s: float) -> bool:
        """Say so once in each period."""
        if now_s < self.next_s:
            return False
        self.next_s = now_s + self.every_s
        return True


class Tail:
    """Follows logs and delivers findings while they happen."""

    def __init__(
        self,
        paths: Sequence[str],
        *,
        settings: HuntSettings,
        deliver: Callable[[Sequence[Finding]], None],
        reader: str | None = None,
        state: Path | None = None,
        lake: Path | None = None,
        overrides: Mapping[str, str] | None = None,
        from_start: bool | None = None,
        say: Say = unheard,
        watch: Watch | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open everything; nothing is read yet.

        Args:
            paths: Files or globs, that need not be there yet, or "-".
            settings: Keys, parameters, allowed subjects, ``[tail]``.
            deliver: Takes the findings of a moment, and returns when they are safe.
            reader: Name of the format; None recognises it from what is there.
            state: Checkpoint to go on from and to keep.
            lake: Folder of a lake that gets the exchanges and findings, too.
            overrides: Parameters by full name.
            from_start: Without a checkpoint: from the first line, else only what comes from
                now on. None is from the start with a lake, which holds logs whole.
            say: Takes a sentence for a person, and whether it tells of trouble.
            watch: A display.
            clock: Monotonic time, for patience only; findings know log time [s].

        Raises:
            ConfigError: A setting, parameter or format that means nothing.
            InputError: The checkpoint is not ours, or of another format.
            LakeError: The lake cannot be written.
        """
        self._clock = clock
        self._said = Said(say=say)
        self._deliver, self._watch = deliver, watch or Silent()
        self._settings, self._state = settings, state
        before = read_checkpoint(state) if state is not None else None
        self.reader = reader_of(reader, before, paths)
        reading = Reading(self.reader, settings, "0" * 8)
        seed = sketch_seed(hash_key(settings))
        self.engine = engine_of(reading.reader.fills, settings, overrides or {}, seed)
        if before is not None:
            self.engine.restore(before.engine, before.arrays)
        self._delivered = Delivered(state, before.delivered if before else None)
        self.engine.recall(self._delivered.told)
        if lake is not None and ("-" in paths or from_start is False):
            raise ConfigError(
                "a lake holds logs whole: with --lake give files, and no --from end"
                if "-" not in paths
                else "standard input cannot go into a lake here; stillhunt ingest - does that"
            )
        start = lake is not None if from_start is None else from_start
        self.quarantine = Quarantine(state and state.with_name(state.name + ".rejects.jsonl"))
        self._taking = Taking(
            reading, self.engine, seed=seed, quarantine=self.quarantine, watch=self._watch
        )
        asking = Asking(
            warn=self._warn,
            fail=lambda text: self._fail(text, text),
            is_alike=self._taking.is_alike,
        )
        places = before.places if before else ()
        self._logs = Logs(paths, places, from_start=start, asking=asking)
        self._watcher = Watcher(path for path in self._logs if path != "-")
        self._lake = LakeWriter(lake, settings, self.reader) if lake is not None else None
        self.findings = 0
        self._is_whole = True
        self._flushed_s = clock()
        self._begins_at_the_end = before is None and from_start is None and not start
        told = settings.tail
        every = {
            name: duration_us(getattr(told, name), f"tail.{name}") / 1e6
            for name in ("checkpoint", "stalled", "ingest")
        }
        self._silence = Silence(after_s=every["stalled"])
        self._keep, self._ingest = _Due(every["checkpoint"]), _Due(every["ingest"])
        self._look = _Due(GLOB_S, clock() + GLOB_S)
        greet(self._said, self._logs, self.reader, self.engine, is_known=before is not None)

    @property
    def lines(self) -> int:
        """Return how many lines were read, rejects included."""
        return self._taking.lines

    def run(self, *, once: bool = False, is_over: Callable[[], bool] = lambda: False) -> Ended:
        """Follow until *is_over*; with *once* until everything that is there was read."""
        try:
            self.checkpoint()  # where we begin, in case that nothing comes before a kill
            while not is_over():
                grew = self.step()
                if not grew and (once or self._logs.is_ended):
                    break
                if not grew:
                    self._watcher.wait(WAIT_S)
            return self.end(once=once)
        finally:
            self.close()

    def close(self) -> None:
        """Close every file."""
        self._watcher.close()
        self._logs.close()

    def step(self) -> bool:
        """Read what is new once around, deliver what it makes true; say whether there was any.

        While several logs are behind, only that of them is read whose newest line is the oldest.
        """
        behind = self._behind()
        first = self._taking.merging.earliest(behind)
        most = min(PIECE, max(LEAST_PIECE, AT_ONCE // max(1, len(behind))))
        grew = set(behind)
        for path in self._logs:
            if path in behind and path != first:
                continue
            for piece in self._logs[path].read(self._clock(), most):
                grew.add(path)
                self._taking.take(path, piece, is_alone=len(self._logs) == 1)
                if self._is_time():
                    self._flush()
        behind = self._behind()
        self._taking.pass_on(behind)
        if not behind or self._is_time():
            self._flush()
        self._keep_up(grew)
        self._watch.tick(self)
        return bool(grew or behind)

    def _behind(self) -> set[str]:
        return {path for path, log in self._logs.items() if log.is_behind}

    def end(self, *, once: bool) -> Ended:
        """Look at what is left, write the checkpoint, and stop.

        Args:
            once: The logs are whole: a last line without a newline is one.
        """
        for path, log in self._logs.items():
            if once or isinstance(log, Pipe):
                for piece in log.finish():
                    self._taking.take(path, piece, is_alone=len(self._logs) == 1)
        if once or self._state is None or self._logs.is_ended or "-" in self._logs:
            self._taking.pass_on(())  # else it waits behind the place in the checkpoint
            self.engine.settle()
        self._flush()
        self.checkpoint()
        if self._lake is not None:
            self._lake.close(self._logs.files())
            if complaint := self._lake.complaint():
                self._fail("lake", complaint)
        speak_at_the_end(self._said, self.engine, self._settings.tail.lateness)
        if once and not self.lines and self._begins_at_the_end:
            self._said.say(NOTHING_READ, is_trouble=self._state is None)
        return Ended(
            lines=self.lines,
            exchanges=self.engine.exchanges,
            rejects=self.quarantine.count,
            findings=self.findings,
            is_whole=self._is_whole,
        )

    def checkpoint(self) -> None:
        """Write place and windows, unless an old file is being caught up with."""
        kept = self._taking.merging.kept()
        is_settled = all(log.is_settled for log in self._logs.values())
        if self._state is None or kept is None or not is_settled:
            return
        told, arrays = self.engine.state()
        now = Checkpoint(
            reader=self.reader,
            places=tuple(place for log in self._logs.values() for place in log.places(kept)),
            engine=told,
            arrays=arrays,
            delivered=self._delivered.settled(),
        )
        try:
            write_checkpoint(self._state, now)
            self._delivered.clear()
        except OSError as error:
            self._fail("state", f"cannot write --state {self._state}: {error.strerror or error}")

    # -- out ---------------------------------------------------------------------------------

    def _is_time(self) -> bool:
        waiting = self.engine.waiting
        return waiting >= ROWS or (waiting > 0 and self._clock() - self._flushed_s >= WAIT_S)

    def _flush(self) -> None:
        self._flushed_s = self._clock()
        news = tuple(one for one in self.engine.flush() if self._delivered.is_news(one))
        for group in groups(apply_allow(news, self._settings.allow)):
            self._send(group)

    def _send(self, group: Sequence[Finding]) -> None:
        self._deliver(group)
        self.findings += sum(finding.allowed is None for finding in group)
        for note in (self._lake.add if self._lake else None, self._delivered.add):
            try:
                if note is not None:
                    note(group)
            except OSError as error:
                self._fail("journal", f"cannot note what was delivered: {error.strerror or error}")
        for finding in group:
            self._watch.finding(finding)

    # -- between -----------------------------------------------------------------------------

    def _keep_up(self, grew: Collection[str]) -> None:
        """Do what is due: checkpoint, lake, new files of globs, a word about silence."""
        now = self._clock()
        if self._keep.is_due(now):
            self._flush()
            self.checkpoint()
        if self._lake is not None and self._ingest.is_due(now):
            if complaint := self._lake.complaint():
                self._fail("lake", complaint)
            self._lake.keep_up(self._logs.files())
        if self._look.is_due(now):
            fresh = self._logs.look()
            for path, former in fresh.items():
                for name in former:
                    self._taking.merging.rename(name, path)
            self._watcher.add(fresh)
        self._speak_of_silence(grew, now)
        speak_of_loss(self._said, self.engine, self._settings.tail.lateness, now)
        if self.quarantine.trouble:
            self._fail("rejects", self.quarantine.trouble)

    def _speak_of_silence(self, grew: Collection[str], now_s: float) -> None:
        open_ = [
            path for path, log in self._logs.items()
            if not (isinstance(log, Pipe) and log.is_ended)
        ]  # fmt: skip
        stalled, going = self._silence.look(open_, grew, now_s)
        if going:
            self._said(f"on {going}", f"{named(going)}: the log goes on", now_s)
        if stalled:
            text = f"{named(stalled)}: no new line for {self._settings.tail.stalled}"
            self._said(f"stalled {stalled}", text, now_s, is_trouble=True)

    def _warn(self, text: str) -> None:
        self._said(text, text, self._clock(), is_trouble=True)

    def _fail(self, kind: str, text: str) -> None:
        """Say what could not be written; following goes on, and the end tells."""
        self._is_whole = False
        self._said(kind, f"{text}; following goes on", self._clock(), is_trouble=True)
