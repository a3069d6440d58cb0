"""Any few exchanges: values that lie on bounds, tie, overflow, or are unknown."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st
from population import (
    ADDRESSES,
    DAY,
    HOUR,
    MINUTE,
    PATHS,
    SECOND,
    START_US,
    directory_of,
    exchanges_of,
)
from queries import NAMES

from stillhunt.hunt.directory import COLUMNS as DIRECTORY
from stillhunt.hunt.sweep import known_parameters
from stillhunt.model.errors import ConfigError
from stillhunt.model.exchange import HOT, column

__all__ = ["Case", "cases"]

OFFSETS = (0, 1, SECOND, MINUTE - 1, MINUTE, MINUTE + 1, HOUR, DAY - 1, DAY, DAY + 1, 3 * DAY)
CHOSEN: dict[str, tuple[Any, ...]] = {
    "ts_us": tuple(START_US + a + b for a in (0, 30 * SECOND) for b in OFFSETS),
    "account_id": ("a", "a", "a", "b", "c"),
    "org_id": ("o", "p"),
    "source_ip": ADDRESSES[:8],
    "path": PATHS[:3],
    "method": ("POST", "GET"),
    "model": ("m-1", "m-2"),
    "network_kind": ("nat", "vpn", "cloud"),
    "status": (200, 200, 401, 403, 429),
    "reasoning_signature_hash": ("s", "t"),
    "template": (-(2**63), 1, 2, 2**63 - 1),
    "simhash": (-(2**63), -1, 0, 2**32, 2**63 - 1),
}


@dataclass(frozen=True)
class Case:
    """What is asked of what."""

    name: str
    told: dict[str, str]
    until_us: int
    exchanges: pa.Table
    directory: pa.Table


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Return a rule or detector, low bounds, and up to 60 exchanges of three accounts."""
    rows = draw(st.lists(_rows(), min_size=8, max_size=40))
    until = max(row["ts_us"] for row in rows) - draw(st.sampled_from((0, 0, 1)))
    name = draw(st.sampled_from(NAMES))
    return Case(
        name=name,
        told=_told(draw, name),
        until_us=until,
        exchanges=exchanges_of([{**row, "exchange_id": f"x{k}"} for k, row in enumerate(rows)]),
        directory=_directory(draw),
    )


def _rows() -> st.SearchStrategy[dict[str, Any]]:
    columns = {}
    for name in HOT:
        if name not in ("exchange_id", "source", "sketch_version"):
            known = st.sampled_from(CHOSEN[name]) if name in CHOSEN else _any(column(name).kind)
            columns[name] = known if name == "ts_us" else st.one_of(*[known] * 7, st.none())
    return st.fixed_dictionaries(columns)


def _any(kind: str) -> st.SearchStrategy[Any]:
    match kind:
        case "string":
            return st.sampled_from(("x", "y"))
        case "bool":
            return st.booleans()
        case "float32":
            return st.floats(0, 1, width=32)
        case "int64":
            return st.integers(-(2**63), 2**63 - 1)
        case "int16":
            return st.integers(0, 9)
        case _:
            return st.sampled_from((0, 1, 2, 100, 2**31 - 1))


LOW: dict[str, tuple[str, ...]] = {
    "integer": ("0", "0", "1", "2"),
    "number": ("0", "0.5", "1"),
    "duration": ("1m", "1h", "1d", "all"),
    "paths": ("*", "", "/v1/messages,/v1/messages/*"),
    "map": ("free=0,pro=1", "*=0"),
    "list": ("nat,cloud", "x,example.com"),
}


def _told(draw: st.DrawFn, name: str) -> dict[str, str]:
    """Return bounds that a few rows reach."""
    told = {}
    for parameter in known_parameters():
        if parameter.owner != name:
            continue
        value = draw(st.sampled_from(LOW[parameter.kind]))
        try:
            parameter.parse(value)
        except ConfigError:
            continue
        told[parameter.full_name] = value
    return told


def _directory(draw: st.DrawFn) -> pa.Table:
    text = st.sampled_from(("free", "pro", "example.com", None))
    times = st.sampled_from(("2026-03-01", "2026-03-01T23:59:59.999999Z", "2026-02-28", "x", None))
    rows = [
        {name: draw(text) for name in DIRECTORY}
        | {"account_id": account, "created_at": draw(times)}
        for account in ("a", "b", "d")
    ]
    return directory_of(rows)
