"""From numbered lines to exchanges: run a reader's projection, then make the columns honest.

A reader only says where things stand in its format. What is true of every format is done
here, once: types, times, addresses, keys, ids. The rule for what cannot be read: what the
*source* writes (time, status, token counts) turns the line into a reject that names the
field; what the *client* chooses (``max_tokens``, ``temperature``, a path) turns into unknown
and the row stays, else an attacker could make himself unreadable.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.hunt.addresses import canonical_column
from stillhunt.hunt.casts import NAMES, TEXTS, checked
from stillhunt.hunt.framing import Batch
from stillhunt.hunt.identity import (
    fingerprints,
    hash_key,
    hide_keys,
    mask_keys,
    own_fingerprints,
)
from stillhunt.hunt.mending import mend_json
from stillhunt.hunt.paths import canonical_paths
from stillhunt.hunt.settings import HuntSettings
from stillhunt.model.errors import InputError
from stillhunt.model.exchange import COLUMNS
from stillhunt.registry import parts
from stillhunt.settings import near

if TYPE_CHECKING:
    from stillhunt.hunt.combined import Plain

__all__ = ["READERS", "ReadResult", "Reader", "Reading", "reader_named", "recognise"]

READERS = "stillhunt.hunt.readers"
HEAD = 100  # lines that decide the format
SURE, CLEAR = 0.5, 0.1  # the best reader's mean, and its lead over the second

ARROW_TYPES = {
    "int64": pa.int64(), "int32": pa.int32(), "int16": pa.int16(),
    "float32": pa.float32(), "bool": pa.bool_(), "string": pa.string(),
}  # fmt: skip
NO_LINES = pa.table({"line_number": pa.array([], pa.int64()), "line": pa.array([], pa.string())})


class Reader(Protocol):
    """What a file in ``readers`` must offer."""

    title: str
    """The format's name, for people."""
    source: str
    """Where the format is documented."""
    frames: tuple[str, ...]
    """What it reads: ``lines``, ``csv``, ``parquet``. Records of the last two come as JSON."""
    fills: tuple[str, ...]
    """Columns that it can fill."""
    is_json: bool
    """Whether a line is a JSON text; then ``select`` sees valid JSON only."""

    def sniff(self, line: str) -> float:
        """Return how sure we are that *line* is ours, in [0, 1]."""
        ...

    def select(self, settings: HuntSettings) -> str:
        """Return SQL over ``lines(line_number, line)``; each line comes out exactly once.

        It emits ``line_number``, columns of the exchange (text is fine: it is cast here),
        ``reject`` (NULL, or why this is no exchange), and optionally ``secret``, a raw key.

        Three more verbs are optional. ``mend(line)`` gets each refused line and returns
        another spelling of it, or raises ValueError with the reason.
        ``explode(lines, settings)`` yields tables in which a line that holds many records
        has become many lines; then a record is what is counted.
        ``quick(data, first_line, stream)`` reads lines of a plain shape from their bytes, to
        the same columns as the query, and leaves all others to it; see ``combined.Plain``.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class ReadResult:
    """What came of some lines: ``lines == rows.num_rows + len(rejects)``, always."""

    rows: pa.Table
    """``line_number`` and the columns that the reader fills, in the types of the exchange."""
    rejects: list[tuple[int, str]]
    """Line number and reason."""
    lines: int
    """Records counted: lines, unless the format packs many records into a line."""


def reader_named(name: str) -> Reader:
    """Return the reader called *name*; InputError, with near names, if there is none."""
    known = parts(READERS)
    if name not in known:
        raise InputError(f"no reader is called {name!r}{near(name, known)}; give one of "
                         f"{', '.join(known)}")  # fmt: skip
    return cast("Reader", known[name]())


def recognise(head: Sequence[str], frame: str) -> str:
    """Return the name of the reader whose format the first lines have.

    Args:
        head: First lines; up to 100 are looked at, blank ones are passed over.
        frame: How the input is framed: ``lines``, ``csv`` or ``parquet``.

    Raises:
        InputError: No format fits, or two fit nearly as well.
    """
    lines = [line for line in head[:HEAD] if line.strip()]
    if not lines:
        raise InputError("nothing to recognise a format by; name it with --as")
    sure = {
        name: sum(reader.sniff(line) for line in lines) / len(lines)
        for name, reader in ((name, reader_named(name)) for name in parts(READERS))
        if frame in reader.frames
    }
    best, *others = sorted(sure, key=lambda name: (-sure[name], name))
    if sure[best] < SURE:
        raise InputError(f"no format that we know ({_shares(sure)}); name it with --as")
    if others and sure[best] - sure[others[0]] < CLEAR:
        likely = {n: s for n, s in sure.items() if sure[best] - s < CLEAR}
        raise InputError(f"could be {_shares(likely)}; name it with --as")
    return best


def _shares(sure: dict[str, float]) -> str:
    ranked = sorted(sure.items(), key=lambda item: (-item[1], item[0]))[:4]
    return ", ".join(f"{name} {share:.2f}" for name, share in ranked)


class Reading:
    """One reader, prepared; one per worker thread, because it owns a DuckDB connection."""

    def __init__(self, reader: str, settings: HuntSettings, stream: str) -> None:
        """Prepare to read with *reader*.

        Args:
            reader: Its name.
            settings: Where the hash key is, and what the readers want to know.
            stream: Eight hex digits naming the input; ids of rows without one start with it.
        """
        self.name = reader
        self.reader = reader_named(reader)
        self.stream = stream
        self._settings = settings
        self._key = hash_key(settings)
        self._trusting = True
        self._mend = _mender(self.reader)
        self._explode = getattr(self.reader, "explode", None)
        self._quick = getattr(self.reader, "quick", None)
        self._con = _connect()
        self._prepare(self.reader.select(settings))

    def read(self, lines: pa.Table) -> ReadResult:
        """Return the exchanges and rejects of *lines*.

        Args:
            lines: ``line_number`` int64 and ``line`` string.
        """
        slices = [lines] if self._explode is None else self._explode(lines, self._settings)
        done = [self._read(some) for some in slices]
        return ReadResult(
            rows=pa.concat_tables(result.rows for result in done),
            rejects=sorted(reject for result in done for reject in result.rejects),
            lines=sum(result.lines for result in done),
        )

    def quick(self, batch: Batch) -> pa.Table | None:
        """Return the exchanges in the plain lines of *batch*, and leave the others in it.

        Texts are dictionaries. None where the reader has no quick way, or not for this batch.
        """
        if self._quick is None or batch.raw is None:
            return None
        found: Plain | None = self._quick(batch.clean(), batch.first_line, self.stream)
        if found is None:
            return None
        if found.rows.num_rows + found.odd.num_rows != batch.next_line - batch.first_line:
            raise AssertionError(f"{self.name} lost lines from {batch.first_line} on")
        batch.settle(found.odd)
        return self._finish(found.rows, found.ids) if found.rows.num_rows else None

    def _read(self, lines: pa.Table) -> ReadResult:
        found, broken = self._project(lines)
        rows, rejects = _split(found)
        if not self.reader.is_json and rejects and self._mend is not None:
            numbers = pa.array([number for number, _ in rejects], pa.int64())
            broken = lines.filter(pc.is_in(lines["line_number"], value_set=numbers))
            rejects = []
        if broken.num_rows:
            mended, refused = self._second_chance(broken)
            rows = pa.concat_tables([rows, mended]).sort_by("line_number")
            rejects += refused
        if rows.num_rows + len(rejects) != lines.num_rows:
            raise AssertionError(f"{self.name} lost lines: {lines.num_rows} in")
        return ReadResult(rows=self._finish(rows), rejects=rejects, lines=lines.num_rows)

    def _prepare(self, select: str) -> None:
        """Wrap the reader's query in casts and checks, by the columns that it emits.

        Prepared once: parsing fifty columns of SQL again for each batch cost 4 ms of 20.
        """
        self._con.register("lines", NO_LINES)
        described = self._con.sql(f"DESCRIBE {select}").fetchall()
        emitted = {str(row[0]): str(row[1]) for row in described}
        self._con.execute(f"PREPARE project AS {checked(select, emitted)}")

    def _run(self, lines: pa.Table) -> pa.Table:
        self._con.register("lines", lines)
        return self._con.sql("EXECUTE project").to_arrow_table()

    def _project(self, lines: pa.Table) -> tuple[pa.Table, pa.Table]:
        """Return what the query makes of the lines, and those that it may not see: no JSON.

        JSON is hardly ever broken, so the first try trusts it, which saves a parse; once
        a batch disappoints, all later ones are checked first.
        """
        nothing = lines.slice(0, 0)
        if not self.reader.is_json:
            return self._run(lines), nothing
        if self._trusting:
            try:
                return self._run(lines), nothing
            except duckdb.InvalidInputException:
                self._trusting = False
        self._con.register("lines", lines)
        valid = self._con.sql("SELECT json_valid(line) AS valid FROM lines").to_arrow_table()
        mask = valid["valid"].combine_chunks()
        return self._run(lines.filter(mask)), lines.filter(pc.invert(mask))

    def _second_chance(self, broken: pa.Table) -> tuple[pa.Table, list[tuple[int, str]]]:
        """Read other spellings of what was refused; each line comes out once, here too."""
        numbers, spelled, refused = [], [], []
        for number, line in zip(
            broken["line_number"].to_pylist(), broken["line"].to_pylist(), strict=True
        ):
            try:
                spelled.append(line if self._mend is None else self._mend(line))
                numbers.append(number)
            except ValueError as error:
                refused.append((number, str(error)))
        again = {
            "line_number": pa.array(numbers, pa.int64()),
            "line": pa.array(spelled, pa.string()),
        }
        rows, still = _split(self._run(pa.table(again)))
        return rows, refused + still

    def _finish(self, rows: pa.Table, ids: pa.Array | None = None) -> pa.Table:
        """Fill in what every exchange has: source, ids, canonical addresses, hashed keys.

        Without *ids*, the rows bring theirs or get the stream's with the number of the line.
        """
        have: dict[str, Any] = dict(zip(rows.column_names, rows.columns, strict=True))
        if "source_ip" in have:
            have["source_ip"] = _on_values(have["source_ip"], canonical_column)
        if "path" in have:
            have["path"] = _on_values(have["path"], canonical_paths)
        if "key_hash" in have:
            have["key_hash"] = own_fingerprints(self._key, have["key_hash"])
        for name in have.keys() & set(NAMES):
            have[name] = hide_keys(self._key, have[name])
        for name in have.keys() & set(TEXTS) - {"path"}:  # it is clean by now
            have[name] = _on_values(have[name], mask_keys)
        self._identify(have)
        have["source"] = pa.chunked_array([pa.repeat(pa.scalar(self.name), rows.num_rows)])
        if ids is None:
            ids = self._ids(have.get("exchange_id"), have["line_number"])
        have["exchange_id"] = ids
        names = ["line_number", *(c.name for c in COLUMNS if c.name in have)]
        kinds = {"line_number": pa.int64()} | {c.name: ARROW_TYPES[c.kind] for c in COLUMNS}
        kinds |= {n: have[n].type for n in names if pa.types.is_dictionary(have[n].type)}
        return pa.table({n: have[n] for n in names}, pa.schema([(n, kinds[n]) for n in names]))

    def _ids(self, given: pa.ChunkedArray | None, numbers: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return the ids that the rows bring, else the stream's with the number of the line."""
        if given is not None and not given.null_count:
            return given
        made = pc.binary_join_element_wise(self.stream, pc.cast(numbers, pa.string()), ":")
        return made if given is None else pc.coalesce(given, made)

    def _identify(self, have: dict[str, Any]) -> None:
        """Turn the raw key into its fingerprint; it names the account where nothing else does."""
        if "secret" in have:
            made = fingerprints(self._key, have.pop("secret"))
            have["key_hash"] = pc.coalesce(have["key_hash"], made) if "key_hash" in have else made
        if "key_hash" in have:
            known = have.get("account_id")
            have["account_id"] = (
                have["key_hash"] if known is None else pc.coalesce(known, have["key_hash"])
            )


