"""Find and parse ``stillhunt.toml``.

Each room owns its tables as pydantic models in ``<room>/settings.py``. This module only
finds the file, lays the environment over it and says where a mistake stands. Environment
variables are ``STILLHUNT_TABLE__KEY`` and win over the file.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from stillhunt.model.errors import ConfigError

__all__ = ["DEFAULT_NAME", "Table", "load", "near"]

DEFAULT_NAME = "stillhunt.toml"
PREFIX = "STILLHUNT_"


class Table(BaseModel):
    """Base of every settings table: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class _Root(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings


def near(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean ...?" with up to three of *known* that look like *name*, or ""."""
    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def load(path: Path | None, tables: Mapping[str, Any]) -> tuple[Any, Path]:
    """Read the settings file and return its tables and the folder that its paths start from.

    Args:
        path: The file; None takes ``./stillhunt.toml`` if there is one, else the defaults.
        tables: Name of each known table -> (type, default), as for ``pydantic.create_model``.

    Returns:
        An object with one attribute per table, and the folder of the file (or the current one).

    Raises:
        ConfigError: The file is missing or no TOML, or a key or value means nothing.
    """
    if path is None and Path(DEFAULT_NAME).is_file():
        path = Path(DEFAULT_NAME)
    text = _read(path) if path is not None else ""
    root = create_model("Settings", __base__=_Root, **dict(tables))
    try:
        return root(**_parse(text, path)), (path.parent if path else Path())
    except ValidationError as error:
        raise ConfigError(_explain(error, text, path, tables)) from error
    except SettingsError as error:  # a variable of the environment that is no JSON
        named = re.search(r'field "(\w+)"', str(error))
        name = f"{PREFIX}{named[1].upper()}" if named else PREFIX
        raise ConfigError(
            f"the environment variable {name} (or one that begins with it) cannot be read;"
            f" a table is a JSON object, a single key is {name}__KEY=value"
        ) from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the settings file {path}: {error}") from error


def _parse(text: str, path: Path | None) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error


def _explain(
    error: ValidationError, text: str, path: Path | None, tables: Mapping[str, Any]
) -> str:
    """Say file, line, key and what was expected for the first mistakes."""
    said = []
    for mistake in error.errors(include_url=False)[:5]:
        where = _line_of(text, mistake["loc"])
        place = f"{path}:{where}" if path and where else str(path or "environment")
        key = ".".join(str(part) for part in mistake["loc"])
        if mistake["type"] == "extra_forbidden":
            known = _siblings(mistake["loc"], tables)
            said.append(f"{place}: {key} is unknown{near(str(mistake['loc'][-1]), known)}")
        else:
            said.append(f"{place}: {key} is {mistake['input']!r}: {mistake['msg']}")
    return "\n".join(said)


def _siblings(loc: Sequence[int | str], tables: Mapping[str, Any]) -> list[str]:
    """Return the keys that would have been right in the place of the last one of *loc*."""
    if len(loc) == 1:
        return list(tables)
    kind = tables[str(loc[0])][0]
    fields = getattr(kind, "model_fields", None)
    if fields is None:  # a list or a mapping of tables
        inner = [a for a in getattr(kind, "__args__", ()) if hasattr(a, "model_fields")]
        fields = inner[-1].model_fields if inner else {}
    return list(fields)


def _line_of(text: str, loc: Sequence[int | str]) -> int | None:
    """Return the line on which the key at *loc* stands, as near as a plain scan can tell."""
    table, key = [str(p) for p in loc[:-1] if isinstance(p, str)], str(loc[-1])
    best = None
    inside: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\[?([^\]]+)\]\]?", line):
            inside = [part.strip(" \"'") for part in header[1].split(".")]
            if inside == [*table, key] or (best is None and inside and inside == table):
                best = number
        elif inside == table and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return number
    return best
