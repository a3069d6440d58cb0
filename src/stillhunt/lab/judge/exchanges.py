"""The exchanges, read once and kept slim on disk: 16M of them fit into 4 GB of memory.

Lines are read as a stream; of each stay its account, moment, address, tokens and, where the
baselines are wanted, what they make of its text. Lines of accounts that the truth does not
know are counted and left out.
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Protocol, TextIO

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import zstandard

from stillhunt.lab.judge.metrics import Floats, Ints
from stillhunt.lab.judge.truth import Known
from stillhunt.model.errors import InputError

__all__ = ["Exchanges", "Reader", "Sent", "stage"]

ROWS = 50_000
"""Exchanges handled at once: their texts, at 2 kB each, are 100 MB."""
MEMORY_MB = 1_000
"""Of DuckDB for a question; sorting 16M slim rows spills to the folder beyond that."""
LONGEST = 64 << 20  # bytes of a line, as when hunting

_COLUMNS = {
    "ts_us": "BIGINT", "ts": "VARCHAR", "account_id": "VARCHAR", "org_id": "VARCHAR",
    "source_ip": "VARCHAR", "output_tokens": "BIGINT", "prompt": "VARCHAR",
}  # fmt: skip
_MAGIC = {b"\x28\xb5\x2f\xfd": "zstd", b"\x1f\x8b": "gzip"}
_KINDS: Mapping[str, tuple[type, ...]] = {"BIGINT": (int,), "VARCHAR": (str, int, float, bool)}


class Reader(Protocol):
    """Someone who wants to see the texts go by."""

    def read(self, rows: pa.Table) -> dict[str, pa.Array]:
        """Return more columns to keep of *rows*: ``account`` (a code), ``prompt`` and the rest."""
        ...


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What each account sent; arrays by code, the place of an account in the truth."""

    exchanges: Ints
    output_tokens: Ints
    org: tuple[str | None, ...]
    strangers: int
    """Exchanges without an account, or of one that the truth does not know."""


@dataclass(frozen=True, kw_only=True)
class Exchanges:
    """Exchanges of known accounts, as Parquet: account (code), ts_us, address, output_tokens."""

    paths: tuple[Path, ...]
    accounts: int
    sent: Sent

    def and_also(self, more: "Exchanges") -> "Exchanges":
        """Return these exchanges and *more*, whose accounts begin with the same ones."""
        grown = more.accounts - self.accounts
        return Exchanges(
            paths=(*self.paths, *more.paths),
            accounts=more.accounts,
            sent=Sent(
                exchanges=np.pad(self.sent.exchanges, (0, grown)) + more.sent.exchanges,
                output_tokens=np.pad(self.sent.output_tokens, (0, grown))
                + more.sent.output_tokens,
                org=tuple(
                    theirs or ours for ours, theirs in zip_longest(self.sent.org, more.sent.org)
                ),
                strangers=self.sent.strangers + more.sent.strangers,
            ),
        )

    def ask(self, query: str, **tables: pa.Table) -> pa.Table:
        """Answer a query over the view ``exchanges`` and *tables*."""
        with closing(_connect(self.paths[0].parent)) as con:
            con.from_parquet([str(path) for path in self.paths]).create_view("exchanges")
            for name, table in tables.items():
                con.register(name, table)
            return con.sql(query).to_arrow_table()

    def per_account(self, query: str, missing: float = -np.inf) -> Floats:
        """Return the column ``score`` of a query by its column ``account``."""
        answer = self.ask(query)
        scores = np.full(self.accounts, missing)
        scores[answer["account"].to_numpy()] = answer["score"].cast(pa.float64()).to_numpy()
        return scores

    def tokens_until(self, moments: Ints) -> Ints:
        """Return the output tokens of each account before its moment [us since epoch]."""
        answer = self.ask(
            """SELECT e.account, SUM(e.output_tokens)::BIGINT AS tokens
               FROM exchanges AS e JOIN moments AS m ON m.account = e.account
               WHERE e.ts_us < m.moment AND e.output_tokens IS NOT NULL
               GROUP BY e.account""",
            moments=pa.table({"account": np.arange(self.accounts), "moment": moments}),
        )
        tokens = np.zeros(self.accounts, np.int64)
        tokens[answer["account"].to_numpy()] = answer["tokens"].to_numpy()
        return tokens


def stage(
    path: str | Path, known: Mapping[str, Known], folder: Path, reader: Reader | None = None
) -> Exchanges:
    """Read native JSON Lines, plain, ``.gz`` or ``.zst``, into a Parquet file in *folder*.

    Raises:
        InputError: It cannot be read, or a line of it; says file, line and what was expected.
    """
    target = folder / "exchanges.parquet"
    known_ids = pa.array(list(known), pa.string())
    totals = _Totals(len(known))
    writer: pq.ParquetWriter | None = None
    try:
        for rows in _batches(path, folder):
            codes = pc.index_in(rows["account_id"], value_set=known_ids)
            totals.strangers += codes.null_count
            kept = rows.append_column("account", codes).filter(pc.is_valid(codes))
            totals.add(kept)
            slim = {name: kept[name] for name in ("account", "ts_us", "address", "output_tokens")}
            more = {} if reader is None else reader.read(kept)
            table = pa.table(slim | more)
            writer = writer or pq.ParquetWriter(target, table.schema, compression="zstd")
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        raise InputError(f"{path}: no exchange in it; expected native JSON Lines")
    return Exchanges(paths=(target,), accounts=len(known), sent=totals.sent())


