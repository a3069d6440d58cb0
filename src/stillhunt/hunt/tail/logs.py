"""All logs that are followed: each line is read by one of them, whatever names its file has.

A glob such as ``access.log*`` also names what a log was rotated into. Such files belong to the
log: they are known by name, or as a file that is or was read. With ``from_start`` they are read
before it, the oldest first.
"""

import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stillhunt.hunt.source import shown
from stillhunt.hunt.tail.files import Log
from stillhunt.hunt.tail.opened import Pipe
from stillhunt.hunt.tail.opening import expanded
from stillhunt.hunt.tail.place import PACKED, Place, is_rotated, predecessors, status_of
from stillhunt.model.errors import InputError

__all__ = ["Asking", "Logs"]

STDIN = "-"


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Who is told what cannot be found, and who knows which lines are like ours."""

    warn: Callable[[str], None] = lambda _: None
    fail: Callable[[str], None] = lambda _: None
    is_alike: Callable[[Path], bool] = lambda _: True


class Logs(Mapping[str, Log | Pipe]):
    """The logs that some patterns name, by path."""

    def __init__(
        self,
        patterns: Sequence[str],
        places: Iterable[Place],
        *,
        from_start: bool,
        asking: Asking,
    ) -> None:
        """Open everything that is there.

        Args:
            patterns: Files or globs, that need not be there yet, or "-".
            places: Those of a checkpoint.
            from_start: Without places: from the first line, else only what comes from now on.
            asking: See there.

        Raises:
            InputError: A pattern names a folder, or "-" and standard input is closed.
        """
        self._patterns = list(patterns)
        self._asking = asking
        self._logs: dict[str, Log | Pipe] = {}
        self._passed: dict[str, tuple[int, int]] = {}
        known: dict[str, list[Place]] = {}
        for place in places:
            known.setdefault(place.path, []).append(place)
        owned = _owned(dict.fromkeys([*known, *expanded(patterns)]))
        for path, rotated in owned.items():
            mine = [p for name in (*rotated, path) for p in known.get(name, ())]
            before = _in_order(path, rotated, asking) if from_start and not mine else []
            self._open(path, [replace(place, path=path) for place in mine], before,
                       from_start=from_start or bool(known))  # fmt: skip

    def __getitem__(self, path: str) -> Log | Pipe:
        return self._logs[path]

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._logs))

    def __len__(self) -> int:
        return len(self._logs)

    def look(self) -> dict[str, list[str]]:
        """Follow what the patterns name by now; return each new log, and the logs it replaces."""
        passed, self._passed = self._passed, {}
        fresh = set[str]()
        for path in expanded(self._patterns):
            status = status_of(Path(path)) if path not in self._logs else None
            if status is not None and stat.S_ISREG(status.st_mode):
                self._passed[path] = status.st_dev, status.st_ino
                if passed.get(path) != self._passed[path]:
                    fresh.add(path)
        if not fresh:
            return {}
        found = {}
        for path, rotated in _owned(dict.fromkeys([*self._logs, *self._passed])).items():
            before = [name for name in rotated if name in fresh]
            if path in fresh and self._open(
                path, (), _in_order(path, before, self._asking), from_start=True
            ):
                del self._passed[path]
                found[path] = self._adopted(path)
        return found

    def files(self) -> list[str]:
        """Return the paths by which everything can be read that is followed."""
        return [file for log in self._logs.values() for file in log.files()]

    @property
    def is_ended(self) -> bool:
        """Return whether nothing more can come."""
        return all(isinstance(log, Pipe) and log.is_ended for log in self._logs.values())

    def close(self) -> None:
        """Close every file."""
        for log in self._logs.values():
            log.close()

    def _open(
        self, path: str, places: Sequence[Place], before: Sequence[Path], *, from_start: bool
    ) -> bool:
        """Follow *path*, and say so; not if its file is already read under another name."""
        if path == STDIN:
            if sys.stdin is None:
                raise InputError("standard input is closed; pipe the log into it, or name a file")
            self._logs[path] = Pipe(path, sys.stdin.fileno())
            return True
        status = status_of(Path(path))
        if status is not None and stat.S_ISDIR(status.st_mode):
            raise InputError(f"{shown(path)} is a folder; name its files")
        if status is not None and not places:
            for other, log in self._logs.items():
                if isinstance(log, Log) and log.has_read(Path(path), status):
                    self._passed[path] = status.st_dev, status.st_ino
                    self._asking.warn(f"passing over {shown(path)}: it was read as {shown(other)}")
                    return False
        self._logs[path] = Log(
            path,
            places=places,
            before=before,
            from_start=from_start or status is None,
            warn=self._asking.warn,
            fail=self._asking.fail,
            is_foreign=lambda file: self._is_foreign(path, file),
            is_alike=self._asking.is_alike,
        )
        return True

    def _adopted(self, path: str) -> list[str]:
        """Give *path* the files of logs that it was rotated into; return their paths."""
        log = self._logs[path]
        adopted = []
        for name, other in tuple(self._logs.items()):
            if isinstance(log, Log) and isinstance(other, Log) and _is_of(name, path):
                log.adopt(other)
                adopted.append(name)
                del self._logs[name]
        return adopted

    def _is_foreign(self, path: str, file: Path) -> bool:
        status = status_of(file)
        return status is not None and any(
            isinstance(log, Log) and log.has_open(status)
            for name, log in self._logs.items()
            if name != path
        )


def _owned(paths: Iterable[str]) -> dict[str, list[str]]:
    """Return each log of *paths*, with those of them that it was rotated into."""
    known = list(paths)
    owners = {path: _owner(path, known) for path in known}
    logs: dict[str, list[str]] = {path: [] for path, owner in owners.items() if owner is None}
    for path, owner in owners.items():
        root = owner
        while root is not None and owners[root] is not None:
            root = owners[root]
        if root is not None:
            logs[root].append(path)
    return logs


def _owner(path: str, logs: Iterable[str]) -> str | None:
    """Return the log of *logs* that was rotated into *path*: the one with the shortest name."""
    return min((log for log in logs if _is_of(path, log)), key=len, default=None)


def _is_of(path: str, log: str) -> bool:
    return STDIN not in {path, log} and path != log and is_rotated(Path(path), Path(log))


def _in_order(path: str, rotated: Sequence[str], asking: Asking) -> list[Path]:
    """Return which of *rotated* to read before *path*, the oldest first, each content once."""
    names = {Path(name) for name in rotated}
    seen = {(now.st_dev, now.st_ino) for now in [status_of(Path(path))] if now is not None}
    packed = [Path(path + ending) for ending in PACKED]
    found = []
    for file in (*packed, *predecessors(Path(path))):
        status = status_of(file)
        if file not in names or status is None or (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        if asking.is_alike(file):
            found.append(file)
        else:
            asking.warn(f"passing over {shown(str(file))}: no line like those of the log")
    return found