def _on_values(
    column: pa.ChunkedArray, change: Callable[[pa.ChunkedArray], pa.ChunkedArray]
) -> pa.ChunkedArray:
    """Return *column* changed; of a dictionary, only its values are looked at."""
    if not pa.types.is_dictionary(column.type):
        return change(column)
    coded = column.combine_chunks()
    values = pa.chunked_array([coded.dictionary])
    changed = change(values)
    if changed is values:
        return column
    texts = changed.combine_chunks().take(coded.indices)
    return pa.chunked_array([texts.dictionary_encode()])


def _connect() -> duckdb.DuckDBPyConnection:
    """Open a connection of one thread that reads no files and loads nothing from outside."""
    con = duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False})
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET enable_external_access = false")
    return con


def _split(found: pa.Table) -> tuple[pa.Table, list[tuple[int, str]]]:
    """Part rows from rejects."""
    reasons = found["reject"]
    rows = found.drop_columns(["reject"])
    if reasons.null_count == found.num_rows:
        return rows, []
    refused = pc.is_valid(reasons)
    numbers = found["line_number"].filter(refused).to_pylist()
    return rows.filter(pc.invert(refused)), list(
        zip(numbers, reasons.filter(refused).to_pylist(), strict=True)
    )


def _mender(reader: Reader) -> Callable[[str], str] | None:
    own: Callable[[str], str] | None = getattr(reader, "mend", None)
    return mend_json if own is None and reader.is_json else own
