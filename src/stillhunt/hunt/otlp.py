"""OTLP as JSON: take lines apart into spans and log records, and values out of their wrapping.

One line of the collector's file exporter holds many spans. Everything here is written by
somebody else, so each level is looked at before it is trusted, and attributes of a resource,
which would be copied to each of its spans, are cut short: else one line could grow to many
times its size.
Source: OpenTelemetry Protocol 1.x, JSON encoding; file exporter of the collector.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stillhunt.hunt.mending import parsed

__all__ = ["Attributes", "attributes", "messages", "pieces", "texts"]

Attributes = dict[str, Any]
RESOURCE_ATTRIBUTES, RESOURCE_CHARACTERS = 32, 256
DEEPEST = 32  # levels of lists in one attribute
RECORDS = 100_000  # the collector puts 8,192 spans into a line unless told to put more
PARENTS = {
    "resourceSpans": (("scopeSpans", "instrumentationLibrarySpans"), "spans"),
    "resourceLogs": (("scopeLogs", "instrumentationLibraryLogs"), "logRecords"),
}


def pieces(line: str) -> Iterator[tuple[str, Mapping[str, Any], Attributes]]:
    """Yield each span and log record of *line*: its kind, itself, its resource's attributes.

    The kind is ``span`` or ``log``.

    Raises:
        ValueError: Not JSON, no OTLP line, or too much of one; the message is a reason for a
            reject.
    """
    whole = parsed(line)
    if not isinstance(whole, dict) or not PARENTS.keys() & whole.keys():
        raise ValueError("no resourceSpans or resourceLogs")
    found = sum(len(leaves) for top in PARENTS for _, leaves in _groups(whole, top))
    if found > RECORDS:
        raise ValueError(f"more than {RECORDS:,} spans in one line")
    for top in PARENTS:
        of, shared = None, {}
        for resource, leaves in _groups(whole, top):
            if resource is not of:
                shared = _short(attributes(_dict(resource.get("resource")).get("attributes")))
                of = resource
            for piece in _dicts(leaves):
                yield ("span" if top == "resourceSpans" else "log"), piece, shared


def _groups(whole: Mapping[str, Any], top: str) -> Iterator[tuple[Mapping[str, Any], list[Any]]]:
    """Yield each scope's spans or log records, with the resource that they belong to."""
    scopes, leaf = PARENTS[top]
    for resource in _dicts(whole.get(top)):
        for name in scopes:
            for scope in _dicts(resource.get(name)):
                yield resource, _items(scope.get(leaf))


def attributes(listed: object, depth: int = 0) -> Attributes:
    """Return key -> plain value; of a key that stands twice the first counts."""
    found: Attributes = {}
    for item in _dicts(listed):
        key = item.get("key")
        if isinstance(key, str) and key not in found:
            found[key] = plain(item.get("value"), depth)
    return found


def plain(value: object, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON value at all
    """Return an OTLP ``AnyValue`` without its wrapping; None for what is none, or too deep."""
    value = _dict(value)
    for kind in ("stringValue", "intValue", "doubleValue", "boolValue", "bytesValue"):
        if kind in value:
            inner = value[kind]
            return inner if isinstance(inner, str | int | float) else None
    if depth == DEEPEST:
        return None
    if "arrayValue" in value:
        items = _dicts(_dict(value["arrayValue"]).get("values"))
        return [plain(item, depth + 1) for item in items]
    if "kvlistValue" in value:
        return attributes(_dict(value["kvlistValue"]).get("values"), depth + 1)
    return None


def messages(value: object) -> list[Mapping[str, Any]]:
    """Return chat messages from a structured attribute, or from the JSON text of one.

    Text that is no JSON is one message of the user. JSON that is no chat gives nothing.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return [{"role": "user", "content": value}]
    if isinstance(value, dict):
        value = value.get("messages", [value])
    return list(_dicts(value))


def texts(chat: Sequence[Mapping[str, Any]], roles: Sequence[str]) -> str | None:
    """Return the text of all messages of *roles*, newest last, or None."""
    said = [_said(message) for message in chat if message.get("role") in roles]
    return "\n\n".join(text for text in said if text) or None


def _said(message: Mapping[str, Any]) -> str:
    content = message.get("content", message.get("parts"))
    if isinstance(content, str):
        return content
    found = []
    for part in [content] if isinstance(content, dict) else _items(content):
        if isinstance(part, str):
            found.append(part)
        elif isinstance(part, dict):
            text, kind = part.get("text", part.get("content")), part.get("type", "text")
            if isinstance(text, str) and kind in ("text", "input_text"):  # any type: no set
                found.append(text)
    return "\n".join(found)


def _short(found: Attributes) -> Attributes:
    plain_ones = [(k, v) for k, v in found.items() if isinstance(v, str | int | float)]
    return {
        key: value[:RESOURCE_CHARACTERS] if isinstance(value, str) else value
        for key, value in plain_ones[:RESOURCE_ATTRIBUTES]
        if len(key) <= RESOURCE_CHARACTERS
    }


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _dicts(value: object) -> Iterator[dict[str, Any]]:
    return (item for item in _items(value) if isinstance(item, dict))


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
