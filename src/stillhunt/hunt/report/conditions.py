"""Conditions on the subjects of findings, as SQL text.

Names come from logs, so every one goes through ``literal``.
"""

import ipaddress
from collections.abc import Sequence

__all__ = ["condition", "label", "literal"]


NUL = "' || CHR(0) || '"
"""An engine may take NUL for the end of the query."""


def literal(value: object) -> str:
    """Return *value* as an SQL literal; text is quoted and cannot end its quotes."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return repr(value)
    quoted = "'" + str(value).replace("'", "''") + "'"
    return f"({quoted.replace(chr(0), NUL)})" if "\0" in quoted else quoted


def condition(kind: str, name: str) -> str:
    """Return the SQL condition that holds for the exchanges of one suspect."""
    if kind != "source_prefix":
        return f"{kind} = {literal(name)}"
    try:
        network = ipaddress.ip_network(name, strict=False)
    except ValueError:  # no address at all: then the whole of it is the subject
        return f"source_ip = {literal(name)}"
    if isinstance(network, ipaddress.IPv4Network):
        return _like(str(network.network_address).rpartition(".")[0] + ".%")
    return _in_48([f"{int(g, 16):x}" for g in network.network_address.exploded.split(":")[:3]])


def _in_48(groups: list[str]) -> str:
    """Return the condition that an address in shortest form begins with three *groups*.

    The shortest form may swallow zeros, two groups at least, at the end of the three or at
    their beginning; an address that begins with ``::`` and has all seven colons has swallowed
    exactly its first two groups.
    """
    tests = [_like(":".join(groups) + ":%")]
    two_swallowed = "::%:%:%:%:%:%"
    if groups == ["0", "0", "0"]:
        tests.append(f"({_like('::%')} AND NOT {_like(two_swallowed)})")
    elif groups[:2] == ["0", "0"]:
        tests.append(_like(f"::{groups[2]}:%:%:%:%:%"))
    elif groups[2] == "0":
        kept = groups[:1] if groups[1] == "0" else groups[:2]
        tests.append(_like(":".join(kept) + "::%"))
    return f"({' OR '.join(tests)})"


def _like(pattern: str) -> str:
    return f"source_ip LIKE {literal(pattern)}"


def label(kind: str, names: Sequence[str]) -> tuple[str, str]:
    """Return the SQL of a suspect's name in each row, and the rows that have one."""
    if kind != "source_prefix":
        return kind, f"{kind} IN ({', '.join(literal(name) for name in names)})"
    cases = [(condition(kind, name), literal(name)) for name in names]
    named = "CASE " + " ".join(f"WHEN {c} THEN {n}" for c, n in cases) + " END"
    return named, " OR ".join(c for c, _ in cases)
