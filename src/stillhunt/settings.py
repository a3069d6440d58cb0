"""Find and parse ``stillhunt.toml``.

Each room owns its tables as pydantic models in ``<room>/settings.py``. This module only
finds the file, lays the environment over it and says where a mistake stands. Environment
variables are ``STILLHUNT_TABLE__KEY`` and win over the file.
"""

import difflib
import re
import tomllib
import types
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from stillhunt.model.errors import ConfigError

__all__ = ["DEFAULT_NAME", "HIDDEN", "Table", "load", "near"]

DEFAULT_NAME = "stillhunt.toml"
PREFIX = "STILLHUNT_"
HIDDEN = "hidden"
"""Type of a PydanticCustomError whose input, a secret, must not be shown."""


class Table(BaseModel):
    """Base of every settings table: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class _Root(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
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


def load(
    path: Path | None,
    tables: Mapping[str, Any],
    others: Collection[str] = (),
    hidden: Collection[str] = (),
) -> tuple[Any, Path]:
    """Read the settings file and return its tables and the folder that its paths start from.

    Args:
        path: The file; None takes ``./stillhunt.toml`` if there is one, else the defaults.
        tables: Name of each known table -> (type, default), as for ``pydantic.create_model``.
        others: Tables that another room owns and reads; they are passed over here.
        hidden: Tables whose values may be secrets, such as ``desk.sinks``: no error shows one.

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
        told = {name: value for name, value in _parse(text, path).items() if name not in others}
        return root(**told), (path.parent if path else Path())
    except ValidationError as error:
        cause = None if hidden else error  # it shows what was given
        raise ConfigError(_explain(error, text, path, tables, hidden)) from cause
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
    error: ValidationError,
    text: str,
    path: Path | None,
    tables: Mapping[str, Any],
    hidden: Collection[str],
) -> str:
    """Say file, line, key and what was expected for the first mistakes."""
    said = []
    for mistake in error.errors(include_url=False)[:5]:
        loc, known = _trail(mistake["loc"], tables)
        where = _line_of(text, loc)
        place = f"{path}:{where}" if path and where else str(path or "environment")
        key = ".".join(map(str, loc))
        is_hidden = any(f"{key}.".startswith(f"{name}.") for name in hidden)
        said.append(f"{place}: {_complaint(mistake, key, known, is_hidden=is_hidden)}")
    return "\n".join(said)


def _complaint(
    mistake: Mapping[str, Any], key: str, known: Collection[str], *, is_hidden: bool
) -> str:
    """Say what is wrong with *key*; a whole table, or a secret, is never shown."""
    kind, context = mistake["type"], mistake.get("ctx", {})
    if kind == "extra_forbidden":
        return f"{key} is unknown{near(key.rpartition('.')[2], known)}"
    if kind == "missing":
        return f"{key} is missing"
    if kind == "union_tag_not_found":
        return f"{key} has no {context['discriminator']}"
    if kind == "union_tag_invalid":
        name, tag = str(context["discriminator"]).strip("'"), context["tag"]
        tags = [one.strip("' ") for one in context["expected_tags"].split(",")]
        shown = "unknown" if is_hidden else repr(tag)
        return f"{key}.{name} is {shown}; give one of {', '.join(tags)}{near(tag, tags)}"
    shown = mistake["input"]
    if is_hidden or kind == HIDDEN or isinstance(shown, dict | list):
        return f"{key}: {mistake['msg']}"
    return f"{key} is {shown!r}: {mistake['msg']}"


def _trail(
    loc: Sequence[int | str], tables: Mapping[str, Any]
) -> tuple[list[int | str], list[str]]:
    """Follow *loc* through the types of *tables*.

    Returns:
        *loc* as it stands in the file, where no tag of a union does, and the keys that would
        have been right in the place of its last one.
    """
    inside: Any = {name: kind for name, (kind, _) in tables.items()}
    plain: list[int | str] = []
    known: list[str] = []
    for step in loc:
        if tagged := [one for one in _members(inside) if _has_tag(one, step)]:
            inside = tagged[0]
            continue
        fields = _fields(inside)
        known, plain = list(fields), [*plain, step]
        inside = fields.get(str(step)) or next(reversed(get_args(inside)), None)
        if get_origin(inside) is Annotated:
            inside = get_args(inside)[0]
    return plain, known


def _fields(kind: Any) -> dict[str, Any]:  # noqa: ANN401 - any type
    """Return the keys of a table and their types; a list or a mapping has none of its own."""
    if isinstance(kind, dict):
        return kind
    return {n: field.annotation for n, field in getattr(kind, "model_fields", {}).items()}


def _members(kind: Any) -> list[Any]:  # noqa: ANN401 - any type
    is_union = get_origin(kind) in {Union, types.UnionType}
    return [one for one in get_args(kind) if hasattr(one, "model_fields")] if is_union else []


def _has_tag(model: Any, tag: int | str) -> bool:  # noqa: ANN401 - any type
    return any(tag in get_args(field.annotation) for field in model.model_fields.values())


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
