"""Files of the lake that are not as we wrote them: said in one sentence, never half read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from stillhunt.hunt.lake.schema import PIECES
from stillhunt.model.errors import LakeError
from stillhunt.model.exchange import COLUMNS

__all__ = ["answering", "footer", "table", "time_range"]

_STORED = {
    "int64": "INT64", "int32": "INT32", "int16": "INT32", "int8": "INT32", "float32": "FLOAT",
    "bool": "BOOLEAN", "string": "BYTE_ARRAY",
}  # fmt: skip
# DuckDB reports a page that does not unpack as its base class.
_DAMAGE = {
    duckdb.Error, duckdb.IOException, duckdb.InvalidInputException,
    duckdb.SerializationException, duckdb.ConversionException,
}  # fmt: skip
_KINDS = {column.name: column.kind for column in COLUMNS}
_TYPES = {name: _STORED[kind] for name, kind in {**PIECES, **_KINDS}.items()}
"""Column -> its type in a Parquet file."""


def footer(file: Path) -> pq.FileMetaData:
    """Return the footer of a Parquet file of the lake, after a look at its columns.

    Raises:
        LakeError: It is damaged, or none of ours.
    """
    with _reading(file):
        found = pq.read_metadata(file)
    stored = {
        found.schema.column(i).name: found.schema.column(i) for i in range(found.num_columns)
    }
    if "ts_us" not in stored:
        raise _foreign(file, "has no column ts_us")
    for name, column in stored.items():
        if column.physical_type != _TYPES.get(name, column.physical_type):
            raise _foreign(file, f"has {column.physical_type} for {name}, not {_TYPES[name]}")
    if found.num_rows == 0:
        raise _foreign(file, "has no rows")
    return found


def time_range(file: Path, metadata: pq.FileMetaData | None = None) -> tuple[int, int]:
    """Return the first and the last ``ts_us`` of a file of the lake [us since epoch].

    Raises:
        LakeError: It is damaged, or does not say.
    """
    found = metadata or footer(file)
    place = found.schema.names.index("ts_us")
    seen = [found.row_group(i).column(place).statistics for i in range(found.num_row_groups)]
    if not all(one is not None and one.has_min_max for one in seen):
        raise _foreign(file, "does not say from when it is")
    return min(s.min for s in seen), max(s.max for s in seen)


def table(file: Path, columns: list[str] | None = None) -> pa.Table:
    """Return the rows of a file of the lake; LakeError if it is damaged or none of ours."""
    footer(file)
    with _reading(file):
        return pq.ParquetFile(file).read(columns=columns)


@contextmanager
def answering(lake: Path) -> Iterator[None]:
    """Turn what DuckDB says of damaged files of *lake* inside a ``with`` into a LakeError.

    Footers are looked at when the lake is opened; only a query sees the data behind them.
    """
    try:
        yield
    except duckdb.Error as error:
        if type(error) not in _DAMAGE:
            raise
        raise LakeError(
            f"the lake {lake} cannot be read ({type(error).__name__}); restore its folders hot"
            " and pieces from a copy, or ingest the logs into a new lake"
        ) from error


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise LakeError(
            f"{file} is damaged or no Parquet file; restore it from a copy, or remove it and"
            " do without its rows"
        ) from error


def _foreign(file: Path, fault: str) -> LakeError:
    return LakeError(f"{file} {fault}, so it is no file of this lake; move it elsewhere")
