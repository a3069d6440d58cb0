"""CSV and Parquet inputs: every record becomes one line of JSON text.

So readers need only one projection, whatever the file. A CSV record may span lines; it is
numbered by its first one, the header is none. A CSV record that is broken is one reject, and
reading starts again at the line behind its first. A Parquet row is a line.
"""

import csv
import datetime
import decimal
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import pyarrow as pa
import pyarrow.parquet as pq

from stillhunt.hunt.framing import (
    BLANK,
    MAX_LINE,
    MAX_LINES,
    TOO_LONG,
    Batch,
    Block,
    Reject,
    add_reject,
    batch_of,
)
from stillhunt.hunt.source import BOM, Framed, Source
from stillhunt.model.errors import InputError

__all__ = ["CsvRecords", "ParquetRecords", "frame_of", "open_records"]

PARQUET_MAGIC = b"PAR1"
UNENDED = "a quoted field does not end"
ROWS = 10_000
"""Parquet rows turned into text at once."""
_HEADER = re.compile(r"[A-Za-z_][\w .\-/]{0,199}")


def frame_of(source: Source) -> str:
    """Return ``lines``, ``csv`` or ``parquet``, told by content alone.

    CSV is what begins with two column names or more; a log line has no such shape.
    """
    if source.peeked.startswith(PARQUET_MAGIC):
        return "parquet"
    first = next(iter(source.head(1)), "")[:MAX_LINE]
    names = first.split(",")
    is_header = len(names) > 1 and all(_HEADER.fullmatch(name.strip('" ')) for name in names)
    return "csv" if is_header else "lines"


def open_records(source: Source, frame: str) -> Framed:
    """Return *source* as the input of numbered lines that *frame* says it is.

    Raises:
        InputError: It is none of that kind.
    """
    if frame == "csv":
        return CsvRecords(source)
    return ParquetRecords(source) if frame == "parquet" else source


class CsvRecords:
    """The records of a CSV file (RFC 4180) as lines of JSON: an object of strings each."""

    frame = "csv"

    def __init__(self, source: Source) -> None:
        self.source = source
        self.path = source.name
        csv.field_size_limit(MAX_LINE)  # the default, 128 KB, is less than a prompt may be
        try:
            self.header = [name.strip() for name in next(self._peeked(), [])]
        except csv.Error as error:
            raise InputError(f"{source.name}: the header is not CSV: {error}") from error
        if not self.header or len(set(self.header)) < len(self.header):
            raise InputError(f"{source.name}: the first line must name every column once")

    def head(self, n_lines: int) -> list[str]:
        """Return the first records as JSON, without consuming them."""
        rows = self._peeked()
        fitting = (row for row in islice(rows, 1, None) if len(row) == len(self.header))
        return [self.as_json(row) for row in islice(fitting, n_lines)]

    def _peeked(self) -> Iterator[list[str]]:
        text = _text(self.source.peeked.removeprefix(BOM))
        return csv.reader(io.StringIO(text, newline=""))

    def seam(self, offset: int) -> bytes | None:
        """Return the bytes before *offset*, as ``Source.seam`` does."""
        return self.source.seam(offset)

    def batches(
        self, start_offset: int = 0, start_line: int = 1, seam: bytes = b""
    ) -> Iterator[Batch]:
        """Yield records from *start_offset* on; lines are counted as a text editor does."""
        parser = _Parser(self, start_line, start_offset, seam)
        for block in self.source.blocks(start_offset, seam):
            if block.is_too_long:
                yield parser.too_long(block)
            else:
                yield from parser.parse(block)
        yield from parser.rest()
        yield from self.source.damaged(parser.line, parser.offset, parser.seam)

    def as_json(self, row: list[str]) -> str:
        """Return the fields of a record as an object of strings."""
        return json.dumps(dict(zip(self.header, row, strict=True)), ensure_ascii=False)


@dataclass
class _Lines:
    """Lines of *data* from byte *at* on, as text; ``at`` is where the next one begins."""

    data: bytes
    at: int

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if self.at >= len(self.data):
            raise StopIteration
        start, self.at = self.at, _line_end(self.data, self.at)
        return _text(self.data[start : self.at])


