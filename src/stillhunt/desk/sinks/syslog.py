r"""Findings as syslog messages (RFC 5424): over UDP, TCP, or the socket of this machine.

The message is one line of ASCII, and a field of the structured data can hold neither a quote
nor a bracket that ends it: what a client is called forges no second record. Over TCP each
message says its length first (octet counting, RFC 6587), so that there a newline would end
nothing either. Syslog has no receipts. Over TCP the sink waits until the receiver has read to
the end and closed, or for ``timeout_s``; over UDP what is lost is lost.
Source: RFC 5424, RFC 5426 (UDP), RFC 6587 (TCP).
"""

import os
import re
import socket
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from stillhunt.desk import sink
from stillhunt.desk.rendering import rendered
from stillhunt.desk.wording import ascii_json, one_line, plain_ascii, shorter
from stillhunt.hunt.report.visible import visible
from stillhunt.model.errors import DeliveryError
from stillhunt.model.finding import Finding, Severity

__all__ = ["Syslog"]

FACILITIES = {"user": 1, "daemon": 3, "auth": 4, "authpriv": 10} | {
    f"local{i}": 16 + i for i in range(8)
}
LEVELS = {
    Severity.INFORMATIONAL: 6, Severity.LOW: 5, Severity.MEDIUM: 4, Severity.HIGH: 3,
    Severity.CRITICAL: 2,
}  # fmt: skip
"""Severity -> syslog's: critical 2, error 3, warning 4, notice 5, informational 6."""
SD_ID = "stillhunt@32473"  # the enterprise number that RFC 5612 sets aside for such use
PORTS = {"udp": 514, "tcp": 601}  # RFC 5426, RFC 6587
EXAMPLES = "give udp://HOST:514, tcp://HOST:601 or unix:///dev/log"
SHORTER = (256, 64, 16)
"""Bytes of a text in JSON that is too long as it is, tried one behind the other: OCSF says a name
in five places, and its own words take 2 to 4 kB."""
FIELD = 120  # characters of a value in the structured data, before escaping
UNPRINTABLE = re.compile(r"[^!-~]")


def _address(value: str) -> str:
    try:
        parts = urlsplit(value)
        is_port = parts.port != 0  # raises where it is no port at all
    except ValueError:
        raise ValueError(EXAMPLES) from None
    if "@" in parts.netloc or parts.query or parts.fragment:  # nothing there to keep secret
        raise ValueError(EXAMPLES)
    if parts.scheme == "unix" and parts.path and not parts.netloc:
        return value
    if parts.scheme in PORTS and parts.hostname and parts.path in {"", "/"} and is_port:
        return value
    raise ValueError(EXAMPLES)


class Syslog:
    """Send one message per item."""

    class Options(sink.Options):
        """Send syslog messages. `format = "finding"` sends one line for people."""

        address: Annotated[str, AfterValidator(_address)]
        """`udp://HOST:514`, `tcp://HOST:601` or `unix:///dev/log`."""
        facility: Literal["user", "daemon", "auth", "authpriv", "local0", "local1", "local2",
                          "local3", "local4", "local5", "local6", "local7"] = "local0"  # fmt: skip
        """Facility of every message."""
        longest: int = Field(default=8_192, ge=2_048, le=65_000)
        """Longest message [bytes]. A longer line for people is cut; in longer JSON the names
        are, and if that does not do, it is refused."""
        timeout_s: float = Field(default=10, gt=0, le=60)
        """To connect, to send, and for the receiver to read to the end [s]."""

    def __init__(self, options: Options, clock: Callable[[], float] = time.time) -> None:
        self.options = options
        self.clock = clock
        self.host = UNPRINTABLE.sub("", socket.gethostname())[:255] or "-"

    def deliver(self, item: Finding, *, update: bool = False) -> None:
        """Send *item*, or raise DeliveryError: then try again."""
        message = self.message(item, update=update)
        try:
            self._send(message)
        except OSError as error:
            said = error.strerror or error
            where = self.options.address
            raise DeliveryError(f"cannot send {item.id} to {where}: {said}") from error

    def message(self, item: Finding, *, update: bool = False) -> bytes:
        """Return the message that tells of *item*, without framing.

        Raises:
            DeliveryError: Its JSON does not fit.
        """
        head = self._head(item).encode("ascii")
        if self.options.format == "finding":
            return (head + one_line(item).encode("ascii"))[: self.options.longest]
        whole = head + self._json(item, update=update)
        for limit in SHORTER:
            if len(whole) <= self.options.longest:
                break
            whole = head + self._json(shorter(item, limit), update=update)
        if len(whole) > self.options.longest:
            raise DeliveryError(
                f"{item.id} takes {len(whole):,} bytes as OCSF even with short names; longest is "
                f"{self.options.longest:,}: raise it, here and in the receiver"
            )
        return whole

    def _json(self, item: Finding, *, update: bool) -> bytes:
        return ascii_json(rendered(item, "ocsf", update=update)).encode("ascii")

    def _head(self, item: Finding) -> str:
        """Return everything in front of the message's text."""
        priority = FACILITIES[self.options.facility] * 8 + LEVELS[item.severity]
        now = datetime.fromtimestamp(self.clock(), UTC).isoformat(timespec="milliseconds")
        told = {"id": item.id, "detector": item.detector, "family": item.family,
                "severity": int(item.severity), "n": item.n}  # fmt: skip
        told |= {name: value for name, value in item.subject.items() if name not in told}
        fields = "".join(f' {_name(n)}="{_escaped(v)}"' for n, v in told.items() if v is not None)
        name = UNPRINTABLE.sub("", item.detector)[:32] or "-"
        when = now.replace("+00:00", "Z")
        return (
            f"<{priority}>1 {when} {self.host} stillhunt {os.getpid()} {name} [{SD_ID}{fields}] "
        )

    def _send(self, message: bytes) -> None:
        parts = urlsplit(self.options.address)
        if parts.scheme == "unix":
            self._datagram(message, socket.AF_UNIX, parts.path)
            return
        at = (str(parts.hostname), parts.port or PORTS[parts.scheme])
        if parts.scheme == "udp":
            family, _, _, _, found = socket.getaddrinfo(*at, type=socket.SOCK_DGRAM)[0]
            self._datagram(message, family, found)
            return
        with closing(socket.create_connection(at, timeout=self.options.timeout_s)) as stream:
            stream.sendall(b"%d %b" % (len(message), message))
            stream.shutdown(socket.SHUT_WR)
            _await_end(stream, self.options.timeout_s)

    def _datagram(self, message: bytes, family: int, address: object) -> None:
        with closing(socket.socket(family, socket.SOCK_DGRAM)) as sender:
            sender.settimeout(self.options.timeout_s)
            sender.connect(address)  # type: ignore[arg-type]  # of the family's own kind
            sender.send(message)


def _await_end(stream: socket.socket, timeout_s: float) -> None:
    """Wait until the receiver closes; one that never does has at least not refused."""
    until = time.monotonic() + timeout_s
    try:
        while (left := until - time.monotonic()) > 0:
            stream.settimeout(left)
            if not stream.recv(1_024):
                return
    except TimeoutError:
        return


def _name(column: str) -> str:
    """Return *column* as the name of a parameter: printable, no ``=``, ``]``, ``"``, blank."""
    return re.sub(r'[^!-~]|[="\]]', "_", column)[:32] or "_"


def _escaped(value: object) -> str:
    """Return *value* as RFC 5424 6.3.3 wants it, in ASCII."""
    text = plain_ascii(visible(value, FIELD))
    return re.sub(r'(["\\\]])', r"\\\1", text[:FIELD])
