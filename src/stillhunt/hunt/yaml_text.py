"""YAML, as far as rules for other products need it: text always in quotes, queries as blocks.

A double-quoted scalar takes JSON's escapes, so nothing in a text can end it. Source: YAML 1.2,
sections 5.7 and 8.1.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from stillhunt.model.errors import ExportError

__all__ = ["Block", "Node", "yaml_text"]

_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
"""What YAML 1.1, which many products still read, takes for something else than text."""
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_|]*")
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


@dataclass(frozen=True)
class Block:
    """Text of many lines that is written as it is; it holds nothing unprintable."""

    text: str


Node = Mapping[str, "Node"] | Sequence["Node"] | str | int | float | bool | Block | None


def yaml_text(node: Mapping[str, Node]) -> str:
    """Return *node* as a YAML document, keys in their order.

    Raises:
        ExportError: A text holds half a surrogate pair, which no encoding has.
    """
    return "\n".join(_mapping(node, 0)) + "\n"


def _mapping(node: Mapping[str, Node], depth: int) -> Iterator[str]:
    for key, value in node.items():
        yield from _entry(f"{'  ' * depth}{_key(key)}:", value, depth)


def _entry(head: str, value: Node, depth: int) -> Iterator[str]:
    match value:
        case Block(text):
            yield f"{head} |-"
            yield from (f"{'  ' * (depth + 1)}{line}".rstrip() for line in text.split("\n"))
        case str() | int() | float() | None:
            yield f"{head} {_scalar(value)}"
        case Mapping() if value:
            yield head
            yield from _mapping(value, depth + 1)
        case Sequence() if value:
            yield head
            for one in value:
                yield from _item(one, depth + 1)
        case Mapping():
            yield f"{head} {{}}"
        case _:
            yield f"{head} []"


def _item(value: Node, depth: int) -> Iterator[str]:
    start = f"{'  ' * depth}-"
    if isinstance(value, Mapping) and value:
        lines = list(_mapping(value, depth + 1))
        yield f"{start} {lines[0].lstrip()}"
        yield from lines[1:]
    else:
        yield from _entry(start, value, depth)


def _key(text: str) -> str:
    is_plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if is_plain else _scalar(text)


def _scalar(value: str | float | bool | None) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    return '"' + "".join(_character(one) for one in value) + '"'


def _character(one: str) -> str:
    if one in '"\\' or unicodedata.category(one) not in _UNSEEN:
        return f"\\{one}" if one in '"\\' else one
    if "\ud800" <= one <= "\udfff":
        raise ExportError(f"a text holds {one!a}, which is no character")
    return f"\\U{ord(one):08x}"
