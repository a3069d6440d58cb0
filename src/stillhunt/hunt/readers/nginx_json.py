"""nginx access log as JSON: the layout that we recommend, with account and tokens.

The snippet ``docs/snippets/nginx_json.conf`` makes nginx write it (``escape=json``). Common
names of home-grown JSON layouts are understood as well. nginx writes a line when a request
ends, so its start is that time less ``request_time``. Values of several upstreams are joined
by commas and colons; the last one is what the client got. ``remote_user`` is no account: it
is what a client wrote into a basic-auth header, and nginx logs it even where the password was
wrong or nobody asked for one.
Source: nginx documentation, ngx_http_log_module, ngx_http_upstream_module.
"""

from stillhunt.hunt.projection import at_paths, moment, plausible, request_words
from stillhunt.hunt.settings import HuntSettings

__all__ = ["NginxJson"]

LAYOUT = '"stillhunt.nginx/1"'

# Newest spelling first; "ours" is stillhunt.nginx/1, the others are the variables' own names
# as most layouts found in the wild use them.
ALIASES = {
    "ended": ("$.msec", "$.time_iso8601", "$.timestamp", '$."@timestamp"', "$.time"),
    "time_local": ("$.time_local",),
    "request_time": ("$.request_time",),
    "exchange_id": ("$.request_id",),
    "account_id": ("$.account_id", "$.account"),
    "org_id": ("$.org_id",),
    "source_ip": ("$.remote_addr", "$.client_ip"),
    "ja4": ("$.ja4",),
    "method": ("$.method", "$.request_method"),
    "path": ("$.path", "$.uri", "$.request_uri"),
    "request": ("$.request",),
    "status": ("$.status",),
    "user_agent": ("$.user_agent", "$.http_user_agent"),
    "content_type": ("$.content_type", "$.sent_http_content_type"),
    "model": ("$.model",),
    "input_tokens": ("$.input_tokens", "$.input_tokens_trailer"),
    "cached_tokens": ("$.cached_tokens", "$.cached_tokens_trailer"),
    "output_tokens": ("$.output_tokens", "$.output_tokens_trailer"),
    "header_time": ("$.upstream_header_time",),
}
LONGEST_S = 10_000_000  # 116 days; no request lasts longer, and what says so is unknown
LASTS = ("model", "input_tokens", "cached_tokens", "output_tokens")


def _last(name: str) -> str:
    """Return SQL for the last of several upstreams' values; ``-`` is none."""
    return f"nullif(trim(split_part(replace({name}, ' : ', ', '), ', ', -1)), '-')"


class NginxJson:
    """Read one exchange from each line."""

    title = "nginx access log as JSON"
    source = "nginx: ngx_http_log_module, `log_format ... escape=json`"
    frames = ("lines",)
    fills = (
        "ts_us", "exchange_id", "account_id", "org_id", "source_ip", "ja4", "method", "path",
        "status", "user_agent", "model", "stream", "input_tokens", "cached_tokens",
        "output_tokens", "duration_ms", "ttft_ms",
    )  # fmt: skip
    is_json = True

    def sniff(self, line: str) -> float:
        """Return how sure we are that *line* is ours, in [0, 1]."""
        if not line.lstrip().startswith("{"):
            return 0.0
        if LAYOUT in line:
            return 0.97
        timed = any(f'"{key}"' in line for key in ("msec", "time_iso8601", "time_local"))
        known = ("remote_addr", "status", "request_time", "http_user_agent", "request_method")
        return min(0.9, 0.25 * sum(f'"{key}"' in line for key in known)) if timed else 0.0

    def select(self, settings: HuntSettings) -> str:
        """Return the projection; see ``stillhunt.hunt.reading.Reader``."""
        inner, columns = at_paths(ALIASES)
        local = "epoch_us(try_strptime(time_local, '%d/%b/%Y:%H:%M:%S %z'))"
        lasts = ", ".join(f"{_last(name)} AS {name}" for name in LASTS)
        return f"""
            SELECT line_number,
                   coalesce(({plausible("ended_us")}) - coalesce(
                       TRY_CAST(round(seconds * 1e6) AS BIGINT), 0), ended_us) AS ts_us,
                   exchange_id, nullif(account_id, '-') AS account_id, org_id, source_ip, ja4,
                   coalesce(method, nullif(words[1], '')) AS method,
                   coalesce(path, nullif(words[2], '')) AS path,
                   status, nullif(user_agent, '-') AS user_agent, {lasts},
                   CASE WHEN content_type IS NOT NULL
                        THEN contains(content_type, 'text/event-stream') END AS stream,
                   TRY_CAST(round(seconds * 1000) AS INTEGER) AS duration_ms,
                   TRY_CAST(round(TRY_CAST({_last("header_time")} AS DOUBLE) * 1000) AS INTEGER)
                       AS ttft_ms
            FROM (SELECT *, coalesce({moment("ended")}, {local}) AS ended_us,
                         {request_words("request")} AS words,
                         CASE WHEN TRY_CAST(request_time AS DOUBLE) BETWEEN 0 AND {LONGEST_S}
                              THEN TRY_CAST(request_time AS DOUBLE) END AS seconds
                  FROM (SELECT line_number, {columns}
                        FROM (SELECT line_number, {inner} FROM lines)))
        """