class _Parser:
    """Records out of whole lines; holds a record back until its last line is there."""

    def __init__(self, records: CsvRecords, line: int, offset: int, seam: bytes) -> None:
        self.records = records
        self.line = line
        self.offset = offset
        self.seam = seam
        self._has_header = offset == 0
        self._data = b""  # what is held back, and behind it the newest block
        self._blocks: list[tuple[int, Block]] = []  # and where each begins in it
        self._is_unended = False  # whether what is held waits for a quote

    def parse(self, block: Block) -> Iterator[Batch]:
        """Yield the records that end in *block*; those of an open block wait for ``rest``."""
        self._blocks.append((len(self._data), block))
        self._data += block.data
        is_hopeless = self._is_unended and b'"' not in block.data and len(self._data) <= MAX_LINE
        if not block.is_open and not is_hopeless:
            yield from self._batches(is_last=False)

    def rest(self) -> Iterator[Batch]:
        """Yield what the end of the input left without an end, in one open batch."""
        if self._data:
            yield from self._batches(is_last=True)

    def too_long(self, block: Block) -> Batch:
        """Return the reject of a line that nobody held; records before it are given up."""
        path, first_line = self.records.path, self.line
        number = first_line + self._data.count(b"\n")
        rejects: list[Reject] = []
        if number > first_line:
            to_line = number - 1 if number - 1 > first_line else 0
            rejects = [
                Reject(
                    path=path,
                    line=first_line,
                    reason=UNENDED,
                    to_line=to_line,
                    count=number - first_line,
                )
            ]
        rejects.append(Reject(path=path, line=number, reason=TOO_LONG))
        self.line, self._data, self._blocks, self._is_unended = number + 1, b"", [], False
        self.offset, self.seam = block.end_offset, block.seam
        return self._batch([], [], rejects, first_line, is_open=block.is_open)

    def _batches(self, *, is_last: bool) -> Iterator[Batch]:
        numbers: list[int] = []
        texts: list[str] = []
        rejects: list[Reject] = []
        first_line, done = self.line, 0
        for end, length, found in self._records(is_last=is_last):
            if self._has_header:
                self._has_header = False
            elif isinstance(found, list):
                numbers.append(self.line)
                texts.append(self.records.as_json(found))
            else:
                add_reject(rejects, Reject(path=self.records.path, line=self.line, reason=found))
            self.line, done = self.line + length, end
            if self.line - first_line >= MAX_LINES and not is_last:
                self.offset, self.seam = self._place(done)
                yield self._batch(numbers, texts, rejects, first_line)
                numbers, texts, rejects, first_line = [], [], [], self.line
        if done:
            self.offset, self.seam = self._place(done)
        self._forget(done)
        yield self._batch(numbers, texts, rejects, first_line, is_open=is_last)

    def _place(self, end: int) -> tuple[int, bytes]:
        """Return the offset and the seam of the input at byte *end* of what we hold."""
        start, block = next(pair for pair in reversed(self._blocks) if pair[0] < end)
        return block.place(end - start)

    def _forget(self, done: int) -> None:
        self._data = self._data[done:]
        self._blocks = [
            (start - done, block)
            for start, block in self._blocks
            if start + len(block.data) > done
        ]

    def _records(self, *, is_last: bool) -> Iterator[tuple[int, int, list[str] | str]]:
        """Yield the end in bytes, the length in lines, and the fields or why there are none."""
        data, at, self._is_unended = self._data, 0, False
        while at < len(data):
            lines = _Lines(data, at)
            reader, seen = csv.reader(lines, strict=True), 0
            try:
                for row in reader:
                    length, seen = reader.line_num - seen, reader.line_num
                    fault = self._fault(row)
                    is_astray = fault is not None and length > 1
                    at = _line_end(data, at) if is_astray else lines.at
                    yield at, 1 if is_astray else length, fault or row
                    if is_astray:
                        break  # a stray quote swallowed good lines: begin again behind the first
                if at >= len(data):
                    return
            except csv.Error as error:
                is_unended = "unexpected end" in str(error)
                if is_unended and not is_last and len(data) - at <= MAX_LINE:
                    self._is_unended = True
                    return
                at = _line_end(data, at)
                yield at, 1, UNENDED if is_unended else f"not CSV: {error}"

    def _fault(self, row: list[str]) -> str | None:
        if self._has_header or len(row) == len(self.records.header):
            return None
        if not row or (len(row) == 1 and not row[0].strip()):
            return BLANK
        return f"{len(row)} fields; the header has {len(self.records.header)}"

    def _batch(
        self,
        numbers: list[int],
        texts: list[str],
        rejects: list[Reject],
        first_line: int,
        *,
        is_open: bool = False,
    ) -> Batch:
        return batch_of(
            numbers,
            texts,
            rejects,
            first_line=first_line,
            next_line=self.line,
            end_offset=self.offset,
            seam=self.seam,
            is_open=is_open,
        )


