"""What has to be known before the first line is read: format, files, rules, parameters."""

import glob
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from stillhunt.hunt.allow import check_allow
from stillhunt.hunt.parameters import duration_us, resolve
from stillhunt.hunt.reading import reader_named, recognise
from stillhunt.hunt.rule_files import all_rules
from stillhunt.hunt.settings import HuntSettings
from stillhunt.hunt.source import open_source
from stillhunt.hunt.sweep import known_parameters
from stillhunt.hunt.tail.checkpoint import Checkpoint
from stillhunt.hunt.tail.engine import Engine, Limits
from stillhunt.hunt.tail.novelty import NAME as NOVELTY
from stillhunt.model.errors import ConfigError, InputError
from stillhunt.registry import parts

__all__ = ["engine_of", "expanded", "reader_of", "sketched"]

HEAD = 100  # lines by which a format is recognised


def reader_of(told: str | None, before: Checkpoint | None, paths: Sequence[str]) -> str:
    """Return the name of the reader: told, of the checkpoint, or recognised."""
    if told is not None and before is not None and told != before.reader:
        raise InputError(f"the checkpoint is of a log read as {before.reader}, not as {told}")
    name = told or (before.reader if before else None) or _recognised(paths)
    if "lines" not in reader_named(name).frames:
        raise ConfigError(f"{name} reads {', '.join(reader_named(name).frames)}, no growing log")
    return name


def _recognised(paths: Sequence[str]) -> str:
    for path in expanded(paths):
        if path != "-" and Path(path).is_file():
            head = open_source(path).head(HEAD)
            if head:
                return recognise(head, "lines")
    raise InputError("there is no line yet to recognise the format by; name it with --as")


def expanded(patterns: Sequence[str]) -> Iterator[str]:
    """Yield the paths that *patterns* name; what is no glob need not be there."""
    for pattern in patterns:
        if pattern == "-" or Path(pattern).exists() or not glob.has_magic(pattern):
            yield pattern
        else:
            yield from sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - keeps prefixes


def engine_of(
    fills: Sequence[str], settings: HuntSettings, overrides: Mapping[str, str], seed: int
) -> Engine:
    """Return the engine of the rules that the settings know.

    Raises:
        ConfigError: A setting, parameter or allowed detector that is not there.
    """
    rules = all_rules(settings)
    values = resolve(known_parameters(rules), settings.detectors, overrides)
    detectors = {*parts("stillhunt.hunt.detectors"), NOVELTY}
    check_allow(settings.allow, {*(rule.name for rule in rules), *detectors})
    return Engine.of(
        rules,
        values,
        fills,
        seed=seed,
        limits=Limits(
            events=settings.tail.events,
            rows=settings.tail.sums,
            lateness_us=duration_us(settings.tail.lateness, "tail.lateness"),
        ),
    )


def sketched(rows: pa.Table, engine: Engine, seed: int) -> pa.Table:
    """Add sketches where there are prompts and somebody looks at templates."""
    if engine.novelty is None or "prompt" not in rows.column_names:
        return rows
    if rows["prompt"].null_count == rows.num_rows:
        return rows
    from stillhunt.hunt.sketching import add_sketches  # noqa: PLC0415 - loads kernels

    return add_sketches(rows, seed)
