"""Paths in one spelling, so that an extra slash is no way past a rule.

The client writes the path, and servers are lenient: ``//v1/messages``, ``/v1/./messages``,
``/v1/%6dessages``, ``/v1/messages/`` and ``http://api.example.com/v1/messages`` all reach the
end point. The query string stays, but for values that look like secrets.
Source: RFC 3986, section 6.2.2 (syntax-based normalisation); merged slashes as nginx does.
"""

import re

import pyarrow as pa

__all__ = ["canonical_path", "canonical_paths"]

ODD = re.compile(r"//|/\.|[%?#;\s]|.+/$|^[^/]")
"""What a path that is left as it is does not have."""
ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
SECRET = re.compile(r"(?i)((?:^|&)[^=&]*(?:key|token|secret|passw|auth|sig)[^=&]*=)[^&]*")
ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/")
"""Characters that mean the same written plainly; ``/`` because servers decode it, too."""
LONGEST = 8_192  # characters; servers refuse more, and nothing behind them names an end point
KEPT = 100_000  # paths remembered; whoever sends more only pays time

_known: dict[str, str] = {}


def canonical_path(text: str) -> str:
    """Return *text* without origin, fragment, dot segments, doubled or trailing slashes."""
    if not ODD.search(text):
        return text
    text = ORIGIN.sub("", text[:LONGEST], count=1).partition("#")[0]
    path, mark, query = text.partition("?")
    kept: list[str] = []
    for segment in re.split(r"/+", ENCODED.sub(_decoded, path).strip()):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    plain = "/" + "/".join(kept) if path.startswith("/") or not path else "/".join(kept)
    return plain + mark + SECRET.sub(r"\1***", query)


def _decoded(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character in PLAIN else match[0]


def canonical_paths(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return *column* in canonical form; each distinct path is looked at once."""
    coded = column.combine_chunks().dictionary_encode()
    texts = coded.dictionary.to_pylist()
    spelled = [_known[text] if text in _known else _remembered(text) for text in texts]
    if spelled == texts:
        return column
    return pa.chunked_array([pa.array(spelled, pa.string()).take(coded.indices)])


def _remembered(text: str | None) -> str | None:
    if text is None or len(text) > LONGEST:
        return None if text is None else canonical_path(text)
    if len(_known) >= KEPT:
        _known.clear()
    found = _known[text] = canonical_path(text)
    return found
