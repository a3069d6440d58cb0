"""Rates and time left on everything that takes more than a second; nothing when not wanted."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

from stillhunt.hunt.report.visible import visible
from stillhunt.hunt.sketching import is_compiled

__all__ = ["Progress"]

PATIENCE_S = 1.0  # nobody needs to be told of less
NAME = 36


class Progress:
    """Draws bars on standard error, once there is something worth waiting for."""

    def __init__(self, *, enabled: bool) -> None:
        """Prepare, drawing nothing unless *enabled*."""
        self._enabled = enabled
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[note]}", markup=False),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._started = time.monotonic()
        self._tasks: dict[str, TaskID] = {}
        self._shown = False

    def __enter__(self) -> Self:
        """Begin; the first bar appears after a second."""
        if self._enabled and not is_compiled():
            self._bars.console.print("compiling the sketches, once (about half a minute)")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bars away."""
        if self._shown:
            self._bars.stop()

    def reading(self, path: str, done: int, total: int | None, rows: int, /) -> None:
        """Show packed bytes *done* of *total* (None for a pipe) and the rows so far."""
        passed = max(time.monotonic() - self._started, 1e-3)
        note = f"{rows:,} exchanges, {rows / passed:,.0f}/s"
        self._show(f"reading {visible(path, NAME)}", done, total, note)

    def sweeping(self, what: str, done: int, total: int, /) -> None:
        """Show the step *done* of *total*."""
        self._show("hunting", done, total, what.removeprefix("hunting: "))

    def _show(self, name: str, done: int, total: int | None, note: str) -> None:
        if not self._enabled:
            return
        if not self._shown:
            if time.monotonic() - self._started < PATIENCE_S:
                return
            self._bars.start()
            self._shown = True
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total, note=note)
        self._bars.update(self._tasks[name], completed=done, total=total, note=note)
