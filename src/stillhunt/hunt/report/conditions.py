"""Conditions on the subjects of findings, as SQL text.

Names come from logs, so every one goes through ``literal``.
"""

import ipaddress
from collections.abc import Sequence

__all__ = ["condition", "label", "literal"]


def literal(value: object) -> str:
    """Return *value* as an SQL literal; text is quoted and cannot end its quotes."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return repr(value)
    return "'" + str(value).replace("\0", "").replace("'", "''") + "'"


def condition(kind: str, name: str) -> str:
    """Return the SQL condition that holds for the exchanges of one suspect."""
    if kind != "source_prefix":
        return f"{kind} = {literal(name)}"
    patterns = " OR ".join(f"source_ip LIKE {literal(p)}" for p in _patterns(name))
    return f"({patterns})"


def _patterns(prefix: str) -> list[str]:
    """Return LIKE patterns of the addresses, in shortest form, of a /24 or a /48."""
    try:
        network = ipaddress.ip_network(prefix, strict=False)
    except ValueError:
        return [""]
    if isinstance(network, ipaddress.IPv4Network):
        return [str(network.network_address).rpartition(".")[0] + ".%"]
    groups = [f"{int(g, 16):x}" for g in network.network_address.exploded.split(":")[:3]]
    patterns = [":".join(groups) + ":%"]
    while groups and groups[-1] == "0":  # the shortest form may swallow trailing zeros
        groups.pop()
        patterns.append((":".join(groups) or "") + "::%")
    return patterns


def label(kind: str, names: Sequence[str]) -> tuple[str, str]:
    """Return the SQL of a suspect's name in each row, and the rows that have one."""
    if kind != "source_prefix":
        return kind, f"{kind} IN ({', '.join(literal(name) for name in names)})"
    cases = [(condition(kind, name), literal(name)) for name in names]
    named = "CASE " + " ".join(f"WHEN {c} THEN {n}" for c, n in cases) + " END"
    return named, " OR ".join(c for c, _ in cases)
