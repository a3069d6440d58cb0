"""Two-phase commit of files: staged, then named in a journal, then renamed.

Staged files are invisible. The journal, itself renamed into place, is the moment of truth:
before it nothing happened, after it everything will, if need be at the next opening. Applying
it only renames and removes, needs no space, and may be done twice.
"""

import itertools
import json
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

import pyarrow as pa

from stillhunt.hunt.lake.schema import private, write_parquet
from stillhunt.model.errors import LakeError

__all__ = ["Staging", "clear", "is_settled", "replay", "sync_folder"]

STAGING, JOURNAL = "staging", "journal"
_STAGED = re.compile(r"[0-9]{6,}")
_NAME = re.compile(r"(hot|cold|pieces|streams|quarantine)(/(?!\.\.?(/|$))[^/\0]+)+")


class Staging:
    """Files of one commit, not yet visible. Only the holder of the writer's lock has one.

    One thread may stage tables while another stages text; committing is for one alone.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._names: dict[str, str] = {}  # name in the lake -> name in staging
        self._removed: set[str] = set()
        self._open: dict[str, TextIO] = {}
        self._numbers = itertools.count()  # shared by threads

    def table(self, name: str, table: pa.Table) -> None:
        """Stage *table* as the Parquet file *name*, a path below the lake.

        Raises:
            LakeError: It cannot be written; nothing became visible.
        """
        try:
            write_parquet(table, self._stage(name))
        except OSError as error:
            raise self._failed(error) from error

    def text(self, name: str, text: str) -> None:
        """Append *text* to the staged text file *name*; raises as ``table`` does."""
        try:
            if name not in self._open:
                self._open[name] = open(  # noqa: SIM115  # commit and close close it
                    self._stage(name), "w", encoding="utf-8", opener=private
                )
            self._open[name].write(text)
        except OSError as error:
            raise self._failed(error) from error

    def remove(self, names: Iterable[str]) -> None:
        """Remove the files *names* of the lake in this commit."""
        self._removed.update(names)

    @property
    def is_removing(self) -> bool:
        """Whether this commit takes files away."""
        return bool(self._removed)

    def commit(self) -> None:
        """Make everything staged visible at once, and start anew.

        Raises:
            LakeError: Before the journal stood: nothing became visible. After it: the next
                opening of the lake completes the commit.
        """
        if not self._names and not self._removed:
            return
        try:
            for file in self._open.values():
                file.flush()
                os.fsync(file.fileno())
                file.close()
            for name in self._names:
                (self.root / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write_journal()
        except OSError as error:
            raise self._failed(error) from error
        replay(self.root)
        self._names.clear()
        self._removed.clear()
        self._open.clear()

    def close(self) -> None:
        """Close what is open, and forget what was not committed."""
        for file in self._open.values():
            try:
                file.close()
            except OSError:  # the disk is full: whoever wrote last was told
                continue
        clear(self.root)

    def _stage(self, name: str) -> Path:
        self._names[name] = f"{next(self._numbers):06d}"
        return self.root / STAGING / self._names[name]

    def _write_journal(self) -> None:
        moves = [[staged, name] for name, staged in self._names.items()]
        removed = sorted(self._removed - set(self._names))
        draft = self.root / STAGING / "journal"
        with open(draft, "w", encoding="utf-8", opener=private) as file:
            json.dump({"moves": moves, "removed": removed}, file)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self.root / STAGING)  # else a power cut may keep the journal and no file
        draft.rename(self.root / JOURNAL / "commit.json")
        sync_folder(self.root / JOURNAL)

    def _failed(self, error: OSError) -> LakeError:
        return LakeError(
            f"cannot write to the lake {self.root}: {error.strerror or error};"
            " what was committed before is whole, and nothing of this commit is visible"
        )


def is_settled(root: Path) -> bool:
    """Return whether no commit waits for its completion."""
    return not (root / JOURNAL / "commit.json").exists()


def replay(root: Path) -> None:
    """Complete the commit that stands in the journal, if one does.

    Raises:
        LakeError: The disk refuses, and trying again later is safe; or the journal is not
            one of ours, or a file that it names is gone, and nothing was done.
    """
    journal = root / JOURNAL / "commit.json"
    if not journal.exists():
        return
    moves, removed = _read_journal(journal)
    gone = [n for s, n in moves if not (root / STAGING / s).exists() and not (root / n).exists()]
    if gone:
        raise LakeError(
            f"{journal} names {gone[0]}, of which there is no file any more; remove the journal"
            " and read the last inputs again"
        )
    folders = {(root / name).parent for _, name in moves}
    try:
        for folder in folders:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for staged, name in moves:
            if (root / STAGING / staged).exists():  # else an earlier try moved it
                (root / STAGING / staged).rename(root / name)
        for folder in sorted(folders):
            sync_folder(folder)
        for name in removed:
            (root / name).unlink(missing_ok=True)
        journal.unlink()
        sync_folder(root / JOURNAL)
    except OSError as error:
        raise LakeError(
            f"cannot complete a commit in {root}: {error.strerror or error};"
            " mend that and run again"
        ) from error


def _read_journal(journal: Path) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the renames and removals of a commit; every name stays inside the lake."""
    try:
        commit = json.loads(journal.read_text(encoding="utf-8"))
        moves = [(str(staged), str(name)) for staged, name in commit["moves"]]
        removed = [str(name) for name in commit["removed"]]
    except OSError as error:
        raise LakeError(f"cannot read {journal}: {error.strerror or error}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise LakeError(
            f"{journal} is no journal of a commit; remove it and read the last inputs again"
        ) from error
    wrong = [staged for staged, _ in moves if not _STAGED.fullmatch(staged)]
    wrong += [n for n in [*(n for _, n in moves), *removed] if not _NAME.fullmatch(n)]
    if wrong:
        raise LakeError(
            f"{journal} names {wrong[0]!r}, which is no file of the lake; nothing was changed,"
            " and whoever wrote that may write to the lake"
        )
    return moves, removed


def clear(root: Path) -> None:
    """Remove staged files that no journal names."""
    if is_settled(root):
        for file in (root / STAGING).iterdir():
            if file.is_dir() and not file.is_symlink():
                shutil.rmtree(file, ignore_errors=True)
            else:
                file.unlink()


def sync_folder(folder: Path) -> None:
    """Flush the names in *folder* to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
