"""OpenTelemetry: OTLP as JSON Lines, as the collector's file exporter writes it.

One line holds many spans, so here the *span* (or log record) is what is counted: a line with
n of them gives n rows or rejects, a line with none gives one reject. An exchange is a span
that asks a model for something; spans of tools, agents and chains around it would count the
same tokens twice and are rejects that say so. The account stands in an attribute that the
setting ``readers.otel.account`` names.

The text of a chat is all its user messages, newest last: were it only the last one, "go on"
behind the real question would hide it. A prompt that happens to be JSON but holds no message
of a user is kept as it is written.
Source: OpenTelemetry semantic conventions for generative AI, 1.27 to 1.38 (attributes and
events), OpenLLMetry (``gen_ai.prompt.0.content``, ``llm.*``) and OpenInference (``llm.*``).
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from stillhunt.hunt.otlp import Attributes, attributes, messages, pieces, plain, texts
from stillhunt.hunt.projection import at_paths
from stillhunt.hunt.settings import HuntSettings

__all__ = ["Otel"]

# Column -> attributes, the present convention first, then older ones.
ALIASES: Mapping[str, Sequence[str]] = {
    "exchange_id": ("gen_ai.response.id",),
    "org_id": ("organization.id",),
    "end_user_id": ("enduser.id", "gen_ai.openai.request.user", "llm.user"),
    "session_id": ("gen_ai.conversation.id", "session.id"),
    "source_ip": ("client.address", "http.client_ip"),
    "user_agent": ("user_agent.original", "http.user_agent"),
    "ja4": ("tls.client.ja4",),
    "method": ("http.request.method", "http.method"),
    "path": ("url.path", "http.target"),
    "status": ("http.response.status_code", "http.status_code"),
    "provider": ("gen_ai.provider.name", "gen_ai.system", "llm.vendor", "llm.provider"),
    "model": ("gen_ai.response.model", "gen_ai.request.model", "llm.response.model",
              "llm.request.model", "llm.model_name"),
    "operation": ("gen_ai.operation.name", "llm.request.type"),
    "stream": ("gen_ai.request.stream", "llm.is_streaming"),
    "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens",
                     "llm.usage.prompt_tokens", "llm.token_count.prompt"),
    "cached_tokens": ("gen_ai.usage.cache_read.input_tokens",
                      "gen_ai.usage.cache_read_input_tokens",
                      "llm.token_count.prompt_details.cache_read"),
    "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens",
                      "llm.usage.completion_tokens", "llm.token_count.completion"),
    "reasoning_tokens": ("gen_ai.usage.reasoning.output_tokens",
                         "gen_ai.usage.reasoning_tokens",
                         "llm.token_count.completion_details.reasoning"),
    "max_tokens": ("gen_ai.request.max_tokens", "llm.request.max_tokens"),
    "temperature": ("gen_ai.request.temperature", "llm.temperature"),
    "choices": ("gen_ai.request.choice.count",),
}  # fmt: skip
OPERATIONS = {
    "chat": "chat", "generate_content": "chat", "text_completion": "completion",
    "completion": "completion", "embeddings": "embedding", "embedding": "embedding",
    "response": "response", "responses": "response", "LLM": "chat", "EMBEDDING": "embedding",
}  # fmt: skip
SLICE = 10_000  # records taken apart at a time; all of a batch's at once took gigabytes
DETAILS = "gen_ai.client.inference.operation.details"
INDEXED = re.compile(
    r"(?:gen_ai\.(prompt|completion)|llm\.(input_messages|output_messages))"
    r"\.(\d{1,4})\.(?:message\.)?(role|content|finish_reason)"
)
FILLS = (*ALIASES, "ts_us", "account_id", "turns", "tools", "duration_ms", "ttft_ms",
         "finish_reason", "system_prompt", "prompt", "output")  # fmt: skip


class Otel:
    """Read one exchange from each span that asks a model for something."""

    title = "OpenTelemetry GenAI (OTLP JSON Lines)"
    source = "OpenTelemetry: semantic conventions for generative AI"
    frames = ("lines",)
    fills = FILLS
    is_json = True

    def sniff(self, line: str) -> float:
        """Return how sure we are that *line* is ours, in [0, 1]."""
        start = line[:200].lstrip()
        spans = '"resourceSpans"' in start or '"resourceLogs"' in start
        return 0.95 if start.startswith("{") and spans else 0.0

    def explode(self, lines: pa.Table, settings: HuntSettings) -> Iterator[pa.Table]:
        """Yield one line of JSON, with columns as keys, for each span or log record."""
        numbers: list[int] = []
        records: list[str] = []
        account = settings.readers.otel.account
        for number, line in zip(lines["line_number"], lines["line"], strict=True):
            for record in _records(line.as_py(), account):
                numbers.append(number.as_py())
                records.append(record)
                if len(records) == SLICE:
                    yield _table(numbers, records)
                    numbers, records = [], []
        yield _table(numbers, records)

    def select(self, settings: HuntSettings) -> str:
        """Return the projection; see ``stillhunt.hunt.reading.Reader``."""
        inner, columns = at_paths({name: (f"$.{name}",) for name in ("reject", *FILLS)})
        return f"SELECT line_number, {columns} FROM (SELECT line_number, {inner} FROM lines)"


def _table(numbers: list[int], records: list[str]) -> pa.Table:
    return pa.table(
        {"line_number": pa.array(numbers, pa.int64()), "line": pa.array(records, pa.string())}
    )


def _whole(text: str) -> str:
    """Return JSON in which halves of surrogate pairs are replaced; DuckDB refuses them."""
    if "\\ud" not in text:
        return text
    text = json.dumps(json.loads(text), ensure_ascii=False)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _records(line: str, account: str) -> Iterator[str]:
    """Yield the JSON of each record of *line*, at least one; a bad one costs only itself."""
    if not line.strip():
        yield _refused("blank line")
        return
    empty = True
    try:
        for kind, piece, shared in pieces(line):
            empty = False
            yield _spelled(kind, piece, shared, account)
    except ValueError as error:
        yield _refused(str(error))
        return
    if empty:
        yield _refused("holds no span and no log record")


def _spelled(kind: str, piece: Mapping[str, Any], shared: Attributes, account: str) -> str:
    try:
        return _whole(json.dumps(_record(kind, piece, shared, account)))
    except (RecursionError, ValueError):  # nothing that we know of; its neighbours count still
        return _refused("unreadable span")


def _refused(reason: str) -> str:
    return json.dumps({"reject": reason})


def _record(
    kind: str, piece: Mapping[str, Any], shared: Attributes, account: str
) -> dict[str, Any]:
    own = attributes(piece.get("attributes"))
    if kind == "log":
        event = piece.get("eventName") or own.get("event.name") or piece.get("name")
        if event != DETAILS:
            genai = isinstance(event, str) and event.startswith("gen_ai.")
            why = "message of an exchange, its span counts" if genai else "not a GenAI record"
            return {"reject": why}
        body = plain(piece.get("body"))
        own = {**(body if isinstance(body, dict) else {}), **own}
    for event in piece.get("events") or () if isinstance(piece.get("events"), list) else ():
        if isinstance(event, dict):
            _add_event(own, event)
    if not any(key.startswith(("gen_ai.", "llm.")) for key in own):
        return {"reject": "not a GenAI span"}
    operation = own.get("gen_ai.operation.name") or own.get("llm.request.type") or own.get(
        "openinference.span.kind", "chat"
    )  # fmt: skip
    if not isinstance(operation, str) or operation not in OPERATIONS:
        return {"reject": "GenAI span that asks no model: agent, tool or chain"}
    row = _columns(own, shared, account)
    row |= _times(piece) | {"operation": OPERATIONS[operation]} | _text(own)
    row.setdefault("exchange_id", piece.get("spanId") or piece.get("span_id"))
    if "status" not in row and re.fullmatch("[1-5][0-9]{2}", str(own.get("error.type"))):
        row["status"] = own["error.type"]
    return row


def _columns(own: Attributes, shared: Attributes, account: str) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, keys in (*ALIASES.items(), ("account_id", (account,))):
        for key in keys:
            value = own.get(key, shared.get(key))
            if value is not None and value != "":
                row[name] = value
                break
    return row


def _times(piece: Mapping[str, Any]) -> dict[str, Any]:
    """Return start and length; what is no number of nanoseconds is unknown."""
    begun = _whole_number(piece.get("startTimeUnixNano") or piece.get("start_time_unix_nano"))
    ended = _whole_number(piece.get("endTimeUnixNano") or piece.get("end_time_unix_nano"))
    logged = _whole_number(piece.get("timeUnixNano") or piece.get("observedTimeUnixNano"))
    start = begun if begun is not None else logged
    times: dict[str, Any] = {"ts_us": None if start is None else start // 1_000}
    if begun is not None and ended is not None and ended >= begun:
        times["duration_ms"] = (ended - begun) // 1_000_000
    return times


def _whole_number(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return int(value) if re.fullmatch("[0-9]{1,20}", str(value)[:21]) else None


def _add_event(own: Attributes, event: Mapping[str, Any]) -> None:
    """Lay a span event's attributes under the span's own: older conventions keep text there."""
    name, found = event.get("name"), attributes(event.get("attributes"))
    if not isinstance(name, str):
        return
    if name in {DETAILS, "gen_ai.content.prompt", "gen_ai.content.completion"}:
        for key, value in found.items():
            own.setdefault(key, value)
    elif re.fullmatch(r"gen_ai\.(user|system|assistant)\.message", name):
        chat = own.setdefault("gen_ai.input.messages", [])
        if isinstance(chat, list):
            chat.append({"role": name.split(".")[1], "content": found.get("content")})


def _text(own: Attributes) -> dict[str, Any]:
    asked, question = _chat(own, "gen_ai.input.messages", "gen_ai.prompt")
    said, reply = _chat(own, "gen_ai.output.messages", "gen_ai.completion")
    chats: dict[str, dict[int, dict[str, Any]]] = {"prompt": {}, "completion": {}}
    for key, value in own.items():
        if match := INDEXED.fullmatch(key):
            asks = match[1] == "prompt" or match[2] == "input_messages"
            chat = chats["prompt" if asks else "completion"]
            chat.setdefault(int(match[3]), {})[match[4]] = value
    asked = asked or [chats["prompt"][i] for i in sorted(chats["prompt"])]
    said = said or [chats["completion"][i] for i in sorted(chats["completion"])]
    for answer in said:
        answer_roles = answer.get("role") or "assistant"
        if isinstance(answer, dict):
            answer["role"] = "assistant" if answer_roles == "user" else answer_roles
    instructions = own.get("gen_ai.system_instructions")
    parts = [{"role": "system", "parts": messages(instructions)}] if instructions else []
    return {
        "prompt": texts(asked, ("user",)) or question,
        "system_prompt": texts([*parts, *asked], ("system", "developer")),
        "output": texts(said, ("assistant", "model")) or reply,
        "turns": len(asked) or None,
        "tools": _length(own.get("gen_ai.tool.definitions")),
        "finish_reason": _finish(own, said),
        "ttft_ms": _seconds(own.get("gen_ai.response.time_to_first_chunk")),
    }


def _chat(own: Attributes, *keys: str) -> tuple[list[Mapping[str, Any]], str | None]:
    """Return the first chat that one of *keys* holds, and the first text as it was written."""
    written = [own[key] for key in keys if own.get(key)]
    chat = next((found for found in map(messages, written) if found), [])
    return chat, next((text for text in written if isinstance(text, str)), None)


def _finish(own: Attributes, said: Sequence[Mapping[str, Any]]) -> object:
    listed = own.get("gen_ai.response.finish_reasons", own.get("llm.response.finish_reason"))
    if isinstance(listed, list):
        listed = listed[0] if listed else None
    each = (listed, *(message.get("finish_reason") for message in said))
    return next((reason for reason in each if isinstance(reason, str) and reason), None)


def _length(value: object) -> int | None:
    found = messages(value) if value else []
    return len(found) or None


def _seconds(value: object) -> float | None:
    return round(value * 1000) if isinstance(value, int | float) and 0 <= value < 1e6 else None  # noqa: PLR2004
