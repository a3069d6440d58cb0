"""The lake as a place: where files stand, who may write, and the view that hunts ask."""

import json
import os
import shutil
import tempfile
import weakref
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path

import duckdb

from stillhunt.hunt.lake import locks, staging
from stillhunt.hunt.lake.health import answering, footer
from stillhunt.hunt.lake.schema import PIECES, day_name, private
from stillhunt.hunt.lake.staging import Staging
from stillhunt.hunt.lake.streams import Stream, streams
from stillhunt.model.errors import InputError, LakeError
from stillhunt.model.exchange import HOT, column

__all__ = ["Lake"]

SCHEMA = "stillhunt.lake/1"
FOLDERS = (
    "hot", "cold", "pieces", "staging", "journal", "streams", "quarantine", "locks", "spill",
    "findings",
)  # fmt: skip
SQL_TYPES = {
    "int64": "BIGINT", "int32": "INTEGER", "int16": "SMALLINT", "int8": "TINYINT",
    "float32": "FLOAT",
    "bool": "BOOLEAN", "string": "VARCHAR",
}  # fmt: skip
VIEWS = {
    "exchanges": {name: SQL_TYPES[column(name).kind] for name in HOT},
    "pieces": {name: SQL_TYPES[kind] for name, kind in PIECES.items()},
}
"""View -> column -> its type in DuckDB."""


