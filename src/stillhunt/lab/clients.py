"""Client software: what it calls itself, and what its handshake and headers say.

A client's user agent is free text; its TLS fingerprint and the order of its headers come with
the library it is made of. The fingerprints here have the form of JA4 and belong to no product.
"""

import hashlib
from functools import cache
from typing import Any

import pyarrow as pa

from stillhunt.lab.grammar import IntArray

__all__ = ["BROWSERS", "CLIENTS", "DESKTOP", "INSPECTORS", "SDKS", "TOOLS", "columns"]

_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36"
# user agent with a place for the version, versions in use, library
CLIENTS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME}", ("139", "140", "141"), "chromium"),
    (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_CHROME}", ("140", "141"), "chromium"),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/{v} Safari/605",
     ("18.6", "19.0"), "webkit"),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0", ("143", "144"),
     "gecko"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS {v} like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
     ("18_6", "19_0"), "webkit-mobile"),
    ("example-chat-desktop/{v}", ("4.1.0", "4.2.1"), "electron"),
    ("openai-python/{v}", ("1.99.9", "1.97.1", "2.3.0"), "httpx"),
    ("anthropic-sdk-python/{v}", ("0.69.0", "0.64.0"), "httpx"),
    ("openai-node/{v}", ("5.12.2", "6.1.0"), "undici"),
    ("python-requests/{v}", ("2.31.0", "2.32.3", "2.32.5"), "urllib3"),
    ("aiohttp/{v}", ("3.12.15", "3.11.18"), "aiohttp"),
    ("langchain/{v}", ("0.3.27", "0.3.25"), "httpx"),
    ("litellm/{v}", ("1.78.0", "1.77.3"), "aiohttp"),
    ("Go-http-client/{v}", ("2.0", "1.1"), "go"),
    ("okhttp/{v}", ("5.1.0", "4.12.0"), "okhttp"),
    ("node", ("",), "undici"),
    ("example-coder/{v} (cli)", ("2.0.14", "2.0.11", "1.9.4"), "undici"),
    ("curl/{v}", ("8.14.1", "8.5.0"), "openssl"),
)  # fmt: skip
BROWSERS = (0, 1, 2, 3, 4)
DESKTOP = 5
SDKS = (6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
TOOLS = (16, 17)
INSPECTORS = ("inspect-a", "inspect-b", "inspect-c")
"""Libraries of company proxies that open TLS: whoever sits behind one shows its handshake."""
_LIBRARIES = (*sorted({c[2] for c in CLIENTS}), *INSPECTORS)


def columns(
    client: IntArray, version: IntArray, library: IntArray | None = None
) -> dict[str, Any]:
    """Return user_agent, ja4 and header_order_hash, one row each.

    Args:
        client: Index into ``CLIENTS``.
        version: Any number; which of the versions in use.
        library: Index into ``CLIENTS`` of the software that really speaks, where the user agent
            is borrowed; from ``len(CLIENTS)`` on, into ``INSPECTORS``. Default: *client*.
    """
    offsets, agents = _agents()
    used = [len(c[1]) for c in CLIENTS]
    names = pa.array(offsets).take(pa.array(client)).to_numpy()
    steps = version % pa.array(used).take(pa.array(client)).to_numpy()
    speaks = pa.array(client if library is None else library)
    ja4, order = _prints()
    return {
        "user_agent": agents.take(pa.array(names + steps)),
        "ja4": ja4.take(speaks),
        "header_order_hash": order.take(speaks),
    }


@cache
def _agents() -> tuple[list[int], pa.Array]:
    offsets: list[int] = []
    agents: list[str] = []
    for form, versions, _ in CLIENTS:
        offsets.append(len(agents))
        agents += [form.replace("{v}", v) for v in versions]
    return offsets, pa.array(agents)


@cache
def _prints() -> tuple[pa.Array, pa.Array]:
    libraries = [c[2] for c in CLIENTS] + list(INSPECTORS)
    return pa.array([_ja4(x) for x in libraries]), pa.array(
        [_hash(x, "headers", 6) for x in libraries]
    )


def _ja4(library: str) -> str:
    """Return the handshake of *library*: version, counts, ALPN, then two truncated hashes."""
    number = _LIBRARIES.index(library)
    ciphers, extensions = 13 + number * 7 % 20, 9 + number * 5 % 11
    alpn = "h1" if library in {"urllib3", "openssl"} else "h2"
    first, second = _hash(library, "ciphers", 6), _hash(library, "extensions", 6)
    return f"t13d{ciphers:02}{extensions:02}{alpn}_{first}_{second}"


def _hash(library: str, what: str, size: int) -> str:
    return hashlib.blake2b(f"{library}/{what}".encode(), digest_size=size).hexdigest()
