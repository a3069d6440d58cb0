"""The tables that a query can be written for: which column of ours is what there.

A table that is not ours begins with the steps that make one row of each exchange; then every
column has the name that ``literals.pascal`` gives it. A column that a table does not have is
unknown there, as it is for a hunt on a log that does not tell it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from stillhunt.hunt.kusto.literals import Kind, pascal, quoted
from stillhunt.model.exchange import HOT
from stillhunt.model.exchange import column as exchange_column

__all__ = ["DIRECTORY", "TABLES", "KustoTable", "kind_of"]

_KINDS: dict[str, Kind] = {
    "int64": "long", "int32": "long", "int16": "long", "float32": "real", "bool": "bool",
    "string": "text",
}  # fmt: skip

DIRECTORY = "APIAccounts"
"""The account directory: a table, watchlist or function that holds each account once."""

Columns = Mapping[str, str]
Lines = Sequence[str]


def kind_of(name: str) -> Kind:
    """Return the kind of an exchange's column, or of one of the account directory."""
    if name in ("ts_us", "created_at", "created_at_us"):
        return "time"
    return _KINDS[exchange_column(name).kind] if name in HOT else "text"


@dataclass(frozen=True, kw_only=True)
class KustoTable:
    """A table of exchanges, as queries see it."""

    name: str
    title: str
    columns: frozenset[str]
    """Columns of ours that it knows."""
    declared: Mapping[str, Columns]
    """Tables that a query may look at: name -> column -> type, for the analyser."""
    begin: Callable[[Collection[str], str | None], Lines]
    """Steps that give one row per exchange with these columns; the second argument is the
    moment before which nothing is needed, None where everything is."""


def _pascal_table(names: Collection[str]) -> Columns:
    types = {"text": "string", "time": "datetime"}
    return MappingProxyType(
        {pascal(name): types.get(kind_of(name), kind_of(name)) for name in names}
    )


def _apilogs(names: Collection[str], after: str | None) -> Lines:
    return ["APILogs"]


# An API's own log always has an end point, so it has no OpenTelemetry operation beside it.
_LOGGED = tuple(name for name in HOT if name not in ("operation", "source"))
_KNOWN = (
    "account_id", "created_at_us", "org_id", "tier", "declared_use", "payment_hash",
    "phone_hash", "device_hash", "email_domain", "email_pattern", "country",
    "verification_level", "subject_id",
)  # fmt: skip
_ACCOUNTS = {DIRECTORY: _pascal_table(_KNOWN)}

_ROUTES = ("/chat/completions", "/completions", "/responses", "/messages")
"""Gateways serve each under several names; rules know the one that begins with ``/v1``."""


def _route(path: str) -> str:
    """Return KQL of a route in the spelling that rules know."""
    cases = [f"{path} endswith_cs {quoted(end)}, {quoted('/v1' + end)}" for end in _ROUTES]
    return f"case({', '.join(cases)}, {path})"


def _since(after: str | None) -> Lines:
    return [f"| where TimeGenerated >= {after}"] if after is not None else []


# Source: Azure Monitor reference, tables ApiManagementGatewayLlmLog and ApiManagementGatewayLogs.
_LLM_LOG = {
    "TimeGenerated": "datetime", "CorrelationId": "string", "SequenceNumber": "int",
    "ModelName": "string", "DeploymentName": "string", "OperationName": "string",
    "IsStreamCompletion": "bool", "PromptTokens": "int", "CompletionTokens": "int",
    "TotalTokens": "int", "RequestId": "string", "RequestMessages": "dynamic",
    "ResponseMessages": "dynamic", "Region": "string", "ApiVersion": "string",
}  # fmt: skip
_GATEWAY_LOG = {
    "TimeGenerated": "datetime", "CorrelationId": "string", "CallerIpAddress": "string",
    "ApimSubscriptionId": "string", "UserId": "string", "Method": "string", "Url": "string",
    "ResponseCode": "int", "TotalTime": "long", "ApiId": "string", "OperationId": "string",
    "ProductId": "string", "BackendResponseCode": "int", "IsRequestSuccess": "bool",
}  # fmt: skip
_LLM_COLUMNS = {
    "input_tokens": "tolong(max(PromptTokens))",
    "output_tokens": "tolong(max(CompletionTokens))",
    "model": "take_anyif(ModelName, isnotempty(ModelName))",
}
"""Long messages take several rows; whether each repeats the tokens or one has them, the
largest is the request's."""
_GATEWAY_COLUMNS = {
    "account_id": "ApimSubscriptionId",
    "source_ip": "CallerIpAddress",
    "method": "Method",
    "status": "tolong(ResponseCode)",
    "duration_ms": "TotalTime",
}


def _apim(names: Collection[str], after: str | None) -> Lines:
    """Return the steps that join both logs.

    A request that the gateway refuses never comes to a model, so the models' log has no row of
    it: who asks for the status begins with the gateway's own log, and keeps what was refused.
    """
    models, gateway = _apim_models(names, after), _apim_gateway(names, after)
    if "status" not in names:
        return [*models, "| join kind=inner (", *_indented(gateway), ") on CorrelationId"]
    return [
        *gateway,
        "| join kind=leftouter (",
        *_indented(models),
        ") on CorrelationId",
        "| where Rows > 0 or Status >= 400",
    ]


