"""Addresses in one spelling, so that the same client is counted as one.

``192.0.2.1``, ``192.0.2.1:4711``, ``::ffff:192.0.2.1`` and ``[::ffff:c000:201]:4711`` are one
address. What is no address (a socket, a host name, a bare ``-``) is unknown, not an error.
Source: RFC 5952 (spelling of IPv6 addresses).
"""

import re
import socket

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["canonical", "canonical_column"]

LONGEST = 64  # characters; an address with scope and port has at most 60
KEPT = 100_000  # addresses remembered; about 20 MB, and whoever sends more only pays time
WITH_PORT = re.compile(r"([0-9.]+):[0-9]{1,5}|\[([0-9A-Fa-f:.]+)(?:%[^\]]*)?\](?::[0-9]{1,5})?")
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
PLAIN_V4 = rf"^{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}$"
"""IPv4 as it is spelled already: a million different addresses are checked in 60 ms."""
UNSEEN = ""
MAPPED = b"\0" * 10 + b"\xff\xff"

_known: dict[str | None, str | None] = {}


def canonical(text: str) -> str | None:
    """Return *text* as an address in its shortest form, without port and scope, or None."""
    if len(text) > LONGEST:
        return None
    text = text.strip()
    if match := WITH_PORT.fullmatch(text):
        text = match[1] or match[2]
    try:
        if ":" not in text:
            return socket.inet_ntop(socket.AF_INET, socket.inet_pton(socket.AF_INET, text))
        packed = socket.inet_pton(socket.AF_INET6, text.partition("%")[0])
    except (OSError, ValueError):  # ValueError: a NUL or a character outside of ASCII
        return None
    if packed.startswith(MAPPED):
        return socket.inet_ntop(socket.AF_INET, packed[12:])
    return socket.inet_ntop(socket.AF_INET6, packed)


def canonical_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return *column* in canonical form; each distinct text is looked at once.

    Args:
        column: Texts, any chunks.
    """
    coded = column.combine_chunks().dictionary_encode()
    unsure = pc.invert(pc.match_substring_regex(coded.dictionary, PLAIN_V4))
    texts = coded.dictionary.filter(unsure).to_pylist()
    known = [_known.get(text, UNSEEN) for text in texts]  # another thread may empty the store
    spelled = [
        _remembered(text) if found == UNSEEN else found
        for text, found in zip(texts, known, strict=True)
    ]
    if spelled == texts:
        return column
    values = pc.replace_with_mask(coded.dictionary, unsure, pa.array(spelled, pa.string()))
    return pa.chunked_array([values.take(coded.indices)])


def _remembered(text: str | None) -> str | None:
    if text is None or len(text) > LONGEST:
        return None
    if len(_known) >= KEPT:
        _known.clear()
    found = _known[text] = canonical(text)
    return found
