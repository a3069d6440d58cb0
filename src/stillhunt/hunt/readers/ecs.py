"""Elastic Common Schema, one event a line: what Beats, Logstash and Elastic Agent write.

Keys may be nested or dotted, and an exported hit may wrap the event in ``_source``. An event
that is neither an HTTP request nor one of ``gen_ai`` is a reject: most of what a cluster holds
is about something else. ``event.start`` is when the request began, else ``@timestamp`` is;
``event.duration`` counts nanoseconds. The account is ``user.id``, else ``gen_ai.user.id``.
The prompt is all user messages of the request, newest last, where the event holds them as
messages, else ``gen_ai.prompt`` as it stands.
Source: Elastic Common Schema 8 and 9, field sets base, event, http, url, source, user, gen_ai;
field names of Elastic's integration for AWS Bedrock.
"""

from stillhunt.hunt.projection import at_paths, chat_text, lasted_ms, listed, moment, question
from stillhunt.hunt.settings import HuntSettings

__all__ = ["Ecs"]

BODY = "aws_bedrock.invocation.input.input_body_json"
# Fields, present names first; each is looked for nested and dotted. The usage of gen_ai was
# called prompt and completion before ECS 9.
FIELDS = {
    "start": ("event.start",),
    "logged": ("@timestamp",),
    "ended": ("event.end",),
    "lasted_ns": ("event.duration",),
    "lasted": ("gen_ai.performance.response_time",),
    "exchange_id": ("event.id", "gen_ai.response.id", "gen_ai.request.id", "http.request.id"),
    "account_id": ("user.id", "gen_ai.user.id"),
    "org_id": ("organization.id",),
    "end_user_id": ("user.target.id",),
    "session_id": ("gen_ai.conversation.id",),
    "source_ip": ("source.ip", "client.ip"),
    "asn": ("source.as.number", "client.as.number"),
    "country": ("source.geo.country_iso_code", "client.geo.country_iso_code"),
    "user_agent": ("user_agent.original",),
    "ja4": ("tls.client.ja4",),
    "method": ("http.request.method",),
    "path": ("url.path", "url.original"),
    "status": ("http.response.status_code",),
    "provider": ("gen_ai.provider.name", "gen_ai.system"),
    "model": ("gen_ai.response.model", "gen_ai.request.model.id", "gen_ai.request.model",
              "aws_bedrock.invocation.model_id"),
    "operation": ("gen_ai.operation.name",),
    "action": ("event.action",),
    "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    "cached_tokens": ("gen_ai.usage.cache_read.input_tokens",),
    "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    "reasoning_tokens": ("gen_ai.usage.reasoning.output_tokens",),
    "max_tokens": ("gen_ai.request.max_tokens",),
    "temperature": ("gen_ai.request.temperature",),
    "choices": ("gen_ai.request.choice.count",),
    "finishes": ("gen_ai.response.finish_reasons",),
    "instructions": ("gen_ai.system_instructions", f"{BODY}.system"),
    "chat": (f"{BODY}.messages", "gen_ai.prompt"),
    "output": ("gen_ai.completion",),
}  # fmt: skip
OPERATIONS = {
    "chat": "chat", "generate_content": "chat", "text_completion": "completion",
    "embeddings": "embedding", "InvokeModel": "chat", "InvokeModelWithResponseStream": "chat",
    "Converse": "chat", "ConverseStream": "chat",
}  # fmt: skip
ABOUT = ("gen_ai", "http.request", "url")
"""An event that has none of these is no exchange."""
NS_PER_MS = 1_000_000


def _paths(field: str) -> tuple[str, ...]:
    """Return where *field* may stand: nested, or under one dotted key."""
    if field.startswith("@"):
        return (f'$."{field}"',)
    return (f"$.{field}", f'$."{field}"')


def _spelled(fields: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(path for field in fields for path in _paths(field))


ALIASES = {name: _spelled(fields) for name, fields in FIELDS.items()}


class Ecs:
    """Read one exchange from each event."""

    title = "Elastic Common Schema (JSON Lines)"
    source = "Elastic: ECS field reference"
    frames = ("lines",)
    fills = (
        "ts_us", "exchange_id", "account_id", "org_id", "end_user_id", "session_id", "source_ip",
        "asn", "country", "user_agent", "ja4", "method", "path", "status", "provider", "model",
        "operation", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens",
        "max_tokens", "temperature", "choices", "turns", "duration_ms", "finish_reason",
        "system_prompt", "prompt", "output",
    )  # fmt: skip
    is_json = True

    def sniff(self, line: str) -> float:
        """Return how sure we are that *line* is ours, in [0, 1]."""
        if not line.lstrip().startswith("{") or '"@timestamp"' not in line:
            return 0.0
        if '"ecs"' in line or '"ecs.version"' in line:
            return 0.95
        known = ("event", "source", "http", "url", "user_agent", "gen_ai", "agent")
        return min(0.9, 0.25 * sum(f'"{key}' in line for key in known))

    def select(self, settings: HuntSettings) -> str:
        """Return the projection; see ``stillhunt.hunt.reading.Reader``."""
        inner, columns = at_paths(ALIASES, json="event")
        names = " ".join(f"WHEN '{theirs}' THEN '{ours}'" for theirs, ours in OPERATIONS.items())
        plain = ", ".join(
            name for name in FIELDS
            if name in self.fills and name not in {"operation", "output", "path"}
        )  # fmt: skip
        return f"""
            SELECT line_number, begun_us AS ts_us, {plain},
                   split_part(path, '#', 1) AS path,
                   CASE coalesce(operation, action) {names} ELSE operation END AS operation,
                   coalesce(TRY_CAST(TRY_CAST(lasted_ns AS BIGINT) // {NS_PER_MS} AS INTEGER),
                            TRY_CAST(lasted AS INTEGER),
                            {lasted_ms("begun_us", "ended_us")}) AS duration_ms,
                   json_array_length(talk) AS turns,
                   CASE WHEN ({listed("finishes")}) IS NULL THEN finishes
                        ELSE json_extract_string(finishes, '$[0]') END AS finish_reason,
                   coalesce({chat_text("talk", ("system", "developer"))}, instructions)
                       AS system_prompt,
                   {question("talk", "chat")} AS prompt,
                   output,
                   CASE WHEN NOT is_about THEN 'neither an HTTP request nor a gen_ai event' END
                       AS reject
            FROM (SELECT *, coalesce({moment("start", "ms")}, {moment("logged", "ms")})
                                AS begun_us,
                         {moment("ended", "ms")} AS ended_us,
                         {listed("chat")} AS talk,
                         {_told(FIELDS)} AS is_about
                  FROM (SELECT line_number, {columns}
                        FROM (SELECT line_number, {inner}
                              FROM (SELECT line_number,
                                           coalesce(json_extract(line, '$._source'), line) AS event
                                    FROM lines))))
        """


def _told(fields: dict[str, tuple[str, ...]]) -> str:
    """Return SQL for whether an event holds anything of a request or of ``gen_ai``."""
    telling = [name for name, several in fields.items() if several[0].startswith(ABOUT)]
    return f"coalesce({', '.join(telling)}) IS NOT NULL"
