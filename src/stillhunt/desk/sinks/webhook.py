"""Findings by HTTP POST, signed as Standard Webhooks says, so that a receiver can trust them.

``webhook-id`` is the finding's id, so a repeat can be told; a graver state of a finding that
was sent before has ``.SEVERITY`` behind it, as it is another message. Redirects are not
followed, certificates are checked, and nothing of the answer but its status is read or told.
Source: Standard Webhooks specification 1.0.
"""

import base64
import binascii
import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError
from standardwebhooks import Webhook as Signer

from stillhunt import __version__
from stillhunt.desk import sink
from stillhunt.desk.rendering import rendered
from stillhunt.desk.secret import Anchored, Secret
from stillhunt.desk.wording import ascii_json
from stillhunt.model.errors import ConfigError, DeliveryError
from stillhunt.model.finding import Finding
from stillhunt.settings import HIDDEN

__all__ = ["Webhook"]

PREFIX = "whsec_"
SHORTEST = 24  # bytes of a secret, by the specification
OK = range(200, 300)
REDIRECTS = range(300, 400)


def _url(value: str) -> str:
    """Refuse what is no plain URL; a URL may hold a token, so errors do not show it."""
    wrong = PydanticCustomError(HIDDEN, "give https://HOST/PATH, without a user or a fragment")
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not value.isascii():
        raise wrong
    if parts.username is not None or parts.fragment or any(c <= " " or c == "\x7f" for c in value):
        raise wrong
    return value


def _is_here(host: str) -> bool:
    """Return whether *host* is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Webhook:
    """Post one request per item."""

    class Options(sink.Options):
        """Post to a URL, signed. `format = "finding"` wraps it in `type`, `timestamp`, `data`."""

        url: Annotated[str, AfterValidator(_url), Field(repr=False)]
        """Where to; `https`, or `http` to this machine."""
        secret: Secret
        """Secret of the signature, `whsec_` and Base64 of 24 bytes or more: `env:NAME` or
        `file:PATH`."""
        plain: bool = False
        """Allow `http` to other machines too: whoever is on the way reads the findings."""
        ca: Anchored | None = None
        """Certificates to trust in place of the system's, PEM."""
        timeout_s: float = Field(default=10, gt=0, le=60)
        """For the whole exchange [s]."""

        @model_validator(mode="after")
        def _is_private(self) -> "Webhook.Options":
            parts = urlsplit(self.url)
            if parts.scheme == "http" and not (self.plain or _is_here(str(parts.hostname))):
                raise PydanticCustomError(
                    HIDDEN, "url is http to another machine; give https, or plain = true"
                )
            return self

    def __init__(self, options: Options, clock: Callable[[], float] = time.time) -> None:
        """Read the secret and the certificates.

        Raises:
            ConfigError: The secret is missing or no such secret, or there are no certificates.
        """
        self.options = options
        self.clock = clock
        self._parts = urlsplit(options.url)
        self._signer = Signer(_key(options))
        self._tls = _tls(options) if self._parts.scheme == "https" else None

    def __repr__(self) -> str:
        return f"Webhook({self.where})"

    @property
    def where(self) -> str:
        """Return the address without its path, which may hold a token."""
        port = f":{self._parts.port}" if self._parts.port else ""
        return f"{self._parts.scheme}://{self._parts.hostname}{port}"

    def deliver(self, item: Finding, *, update: bool = False) -> None:
        """Post *item*, or raise DeliveryError: then try again."""
        try:
            status = self._post(*self.request(item, update=update))
        except (OSError, http.client.HTTPException) as error:
            said = getattr(error, "strerror", None) or type(error).__name__
            raise DeliveryError(f"cannot post {item.id} to {self.where}: {said}") from error
        if status in REDIRECTS:
            raise DeliveryError(f"{self.where} redirects {item.id} ({status}); give its real url")
        if status not in OK:
            raise DeliveryError(f"{self.where} refused {item.id} with status {status}")

    def request(self, item: Finding, *, update: bool = False) -> tuple[bytes, dict[str, str]]:
        """Return the body and the headers of the request that tells of *item*."""
        now = datetime.fromtimestamp(int(self.clock()), UTC)
        body = ascii_json(self._document(item, now, update=update))
        name = f"{item.id}.{int(item.severity)}" if update else item.id
        return body.encode("ascii"), {
            "Content-Type": "application/json",
            "User-Agent": f"stillhunt/{__version__}",
            "Connection": "close",
            "webhook-id": name,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(msg_id=name, timestamp=now, data=body),
        }

    def _document(self, item: Finding, now: datetime, *, update: bool) -> dict[str, Any]:
        document = rendered(item, self.options.format, update=update)
        if self.options.format == "ocsf":
            return document
        return {
            "type": "finding.updated" if update else "finding.created",
            "timestamp": now.isoformat().replace("+00:00", "Z"),
            "data": document,
        }

    def _post(self, body: bytes, headers: dict[str, str]) -> int:
        """Send the request and return the status; the connection ends after ``timeout_s``."""
        host, timeout_s = str(self._parts.hostname), self.options.timeout_s
        made: http.client.HTTPConnection
        if self._tls is None:
            made = http.client.HTTPConnection(host, self._parts.port, timeout=timeout_s)
        else:
            made = http.client.HTTPSConnection(
                host, self._parts.port, timeout=timeout_s, context=self._tls
            )
        # A timeout of the socket begins anew with each byte; this one does not.
        alarm = threading.Timer(timeout_s, _hang_up, [made])
        alarm.daemon = True
        try:
            alarm.start()
            query = f"?{self._parts.query}" if self._parts.query else ""
            made.request("POST", (self._parts.path or "/") + query, body, headers)
            return made.getresponse().status
        finally:
            alarm.cancel()
            made.close()


def _hang_up(connection: http.client.HTTPConnection) -> None:
    with contextlib.suppress(OSError, AttributeError):  # it may have ended, or not begun
        connection.sock.shutdown(socket.SHUT_RDWR)


def _key(options: Webhook.Options) -> bytes:
    """Return the bytes that sign."""
    text = options.secret.read().removeprefix(PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ConfigError(
            f"the secret in {options.secret} is not Base64; give {PREFIX} and Base64"
        ) from None
    if len(key) < SHORTEST:
        raise ConfigError(
            f"the secret in {options.secret} has {len(key)} bytes; give {SHORTEST} or more"
        )
    return key


def _tls(options: Webhook.Options) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=options.ca)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"cannot use the certificates in {options.ca}: {error}") from error
