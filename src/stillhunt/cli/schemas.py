"""Every published schema, of whichever room: what ``stillhunt schema NAME`` prints."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from stillhunt.hunt.report import schemas
from stillhunt.lab.judge.shape import judgement_schema

__all__ = ["SCHEMAS"]

SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = MappingProxyType(
    dict(sorted({**schemas.SCHEMAS, "judgement": judgement_schema}.items()))
)
"""Name -> maker of a JSON Schema (2020-12)."""
