"""Paths in one spelling, so that an extra slash is no way past a rule.

The client writes the path, and servers are lenient: ``//v1/messages``, ``/v1/./messages``,
``/v1/%6dessages``, ``/v1/messages/`` and ``http://api.example.com/v1/messages`` all reach the
end point. The query string stays, but for values of parameters that are named like secrets;
in a column, what has the shape of a key is masked, too.
Source: RFC 3986, section 6.2.2 (syntax-based normalisation); merged slashes as nginx does.
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote

import pyarrow as pa

from stillhunt.hunt.identity import mask_keys

__all__ = ["canonical_path", "canonical_paths"]

ODD = re.compile(r"//|/\.|[%?#;=\s]|./$|^[^/]")
"""What a path that is left as it is does not have."""
ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
SECRET = re.compile("key|token|secret|passw|auth|sig", re.IGNORECASE)
"""What the name of a parameter that holds a secret has in it."""
INNER = re.compile(rf"(?:{SECRET.pattern})[\w.\-\[\]]{{0,32}}=", re.IGNORECASE)
"""Such a parameter inside the value of another one."""
ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/")
"""Characters that mean the same written plainly; ``/`` because servers decode it, too."""
LONGEST = 8_192  # characters; servers refuse more, and nothing behind them names an end point
KEPT = 100_000  # paths remembered; whoever sends more only pays time

_known: dict[str, str | None] = {}


def canonical_path(text: str) -> str:
    """Return *text* without origin, fragment, dot segments, doubled or trailing slashes."""
    if not ODD.search(text):
        return text
    text = text[:LONGEST].partition("#")[0]
    origin = ORIGIN.match(text)
    text = text[origin.end() :] if origin else text
    path, mark, query = text.partition("?")
    kept: list[str] = []
    for written in re.split(r"/+", ENCODED.sub(_decoded, path)):
        segment = written.strip()
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(_masked(segment))
    plain = "/" + "/".join(kept) if path.startswith("/") or not path else "/".join(kept)
    return plain + mark + "&".join(map(_masked, ENCODED.sub(_decoded, query).split("&")))


def _masked(parameter: str) -> str:
    """Return ``name=***`` for a parameter that holds a secret, however it is spelled."""
    name, equals, value = parameter.partition("=")
    if equals and SECRET.search(_plain(name)):
        return f"{name}=***"
    if ("=" in value or "%" in parameter) and INNER.search(_plain(parameter)):
        return f"{name}=***" if equals else "***"
    return parameter


def _plain(text: str) -> str:
    """Return *text* without percent-encoding; some write it twice over."""
    return unquote(unquote(text)) if "%" in text else text


def _decoded(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character in PLAIN else match[0]


def canonical_paths(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return *column* in canonical form, keys masked; each distinct path is looked at once."""
    coded = column.combine_chunks().dictionary_encode()
    texts = coded.dictionary.to_pylist()
    # Taken at once, because another thread may empty the store.
    found = {text: _known.get(text) for text in texts}
    if fresh := [text for text, spelled in found.items() if spelled is None and text is not None]:
        spelled = pa.array([canonical_path(text) for text in fresh], pa.string())
        found |= zip(fresh, mask_keys(pa.chunked_array([spelled])).to_pylist(), strict=True)
        _remember({text: found[text] for text in fresh if len(text) <= LONGEST})
    if list(found.values()) == texts:
        return column
    return pa.chunked_array([pa.array(found.values(), pa.string()).take(coded.indices)])


def _remember(found: Mapping[str, str | None]) -> None:
    if len(_known) + len(found) > KEPT:
        _known.clear()
    if len(found) <= KEPT:
        _known.update(found)
