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
from itertools import islice

import pyarrow as pa
import pyarrow.parquet as pq

from stillhunt.hunt.framing import BLANK, MAX_LINE, SEAM, TOO_LONG, Batch, Block, Reject, batch_of
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
        self.path = source.path
        csv.field_size_limit(MAX_LINE)  # the default, 128 KB, is less than a prompt may be
        try:
            self.header = [name.strip() for name in next(self._peeked(), [])]
        except csv.Error as error:
            raise InputError(f"{source.path}: the header is not CSV: {error}") from error
        if not self.header or len(set(self.header)) < len(self.header):
            raise InputError(f"{source.path}: the first line must name every column once")

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
        is_last = False
        for block in self.source.blocks(start_offset, seam):
            is_last = block.is_open
            yield parser.parse(block.data, is_last=is_last)
            if block.is_too_long:
                yield parser.too_long(block)
        if not is_last:
            yield parser.parse(b"", is_last=True)
        yield from self.source.damaged(parser.line, parser.offset, parser.seam)

    def as_json(self, row: list[str]) -> str:
        """Return the fields of a record as an object of strings."""
        return json.dumps(dict(zip(self.header, row, strict=True)), ensure_ascii=False)


class _Parser:
    """Records out of whole lines; holds a record back until its last line is there."""

    def __init__(self, records: CsvRecords, line: int, offset: int, seam: bytes) -> None:
        self.records = records
        self.line = line
        self.offset = offset
        self.seam = seam
        self._has_header = offset == 0
        self._held: list[bytes] = []

    def parse(self, data: bytes, *, is_last: bool) -> Batch:
        """Return the records that end in *data*; broken ones are one reject each."""
        lines = self._held + [line + b"\n" for line in data.split(b"\n")[:-1]]
        numbers: list[int] = []
        texts: list[str] = []
        rejects: list[Reject] = []
        at = first_line = self.line
        for begin, length, found in self._records(lines, is_last=is_last):
            at = first_line + begin + length
            if self._has_header:
                self._has_header = False
            elif isinstance(found, list):
                numbers.append(first_line + begin)
                texts.append(self.records.as_json(found))
            else:
                number = first_line + begin
                rejects.append(Reject(path=self.records.path, line=number, reason=found))
        done, self._held = lines[: at - first_line], lines[at - first_line :]
        self.line = at
        self.offset += sum(map(len, done))
        self.seam = (self.seam + b"".join(done[-SEAM:]))[-SEAM:]  # a line has a byte or more
        return self._batch(numbers, texts, rejects, first_line, is_open=is_last)

    def too_long(self, block: Block) -> Batch:
        """Return the reject of a line that nobody held; records before it are given up."""
        number = self.line + len(self._held)
        rejects = [
            Reject(path=self.records.path, line=n, reason=UNENDED)
            for n in range(self.line, number)
        ]
        rejects.append(Reject(path=self.records.path, line=number, reason=TOO_LONG))
        first_line, self.line, self._held = self.line, number + 1, []
        self.offset, self.seam = block.end_offset, block.seam
        return self._batch([], [], rejects, first_line, is_open=block.is_open)

    def _records(
        self, lines: list[bytes], *, is_last: bool
    ) -> Iterator[tuple[int, int, list[str] | str]]:
        """Yield begin and length in lines, and the fields or why there are none."""
        at = 0
        while at < len(lines):
            start = at
            reader = csv.reader((_text(lines[k]) for k in range(start, len(lines))), strict=True)
            try:
                for row in reader:
                    length = start + reader.line_num - at
                    fault = self._fault(row)
                    yield at, 1 if fault else length, fault or row
                    at += 1 if fault else length
                    if fault and length > 1:
                        break  # a stray quote swallowed good lines: begin again behind the first
                if at >= len(lines):
                    return
            except csv.Error as error:
                is_unended = "unexpected end" in str(error)
                if is_unended and not is_last and sum(map(len, lines[at:])) <= MAX_LINE:
                    return
                yield at, 1, UNENDED if is_unended else f"not CSV: {error}"
                at += 1

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
        is_open: bool,
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


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").replace("\0", "\ufffd")


class ParquetRecords:
    """The rows of a Parquet file as lines of JSON, numbers and lists kept as such."""

    frame = "parquet"

    def __init__(self, source: Source) -> None:
        self.source = source
        self.path = source.path
        if source.size is None:
            raise InputError(f"{source.path}: Parquet is read from its end; save it as a file")
        try:
            self.file = pq.ParquetFile(source.path)
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{source.path} is no Parquet file: {error}") from error

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
        columns[field.name] = text.to_pylist()
    names = list(columns)
    return [
        json.dumps(
            {n: v for n, v in zip(names, row, strict=True) if v is not None},
            ensure_ascii=False,
            default=_plain,
        )
        for row in zip(*columns.values(), strict=True)
    ]


def _plain(value: object) -> object:
    """Return what JSON has no word for as text or as a number."""
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)
