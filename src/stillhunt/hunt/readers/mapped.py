"""Your own format: JSON Lines, CSV or Parquet, with a mapping in the settings.

``[readers.mapped.columns]`` names, per column of the exchange, where it stands in a record:
``usage.output`` or ``choices[0].finish`` (a path), ``"odd.name"`` (quoted: one key with a dot)
or ``=chat`` (a constant). What is mapped to ``key_hash`` is taken for a raw key and hashed.
``[readers.mapped.units]`` gives the unit of a time where it is not that of the column.
Source: this project's settings; paths are the common subset of JSONPath (RFC 9535).
"""

import re

from stillhunt.hunt.projection import PER_UNIT_US, at_paths, literal, moment
from stillhunt.hunt.settings import HuntSettings
from stillhunt.model.errors import ConfigError
from stillhunt.model.exchange import COLUMNS
from stillhunt.settings import near

__all__ = ["Mapped"]

NAMES = tuple(c.name for c in COLUMNS if c.name != "source")
TIMES = {"ts_us": "us", "duration_ms": "ms", "ttft_ms": "ms"}
STEP = re.compile(r'\.?(?:"([^"\\]+)"|([^."\[\]\\]+))|\[(\d{1,6})\]')


class Mapped:
    """Read one exchange from each record, by the settings' mapping."""

    title = "Mapped by settings (JSON Lines, CSV, Parquet)"
    source = "`[readers.mapped]` in the settings"
    frames = ("lines", "csv", "parquet")
    fills = NAMES
    is_json = True

    def sniff(self, line: str) -> float:
        """Return 0: a mapping fits what its owner says it fits, so ask with ``--as mapped``."""
        return 0.0

    def select(self, settings: HuntSettings) -> str:
        """Return the projection; see ``stillhunt.hunt.reading.Reader``.

        Raises:
            ConfigError: The mapping is empty, or names a column, path or unit that means nothing.
        """
        columns = settings.readers.mapped.columns
        units = {**TIMES, **settings.readers.mapped.units}
        _check(columns, settings.readers.mapped.units)
        paths = {n: (_path(n, p),) for n, p in columns.items() if not p.startswith("=")}
        fixed = [f"{literal(p[1:])} AS {n}" for n, p in columns.items() if p.startswith("=")]
        inner, found = at_paths(paths)
        chosen = [_column(name, units.get(name)) for name in columns]
        every = ", ".join(part for part in (found, *fixed) if part)
        return f"""
            SELECT line_number, {", ".join(chosen)}
            FROM (SELECT line_number, {every} FROM (SELECT line_number, {inner} FROM lines))
        """


def _column(name: str, unit: str | None) -> str:
    if name == "key_hash":
        return "key_hash AS secret"
    if name == "ts_us":
        return f"{moment('ts_us', unit or 'us')} AS ts_us"
    if unit is not None and name in TIMES:
        factor = PER_UNIT_US[unit] / PER_UNIT_US["ms"]
        return f"TRY_CAST(round(TRY_CAST({name} AS DOUBLE) * {factor}) AS INTEGER) AS {name}"
    return name


def _path(name: str, text: str) -> str:
    """Return *text* as the JSON path that DuckDB understands."""
    steps, at = ["$"], 0
    while at < len(text):
        match = STEP.match(text, at)
        if match is None:
            break
        key = match[1] or match[2]
        steps.append(f'."{key}"' if key else f"[{match[3]}]")
        at = match.end()
    if at < len(text) or not text:
        raise ConfigError(
            f"readers.mapped.columns.{name} is {text!r}; "
            "give a path such as usage.output or choices[0].finish, or =constant"
        )
    return "".join(steps)


def _check(columns: dict[str, str], units: dict[str, str]) -> None:
    if "ts_us" not in columns:
        raise ConfigError('readers.mapped.columns has no ts_us; give at least ts_us = "PATH"')
    for name in columns:
        if name not in NAMES:
            raise ConfigError(f"readers.mapped.columns.{name} is unknown{near(name, NAMES)}")
    for name, unit in units.items():
        if name not in TIMES:
            raise ConfigError(f"readers.mapped.units.{name} is no time{near(name, TIMES)}")
        if unit not in PER_UNIT_US:
            raise ConfigError(f"readers.mapped.units.{name} is {unit!r}; give s, ms, us or ns")