class _Totals:
    """Sums over the batches."""

    def __init__(self, accounts: int) -> None:
        self.exchanges = np.zeros(accounts, np.int64)
        self.tokens = np.zeros(accounts, np.int64)
        self.org: list[str | None] = [None] * accounts
        self.strangers = 0

    def add(self, rows: pa.Table) -> None:
        account = rows["account"].to_numpy()
        self.exchanges += np.bincount(account, minlength=len(self.exchanges))
        tokens = pc.fill_null(rows["output_tokens"], 0).to_numpy()
        np.add.at(self.tokens, account, tokens)
        orgs = rows.select(["account", "org_id"]).filter(pc.is_valid(rows["org_id"]))
        for row in orgs.group_by("account").aggregate([("org_id", "max")]).to_pylist():
            self.org[row["account"]] = row["org_id_max"]

    def sent(self) -> Sent:
        return Sent(
            exchanges=self.exchanges,
            output_tokens=self.tokens,
            org=tuple(self.org),
            strangers=self.strangers,
        )


def _connect(folder: Path) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(
        config={"memory_limit": f"{MEMORY_MB}MB", "temp_directory": str(folder / "spill")}
    )
    con.execute("SET enable_progress_bar = false")  # it would be drawn between other words
    return con


def _batches(path: str | Path, folder: Path) -> Iterator[pa.Table]:
    """Yield the lines as tables, in their order."""
    if not Path(path).is_file():
        raise InputError(f"there is no file {path}; give exchanges.jsonl, plain, .gz or .zst")
    with closing(_connect(folder)) as con:
        try:
            found = con.sql(
                f"""SELECT account_id, org_id, hash(source_ip)::UBIGINT AS address,
                           source_ip IS NULL AS is_nowhere, output_tokens, prompt,
                           COALESCE(ts_us, epoch_us(ts::TIMESTAMPTZ)) AS ts_us
                    FROM read_json($path, format = 'newline_delimited', columns = {_COLUMNS},
                                   maximum_object_size = {LONGEST},
                                   compression = '{_packing(Path(path))}')""",
                params={"path": _literal(path)},
            ).to_arrow_reader(ROWS)
            for batch in found:
                table = pa.Table.from_batches([batch])
                if table["ts_us"].null_count:
                    raise duckdb.InvalidInputException("a line without a time")
                address = pc.if_else(table["is_nowhere"], None, table["address"])
                at = table.schema.get_field_index("address")
                yield table.set_column(at, "address", address)
        except duckdb.Error as error:
            raise _mistake(path, error) from error


def _literal(path: str | Path) -> str:
    """Return *path* so that DuckDB takes no character of it for a glob."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in str(path))


def _mistake(path: str | Path, error: Exception) -> InputError:
    """Return the first mistake with its line; DuckDB counts lines in its own way."""
    try:
        with _text(Path(path)) as file:
            for number, line in enumerate(file, 1):
                if line.strip() and (said := _wrong(line)):
                    return InputError(f"{path}:{number}: {said}")
    except (OSError, EOFError, UnicodeDecodeError, zstandard.ZstdError) as cause:
        return InputError(f"cannot read {path}: {cause}; expected JSON Lines, plain, .gz or .zst")
    return InputError(f"cannot read {path}: {str(error).splitlines()[0]}")


def _packing(path: Path) -> str:
    """Return how *path* is packed, by its first bytes and not by its name."""
    with path.open("rb") as file:
        first = file.read(4)
    return next((name for magic, name in _MAGIC.items() if first.startswith(magic)), "none")


def _text(path: Path) -> TextIO:
    packing = _packing(path)
    if packing == "zstd":
        file: TextIO = zstandard.open(path, "rt", encoding="utf-8")
        return file
    if packing == "gzip":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


def _wrong(line: str) -> str | None:
    """Say what is wrong with a line, if anything."""
    try:
        raw: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}; expected one exchange a line"
    if not isinstance(raw, dict):
        return "expected a JSON object, one exchange a line"
    for name, kind in _COLUMNS.items():
        value = raw.get(name)
        if value is not None and not isinstance(value, _KINDS[kind]):
            wanted = "a whole number" if kind == "BIGINT" else "text"
            return f"{name} is {str(value)[:60]!r}; expected {wanted}"
    if raw.get("ts_us") is None and not _is_time(raw.get("ts")):
        return f"ts is {str(raw.get('ts'))[:60]!r}; expected RFC 3339, or ts_us in microseconds"
    return None


def _is_time(value: object) -> bool:
    try:
        duckdb.execute("SELECT $1::VARCHAR::TIMESTAMPTZ", [value])
    except duckdb.Error:
        return False
    return value is not None
