"""The exchange: one request to a model and what came back, as one table.

This is the single source of the Arrow schema, the JSON Schema and the documentation's
table of columns. Absent means unknown, and unknown is never zero.

Names follow the OpenTelemetry GenAI semantic conventions where they have one; each column
also says what OCSF 1.x (API Activity, 6003) and ECS 8 call it.
"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["COLUMNS", "HOT", "TEXT", "Column", "column", "json_schema"]

Kind = Literal["int64", "int32", "int16", "float32", "bool", "string"]
Part = Literal["exchange", "sketch", "text"]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of the exchange."""

    name: str
    kind: Kind
    note: str
    unit: str = ""
    part: Part = "exchange"
    """``text`` lives in the cold lake only; ``sketch`` is computed at ingest."""
    otel: str = ""
    ocsf: str = ""
    ecs: str = ""
    required: bool = False


def _column(name: str, kind: Kind, note: str, **more: str) -> Column:
    return Column(name=name, kind=kind, note=note, **more)  # type: ignore[arg-type]  # all are text


_EXCHANGE = (
    Column(
        name="ts_us", kind="int64", unit="us since epoch, UTC", required=True,
        note="Start of the request. `ts`, as RFC 3339, is accepted in its place.",
        otel="startTimeUnixNano", ocsf="time", ecs="@timestamp",
    ),
    _column("exchange_id", "string", "The source's own id, else `stream:line`.",
            otel="gen_ai.response.id", ocsf="metadata.uid", ecs="event.id"),
    _column("source", "string", "Name of the reader."),
    _column("account_id", "string", "Who is billed; the key's fingerprint if that is all.",
            otel="user.id", ocsf="actor.user.uid", ecs="user.id"),
    _column("org_id", "string", "Organisation that owns the account.",
            ocsf="actor.user.org.uid", ecs="organization.id"),
    _column("key_hash", "string", "Keyed fingerprint of the API key: 32 hex digits.",
            ocsf="actor.user.credential_uid"),
    _column("end_user_id", "string", "The account's own user, as the account declares it.",
            otel="enduser.id", ecs="user.target.id"),
    _column("session_id", "string", "Conversation or session.",
            otel="gen_ai.conversation.id", ocsf="actor.session.uid"),
    _column("source_ip", "string", "Address of the client, shortest form, no port.",
            otel="client.address", ocsf="src_endpoint.ip", ecs="source.ip"),
    _column("asn", "int32", "Autonomous system of the address.",
            ocsf="src_endpoint.autonomous_system.number", ecs="source.as.number"),
    _column("country", "string", "Country of the address, ISO 3166-1 alpha-2.",
            otel="geo.country.iso_code", ocsf="src_endpoint.location.country",
            ecs="source.geo.country_iso_code"),
    _column("network_kind", "string", "Kind of network: cloud, vpn, proxy, university ..."),
    _column("user_agent", "string", "User agent; the client writes it.",
            otel="user_agent.original", ocsf="http_request.user_agent", ecs="user_agent.original"),
    _column("ja4", "string", "JA4 fingerprint of the TLS handshake.",
            otel="tls.client.ja4", ecs="tls.client.ja4"),
    _column("header_order_hash", "string", "Hash of the order of the request's header names."),
    _column("method", "string", "HTTP method.",
            otel="http.request.method", ocsf="http_request.http_method",
            ecs="http.request.method"),
    _column("path", "string", "Path of the request, in one spelling.",
            otel="url.path", ocsf="http_request.url.path", ecs="url.path"),
    _column("status", "int16", "HTTP status.",
            otel="http.response.status_code", ocsf="http_response.code",
            ecs="http.response.status_code"),
    _column("provider", "string", "Who serves the model.",
            otel="gen_ai.provider.name", ocsf="ai_model.ai_provider",
            ecs="gen_ai.provider.name"),
    _column("model", "string", "The model that answered, else the one asked for.",
            otel="gen_ai.response.model", ocsf="ai_model.name", ecs="gen_ai.response.model"),
    _column("operation", "string", "chat, completion, embedding, response ...",
            otel="gen_ai.operation.name", ocsf="api.operation", ecs="event.action"),
    _column("stream", "bool", "Whether the answer was streamed.", otel="gen_ai.request.stream"),
    _column("input_tokens", "int32", "Tokens of the request, cached ones included.", unit="tokens",
            otel="gen_ai.usage.input_tokens", ocsf="message_context.prompt_tokens",
            ecs="gen_ai.usage.input_tokens"),
    _column("cached_tokens", "int32", "Input tokens that came from a cache.", unit="tokens",
            otel="gen_ai.usage.cache_read.input_tokens"),
    _column("output_tokens", "int32", "Tokens of the answer, reasoning included.", unit="tokens",
            otel="gen_ai.usage.output_tokens", ocsf="message_context.completion_tokens",
            ecs="gen_ai.usage.output_tokens"),
    _column("reasoning_tokens", "int32", "Output tokens spent on reasoning.", unit="tokens",
            otel="gen_ai.usage.reasoning.output_tokens"),
    _column("max_tokens", "int32", "Longest answer that was asked for.", unit="tokens",
            otel="gen_ai.request.max_tokens"),
    _column("temperature", "float32", "Sampling temperature, as requested.",
            otel="gen_ai.request.temperature"),
    _column("choices", "int16", "Answers asked for in one request.",
            otel="gen_ai.request.choice.count"),
    _column("turns", "int16", "Messages in the request."),
    _column("tools", "int16", "Tools offered in the request."),
    _column("duration_ms", "int32", "Time to the end of the answer.", unit="ms",
            ocsf="duration", ecs="event.duration"),
    _column("ttft_ms", "int32", "Time to the first token.", unit="ms",
            otel="gen_ai.server.time_to_first_token"),
    _column("finish_reason", "string", "Why the answer ended.",
            otel="gen_ai.response.finish_reasons"),
    _column("reasoning_signature_hash", "string",
            "Hash of an opaque reasoning block that the caller sent back."),
)  # fmt: skip

