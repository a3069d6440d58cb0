"""Every number that a hunt can be told: ``NAME.PARAMETER``, its type, unit, default and reason.

A rule declares its parameters in its TOML file, a detector as the fields of its dataclass;
``--set NAME=VALUE`` and the table ``[detectors.NAME]`` of ``stillhunt.toml`` set them. The
command line wins over the file.
"""

import ast
import dataclasses
import inspect
import math
import re
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from stillhunt.model.errors import ConfigError
from stillhunt.settings import near

__all__ = [
    "ALL_US",
    "MOST",
    "Kind",
    "Parameter",
    "Value",
    "Values",
    "duration_us",
    "entries",
    "field_notes",
    "fields_of",
    "items",
    "resolve",
]

Kind = Literal["integer", "number", "duration", "paths", "list", "map"]
"""``list`` is ``nat,vpn``; ``map`` is ``free=20000,pro=2000000``. Both are text to a rule."""
Value = int | float | str
Values = Mapping[str, Mapping[str, Value]]
"""Rule or detector -> parameter -> value; durations are microseconds."""

ALL_US = 10**16
"""The duration ``all``: 317 years, longer than any lake [us]."""

MOST = 2**53
"""Whole numbers up to here are the same in every engine and in JSON (RFC 8259, section 6)."""
SHOWN = 40  # characters of a number that is too long