class Lake:
    """A folder of Parquet files by day; whole after a crash at any moment."""

    def __init__(self, path: Path, *, wait_s: float = 30.0) -> None:
        """Take the lake that ``open`` or ``create`` found at *path*.

        Args:
            path: Folder of the lake.
            wait_s: How long to wait for another process [s].
        """
        self.path = path
        self.wait_s = wait_s

    @classmethod
    def open(cls, path: str | Path, *, wait_s: float = 30.0) -> "Lake":
        """Open the lake at *path*.

        Raises:
            InputError: There is none.
            LakeError: It is of a kind that this version cannot read, or a folder is missing
                and cannot be made again.
        """
        root = Path(path)
        try:
            note = json.loads((root / "lake.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{root} is no lake; stillhunt ingest makes one") from error
        schema = note.get("schema") if isinstance(note, dict) else None
        if schema != SCHEMA:
            raise LakeError(f"{root} is of schema {schema!r}; we read {SCHEMA}")
        _make_folders(root)
        return cls(root, wait_s=wait_s)

    @classmethod
    def create(cls, path: str | Path, *, wait_s: float = 30.0) -> "Lake":
        """Open the lake at *path*, or make one there; only its owner may read it.

        Raises:
            InputError: There are other things at *path*.
            LakeError: It cannot be written.
        """
        root = Path(path)
        if (root / "lake.json").exists():
            return cls.open(root, wait_s=wait_s)
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            if strangers := {p.name for p in root.iterdir()} - {*FOLDERS, "lake.json.new"}:
                raise InputError(
                    f"{root} holds {min(strangers)} and is no lake; name a new folder"
                )
            with suppress(PermissionError):  # a mounted folder of another owner; ours inside are
                root.chmod(0o700)
            _make_folders(root)
            draft = root / "lake.json.new"
            with open(draft, "w", encoding="utf-8", opener=private) as file:
                file.write(json.dumps({"schema": SCHEMA}) + "\n")
            draft.rename(root / "lake.json")
        except OSError as error:
            raise LakeError(f"cannot make a lake at {root}: {error.strerror or error}") from error
        return cls(root, wait_s=wait_s)

    @contextmanager
    def writing(self) -> Iterator[Staging]:
        """Hold the lake for writing, after completing what a crash left behind.

        What is staged and not committed is gone at the end.

        Raises:
            LakeError: Another process writes, or the disk refuses.
        """
        busy = (
            f"another ingest, expire or compact is writing the lake {self.path}; try again later"
        )
        with locks.held(self.path / "locks" / "writer", wait_s=self.wait_s, busy=busy):
            if not staging.is_settled(self.path):
                with self._renaming(is_removing=True):
                    staging.replay(self.path)
            staging.clear(self.path)
            stage = Staging(self.path)
            try:
                yield stage
            finally:
                stage.close()

    def commit(self, stage: Staging, *, stream: Stream | None = None) -> None:
        """Make what is staged visible at once, with how far *stream* was read.

        Removed files may still be read by a sweep: then this waits for it.

        Raises:
            LakeError: See ``Staging.commit``; or a sweep kept reading for ``wait_s``.
        """
        if stream:
            stage.text(stream.name, stream.to_json())
        with self._renaming(is_removing=stage.is_removing):
            stage.commit()

    @contextmanager
    def still(self) -> Iterator[None]:
        """Keep commits out inside a ``with``, so that files and streams are of one moment.

        What a crash left unfinished is completed before.

        Raises:
            LakeError: It cannot be completed, or a commit takes longer than ``wait_s``.
        """
        self._settle()
        names = self.path / "locks" / "names"
        with locks.held(names, is_shared=True, wait_s=self.wait_s, busy=self._busy):
            if not staging.is_settled(self.path):
                raise LakeError(f"a commit in {self.path} could not be completed")
            yield

    def streams(self) -> list[Stream]:
        """Return what was read of each input, the furthest first."""
        return list(streams(self.path))

    def days(self, part: str) -> list[Path]:
        """Return the folders of *part* (hot, cold or pieces), a day each, in their order."""
        return sorted(d for d in (self.path / part).glob("day=*") if d.is_dir())

    def files(
        self, part: str = "hot", since_us: int | None = None, until_us: int | None = None
    ) -> list[Path]:
        """Return the Parquet files of *part* (see ``days``) of the days in [since, until]."""
        first = f"day={day_name(since_us)}" if since_us is not None else ""
        last = f"day={day_name(until_us)}" if until_us is not None else "day=~"
        days = [day for day in self.days(part) if first <= day.name <= last]
        return [file for day in days for file in sorted(day.glob("*.parquet"))]

    def connect(
        self,
        since_us: int | None = None,
        until_us: int | None = None,
        *,
        memory_mb: int = 1_500,
        threads: int | None = None,
    ) -> duckdb.DuckDBPyConnection:
        """Return a DuckDB connection with the views ``exchanges`` and ``pieces``, no text.

        The first has every HOT column, the second those of PIECES. They see what was committed
        when they were opened. Nothing that they read is removed while the connection lives.

        Args:
            since_us: First moment [us since epoch], inclusive; None is the beginning.
            until_us: Last moment, inclusive; None is the end.
            memory_mb: Memory of the queries [MB]; beyond it they spill to ``LAKE/spill``.
            threads: Threads of the queries; None takes every core.

        Raises:
            LakeError: A crash left the lake unfinished, and another process is writing now;
                or a file of it is damaged or foreign. What only a query can see of that is
                DuckDB's error: see ``health.answering``.
        """
        self._settle()
        root = self.path / "locks"
        reading = locks.acquire(
            root / "readers", is_shared=True, wait_s=self.wait_s, busy=self._busy
        )
        try:
            with self.still():
                views = {
                    "exchanges": self.files("hot", since_us, until_us),
                    "pieces": self.files("pieces", since_us, until_us),
                }
            here = {name: _columns(files) for name, files in views.items()}
            connection = duckdb.connect()
            spill = tempfile.mkdtemp(dir=self.path / "spill")
        except OSError as error:
            os.close(reading)
            raise LakeError(
                f"cannot use the lake {self.path}: {error.strerror or error}"
            ) from error
        except BaseException:
            os.close(reading)
            raise
        weakref.finalize(connection, _release, reading, spill)
        connection.execute("SET memory_limit = ?", [f"{memory_mb}MB"])
        connection.execute("SET threads = ?", [threads or os.cpu_count() or 1])
        connection.execute("SET temp_directory = ?", [spill])
        connection.execute("SET preserve_insertion_order = false")
        with answering(self.path):
            for name, files in views.items():
                connection.execute(_view(name, files, here[name], since_us, until_us))
        return connection

    @property
    def _busy(self) -> str:
        return f"another process changes the files of {self.path}; try again later"

    def _settle(self) -> None:
        """Complete a commit that a crash left behind; a live writer completes its own."""
        if not staging.is_settled(self.path):
            with suppress(LakeError), Lake(self.path, wait_s=0).writing():
                pass

    @contextmanager
    def _renaming(self, *, is_removing: bool) -> Iterator[None]:
        """Keep new readers from listing half a commit, and old ones from losing files."""
        root = self.path / "locks"
        busy = f"a sweep is reading the lake {self.path}; try again when it is done"
        with ExitStack() as both:  # in the order in which connect takes them
            if is_removing:
                both.enter_context(locks.held(root / "readers", wait_s=self.wait_s, busy=busy))
                for spill in (self.path / "spill").iterdir():  # of readers that were killed
                    shutil.rmtree(spill, ignore_errors=True)
            both.enter_context(locks.held(root / "names", wait_s=self.wait_s, busy=self._busy))
            yield


def _make_folders(root: Path) -> None:
    """Make the folders of the lake that are missing."""
    try:
        for name in FOLDERS:
            if not (root / name).is_dir():
                # A lake from before there were pieces, on a disk that we may only read.
                with suppress(OSError) if name == "pieces" else nullcontext():
                    (root / name).mkdir(mode=0o700)
    except OSError as error:
        raise LakeError(
            f"cannot make the folder {name} of the lake {root}: {error.strerror or error}"
        ) from error


def _columns(files: Iterable[Path]) -> set[str]:
    """Return the names of the columns that *files* have together."""
    return {name for file in files for name in footer(file).schema.names}


def _view(
    name: str,
    files: Sequence[Path],
    here: Collection[str],
    since_us: int | None,
    until_us: int | None,
) -> str:
    """Return the view *name* of *files*: of its columns, those that are not *here* are NULL."""
    if not files:
        columns = ", ".join(f"NULL::{kind} AS {n}" for n, kind in VIEWS[name].items())
        return f"CREATE VIEW {name} AS SELECT {columns} WHERE false"
    names = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    scan = f"read_parquet([{names}], union_by_name = true, hive_partitioning = false)"
    columns = ", ".join(
        f"{n if n in here else 'NULL'}::{kind} AS {n}" for n, kind in VIEWS[name].items()
    )
    bounds = [f"ts_us >= {since_us:d}"] if since_us is not None else []
    bounds += [f"ts_us <= {until_us:d}"] if until_us is not None else []
    where = f" WHERE {' AND '.join(bounds)}" if bounds else ""
    return f"CREATE VIEW {name} AS SELECT {columns} FROM {scan}{where}"


def _release(lock: int, spill: str) -> None:
    os.close(lock)
    shutil.rmtree(spill, ignore_errors=True)