def _line_end(data: bytes, at: int) -> int:
    return data.find(b"\n", at) + 1


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").replace("\0", "\ufffd")


class ParquetRecords:
    """The rows of a Parquet file as lines of JSON, numbers and lists kept as such."""

    frame = "parquet"

    def __init__(self, source: Source) -> None:
        self.source = source
        self.path = source.name
        if source.size is None:
            raise InputError(f"{source.name}: Parquet is read from its end; save it as a file")
        try:
            self.file = pq.ParquetFile(source.path)
        except (OSError, pa.ArrowException, UnicodeEncodeError) as error:
            raise InputError(f"{source.name} is no Parquet file: {error}") from error

    def head(self, n_lines: int) -> list[str]:
        """Return the first rows as JSON, without consuming them."""
        batch = next(self._rows(n_lines), None)
        return [] if batch is None else _as_json(batch)

    def seam(self, offset: int) -> bytes | None:
        """Return the end of the file, which tells it from every other one."""
        return self.source.seam(self.source.size or 0)

    def batches(
        self,
        start_offset: int = 0,
        start_line: int = 1,
        seam: bytes = b"",
    ) -> Iterator[Batch]:
        """Yield rows from row *start_offset* on; what cannot be unpacked is one reject."""
        offset, line = 0, start_line
        seam = seam or self.seam(0) or b""
        try:
            for rows in self._rows(ROWS):
                known = max(0, start_offset - offset)  # rows that were read before
                offset += len(rows)
                if known >= len(rows):
                    continue
                batch = self._batch(_as_json(rows.slice(known)), line, offset, seam)
                line = batch.next_line
                yield batch
        except (OSError, pa.ArrowException) as error:
            reject = Reject(
                path=self.path, line=line, reason=f"damaged Parquet: {type(error).__name__}"
            )
            yield batch_of(
                [], [], [reject], first_line=line, end_offset=offset, seam=seam, is_open=True
            )

    def _rows(self, count: int) -> Iterator[pa.RecordBatch]:
        yield from self.file.iter_batches(batch_size=count)

    def _batch(self, texts: list[str], line: int, offset: int, seam: bytes) -> Batch:
        numbers = range(line, line + len(texts))
        pairs = list(zip(numbers, texts, strict=True))
        fit = [(n, text) for n, text in pairs if len(text) <= MAX_LINE]
        rejects = [
            Reject(path=self.path, line=n, reason=TOO_LONG)
            for n, text in pairs
            if len(text) > MAX_LINE
        ]
        return batch_of(
            [n for n, _ in fit],
            [text for _, text in fit],
            rejects,
            first_line=line,
            end_offset=offset,
            seam=seam,
        )


def _as_json(rows: pa.RecordBatch) -> list[str]:
    """Return each row as an object; times are RFC 3339 in UTC, NULL columns are left out."""
    columns = {}
    for field, column in zip(rows.schema, rows.columns, strict=True):
        is_time = pa.types.is_timestamp(field.type)
        text = column.cast(pa.timestamp("us", "UTC"), safe=False) if is_time else column
        columns[field.name] = _objects(text) if pa.types.is_map(field.type) else text.to_pylist()
    names = list(columns)
    return [
        json.dumps(
            {n: v for n, v in zip(names, row, strict=True) if v is not None},
            ensure_ascii=False,
            default=_plain,
        )
        for row in zip(*columns.values(), strict=True)
    ]


def _objects(column: pa.Array) -> list[dict[str, object] | None]:
    """Return maps as objects; of a key that stands twice in one, the last counts."""
    return [None if one is None else dict(one) for one in column.to_pylist()]


def _plain(value: object) -> object:
    """Return what JSON has no word for as text or as a number."""
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)