_SKETCH = (
    _column("sketch_version", "int16", "Versions are never compared.", part="sketch"),
    _column("template", "int64", "Hash of the frame around the fillings.",
            part="sketch"),
    _column("system_template", "int64", "The same for the system prompt.", part="sketch"),
    _column("prefix_hash", "int64", "Hash of the prompt's first words, unmasked.", part="sketch"),
    _column("fill_hash", "int64", "Hash of the fillings; NULL if none.", part="sketch"),
    _column("simhash", "int64", "SimHash of the prompt's word shingles.", part="sketch"),
    _column("words", "int32", "Words of the prompt.", part="sketch", unit="words"),
    _column("unique_ratio", "float32", "Different words over words, in (0, 1].", part="sketch"),
    _column("word_entropy", "float32", "Entropy of the prompt's words.", part="sketch",
            unit="bits"),
    _column("shingle_entropy", "float32", "Entropy of the prompt's word shingles.", part="sketch",
            unit="bits"),
    _column("script", "string", "Dominant script: Latn, Cyrl ... (ISO 15924).", part="sketch"),
    _column("language", "string", "Language, where cheap to tell (ISO 639-1).", part="sketch"),
    _column("elicitation", "float32", "How likely the text asks for training material, 0 to 1.",
            part="sketch"),
    _column("probe", "float32", "How likely it asks how far safeguards go, 0 to 1.",
            part="sketch"),
    _column("template_public", "int64", "Template under the published seed; only if brought.",
            part="sketch"),
)  # fmt: skip

_TEXT = (
    _column("system_prompt", "string", "System prompt.", part="text",
            otel="gen_ai.system_instructions"),
    _column("prompt", "string", "What the user wrote, newest message last.", part="text",
            otel="gen_ai.input.messages"),
    _column("output", "string", "The answer.", part="text", otel="gen_ai.output.messages"),
)  # fmt: skip

COLUMNS: tuple[Column, ...] = _EXCHANGE + _SKETCH + _TEXT
HOT: tuple[str, ...] = tuple(c.name for c in _EXCHANGE + _SKETCH)
"""Columns of the hot lake: no text."""
TEXT: tuple[str, ...] = tuple(c.name for c in _TEXT)
"""Columns that only the cold lake may keep."""

_JSON_TYPES = {
    "int64": "integer", "int32": "integer", "int16": "integer",
    "float32": "number", "bool": "boolean", "string": "string",
}  # fmt: skip
_BITS = {"int64": 64, "int32": 32, "int16": 16}

_BY_NAME = {c.name: c for c in COLUMNS}


def column(name: str) -> Column:
    """Return the column called *name*; KeyError if there is none."""
    return _BY_NAME[name]


def json_schema() -> dict[str, object]:
    """Return the JSON Schema (2020-12) of one line of the native format."""
    properties: dict[str, object] = {
        "ts": {"type": "string", "format": "date-time", "description": "In place of `ts_us`."}
    }
    for c in COLUMNS:
        what: dict[str, object] = {"type": [_JSON_TYPES[c.kind], "null"]}
        if c.kind in _BITS:
            bound = 1 << (_BITS[c.kind] - 1)
            what |= {"minimum": -bound, "maximum": bound - 1}
        properties[c.name] = what | {"description": f"{c.note} [{c.unit}]" if c.unit else c.note}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "stillhunt.exchange/1",
        "type": "object",
        "properties": properties,
        "anyOf": [{"required": ["ts_us"]}, {"required": ["ts"]}],
        "additionalProperties": True,
    }
