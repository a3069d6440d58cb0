r"""Access log of nginx or Apache, stock ``combined`` format: no account, no tokens.

nginx escapes the quote sign inside a field, so it is the only safe place to split: a blank
in the user name, which the client chooses, would shift every field behind it. Apache escapes
it as ``\"``; such lines fail the first pass and are read again in nginx's spelling. It writes
an empty user name as ``""``.
nginx's packaged ``main`` format, with one more field at the end, is read as well. That field,
``X-Forwarded-For``, is not believed: the client writes it.
Apache's ``vhost_combined`` begins with the server (``%v:%p``): where the first word is a host
name or has a port, and the second one is an address, the second one is the client's.
Source: nginx documentation, ngx_http_log_module; Apache HTTP Server, mod_log_config.
"""

from typing import TYPE_CHECKING

from stillhunt.hunt.projection import request_words
from stillhunt.hunt.settings import HuntSettings

if TYPE_CHECKING:
    from stillhunt.hunt.combined import Plain

__all__ = ["Nginx"]

QUOTES = (6, 8)  # of combined and of main
SERVER = r"(\[[0-9A-Fa-f:.]+\]|[\w.-]+):[0-9]{1,5}|[0-9.-]*[A-Za-z_][\w.-]*"
HEAD = 400  # characters that hold the longest server and address, 260 and 64
ADDRESS = r"[0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(%\w+)?"


class Nginx:
    """Read one exchange from each line."""

    title = "nginx or Apache access log (combined)"
    source = "nginx: ngx_http_log_module; Apache: mod_log_config"
    frames = ("lines",)
    fills = ("ts_us", "source_ip", "method", "path", "status", "user_agent")
    is_json = False

    def sniff(self, line: str) -> float:
        """Return how sure we are that *line* is ours, in [0, 1]."""
        line = self.mend(line)
        head, quote, _ = line.partition('"')
        if not quote or not head.endswith("] ") or line.startswith("{"):
            return 0.0
        return 0.9 if line.count('"') in QUOTES else 0.3

    def mend(self, line: str) -> str:
        """Return Apache's escapes in nginx's spelling, where no quote stands inside a field."""
        line = line.replace("\\\\", "\\x5C").replace('\\"', "\\x22")
        head, _, rest = line.partition('"')
        return f"{head}-{rest[1:]}" if rest.startswith('" [') else line

    def quick(self, data: bytes, first_line: int, stream: str) -> "Plain | None":
        """Read the lines of the plain shape; see ``stillhunt.hunt.reading.Reader``."""
        from stillhunt.hunt.combined import read_combined  # noqa: PLC0415 - loads numba

        return read_combined(data, first_line, stream)

    def select(self, settings: HuntSettings) -> str:
        """Return the projection; see ``stillhunt.hunt.reading.Reader``.

        The request is split once: two ``split_part`` cost a fifth of the whole.
        """
        return rf"""
            SELECT line_number,
                   epoch_us(try_strptime(q[1][-28:-3], '%d/%b/%Y:%H:%M:%S %z')) AS ts_us,
                   CASE WHEN h[2] <> '-' AND regexp_full_match(h[2], '{ADDRESS}')
                             AND regexp_full_match(h[1], '{SERVER}')
                        THEN h[2] ELSE h[1] END AS source_ip,
                   nullif(r[1], '-') AS method, r[2] AS path, q[3][2:4] AS status,
                   nullif(q[6], '-') AS user_agent,
                   CASE WHEN len(q) = 7 AND right(q[2], 1) <> '\' THEN NULL
                        WHEN len(q) = 9 AND q[7] = ' '
                             AND right(q[2], 1) <> '\' AND right(q[3], 1) <> '\'
                             AND right(q[4], 1) <> '\' AND right(q[6], 1) <> '\' THEN NULL
                        WHEN len(q) = 1 AND trim(q[1]) = '' THEN 'blank line'
                        ELSE 'expected three quoted fields' END AS reject
            FROM (SELECT line_number, q, string_split(left(q[1], {HEAD}), ' ') AS h,
                         {request_words("q[2]")} AS r
                  FROM (SELECT line_number, string_split(line, '"') AS q FROM lines))
        """
