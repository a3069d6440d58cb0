"""Waiting until a log grows: inotify where there is one, a look every 50 ms elsewhere."""

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["POLL_S", "Watcher"]

POLL_S = 0.05
"""Without inotify, and with it where a file system does not tell (NFS)."""


class Watcher:
    """Wakes up when something happens in the folders of the logs."""

    def __init__(self, paths: Iterable[str]) -> None:
        """Watch the folders of *paths*; where that cannot be, waiting is looking."""
        self._inotify: Any = None
        self._watched: set[Path] = set()
        if sys.platform == "linux":
            try:
                import inotify_simple  # noqa: PLC0415 - Linux only

                self._inotify = inotify_simple.INotify(nonblocking=True)
            except (ImportError, OSError):  # too many watches already, for example
                self._inotify = None
        self.add(paths)

    def add(self, paths: Iterable[str]) -> None:
        """Watch the folders of more *paths*."""
        for folder in {Path(path).parent for path in paths} - self._watched:
            self._watched.add(folder)
            if self._inotify is not None:
                self._add(folder)

    def _add(self, folder: Path) -> None:
        from inotify_simple import flags  # noqa: PLC0415 - Linux only

        wanted = flags.MODIFY | flags.CREATE | flags.MOVED_TO | flags.MOVED_FROM
        try:
            self._inotify.add_watch(str(folder), wanted)
        except OSError:
            self.close()

    def wait(self, longest_s: float) -> None:
        """Return when something happened, or after *longest_s* [s] at the latest."""
        if self._inotify is None:
            time.sleep(min(longest_s, POLL_S))
            return
        # Events that came in a burst are one reason to look: 5 ms gather them.
        self._inotify.read(timeout=int(longest_s * 1000), read_delay=5)

    def close(self) -> None:
        """Stop watching."""
        if self._inotify is not None:
            self._inotify.close()
            self._inotify = None
