"""The schemas that ``stillhunt schema NAME`` prints, by name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from stillhunt.hunt.report import shape
from stillhunt.hunt.rule import rule_schema
from stillhunt.model import exchange
from stillhunt.model.errors import ConfigError
from stillhunt.settings import near

__all__ = ["SCHEMAS", "schema"]


def _of(model: type[BaseModel], title: str) -> Callable[[], dict[str, Any]]:
    def make() -> dict[str, Any]:
        made = model.model_json_schema(by_alias=True, mode="serialization")
        return (
            {"$schema": "https://json-schema.org/draft/2020-12/schema"} | made | {"title": title}
        )

    return make


SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = MappingProxyType(
    {
        "campaign": _of(shape.Campaign, "stillhunt.campaign/1"),
        "event": _of(shape.Event, "stillhunt.event/1"),
        "exchange": lambda: dict(exchange.json_schema()),
        "finding": _of(shape.FindingLine, "stillhunt.finding/1"),
        "ingest": _of(shape.Ingest, "stillhunt.ingest/1"),
        "reject": _of(shape.RejectLine, "stillhunt.reject/1"),
        "report": shape.report_schema,
        "rule": lambda: dict(rule_schema()),
        "rules": _of(shape.Rules, "stillhunt.rules/1"),
    }
)
"""Name -> maker of a JSON Schema (2020-12)."""


def schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema called *name*.

    Raises:
        ConfigError: There is none, with near names listed.
    """
    if name not in SCHEMAS:
        known = ", ".join(SCHEMAS)
        raise ConfigError(f"no schema is called {name!r}; known are {known}{near(name, SCHEMAS)}")
    return SCHEMAS[name]()
