"""OCSF API Activity, class 6003, one event a line, as gateways and security lakes keep it.

The account is ``actor.user.uid``, else the account that the user belongs to. A credential's id
is hashed like a key, because some producers write the key itself there. ``start_time`` is when
the request began; an event that has none is taken to tell that in ``time``.

What the schema has no word for stands in ``unmapped`` (names of our columns, or of
OpenTelemetry GenAI), or in the bodies ``api.request.data`` and ``api.response.data``. Tokens
have a place of their own since 1.8 (profile ``ai_operation``: ``message_context``, ``ai_model``).
The prompt is all user messages of the request, newest last. Success without a code is status
200. An event that sums up several requests (``count`` above 1) is a reject, as it tells no
single exchange.
Source: Open Cybersecurity Schema Framework 1.0 to 1.8, class API Activity; merged since:
``prompt_text`` and ``response_text`` of ``message_context``.
"""

import re

from stillhunt.hunt.projection import at_paths, chat_text, lasted_ms, listed, moment, question
from stillhunt.hunt.settings import HuntSettings
from stillhunt.model.exchange import column

__all__ = ["Ocsf"]

API_ACTIVITY = 6003

# Newest spelling first; http_response came with 1.4, programmatic_credentials with 1.6,
# ai_model, message_context and their like with 1.8.
ALIASES = {
    "class_uid": ("$.class_uid",),
    "requests": ("$.count",),
    "start_dt": ("$.start_time_dt",),
    "start": ("$.start_time",),
    "logged_dt": ("$.time_dt",),
    "logged": ("$.time",),
    "ended_dt": ("$.end_time_dt",),
    "ended": ("$.end_time",),
    "lasted": ("$.duration",),
    "latency": ("$.http_response.latency",),
    "exchange_id": ("$.metadata.uid", "$.api.request.uid", "$.http_request.uid"),
    "account_id": ("$.actor.user.uid", "$.actor.user.account.uid"),
    "org_id": ("$.actor.user.org.uid",),
    "secret": ("$.actor.user.programmatic_credentials[0].uid", "$.actor.user.credential_uid",
               "$.actor.session.credential_uid"),
    "session_id": ("$.message_context.uid", "$.actor.session.uid"),
    "source_ip": ("$.src_endpoint.ip",),
    "asn": ("$.src_endpoint.autonomous_system.number",),
    "country": ("$.src_endpoint.location.country",),
    "user_agent": ("$.http_request.user_agent",),
    "method": ("$.http_request.http_method",),
    "path": ("$.http_request.url.path",),
    "address": ("$.http_request.url.url_string", "$.http_request.url.text"),
    "http_code": ("$.http_response.code",),
    "api_code": ("$.api.response.code",),
    "status_code": ("$.status_code",),
    "status_id": ("$.status_id",),
    "provider": ("$.ai_model.ai_provider",),
    "model": ("$.ai_model.name", "$.ai_model.uid"),
    "operation": ("$.api.operation",),
    "input_tokens": ("$.message_context.prompt_tokens",),
    "output_tokens": ("$.message_context.completion_tokens",),
    "prompt_text": ("$.message_context.prompt_text",),
    "answer_text": ("$.message_context.response_text",),
    "unmapped": ("$.unmapped",),
    "asked": ("$.api.request.data",),
    "told": ("$.api.response.data",),
}  # fmt: skip
ELSEWHERE = (
    "org_id", "end_user_id", "session_id", "ja4", "path", "provider", "model", "stream",
    "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "max_tokens",
    "temperature", "choices", "turns", "tools", "ttft_ms", "finish_reason",
)  # fmt: skip
"""Columns that ``unmapped`` may hold under our name or OpenTelemetry's."""
ASKED = {
    "asked_model": ("$.model", "$.modelId"),
    "asked_stream": ("$.stream",),
    "asked_max": ("$.max_tokens", "$.max_completion_tokens", "$.max_output_tokens"),
    "asked_temperature": ("$.temperature",),
    "asked_choices": ("$.n",),
    "offered": ("$.tools",),
    "instructions": ("$.system", "$.instructions"),
    "chat": ("$.messages", "$.input", "$.prompt"),
}
TOLD = {
    "told_model": ("$.model",),
    "told_input": ("$.usage.input_tokens", "$.usage.prompt_tokens"),
    "told_cached": ("$.usage.input_tokens_details.cached_tokens",
                    "$.usage.prompt_tokens_details.cached_tokens"),
    "told_output": ("$.usage.output_tokens", "$.usage.completion_tokens"),
    "told_reasoning": ("$.usage.output_tokens_details.reasoning_tokens",
                       "$.usage.completion_tokens_details.reasoning_tokens"),
    "told_finish": ("$.choices[0].finish_reason", "$.stop_reason"),
    "answer": ("$.choices[0].message.content", "$.choices[0].text"),
    "blocks": ("$.content", "$.output[0].content"),
}  # fmt: skip
OPERATIONS = {
    "chat": "chat", "chat.completions": "chat", "messages": "chat", "generate_content": "chat",
    "InvokeModel": "chat", "InvokeModelWithResponseStream": "chat", "Converse": "chat",
    "ConverseStream": "chat", "completions": "completion", "text_completion": "completion",
    "embeddings": "embedding", "responses": "response",
}  # fmt: skip
OURS = re.compile(rf'"class_uid"\s{{0,8}}:\s{{0,8}}"?{API_ACTIVITY}\b')


def _spellings(name: str) -> tuple[str, ...]:
    """Return where ``unmapped`` may hold column *name*: flat, dotted, or nested."""
    otel = column(name).otel
    return (f"$.{name}", *((f'$."{otel}"', f"$.{otel}") if otel else ()))


