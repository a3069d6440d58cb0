"""Where in a rule's file a mistake stands, and how to say it: file, line, key, what is right."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel

from stillhunt.hunt.report.visible import shorten
from stillhunt.settings import near

__all__ = ["Loc", "explain", "line_of"]

Loc = tuple[int | str, ...]
"""The way to a key, as pydantic tells it: ``("stages", 1, "figures", "accounts")``."""

SHOWN = 5  # mistakes; the next run shows the others
LONGEST = 200  # characters of a value that is shown
HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]")
KEY = re.compile(r"\s*((?:\"[^\"]*\"|'[^']*'|[\w.\- ])+?)\s*=(?!=)")


def explain(
    place: str,
    text: str,
    model: type[BaseModel],
    mistakes: Iterable[tuple[Loc, Mapping[str, Any] | str]],
) -> str:
    """Return one sentence for each of the first *mistakes*.

    Args:
        place: The file.
        text: What stands in it.
        model: The shape that it should have.
        mistakes: The way to each, and what pydantic or the checks say of it.
    """
    said = []
    for loc, mistake in list(mistakes)[:SHOWN]:
        line = line_of(text, loc)
        where = f"{place}:{line}" if line else place
        key = ".".join(str(part) for part in loc) or "rule"
        if isinstance(mistake, str):
            said.append(f"{where}: {key} {mistake}")
        elif mistake["type"] == "extra_forbidden":
            keys = _siblings(model, loc)
            close = near(str(loc[-1]), keys)
            expected = f"{' Expected' if close else '; expected'} one of {', '.join(keys)}"
            said.append(f"{where}: {key} is unknown{close}{expected if keys else ''}")
        elif mistake["type"] == "missing":
            said.append(f"{where}: {key} is missing")
        else:
            shown = shorten(repr(mistake["input"]), LONGEST)
            said.append(f"{where}: {key} is {shown}: {mistake['msg']}")
    return "\n".join(said)


def _siblings(model: type[BaseModel], loc: Loc) -> list[str]:
    """Return the keys that would have been right in the place of the last one of *loc*."""
    here: type[BaseModel] | None = model
    for part in loc[:-1]:
        field = here.model_fields.get(str(part)) if here is not None else None
        if field is not None:
            here = _inner(field.annotation)
    return list(here.model_fields) if here is not None else []


def _inner(kind: Any) -> type[BaseModel] | None:  # noqa: ANN401 - any annotation
    """Return the model inside of an annotation such as ``tuple[Stage, ...]``."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    found = [model for one in get_args(kind) if (model := _inner(one)) is not None]
    return found[-1] if found else None


def line_of(text: str, loc: Loc) -> int | None:
    """Return the line on which the key at *loc* stands, as near as a plain scan can tell."""
    best, depth = None, 0
    for line, path in _keys(text):
        shared = _shared(path, loc)
        if shared == len(path) and shared > depth:
            best, depth = line, shared
    return best


def _shared(path: Sequence[int | str], loc: Loc) -> int:
    count = 0
    for mine, other in zip(path, loc, strict=False):
        if mine != other:
            break
        count += 1
    return count


def _keys(text: str) -> Iterable[tuple[int, Loc]]:
    """Yield (line, way) of each table and key; what stands in long texts does not count."""
    table: Loc = ()
    counts: dict[Loc, int] = {}
    is_text = False
    for number, line in enumerate(text.splitlines(), 1):
        was_text, is_text = is_text, is_text ^ (line.count('"""') % 2 == 1)
        if was_text:
            continue
        if header := HEADER.match(line):
            table = _way(header[2], counts)
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            yield number, table
        elif key := KEY.match(line):
            yield number, (*table, *_parts(key[1]))


def _way(name: str, counts: Mapping[Loc, int]) -> Loc:
    """Return the way to a table; of an array of tables on it the last one is meant."""
    way: Loc = ()
    for k, part in enumerate(parts := _parts(name)):
        way = (*way, part)
        if way in counts and k < len(parts) - 1:
            way = (*way, counts[way])
    return way


def _parts(name: str) -> list[str]:
    return [part.strip(" \"'") for part in name.split(".")]
