"""The live view: how fast lines come, who talks most, what was found; redrawn twice a second.

Whatever came out of a log is shown escaped (``report.visible``), as plain text.
"""

import time
from collections import deque
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from stillhunt.hunt.report.figures import clock, count, plural
from stillhunt.hunt.report.terminal import printable
from stillhunt.hunt.tail.output import text_line
from stillhunt.model.finding import Finding

if TYPE_CHECKING:
    from stillhunt.hunt.tail.loop import Tail

__all__ = ["TOP", "LiveView", "Talkers"]

TOP = 6
ALERTS = 8
REDRAW_S = 0.5
LEAST = 0.5  # of a count that has faded
KINDS = ("account_id", "source_ip")
STYLES = {1: "dim", 2: "cyan", 3: "yellow", 4: "red", 5: "bold red"}


class Talkers:
    """Who sent most of late. Space-saving: a count is too large by what the name displaced."""

    MOST = 200
    HALF_LIFE = 0.9
    """Counts are multiplied by this at each redraw, so that whoever is silent sinks."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], float] = {}

    def add(self, rows: pa.Table) -> None:
        """Count the names in *rows*."""
        for kind in KINDS:
            if kind not in rows.column_names or rows[kind].null_count == len(rows):
                continue
            counted = pc.value_counts(rows[kind].drop_null().combine_chunks())
            values, counts = counted.field(0), counted.field(1)
            best = pc.select_k_unstable(counts, k=TOP * 2, sort_keys=[("counts", "descending")])
            for place in best.to_pylist():
                self._one((kind, values[place].as_py()), counts[place].as_py())

    def _one(self, name: tuple[str, str], more: int) -> None:
        if name not in self._counts and len(self._counts) >= self.MOST:
            least = min(self._counts, key=lambda key: self._counts[key])
            more += int(self._counts.pop(least))
        self._counts[name] = self._counts.get(name, 0.0) + more

    def top(self, kind: str) -> list[tuple[str, float]]:
        """Return the names of one kind that sent most."""
        theirs = [(name, n) for (what, name), n in self._counts.items() if what == kind]
        return sorted(theirs, key=lambda item: -item[1])[:TOP]

    def fade(self) -> None:
        """Let everybody sink a little."""
        self._counts = {k: n * self.HALF_LIFE for k, n in self._counts.items() if n > LEAST}


class LiveView:
    """A ``Watch`` that draws."""

    def __init__(self, console: Console) -> None:
        """Draw on *console*."""
        self._talkers = Talkers()
        self._alerts: deque[Finding] = deque(maxlen=ALERTS)
        self._live = Live(console=console, auto_refresh=False, transient=False)
        self._drawn_s = time.monotonic()
        self._lines = 0

    def __enter__(self) -> "LiveView":
        self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.stop()

    def rows(self, rows: pa.Table) -> None:
        """Count who talks."""
        self._talkers.add(rows)

    def finding(self, finding: Finding) -> None:
        """Keep a finding."""
        self._alerts.appendleft(finding)

    def tick(self, tail: "Tail") -> None:
        """Redraw, if it is time."""
        now = time.monotonic()
        if now - self._drawn_s >= REDRAW_S:
            rate = (tail.lines - self._lines) / (now - self._drawn_s)
            self._drawn_s, self._lines = now, tail.lines
            self._live.update(self.page(tail, rate), refresh=True)
            self._talkers.fade()

    def page(self, tail: "Tail", rate: float) -> Group:
        """Return what is drawn."""
        newest = clock(tail.engine.newest_us or None, seconds=True)
        head = Text.assemble(
            (f"{rate:,.0f} lines/s", "bold"),
            f"   {count(tail.lines)} lines   {plural(tail.quarantine.count, 'reject')}   "
            f"log time {newest} UTC   {plural(tail.findings, 'finding')}",
        )
        table = Table(box=None, pad_edge=False, header_style="dim")
        for kind in KINDS:
            table.add_column("account" if kind == "account_id" else "address", no_wrap=True)
            table.add_column("of late", justify="right")
        tops = [self._talkers.top(kind) for kind in KINDS]
        for place in range(max(map(len, tops), default=0)):
            cells: list[Text | str] = []
            for top in tops:
                name, n = top[place] if place < len(top) else ("", 0)
                cells += [Text(printable(name, 40) if name else ""), count(n) if name else ""]
            table.add_row(*cells)
        alerts = [Text(text_line(f), style=STYLES[int(f.severity)]) for f in self._alerts]
        return Group(head, table, *alerts)