class Ocsf:
    """Read one exchange from each event."""

    title = "OCSF API Activity (JSON Lines, Parquet)"
    source = "OCSF: class API Activity [6003]"
    frames = ("lines", "parquet")
    fills = (
        "ts_us", "exchange_id", "account_id", "org_id", "key_hash", "end_user_id", "session_id",
        "source_ip", "asn", "country", "user_agent", "ja4", "method", "path", "status",
        "provider", "model", "operation", "stream", "input_tokens", "cached_tokens",
        "output_tokens", "reasoning_tokens", "max_tokens", "temperature", "choices", "turns",
        "tools", "duration_ms", "ttft_ms", "finish_reason", "system_prompt", "prompt", "output",
    )  # fmt: skip
    is_json = True

    def sniff(self, line: str) -> float:
        """Return how sure we are that *line* is ours, in [0, 1]."""
        if not line.lstrip().startswith("{"):
            return 0.0
        if OURS.search(line):
            return 0.97
        # Another class of OCSF: rejects will say so, which helps more than "no known format".
        return 0.6 if all(f'"{key}"' in line for key in ("class_uid", "type_uid")) else 0.0

    def select(self, settings: HuntSettings) -> str:
        """Return the projection; see ``stillhunt.hunt.reading.Reader``."""
        inner, columns = at_paths(ALIASES)
        lists, more = [], []
        aside = {f"own_{name}": _spellings(name) for name in ELSEWHERE}
        for name, paths in (("unmapped", aside), ("asked", ASKED), ("told", TOLD)):
            found, several = at_paths(
                paths, json=f"CASE WHEN json_valid({name}) THEN {name} END", record=f"{name}_list"
            )
            lists.append(found)
            more.append(several)
        return f"""
            SELECT line_number, begun_us AS ts_us, exchange_id, account_id, secret, source_ip,
                   asn, country, user_agent, method, {_CHOSEN}
            FROM (SELECT *, {listed("chat")} AS talk,
                         {_moments("start_dt", "start", "logged_dt", "logged")} AS begun_us,
                         {_moments("ended_dt", "ended")} AS ended_us
                  FROM (SELECT *, {", ".join(more)}
                        FROM (SELECT *, {", ".join(lists)}
                              FROM (SELECT line_number, {columns}
                                    FROM (SELECT line_number, {inner} FROM lines)))))
        """


def _moments(*names: str) -> str:
    """Return SQL for the first of several times that can be read; a number counts ms."""
    return f"coalesce({', '.join(moment(name, 'ms') for name in names)})"


def _code(name: str) -> str:
    """Return SQL for *name* where it is an HTTP status and no code of another kind."""
    return f"CASE WHEN TRY_CAST({name} AS INTEGER) BETWEEN 100 AND 599 THEN {name} END"


_PATH = "nullif(regexp_extract(address, '^[A-Za-z][A-Za-z0-9+.-]*://[^/]*(/.*)$', 1), '')"
_NAMES = " ".join(f"WHEN '{theirs}' THEN '{ours}'" for theirs, ours in OPERATIONS.items())
_CHOSEN = f"""
    coalesce(org_id, own_org_id) AS org_id, own_end_user_id AS end_user_id,
    coalesce(session_id, own_session_id) AS session_id, own_ja4 AS ja4,
    coalesce(path, {_PATH}, own_path) AS path,
    coalesce(http_code, {_code("api_code")}, {_code("status_code")},
             CASE WHEN status_id = '1' THEN '200' END) AS status,
    coalesce(provider, own_provider) AS provider,
    coalesce(model, told_model, own_model, asked_model) AS model,
    CASE operation {_NAMES} ELSE operation END AS operation,
    coalesce(own_stream, asked_stream,
             CASE WHEN operation IN ('InvokeModelWithResponseStream', 'ConverseStream')
                  THEN 'true' END) AS stream,
    coalesce(input_tokens, own_input_tokens, told_input) AS input_tokens,
    coalesce(own_cached_tokens, told_cached) AS cached_tokens,
    coalesce(output_tokens, own_output_tokens, told_output) AS output_tokens,
    coalesce(own_reasoning_tokens, told_reasoning) AS reasoning_tokens,
    coalesce(own_max_tokens, asked_max) AS max_tokens,
    coalesce(own_temperature, asked_temperature) AS temperature,
    coalesce(own_choices, asked_choices) AS choices,
    coalesce(TRY_CAST(own_turns AS INTEGER), json_array_length(talk)) AS turns,
    coalesce(TRY_CAST(own_tools AS INTEGER),
             CASE WHEN json_valid(offered) THEN json_array_length(offered) END) AS tools,
    coalesce(TRY_CAST(lasted AS INTEGER), {lasted_ms("begun_us", "ended_us")},
             TRY_CAST(latency AS INTEGER)) AS duration_ms,
    own_ttft_ms AS ttft_ms, coalesce(own_finish_reason, told_finish) AS finish_reason,
    coalesce({chat_text("talk", ("system", "developer"))}, instructions) AS system_prompt,
    coalesce(prompt_text, {question("talk", "chat")}) AS prompt,
    coalesce(answer_text, answer, CASE WHEN json_valid(blocks) THEN nullif(array_to_string(
        json_extract_string(blocks, '$[*].text'), chr(10)), '') END) AS output,
    CASE WHEN class_uid IS NULL THEN 'class_uid is missing: not an OCSF event'
         WHEN class_uid <> '{API_ACTIVITY}'
         THEN 'class_uid is not that of API Activity ({API_ACTIVITY})'
         WHEN TRY_CAST(requests AS BIGINT) > 1
         THEN 'count is above 1: sums up several requests, tells no single one'
    END AS reject
"""
