"""Stillhunt's own format: JSON Lines whose keys are the columns of the exchange.

``ts``, as RFC 3339, is accepted in place of ``ts_us``. Unknown keys are passed over, of a key
that stands twice the first counts. A row may bring its sketch columns along, so that a site
can share rows without the text they were made of.
Source: ``stillhunt schema exchange``.
"""

import json

from stillhunt.hunt.projection import literal, moment
from stillhunt.hunt.settings import HuntSettings
from stillhunt.model.exchange import COLUMNS

__all__ = ["Native"]

# Read as text, because a number that does not fit must be told from one that is not there.
AS_TEXT = ("status", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens")
SQL_TYPES = {
    "int64": "BIGINT", "int32": "INTEGER", "int16": "SMALLINT",
    "float32": "FLOAT", "bool": "BOOLEAN", "string": "VARCHAR",
}  # fmt: skip
TELLING = ("exchange_id", "account_id", "key_hash", "source_ip", "input_tokens", "output_tokens",
           "model", "operation", "prompt", "status", "path", "user_agent")  # fmt: skip


class Native:
    """Read one exchange from each line."""

    title = "Stillhunt native (JSON Lines)"
    source = "`stillhunt schema exchange`"
    frames = ("lines",)
    fills = tuple(c.name for c in COLUMNS)
    is_json = True

    def sniff(self, line: str) -> float:
        """Return how sure we are that *line* is ours, in [0, 1]."""
        if not line.lstrip().startswith("{"):
            return 0.0
        if '"ts_us"' in line:
            return 0.95
        known = sum(f'"{name}"' in line for name in TELLING)
        return min(0.9, 0.4 + 0.2 * known) if known and '"ts"' in line else 0.0

    def select(self, settings: HuntSettings) -> str:
        """Return the projection; see ``stillhunt.hunt.reading.Reader``."""
        kinds = {c.name: "VARCHAR" if c.name in AS_TEXT else SQL_TYPES[c.kind] for c in COLUMNS}
        shape = json.dumps({"ts": "VARCHAR"} | kinds | {"source": "VARCHAR"})
        columns = ", ".join(f"r.{c.name}" for c in COLUMNS if c.name not in {"ts_us", "source"})
        return f"""
            SELECT line_number,
                   coalesce(r.ts_us, {moment("r.ts")}) AS ts_us, {columns},
                   CASE WHEN r IS NULL THEN 'not a JSON object' END AS reject
            FROM (SELECT line_number, json_transform(line, {literal(shape)}) AS r FROM lines)
        """
