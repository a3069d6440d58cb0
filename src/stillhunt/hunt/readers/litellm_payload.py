"""LiteLLM's ``StandardLoggingPayload``, one a line: what its callbacks and log sinks get.

It has everything: account, key's hash, address, tokens, parameters and, unless switched off
there, the text. The prompt is all user messages of the request, newest last: were it only the
last one, "go on" behind the real question would hide it. ``metadata.user_api_key_hash`` is
hashed again with our secret. A failure has its error's code as status, where there is one.
Source: LiteLLM, ``types/utils.py``, class StandardLoggingPayload (1.50 to 1.108).
"""

from stillhunt.hunt.projection import at_paths, chat_text, lasted_ms, moment
from stillhunt.hunt.settings import HuntSettings

__all__ = ["LitellmPayload"]

# Newest spelling first.
ALIASES = {
    "begun": ("$.startTime",),
    "ended": ("$.endTime",),
    "first": ("$.completionStartTime",),
    "exchange_id": ("$.litellm_call_id", "$.id"),
    "owner": ("$.metadata.user_api_key_user_id",),
    "team": ("$.metadata.user_api_key_team_id",),
    "org": ("$.metadata.user_api_key_org_id",),
    "secret": ("$.metadata.user_api_key_hash",),
    "end_user_id": ("$.end_user", "$.metadata.user_api_key_end_user_id"),
    "session_id": ("$.session_id",),
    "address": ("$.requester_ip_address", "$.metadata.requester_ip_address"),
    "user_agent": ("$.user_agent", "$.metadata.user_agent"),
    "path": ("$.metadata.user_api_key_request_route",),
    "outcome": ("$.status",),
    "error_code": ("$.error_information.error_code",),
    "provider": ("$.custom_llm_provider",),
    "model": ("$.response.model", "$.model"),
    "call_type": ("$.call_type",),
    "stream": ("$.stream", "$.model_parameters.stream"),
    "input_tokens": ("$.prompt_tokens",),
    "cached_tokens": (
        "$.metadata.usage_object.prompt_tokens_details.cached_tokens",
        "$.response.usage.prompt_tokens_details.cached_tokens",
        "$.response.usage.cache_read_input_tokens",
    ),
    "output_tokens": ("$.completion_tokens",),
    "reasoning_tokens": (
        "$.metadata.usage_object.completion_tokens_details.reasoning_tokens",
        "$.response.usage.completion_tokens_details.reasoning_tokens",
    ),
    "max_tokens": (
        "$.model_parameters.max_tokens",
        "$.model_parameters.max_completion_tokens",
        "$.model_parameters.max_output_tokens",
    ),
    "temperature": ("$.model_parameters.temperature",),
    "choices": ("$.model_parameters.n",),
    "offered": ("$.model_parameters.tools",),
    "finish_reason": ("$.response.choices[0].finish_reason", "$.response.stop_reason"),
    "instructions": ("$.model_parameters.instructions", "$.model_parameters.system"),
    "chat": ("$.messages",),
    "answer": ("$.response.choices[0].message.content", "$.response.choices[0].text"),
    "blocks": ("$.response.content", "$.response.output[0].content"),
}
OPERATIONS = {
    "completion": "chat", "acompletion": "chat", "text_completion": "completion",
    "atext_completion": "completion", "embedding": "embedding", "aembedding": "embedding",
    "responses": "response", "aresponses": "response", "anthropic_messages": "chat",
    "generate_content": "chat", "agenerate_content": "chat",
    "generate_content_stream": "chat", "agenerate_content_stream": "chat",
}  # fmt: skip
ROUTES = ("/chat/completions", "/completions", "/responses", "/messages")
"""The proxy serves each under several names, such as ``/chat/completions`` and
``/openai/deployments/NAME/chat/completions``; rules know the one that begins with ``/v1``."""
DEFAULT_OWNER = "default_user_id"  # LiteLLM's name for whoever holds the master key
SIGNATURES = ("$[*].thinking_blocks[*].signature", "$[*].content[*].signature",
              "$[*].encrypted_content")  # fmt: skip


