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

__all__ = ["Attributes", "attributes", "messages", "pieces", "texts"]

Attributes = dict[str, Any]
RESOURCE_ATTRIBUTES, RESOURCE_CHARACTERS = 32, 256
PARENTS = {
    "resourceSpans": (("scopeSpans", "instrumentationLibrarySpans"), "spans"),
    "resourceLogs": (("scopeLogs", "instrumentationLibraryLogs"), "logRecords"),
}


def pieces(line: str) -> Iterator[tuple[str, Mapping[str, Any], Attributes]]:
    """Yield each span and log record of *line*: its kind, itself, its resource's attributes.

    The kind is ``span`` or ``log``.

    Raises:
        ValueError: Not JSON, or no OTLP line; the message is a reason for a reject.
    """
    try:
        whole = json.loads(line, strict=False)
    except RecursionError:
        raise ValueError("not JSON: nested too deep") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at column {error.colno}") from None
    except ValueError:  # an integer of thousands of digits
        raise ValueError("not JSON: a number is too long") from None
    if not isinstance(whole, dict) or not PARENTS.keys() & whole.keys():
        raise ValueError("no resourceSpans or resourceLogs")
    for top, (scopes, leaf) in PARENTS.items():
        for resource in _dicts(whole.get(top)):
            shared = _short(attributes(_dict(resource.get("resource")).get("attributes")))
            for name in scopes:
                for scope in _dicts(resource.get(name)):
                    for piece in _dicts(scope.get(leaf)):
                        yield ("span" if leaf == "spans" else "log"), piece, shared


def attributes(listed: object) -> Attributes:
    """Return key -> plain value; of a key that stands twice the first counts."""
    found: Attributes = {}
    for item in _dicts(listed):
        key = item.get("key")
        if isinstance(key, str) and key not in found:
            found[key] = plain(item.get("value"))
    return found


def plain(value: object) -> Any:  # noqa: ANN401 - any JSON value at all
    """Return an OTLP ``AnyValue`` without its wrapping; None for what is none."""
    value = _dict(value)
    for kind in ("stringValue", "intValue", "doubleValue", "boolValue", "bytesValue"):
        if kind in value:
            inner = value[kind]
            return inner if isinstance(inner, str | int | float) else None
    if "arrayValue" in value:
        return [plain(item) for item in _dicts(_dict(value["arrayValue"]).get("values"))]
    if "kvlistValue" in value:
        return attributes(_dict(value["kvlistValue"]).get("values"))
    return None


def messages(value: object) -> list[Mapping[str, Any]]:
    """Return chat messages from a structured attribute, or from the JSON text of one."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return [{"role": "user", "content": value}]
        if isinstance(value, str):
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
            text = part.get("text", part.get("content"))
            if isinstance(text, str) and part.get("type", "text") in {"text", "input_text"}:
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
