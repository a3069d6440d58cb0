"""Rows of LiteLLM's table ``LiteLLM_SpendLogs``, exported as JSON Lines or CSV.

``api_key`` in that table is LiteLLM's own hash of the virtual key, not the key. It is hashed again
with our secret, so a lake tells nobody which LiteLLM key it means. ``metadata`` is an object
in a JSON export and text holding an object in a CSV export or in LiteLLM's own payload; both
are read. ``session_id`` is LiteLLM's trace where the caller named no session. LiteLLM keeps no
HTTP status: success is 200, a failure has its error's code.
Source: LiteLLM, ``schema.prisma`` and ``proxy/spend_tracking`` (1.30 to 1.108).
"""

from stillhunt.hunt.projection import at_paths, lasted_ms, moment
from stillhunt.hunt.settings import HuntSettings

__all__ = ["LitellmSpend"]

# Newest spelling first: request_id is the provider's answer id and may repeat, so 1.9x added
# litellm_call_id; 1.6x added session_id, status, request_duration_ms; before it the
# same facts stood in metadata or nowhere.
ALIASES = {
    "begun": ("$.startTime", "$.start_time"),
    "ended": ("$.endTime", "$.end_time"),
    "first": ("$.completionStartTime", "$.completion_start_time"),
    "exchange_id": ("$.litellm_call_id", "$.request_id"),
    "owner": ("$.user",),
    "team_id": ("$.team_id",),
    "org_id": ("$.organization_id",),
    "secret": ("$.api_key",),
    "end_user_id": ("$.end_user",),
    "session_id": ("$.session_id",),
    "source_ip": ("$.requester_ip_address",),
    "provider": ("$.custom_llm_provider",),
    "model": ("$.model", "$.model_group"),
    "operation": ("$.call_type",),
    "outcome": ("$.status",),
    "input_tokens": ("$.prompt_tokens",),
    "output_tokens": ("$.completion_tokens",),
    "duration_ms": ("$.request_duration_ms",),
    "metadata": ("$.metadata",),
}
METADATA = {
    "meta_user": ("$.user_api_key_user_id",),
    "meta_team": ("$.user_api_key_team_id",),
    "meta_org": ("$.user_api_key_org_id",),
    "meta_ip": ("$.requester_ip_address",),
    "user_agent": ("$.user_agent",),
    "meta_outcome": ("$.status",),
    "error_code": ("$.error_information.error_code",),
    "cached_tokens": (
        "$.usage_object.prompt_tokens_details.cached_tokens",
        "$.additional_usage_values.prompt_tokens_details.cached_tokens",
        "$.additional_usage_values.cache_read_input_tokens",
    ),
    "reasoning_tokens": ("$.usage_object.completion_tokens_details.reasoning_tokens",),
}
OPERATIONS = {
    "completion": "chat", "acompletion": "chat", "text_completion": "completion",
    "atext_completion": "completion", "embedding": "embedding", "aembedding": "embedding",
    "responses": "response", "aresponses": "response", "anthropic_messages": "chat",
    "generate_content": "chat", "agenerate_content": "chat",
    "generate_content_stream": "chat", "agenerate_content_stream": "chat",
}  # fmt: skip
DEFAULT_OWNER = "default_user_id"  # LiteLLM's name for whoever holds the master key


class LitellmSpend:
    """Read one exchange from each row."""

    title = "LiteLLM SpendLogs (JSON Lines or CSV)"
    source = "LiteLLM: `LiteLLM_SpendLogs` in schema.prisma"
    frames = ("lines", "csv")
    fills = (
        "ts_us", "exchange_id", "account_id", "org_id", "key_hash", "end_user_id", "session_id",
        "source_ip", "user_agent", "status", "provider", "model", "operation", "input_tokens",
        "cached_tokens", "output_tokens", "reasoning_tokens", "duration_ms", "ttft_ms",
    )  # fmt: skip
    is_json = True

    def sniff(self, line: str) -> float:
        """Return how sure we are that *line* is ours, in [0, 1]."""
        if not line.lstrip().startswith("{") or '"hidden_params"' in line:
            return 0.0  # a payload has the same keys, and that one besides
        keys = ("request_id", "call_type", "api_key", "spend", "prompt_tokens",
                "completion_tokens", "startTime", "endTime")  # fmt: skip
        return 0.12 * sum(f'"{key}"' in line for key in keys)

    def select(self, settings: HuntSettings) -> str:
        """Return the projection; see ``stillhunt.hunt.reading.Reader``."""
        inner, columns = at_paths(ALIASES)
        meta = "CASE WHEN json_valid(metadata) THEN metadata END"
        deeper, more = at_paths(METADATA, json=meta, record="under")
        names = "CASE operation " + " ".join(
            f"WHEN '{theirs}' THEN '{ours}'" for theirs, ours in OPERATIONS.items()
        )
        return f"""
            SELECT line_number, begun_us AS ts_us, exchange_id,
                   coalesce(nullif(coalesce(owner, meta_user), '{DEFAULT_OWNER}'),
                            team_id, meta_team) AS account_id,
                   coalesce(org_id, meta_org, team_id, meta_team) AS org_id,
                   secret, end_user_id, session_id,
                   trim(split_part(coalesce(source_ip, meta_ip), ',', -1)) AS source_ip,
                   user_agent, provider,
                   CASE WHEN starts_with(model, provider || '/')
                        THEN model[len(provider) + 2:] ELSE model END AS model,
                   {names} ELSE operation END AS operation,
                   CASE WHEN coalesce(outcome, meta_outcome) = 'success' THEN 200
                        WHEN TRY_CAST(error_code AS INTEGER) BETWEEN 300 AND 599
                        THEN TRY_CAST(error_code AS INTEGER) END AS status,
                   input_tokens, cached_tokens, output_tokens, reasoning_tokens,
                   coalesce(TRY_CAST(duration_ms AS INTEGER),
                            {lasted_ms("begun_us", "ended_us")}) AS duration_ms,
                   CASE WHEN first_us < ended_us
                        THEN {lasted_ms("begun_us", "first_us")} END AS ttft_ms
            FROM (SELECT line_number, *, {more},
                         {moment("begun")} AS begun_us, {moment("ended")} AS ended_us,
                         {moment("first")} AS first_us
                  FROM (SELECT line_number, *, {deeper}
                        FROM (SELECT line_number, {columns}
                              FROM (SELECT line_number, {inner} FROM lines))))
        """
