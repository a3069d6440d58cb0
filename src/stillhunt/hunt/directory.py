"""The account directory and the event list: what is known besides the logs.

Both are files of the operator. A mistake in one is said with its file and line, and stops
the sweep: a directory that is half understood would be worse than none.
"""

import csv
import datetime
import io
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from stillhunt.model.errors import InputError
from stillhunt.settings import near

__all__ = [
    "COLUMNS",
    "EVENT_KINDS",
    "Directory",
    "load_directory",
    "load_events",
    "mark_disposable",
    "with_times",
]

COLUMNS = (
    "account_id",
    "created_at",
    "org_id",
    "tier",
    "declared_use",
    "payment_hash",
    "phone_hash",
    "device_hash",
    "email_domain",
    "email_pattern",
    "country",
    "verification_level",
    "subject_id",
)
"""Columns that the directory always has; all but the first may be unknown. Others are kept."""

EVENT_KINDS = ("model_release", "ban_wave", "outage", "limit_change", "price_change")

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
Record = dict[str, str | None]


@dataclass(frozen=True, kw_only=True)
class Directory:
    """Accounts by id."""

    table: pa.Table
    """One row per account, every column text; ``COLUMNS`` first, then the file's own."""
    duplicates: int
    """Lines that a later line of the same account replaced."""


def load_directory(path: str | Path) -> Directory:
    """Read an account directory, JSON Lines or CSV, told apart by its first character.

    Everything is kept as text (nested values as JSON); empty text and null are unknown. Mail
    domains are spelled in one way, lower case and without the root's dot (RFC 4343, RFC 1034),
    because whoever signs up chooses the spelling. The last line of an account wins.

    Raises:
        InputError: The file cannot be read, or a line of it; says file and line.
    """
    text = _text(path)
    is_json = not text.strip() or text.lstrip().startswith("{")  # no accounts are no mistake
    lines = _json_lines(path, text) if is_json else _csv(path, text)
    accounts: dict[str, Record] = {}
    columns = dict.fromkeys(COLUMNS)
    count = 0
    for number, raw in lines:
        record = {key: _as_text(value) for key, value in raw.items()}
        if domain := record.get("email_domain"):
            record["email_domain"] = domain.strip().rstrip(".").lower() or None
        account = record.get("account_id")
        if account is None:
            raise InputError(f"{path}:{number}: account_id is missing; every line needs one")
        columns |= dict.fromkeys(record)
        accounts[account] = record
        count += 1
    table = pa.table(
        {
            name: pa.array([record.get(name) for record in accounts.values()], pa.string())
            for name in columns
        }
    )
    return Directory(table=table, duplicates=count - len(accounts))


def mark_disposable(directory: Directory, domains: Collection[str]) -> Directory:
    """Return *directory* with ``email_disposable``: true, false, or unknown without a domain.

    Args:
        directory: Its ``email_domain`` may be of any case, or a subdomain of a listed one.
        domains: Disposable mail domains, lower case.
    """
    named = directory.table["email_domain"].to_pylist()
    marks = [None if name is None else _is_listed(name.lower(), domains) for name in named]
    column = pa.array([None if m is None else str(m).lower() for m in marks], pa.string())
    return replace(directory, table=directory.table.append_column("email_disposable", column))


def _is_listed(name: str, domains: Collection[str]) -> bool:
    labels = name.rstrip(".").split(".")[-8:]  # whoever signs up writes it, at any length
    return any(".".join(labels[i:]) in domains for i in range(len(labels)))


def with_times(directory: Directory) -> pa.Table:
    """Return the accounts with ``created_at_us`` [us since epoch], for queries.

    A time without a zone is UTC; what is no time is unknown.
    """
    table = directory.table
    known = "created_at" in table.column_names
    texts = table["created_at"].to_pylist() if known else [None] * len(table)
    times = pa.array([None if text is None else _moment(text) for text in texts], pa.int64())
    kept = [name for name in table.column_names if name != "created_at_us"]
    return table.select(kept).append_column("created_at_us", times)


def _moment(text: str) -> int | None:
    try:
        moment = datetime.datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return (moment - _EPOCH) // datetime.timedelta(microseconds=1)


def load_events(path: str | Path) -> pa.Table:
    """Read an event list, JSON Lines, sorted by time.

    Returns:
        Columns ts_us int64, kind, name, model string.

    Raises:
        InputError: The file cannot be read, or a line of it; says file and line.
    """
    rows = []
    for number, raw in _json_lines(path, _text(path)):
        kind = raw.get("kind")
        if kind not in EVENT_KINDS:
            raise InputError(
                f"{path}:{number}: kind is {kind!r}; give one of {', '.join(EVENT_KINDS)}"
                f"{near(str(kind), EVENT_KINDS)}"
            )
        texts = {name: _as_text(raw.get(name)) for name in ("name", "model")}
        rows.append({"ts_us": _time(path, number, raw), "kind": kind, **texts})
    rows.sort(key=lambda row: row["ts_us"])
    fields = [(name, pa.string()) for name in ("kind", "name", "model")]
    return pa.Table.from_pylist(rows, pa.schema([("ts_us", pa.int64()), *fields]))


def _text(path: str | Path) -> str:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}:{line}: not UTF-8") from error


def _json_lines(path: str | Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}:{number}: not JSON: {error}") from error
        if not isinstance(value, dict):
            raise InputError(f"{path}:{number}: expected a JSON object")
        yield number, value


def _csv(path: str | Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    number = 1
    try:
        header = next(reader, [])
        if "account_id" not in header or len(set(header)) < len(header):
            raise InputError(
                f"{path}:1: expected JSON Lines, or CSV whose header names account_id and each"
                " column once"
            )
        number = reader.line_num + 1
        for fields in reader:
            if fields and len(fields) != len(header):
                raise InputError(
                    f"{path}:{number}: {len(fields)} fields where the header has {len(header)}"
                )
            if fields:
                yield number, dict(zip(header, fields, strict=True))
            number = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}:{number}: not CSV: {error}") from error


def _as_text(value: object) -> str | None:
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _time(path: str | Path, number: int, raw: dict[str, Any]) -> int:
    """Return the time of an event [us since epoch]."""
    us, text = raw.get("ts_us"), raw.get("ts")
    if isinstance(us, int) and not isinstance(us, bool) and abs(us) < 2**63:
        return us
    try:
        moment = datetime.datetime.fromisoformat(str(text))
        return (moment - _EPOCH) // datetime.timedelta(microseconds=1)
    except (ValueError, TypeError) as error:  # TypeError: a time without a zone
        raise InputError(
            f"{path}:{number}: ts is {text!r}; give a time such as 2026-03-01T12:00:00Z, or ts_us"
        ) from error
