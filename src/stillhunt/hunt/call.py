"""The hunt as one Python call, for notebooks and for the command line.

A log line's way in one place: source and reader -> sketch -> lake -> sweep -> report.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from stillhunt.hunt.allow import check_allow
from stillhunt.hunt.casts import END_US, FIRST_US
from stillhunt.hunt.directory import Directory, load_directory, load_events
from stillhunt.hunt.ingest import InputReport
from stillhunt.hunt.ingest import ingest as ingest_logs
from stillhunt.hunt.lake.health import answering
from stillhunt.hunt.lake.store import Lake
from stillhunt.hunt.parameters import duration_us, resolve
from stillhunt.hunt.report import tables
from stillhunt.hunt.report.document import build
from stillhunt.hunt.report.page import write_page
from stillhunt.hunt.report.pictures import Pictures, collect
from stillhunt.hunt.rule_files import all_rules
from stillhunt.hunt.settings import HuntSettings, read_settings
from stillhunt.hunt.sweep import SweepResult, known_parameters
from stillhunt.hunt.sweep import sweep as sweep_lake
from stillhunt.model.errors import ConfigError

__all__ = ["Progress", "Report", "hunt", "ingest", "sweep"]

Paths = str | PathLike[str] | Sequence[str | PathLike[str]]
File = str | PathLike[str] | None
Moment = str | int | datetime | None
Values = Mapping[str, object] | None


class Progress(Protocol):
    """Told how far reading and sweeping are; see ``report.progress``."""

    def reading(self, path: str, done: int, total: int | None, rows: int, /) -> None:
        """Take packed bytes *done* of *total* and the rows so far."""
        ...

    def sweeping(self, what: str, done: int, total: int, /) -> None:
        """Take the step *done* of *total*."""
        ...


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a hunt found, as tables and as the document that ``--json`` writes."""

    document: dict[str, Any]
    """``stillhunt.report/1``."""
    pictures: Pictures
    """The numbers behind the page's pictures."""
    quarantine: tuple[Path, ...] = ()
    """Files that name every reject; they outlive a temporary lake."""

    @property
    def findings(self) -> pa.Table:
        """Return one row per finding; subject, peer and evidence as JSON text."""
        return tables.findings(self.document)

    @property
    def accounts(self) -> pa.Table:
        """Return every account of severity 2 or more."""
        return tables.accounts(self.document)

    @property
    def campaigns(self) -> pa.Table:
        """Return the campaigns; empty until groups of accounts are judged."""
        return tables.campaigns(self.document)


def hunt(
    paths: Paths,
    *,
    as_: str | None = None,
    accounts: File = None,
    events: File = None,
    lake: File = None,
    set: Values = None,  # noqa: A002 - the name that the command line gives it
    until: Moment = None,
    replay: str | None = None,
    config: File | HuntSettings = None,
    html: File = None,
    progress: Progress | None = None,
) -> Report:
    """Read *paths*, ask every rule and detector, and return what they found.

    Args:
        paths: Files or globs, plain, ``.gz`` or ``.zst``, or ``-``.
        as_: Name of the reader; None recognises each input's format.
        accounts: Account directory, JSON Lines or CSV.
        events: Event list, JSON Lines.
        lake: Folder to keep the exchanges in; None is a temporary one.
        set: Parameters by full name, such as ``{"volume.tokens_per_day": 50_000}``.
        until: End of the look-back windows: RFC 3339, microseconds or a datetime with a time
            zone; None is the newest exchange.
        replay: Step such as ``1h``: repeat the sweep through log time.
        config: Settings file, or settings; None is ``./stillhunt.toml`` or the defaults.
        html: Where to write the page.
        progress: Told how far it is.

    Raises:
        ConfigError: A setting or parameter that means nothing.
        InputError: An input that is missing or of no known format.
        LakeError: The lake cannot be written.
    """
    settings = _settings(config)
    asked = _asked(
        settings, set, accounts=accounts, events=events, since=None, until=until, replay=replay
    )
    with ExitStack() as stack:
        if lake is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stillhunt-")))
            where = folder / "lake"
        else:
            where = Path(fspath(lake))
        kept = Lake.create(where)
        inputs = _ingest(paths, kept, settings, as_, progress)
        report = _sweep(kept, settings, inputs, asked=asked, html=html, progress=progress)
        if lake is None and report.quarantine:
            return replace(report, quarantine=(_rescued(report.quarantine),))
        return report


