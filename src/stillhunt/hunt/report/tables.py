"""The report's lists as Arrow tables, for notebooks."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

__all__ = ["accounts", "campaigns", "findings"]

_TIME = pa.timestamp("us", tz="UTC")
_FINDINGS = pa.schema(
    [
        ("id", pa.string()),
        ("detector", pa.string()),
        ("family", pa.string()),
        ("severity", pa.int8()),
        ("account_id", pa.string()),
        ("subject", pa.string()),
        ("peer", pa.string()),
        ("statistic", pa.float64()),
        ("p_value", pa.float64()),
        ("n", pa.int64()),
        ("first_seen", _TIME),
        ("last_seen", _TIME),
        ("evidence", pa.string()),
        ("allowed", pa.string()),
        ("first_alert_at", _TIME),
    ]
)
_ACCOUNTS = pa.schema(
    [
        ("account_id", pa.string()),
        ("severity", pa.int8()),
        ("score", pa.float64()),
        ("q_value", pa.float64()),
        ("campaign_id", pa.string()),
        ("families", pa.string()),
    ]
)
_CAMPAIGNS = pa.schema(
    [
        ("id", pa.string()),
        ("severity", pa.int8()),
        ("score", pa.float64()),
        ("confidence", pa.float64()),
        ("accounts", pa.list_(pa.string())),
        ("possible", pa.list_(pa.string())),
        ("families", pa.string()),
        ("exchanges", pa.int64()),
        ("output_tokens", pa.int64()),
        ("models", pa.string()),
        ("first_seen", _TIME),
        ("last_seen", _TIME),
        ("first_alert_at", _TIME),
        ("evidence", pa.string()),
        ("counter_evidence", pa.string()),
    ]
)


def findings(document: Mapping[str, Any]) -> pa.Table:
    """Return one row per finding; subject, peer and evidence as JSON text."""
    rows = [
        {**one, "account_id": one["subject"].get("account_id")} for one in document["findings"]
    ]
    return _table(rows, _FINDINGS)


def accounts(document: Mapping[str, Any]) -> pa.Table:
    """Return one row per account of severity 2 or more; families as JSON text."""
    return _table(document["accounts"], _ACCOUNTS)


def campaigns(document: Mapping[str, Any]) -> pa.Table:
    """Return one row per campaign; what is nested as JSON text."""
    return _table(document["campaigns"], _CAMPAIGNS)


def _table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    columns = {
        field.name: pa.array([_cell(field.type)(row.get(field.name)) for row in rows], field.type)
        for field in schema
    }
    return pa.table(columns, schema=schema)


def _cell(kind: pa.DataType) -> Callable[[Any], Any]:
    """Return what makes a value of the document one of a column of *kind*."""
    if pa.types.is_timestamp(kind):
        return lambda value: None if value is None else datetime.fromisoformat(value)
    if pa.types.is_string(kind):
        return lambda value: (
            value
            if value is None or isinstance(value, str)
            else json.dumps(value, ensure_ascii=False)
        )
    return lambda value: value