class LitellmPayload:
    """Read one exchange from each payload."""

    title = "LiteLLM StandardLoggingPayload (JSON Lines)"
    source = "LiteLLM: class StandardLoggingPayload"
    frames = ("lines",)
    fills = (
        "ts_us", "exchange_id", "account_id", "org_id", "key_hash", "end_user_id", "session_id",
        "source_ip", "user_agent", "path", "status", "provider", "model", "operation", "stream",
        "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "max_tokens",
        "temperature", "choices", "turns", "tools", "duration_ms", "ttft_ms", "finish_reason",
        "reasoning_signature_hash", "system_prompt", "prompt", "output",
    )  # fmt: skip
    is_json = True

    def sniff(self, line: str) -> float:
        """Return how sure we are that *line* is ours, in [0, 1]."""
        if not line.lstrip().startswith("{"):
            return 0.0
        keys = ("call_type", "startTime", "custom_llm_provider", "model_parameters",
                "hidden_params", "response_cost", "model_map_information")  # fmt: skip
        return 0.14 * sum(f'"{key}"' in line for key in keys)

    def select(self, settings: HuntSettings) -> str:
        """Return the projection; see ``stillhunt.hunt.reading.Reader``."""
        inner, columns = at_paths(ALIASES)
        names = "CASE call_type " + " ".join(
            f"WHEN '{theirs}' THEN '{ours}'" for theirs, ours in OPERATIONS.items()
        )
        route = "CASE " + " ".join(
            f"WHEN path LIKE '%{ending}' THEN '/v1{ending}'" for ending in ROUTES
        )
        signed = ", ".join(f"json_extract_string(talk, '{path}')[1]" for path in SIGNATURES)
        return f"""
            SELECT line_number, begun_us AS ts_us, exchange_id,
                   coalesce(nullif(owner, '{DEFAULT_OWNER}'), team) AS account_id,
                   coalesce(org, team) AS org_id, secret, end_user_id, session_id,
                   trim(split_part(address, ',', -1)) AS source_ip, user_agent,
                   {route} ELSE path END AS path,
                   CASE WHEN outcome = 'success' THEN 200
                        WHEN TRY_CAST(error_code AS INTEGER) BETWEEN 300 AND 599
                        THEN TRY_CAST(error_code AS INTEGER) END AS status,
                   provider, CASE WHEN starts_with(model, provider || '/')
                                  THEN model[len(provider) + 2:] ELSE model END AS model,
                   {names} ELSE call_type END AS operation, stream,
                   input_tokens, cached_tokens, output_tokens, reasoning_tokens,
                   max_tokens, temperature, choices,
                   {lasted_ms("begun_us", "ended_us")} AS duration_ms,
                   CASE WHEN first_us < ended_us
                        THEN {lasted_ms("begun_us", "first_us")} END AS ttft_ms,
                   finish_reason,
                   json_array_length(talk) AS turns,
                   CASE WHEN json_valid(offered) THEN json_array_length(offered) END AS tools,
                   sha256(coalesce({signed}))[:32] AS reasoning_signature_hash,
                   coalesce({chat_text("talk", ("system", "developer"))}, instructions)
                       AS system_prompt,
                   CASE WHEN talk IS NULL THEN chat ELSE {chat_text("talk", ("user",))} END
                       AS prompt,
                   coalesce(answer, CASE WHEN json_valid(blocks) THEN nullif(array_to_string(
                       json_extract_string(blocks, '$[*].text'), chr(10)), '') END) AS output
            FROM (SELECT line_number, {columns},
                         CASE WHEN json_valid(chat)
                              THEN CASE WHEN json_type(chat) = 'ARRAY' THEN chat END END AS talk,
                         {moment("begun")} AS begun_us, {moment("ended")} AS ended_us,
                         {moment("first")} AS first_us
                  FROM (SELECT line_number, {inner} FROM lines))
        """