def ingest(
    paths: Paths,
    *,
    lake: File,
    as_: str | None = None,
    config: File | HuntSettings = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Read *paths* into the lake at *lake*; what it knows already is passed over.

    Returns:
        ``{"inputs": [...], "quarantine": [...]}``: lines, rows and rejects of each input, and
        the files that name every reject.

    Raises: See ``hunt``.
    """
    settings = _settings(config)
    if lake is None:
        raise ConfigError("ingest needs a lake")
    kept = Lake.create(Path(fspath(lake)))
    inputs = _ingest(paths, kept, settings, as_, progress)
    files = [name for one in inputs for name in one.quarantine]
    return {
        "inputs": [
            {"path": one.path, "reader": one.reader, "lines": one.lines, "rows": one.rows,
             "rejects": one.rejects, "known_lines": one.known_lines}
            for one in inputs
        ],
        "quarantine": [str(kept.path / name) for name in files],
    }  # fmt: skip


def sweep(
    lake: str | PathLike[str],
    *,
    accounts: File = None,
    events: File = None,
    set: Values = None,  # noqa: A002 - the name that the command line gives it
    since: Moment = None,
    until: Moment = None,
    replay: str | None = None,
    config: File | HuntSettings = None,
    html: File = None,
    progress: Progress | None = None,
) -> Report:
    """Ask the lake at *lake* again; arguments and errors as for ``hunt``."""
    settings = _settings(config)
    asked = _asked(
        settings, set, accounts=accounts, events=events, since=since, until=until, replay=replay
    )
    kept = Lake.open(Path(fspath(lake)))
    return _sweep(kept, settings, [], asked=asked, html=html, progress=progress)


def _rescued(files: Sequence[Path]) -> Path:
    """Join quarantine files into one that outlives the temporary lake."""
    number, name = tempfile.mkstemp(prefix="stillhunt-rejects-", suffix=".jsonl")
    with os.fdopen(number, "wb") as joined:
        for file in files:
            with file.open("rb") as one:
                shutil.copyfileobj(one, joined)
    return Path(name)


def _settings(config: File | HuntSettings) -> HuntSettings:
    if isinstance(config, HuntSettings):
        return config
    return read_settings(None if config is None else Path(fspath(config)))


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What a sweep was told, checked before hours of reading and not after."""

    overrides: dict[str, str]
    since_us: int | None
    until_us: int | None
    replay_us: int | None
    accounts: Directory | None
    events: pa.Table | None


def _asked(
    settings: HuntSettings,
    told: Values,
    *,
    accounts: File,
    events: File,
    since: Moment,
    until: Moment,
    replay: str | None,
) -> _Asked:
    overrides = _texts(told)
    known = known_parameters(all_rules(settings))
    resolve(known, settings.detectors, overrides)
    check_allow(settings.allow, {parameter.owner for parameter in known})
    return _Asked(
        overrides=overrides,
        since_us=_moment(since, "since"),
        until_us=_moment(until, "until"),
        replay_us=None if replay is None else duration_us(replay, "--replay"),
        accounts=None if accounts is None else load_directory(fspath(accounts)),
        events=None if events is None else load_events(fspath(events)),
    )


def _texts(told: Values) -> dict[str, str]:
    return {name: str(value) for name, value in (told or {}).items()}


def _ingest(
    paths: Paths, lake: Lake, settings: HuntSettings, as_: str | None, progress: Progress | None
) -> list[InputReport]:
    several = [paths] if isinstance(paths, str | PathLike) else paths
    return ingest_logs(
        [fspath(path) for path in several],
        lake=lake,
        settings=settings,
        reader=as_,
        progress=progress.reading if progress else None,
    )


def _sweep(
    lake: Lake,
    settings: HuntSettings,
    inputs: Sequence[InputReport],
    *,
    asked: _Asked,
    html: File,
    progress: Progress | None,
) -> Report:
    with answering(lake.path):
        result = sweep_lake(
            lake,
            settings=settings,
            overrides=asked.overrides,
            since_us=asked.since_us,
            until_us=asked.until_us,
            replay_us=asked.replay_us,
            accounts=asked.accounts,
            events=asked.events,
            progress=progress.sweeping if progress else None,
        )
        with lake.connect(
            asked.since_us, asked.until_us, memory_mb=settings.lake.memory_mb
        ) as connection:
            pictures = collect(connection, result, settings, drawings=html is not None)
    document = _document(inputs, result, asked)
    if html is not None:
        write_page(Path(fspath(html)), document, pictures, result.detectors)
    files = dict.fromkeys(name for one in inputs for name in one.quarantine)
    return Report(
        document=document,
        pictures=pictures,
        quarantine=tuple(lake.path / name for name in files),
    )


def _document(inputs: Sequence[InputReport], result: SweepResult, asked: _Asked) -> dict[str, Any]:
    rejects = [reject for one in inputs for reject in one.first_rejects]
    events = [] if asked.events is None else asked.events.to_pylist()
    return build(inputs, result, created_at=datetime.now(UTC), rejects=rejects, events=events)


def _moment(value: Moment, name: str) -> int | None:
    """Return *value* as microseconds since the epoch.

    Raises:
        ConfigError: It is no time with a zone, or not from 1990 to 2099, as no exchange is.
    """
    if value is None:
        return None
    found = _microseconds(value, name)
    if not FIRST_US <= found < END_US:
        raise ConfigError(f"{name} is {value!r}; give a time from 1990 to 2099")
    return found


def _microseconds(value: str | int | datetime, name: str) -> int:
    if isinstance(value, int):
        return int(value)
    wanted = "give RFC 3339 with a time zone, such as 2026-10-12T08:00:00Z, or microseconds"
    if isinstance(value, str):
        if re.fullmatch(r"\s*-?[0-9]{1,30}\s*", value):
            return int(value)
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError as error:
            raise ConfigError(f"{name} is {value!r}; {wanted}") from error
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ConfigError(f"{name} is {value!r} without a time zone; {wanted}")
    whole = value - datetime(1970, 1, 1, tzinfo=UTC)
    return (whole.days * 86_400 + whole.seconds) * 1_000_000 + whole.microseconds
