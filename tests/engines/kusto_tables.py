"""The population as gateways would have logged it, and what can be read there of it.

Each ``as_`` fills a gateway's tables from exchanges; each ``seen_by_`` returns the exchanges that
a query over them can see, so that both engines are asked about the same.
"""

from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.hunt.kusto.tables import TABLES

__all__ = ["as_apim", "as_litellm", "seen_by_apim", "seen_by_litellm", "without"]

HOST = "https://gateway.example.com"
ROUTES = ("/chat/completions", "/completions", "/responses", "/messages")
SECOND_US = 1_000_000
REFUSED = 400  # the least status of a request that was refused
LATE_US = 5 * SECOND_US


def without(table: pa.Table, *names: str) -> pa.Table:
    """Return *table* with nothing known in the columns called *names*."""
    for name in names:
        place = table.column_names.index(name)
        empty = pa.nulls(len(table), table.schema.field(name).type)
        table = table.set_column(place, name, empty)
    return table


def _replaced(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)


def _told(table: pa.Table, known: Collection[str]) -> pa.Table:
    """Return *table* with what a gateway does not tell unknown, and paths as rules know them."""
    hidden = [name for name in table.column_names if name not in known]
    paths = pa.array([_route(path) for path in table["path"].to_pylist()], pa.string())
    return _replaced(without(table, *hidden), "path", paths)


def _route(path: str | None) -> str | None:
    bare = (path or "").partition("?")[0].partition("#")[0]
    return next((f"/v1{end}" for end in ROUTES if bare.endswith(end)), bare) or None


def _times(micros: Any) -> pa.Array:  # noqa: ANN401 - numbers of Arrow or Python
    return pa.array(micros, pa.int64()).cast(pa.timestamp("us", "UTC"))


def seen_by_apim(exchanges: pa.Table, columns: Collection[str]) -> pa.Table:
    """Return the exchanges as API Management tells them to a rule that looks at *columns*.

    Who does not ask for the status sees only what came to a model.
    """
    told = _told(exchanges, TABLES["apim"].columns)
    if "status" in columns:
        return told
    return told.filter(pa.array([_was_asked(row) for row in exchanges.to_pylist()]))


def _was_asked(row: Mapping[str, Any]) -> bool:
    """Say whether a model was asked, so that its log has rows of it."""
    return (row["status"] or 0) < REFUSED or row["output_tokens"] is not None


def as_apim(exchanges: pa.Table) -> Mapping[str, pa.Table]:
    """Return both logs; the models' has three rows of each request that was answered.

    Tokens stand in the first of the three or in all of them, by turns. What was refused never
    came to a model.
    """
    rows = exchanges.to_pylist()
    parts = [
        {
            "TimeGenerated": row["ts_us"],
            "CorrelationId": row["exchange_id"],
            "SequenceNumber": part,
            "ModelName": row["model"] if part == 0 else None,
            "PromptTokens": row["input_tokens"] if part == 0 or n % 2 else None,
            "CompletionTokens": row["output_tokens"] if part == 0 or n % 2 else None,
        }
        for n, row in enumerate(rows)
        if _was_asked(row)
        for part in range(3)
    ]
    kinds = {
        "CorrelationId": pa.string(), "SequenceNumber": pa.int32(), "ModelName": pa.string(),
        "PromptTokens": pa.int32(), "CompletionTokens": pa.int32(),
    }  # fmt: skip
    models = {name: pa.array([one[name] for one in parts], kind) for name, kind in kinds.items()}
    return {
        "ApiManagementGatewayLogs": pa.table(
            {
                "TimeGenerated": _times(exchanges["ts_us"].to_pylist()),
                "CorrelationId": exchanges["exchange_id"],
                "CallerIpAddress": exchanges["source_ip"],
                "ApimSubscriptionId": exchanges["account_id"],
                "Method": exchanges["method"],
                "ResponseCode": exchanges["status"].cast(pa.int32()),
                "Url": [None if row["path"] is None else HOST + row["path"] for row in rows],
            }
        ),
        "ApiManagementGatewayLlmLog": pa.table(
            {"TimeGenerated": _times([one["TimeGenerated"] for one in parts]), **models}
        ),
    }


def seen_by_litellm(exchanges: pa.Table, columns: Collection[str]) -> pa.Table:
    """Return the exchanges as LiteLLM's logger tells them, to the second, whatever is asked."""
    told = _told(exchanges, TABLES["litellm"].columns)
    return _replaced(told, "ts_us", _seconds(exchanges))


def _seconds(exchanges: pa.Table) -> pa.Array:
    return pc.multiply(pc.divide(exchanges["ts_us"], SECOND_US), SECOND_US)


def as_litellm(exchanges: pa.Table) -> Mapping[str, pa.Table]:
    """Return the logger's table; rows come some seconds late, what is dynamic is a column."""
    moments = _seconds(exchanges)
    return {
        "LiteLLM_CL": pa.table(
            {
                "TimeGenerated": _times(pc.add(moments, LATE_US).to_pylist()),
                "id": exchanges["exchange_id"],
                "call_type": ["acompletion"] * len(exchanges),
                "startTime": pc.divide(moments.cast(pa.float64()), float(SECOND_US)),
                "model": exchanges["model"],
                "custom_llm_provider": exchanges["provider"],
                "end_user": exchanges["end_user_id"],
                "requester_ip_address": pc.binary_join_element_wise(
                    "203.0.113.9", exchanges["source_ip"], ", "
                ),
                "prompt_tokens": exchanges["input_tokens"],
                "completion_tokens": exchanges["output_tokens"],
                "metadata_user_api_key_user_id": exchanges["account_id"],
                "metadata_user_api_key_team_id": [""] * len(exchanges),
                "metadata_user_api_key_org_id": exchanges["org_id"],
                "metadata_user_api_key_request_route": exchanges["path"],
            }
        )
    }
