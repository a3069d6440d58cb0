"""Findings, receivers and settings that the tests of the desk share."""

import base64
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from stillhunt.desk.settings import Desk, read_settings
from stillhunt.model.errors import DeliveryError
from stillhunt.model.finding import Finding, Severity, finding_id

TS = 1_780_000_000_000_000
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
HOSTILE = (
    'x\n<14>1 - forged - - - - evil\r\n{"id": "forged"}\x1b[2J\x9b31m"]\\ \u202e'
    "\u2028=cmd|'/C calc'!A0 <script>alert(1)</script> \U0001f431 \x7f\x00"
)


def finding(name: str = "a1", severity: int = 4, **more: Any) -> Finding:  # noqa: ANN401 - fields
    """Return a finding about account *name*."""
    subject = {"account_id": name, "source_ip": "192.0.2.1"}
    told: dict[str, Any] = {
        "id": finding_id("volume", subject, TS), "detector": "volume", "family": "usage",
        "severity": Severity(severity), "subject": subject, "statistic": 1.5, "n": 5_001,
        "first_seen_us": TS, "last_seen_us": TS + 60_000_000,
        "evidence": {"total_requests": 5_001, "tokens_per_day_bound": 100_000},
    }  # fmt: skip
    return Finding(**told | more)


class Memory:
    """A sink that remembers, or fails while ``says`` is something."""

    def __init__(self) -> None:
        self.got: list[tuple[str, int, bool]] = []
        self.says = ""
        self.poison: set[str] = set()
        self.raises: BaseException | None = None

    def deliver(self, item: Finding, *, update: bool = False) -> None:
        if self.raises:
            raise self.raises
        if self.says or item.id in self.poison:
            raise DeliveryError(self.says or "no such thing")
        self.got.append((item.id, int(item.severity), update))


def desk(folder: Path, text: str) -> Desk:
    """Return the settings *text* in *folder*."""
    path = folder / "stillhunt.toml"
    path.write_text(text, encoding="utf-8")
    (folder / "hook.secret").write_text(SECRET + "\n")
    return read_settings(path)


class Answers(BaseHTTPRequestHandler):
    """Keeps each request and answers with the server's next status."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server: Any = self.server
        server.requests.append((self.path, dict(self.headers), body))
        status = server.statuses.pop(0) if server.statuses else 204
        self.send_response(status, "\x1b[2J evil reason")
        self.send_header("Location", f"http://127.0.0.1:{server.server_port}/elsewhere")
        self.end_headers()

    def do_GET(self) -> None:  # what a followed redirect would become
        server: Any = self.server
        server.requests.append((self.path, dict(self.headers), b""))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def http_server(context: Any = None) -> Iterator[Any]:  # noqa: ANN401 - an SSLContext, or None
    """Run a receiver of webhooks on a free port of loopback."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.requests, server.statuses = [], []
    server.handle_error = lambda *_: None  # a client that hangs up is expected here
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with _running(server):
        yield server


class _Reads(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        server: Any = self.server
        if isinstance(self.request, tuple):
            data = self.request[0]
        else:
            data = b""
            while piece := self.request.recv(65_536):
                data += piece
        server.got.append(data)
        server.came.set()


@contextmanager
def syslog_server(kind: str, folder: Path) -> Iterator[Any]:
    """Run a receiver of syslog; its ``got`` is what came, its ``address`` where it listens."""
    server: Any
    if kind == "unix":
        path = str(folder / "log")
        server = socketserver.ThreadingUnixDatagramServer(path, _Reads)
        server.address = f"unix://{path}"
    else:
        made = {"udp": socketserver.ThreadingUDPServer, "tcp": socketserver.ThreadingTCPServer}
        server = made[kind](("127.0.0.1", 0), _Reads)
        server.address = f"{kind}://127.0.0.1:{server.server_address[1]}"
    server.got, server.came, server.max_packet_size = [], threading.Event(), 65_536
    with _running(server):
        yield server


@contextmanager
def _running(server: Any) -> Iterator[None]:  # noqa: ANN401 - any socketserver
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def closed_port() -> int:
    """Return a port of loopback on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