def _apim_models(names: Collection[str], after: str | None) -> Lines:
    told = [f"{pascal(name)} = {kql}" for name, kql in _LLM_COLUMNS.items() if name in names]
    if "status" in names or not told:
        told.append("Rows = count()")
    return [
        "ApiManagementGatewayLlmLog",
        *_since(after),
        f"| summarize {', '.join(told)} by CorrelationId",
    ]


def _apim_gateway(names: Collection[str], after: str | None) -> Lines:
    kept = [f"{pascal(name)} = {kql}" for name, kql in _GATEWAY_COLUMNS.items() if name in names]
    path = ['| extend RequestPath = extract(@"^[^:]+://[^/?#]*([^?#]*)", 1, Url)']
    if "path" in names:
        kept.append(f"Endpoint = {_route('RequestPath')}")
    if "exchange_id" in names:
        kept.append("ExchangeId = CorrelationId")
    return [
        "ApiManagementGatewayLogs",
        *_since(after),
        *(path if "path" in names else []),
        f"| project {', '.join(['CorrelationId', 'TimeGenerated', *kept])}",
    ]


def _indented(lines: Lines) -> Lines:
    return [f"    {line}" for line in lines]


# Source: LiteLLM, integrations/azure_sentinel: one StandardLoggingPayload a row; the columns are
# those of example_standard_logging_payload.json, which its guide uploads as the table's schema.
_LITELLM = {
    "TimeGenerated": "datetime", "id": "string", "trace_id": "string", "call_type": "string",
    "stream": "bool", "status": "string", "custom_llm_provider": "string", "startTime": "real",
    "endTime": "real", "completionStartTime": "real", "response_time": "real", "model": "string",
    "model_group": "string", "metadata": "dynamic", "prompt_tokens": "long",
    "completion_tokens": "long", "total_tokens": "long", "response_cost": "real",
    "request_tags": "dynamic", "end_user": "string", "requester_ip_address": "string",
    "messages": "dynamic", "response": "dynamic", "model_parameters": "dynamic",
}  # fmt: skip
_CALLS = {
    "completion": "chat", "acompletion": "chat", "text_completion": "completion",
    "atext_completion": "completion", "responses": "response", "aresponses": "response",
    "anthropic_messages": "chat", "generate_content": "chat", "agenerate_content": "chat",
    "generate_content_stream": "chat", "agenerate_content_stream": "chat",
}  # fmt: skip
_OPERATION = ", ".join(f"call_type == {quoted(a)}, {quoted(b)}" for a, b in _CALLS.items())
_OWNER = "tostring(metadata.user_api_key_user_id)"
_TEAM = "tostring(metadata.user_api_key_team_id)"
_LITELLM_COLUMNS = {
    "exchange_id": "id",
    # LiteLLM's name for whoever holds the master key is nobody's.
    "account_id": f'iff({_OWNER} in ("", "default_user_id"), {_TEAM}, {_OWNER})',
    "org_id": f"coalesce(tostring(metadata.user_api_key_org_id), {_TEAM})",
    "end_user_id": "end_user",
    # The last address is the one that the proxy saw itself.
    "source_ip": 'extract(@"([^,\\s]*)\\s*$", 1, requester_ip_address)',
    "provider": "custom_llm_provider",
    "model": "model",
    "operation": f"case({_OPERATION}, call_type)",
    "path": _route("Route"),
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
}


def _litellm(names: Collection[str], after: str | None) -> Lines:
    made = {pascal(name): kql for name, kql in _LITELLM_COLUMNS.items() if name in names}
    # Rows come in batches, some seconds late: what counts is when the request began.
    made["TimeGenerated"] = "datetime(1970-01-01) + startTime * 1s"
    columns = [f"{name} = {kql}" for name, kql in made.items()]
    route = ["| extend Route = tostring(metadata.user_api_key_request_route)"]
    return [
        "LiteLLM_CL",
        *_since(after),
        *(route if "path" in names else []),
        "| project " + ",\n    ".join(columns),
    ]


TABLES: Mapping[str, KustoTable] = MappingProxyType(
    {
        table.name: table
        for table in (
            KustoTable(
                name="apilogs",
                title="`APILogs`, your API's own log",
                columns=frozenset(_LOGGED),
                declared={"APILogs": _pascal_table(_LOGGED), **_ACCOUNTS},
                begin=_apilogs,
            ),
            KustoTable(
                name="apim",
                title="Azure API Management's gateway logs",
                columns=frozenset(
                    ("ts_us", "exchange_id", "path", *_LLM_COLUMNS, *_GATEWAY_COLUMNS)
                ),
                declared={
                    "ApiManagementGatewayLlmLog": _LLM_LOG,
                    "ApiManagementGatewayLogs": _GATEWAY_LOG,
                    **_ACCOUNTS,
                },
                begin=_apim,
            ),
            KustoTable(
                name="litellm",
                title="`LiteLLM_CL`, which LiteLLM's Sentinel logger fills",
                columns=frozenset(("ts_us", *_LITELLM_COLUMNS)),
                declared={"LiteLLM_CL": _LITELLM, **_ACCOUNTS},
                begin=_litellm,
            ),
        )
    }
)
"""By the name that ``--table`` takes."""
