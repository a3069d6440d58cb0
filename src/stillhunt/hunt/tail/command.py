"""``stillhunt tail``: where findings go, which signals end it, and with which exit code."""

import fcntl
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from stillhunt.hunt.settings import read_settings
from stillhunt.hunt.tail.checkpoint import check_state
from stillhunt.hunt.tail.lean import give_back_code
from stillhunt.hunt.tail.loop import Ended, Tail
from stillhunt.hunt.tail.output import JsonLines, TextLines
from stillhunt.hunt.tail.saying import Say
from stillhunt.model.errors import ConfigError
from stillhunt.model.finding import Finding

__all__ = ["follow"]

FOUND, BROKEN = 1, 3


def follow(
    logs: Sequence[str],
    *,
    as_: str | None,
    state: Path | None,
    lake: Path | None,
    overrides: Mapping[str, str],
    config: Path | None,
    from_start: bool | None,
    once: bool,
    json_to: str | None,
    quiet: bool,
    deliver: Callable[[Sequence[Finding]], None] | None = None,
) -> int:
    """Follow *logs* until SIGTERM or SIGINT, and return the exit code.

    Args:
        logs: See ``Tail``, also for the others.
        as_: Name of the reader.
        state: The checkpoint; another tail may not use it at the same time.
        lake: Folder of a lake.
        overrides: Parameters by full name.
        config: Settings file.
        from_start: Where to begin without a checkpoint.
        once: End when everything that is there was read.
        json_to: File for findings, or "-".
        quiet: Nothing but findings, and what went wrong.
        deliver: Takes the findings, too, such as a sink.
    """
    with ExitStack() as stack:
        if state is not None:
            stack.enter_context(_alone(state))
        json_lines = None
        if json_to:
            json_lines = JsonLines(json_to, sys.stdout, is_resumed=state is not None)
            stack.callback(json_lines.close)
        is_drawn = not quiet and not once and json_to != "-" and _is_terminal()
        view = None
        if is_drawn:
            from rich.console import Console  # noqa: PLC0415 - only for people

            from stillhunt.hunt.tail.view import LiveView  # noqa: PLC0415

            view = stack.enter_context(LiveView(Console(markup=False, highlight=False)))
        # A sink knows what it was given before; of all others the output comes last, so that
        # whatever stands there was given to everybody.
        takers: list[Callable[[Sequence[Finding]], None]] = [] if deliver is None else [deliver]
        if json_lines:
            takers.append(json_lines.deliver)
        elif not is_drawn:
            takers.append(TextLines(sys.stdout).deliver)

        def send(findings: Sequence[Finding]) -> None:
            for taker in takers:
                taker(findings)

        is_over = stack.enter_context(_signals())
        tail = Tail(
            logs,
            settings=read_settings(config),
            deliver=send,
            reader=as_,
            state=state,
            lake=lake,
            overrides=overrides,
            from_start=from_start,
            say=_sayer(quiet=quiet),
            watch=view,
        )
        give_back_code()
        ended = tail.run(once=once, is_over=is_over)
    _conclude(ended, tail, quiet=quiet)
    return BROKEN if not ended.is_whole else FOUND if ended.findings else 0


def _sayer(*, quiet: bool) -> Say:
    from stillhunt.hunt.report.terminal import printable  # noqa: PLC0415

    def say(text: str, *, is_trouble: bool = False) -> None:
        if sys.stderr is not None and (is_trouble or not quiet):
            print(f"stillhunt: {printable(text, 400)}", file=sys.stderr, flush=True)

    return say


def _is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def _conclude(ended: Ended, tail: Tail, *, quiet: bool) -> None:
    say = _sayer(quiet=quiet)
    say(
        f"{ended.lines:,} lines = {ended.lines - ended.rejects:,} exchanges + {ended.rejects:,}"
        f" rejects; {ended.findings:,} findings"
    )
    for reason, number in tail.quarantine.reasons.most_common(3):
        say(f"  {number:,} rejects: {reason}")
    if ended.rejects and tail.quarantine.path is not None:
        say(f"rejects: {tail.quarantine.path}")


@contextmanager
def _signals() -> Iterator[Callable[[], bool]]:
    """Let SIGTERM and SIGINT end the tail after the batch in hand, and a second one at once."""
    came: list[int] = []

    def hear(number: int, _: object) -> None:
        if came:  # somebody insists: we may be waiting for a reader that never reads
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        came.append(number)

    before = {number: signal.signal(number, hear) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Hold the checkpoint for this process."""
    check_state(state)
    path = state.with_name(state.name + ".lock")
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"cannot use --state {state}: {error.strerror or error}") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(f"another tail is using --state {state}") from error
        yield
    finally:
        os.close(lock)