_UNITS_US = {"s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parameter:
    """One number, duration or list that a rule or detector takes."""

    owner: str
    name: str
    kind: Kind
    default: Value
    """As it would be written on the command line; a duration is text such as ``1d``."""
    unit: str = ""
    minimum: float = 0
    maximum: float | None = None
    """None is as much as one likes."""
    note: str = ""

    @property
    def full_name(self) -> str:
        """Return the name that ``--set`` takes, such as ``volume.tokens_per_day``."""
        return f"{self.owner}.{self.name}"

    def parse(self, value: Value) -> Value:
        """Return *value* as the hunt uses it; durations in microseconds.

        Raises:
            ConfigError: It is not of this parameter's kind, or below the least or above the most.
        """
        if isinstance(value, bool):
            raise ConfigError(f"{self.full_name} is {value!r}; give {_WANTED[self.kind]}")
        if self.kind == "paths":
            return str(value)
        if self.kind == "list":
            return ",".join(items(str(value)))
        if self.kind == "map":
            return self._map(str(value))
        if self.kind == "duration":
            return duration_us(str(value), self.full_name)
        return self._number(value)

    def _map(self, text: str) -> str:
        """Return the map as it is kept, each number checked."""
        try:
            found = entries(text)
        except ValueError as error:
            raise ConfigError(f"{self.full_name} is {text!r}; give {_WANTED['map']}") from error
        for name, number in found.items():
            self._bounded(number, f"{number} for {name!r}")
        return ",".join(f"{name}={number}" for name, number in found.items())

    def _number(self, value: Value) -> Value:
        kind = int if self.kind == "integer" else float
        try:
            number = kind(value)
        except (ValueError, OverflowError) as error:
            raise ConfigError(
                f"{self.full_name} is {value!r}; give {_WANTED[self.kind]}"
            ) from error
        is_whole = isinstance(number, int)  # never asked whether it is finite: that overflows
        if not (is_whole or math.isfinite(number)) or (
            isinstance(value, float) and number != value
        ):
            raise ConfigError(f"{self.full_name} is {value!r}; give {_WANTED[self.kind]}")
        self._bounded(number, repr(value))
        return number

    def _bounded(self, number: float, told: str) -> None:
        if isinstance(number, int) and abs(number) > MOST:
            shown = told if len(told) <= SHOWN else f"{told[:SHOWN]}..."
            raise ConfigError(f"{self.full_name} is {shown}; the most is {MOST} (2^53)")
        if number < self.minimum:
            raise ConfigError(f"{self.full_name} is {told}; the least is {self.minimum:g}")
        if self.maximum is not None and number > self.maximum:
            raise ConfigError(f"{self.full_name} is {told}; the most is {self.maximum:g}")


_WANTED: dict[Kind, str] = {
    "integer": "a whole number, such as 5000",
    "number": "a number, such as 0.5",
    "duration": "a duration, such as 90s, 60m, 24h, 7d or all",
    "paths": "paths, separated by commas",
    "list": "words, separated by commas",
    "map": "names and whole numbers, such as basic=200000,person=500000",
}


def items(text: str) -> tuple[str, ...]:
    """Return the words of a ``list`` parameter, each once, as they stand."""
    return tuple(dict.fromkeys(word for part in text.split(",") if (word := part.strip())))


def entries(text: str) -> dict[str, int]:
    """Return a ``map`` parameter as name -> whole number.

    Raises:
        ValueError: An entry is not ``NAME=NUMBER``, or a name stands there twice.
    """
    found: dict[str, int] = {}
    for item in items(text):
        name, sign, number = item.rpartition("=")
        name = name.strip()
        if not sign or not name or name in found or not re.fullmatch(r"[0-9_]{1,18}", number):
            raise ValueError(f"{item!r} is not NAME=NUMBER")
        found[name] = int(number)
    return found


def duration_us(text: str, name: str = "duration") -> int:
    """Return the length of ``90s``, ``60m``, ``24h``, ``7d`` or ``all`` [us].

    Raises:
        ConfigError: *text* is none of these, or no longer than nothing. It says *name*.
    """
    if text.strip() == "all":
        return ALL_US
    match = re.fullmatch(r"\s*([0-9]{1,9})([smhd])\s*", text)
    if not match or int(match[1]) == 0:
        raise ConfigError(f"{name} is {text!r}; give {_WANTED['duration']}")
    return min(int(match[1]) * _UNITS_US[match[2]], ALL_US)


def fields_of(owner: str, part: type[Any]) -> tuple[Parameter, ...]:
    """Return the parameters of a detector: the fields of its dataclass.

    The note is the text below the field, and the unit stands there in brackets.
    """
    notes = field_notes(part)
    found = []
    defaults = part()
    for field in dataclasses.fields(part):
        default: Value = getattr(defaults, field.name)
        note = notes.get(field.name, "")
        unit = re.search(r"\[([^\]]+)\]", note)
        found.append(
            Parameter(
                owner=owner,
                name=field.name,
                kind="integer" if isinstance(default, int) else "number",
                default=default,
                unit=unit[1] if unit else "",
                note=note,
            )
        )
    return tuple(found)


def field_notes(part: type[Any]) -> dict[str, str]:
    """Return field name -> the docstring that stands below it in the source of *part*."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(part))).body[0]
    assert isinstance(tree, ast.ClassDef)  # noqa: S101 - getsource of a class
    notes = {}
    for before, after in zip(tree.body, tree.body[1:], strict=False):
        if not isinstance(before, ast.AnnAssign) or not isinstance(before.target, ast.Name):
            continue
        match after:
            case ast.Expr(value=ast.Constant(value=str() as text)):
                notes[before.target.id] = inspect.cleandoc(text)
            case _:
                pass
    return notes


def resolve(
    known: Iterable[Parameter],
    settings: Mapping[str, Mapping[str, Value]],
    overrides: Mapping[str, str],
) -> dict[str, dict[str, Value]]:
    """Return every parameter's value: the default, else the settings', else the override's.

    Raises:
        ConfigError: A name that no rule or detector has (near names are listed), or a value
            that means nothing.
    """
    by_name = {parameter.full_name: parameter for parameter in known}
    values: dict[str, dict[str, Value]] = {}
    for parameter in by_name.values():
        values.setdefault(parameter.owner, {})[parameter.name] = parameter.parse(parameter.default)
    given = {
        f"{owner}.{name}": v for owner, table in settings.items() for name, v in table.items()
    }
    for source, told in (("settings: detectors.", given), ("--set ", overrides)):
        for name, value in told.items():
            if name not in by_name:
                raise ConfigError(f"{source}{name} is unknown{near(name, by_name)}")
            parameter = by_name[name]
            values[parameter.owner][parameter.name] = parameter.parse(value)
    return values
