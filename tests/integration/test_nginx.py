"""A real nginx writes both logs, with the snippet from the docs; the readers get them whole."""

import http.client
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from stillhunt.hunt.reading import Reading, recognise
from stillhunt.hunt.settings import HuntSettings

pytestmark = pytest.mark.integration
SNIPPET = Path(__file__).parents[2] / "docs" / "snippets" / "nginx_json.conf"
BINARY = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
PATIENCE_S = 10
SECRET = "sk-secret-0123456789abcdef"

AGENTS = [
    "curl/8.5.0",
    'a "quoted" agent',
    r"back\slash \" and \x22",
    '] [28/May/2026:20:26:40 +0000] "GET / HTTP/1.1" 200 1 "-" "x',
    '","account_id":"somebody-else","x":"',
    "tab\tand caf\xe9 \xff\xfe",
    "",
]


class Upstream(BaseHTTPRequestHandler):
    """Plays the model's server and, on /auth, the one that knows whose key it is."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        known = self.headers.get("Authorization") == f"Bearer {SECRET}"
        self._answer(200 if known else 401, {"X-Account-Id": "account-7", "X-Org-Id": "org-1"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        tokens = {"X-Model": "m-1", "X-Input-Tokens": "21", "X-Output-Tokens": "9"}
        self._answer(200, tokens | {"X-Account-Id": "by-upstream"})

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def upstream() -> Iterator[int]:
    """Run the upstream on a free port of loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def port(tmp_path: Path, upstream: int) -> Iterator[int]:
    """Run nginx with the snippet on a free port of loopback."""
    if BINARY is None:
        pytest.skip("nginx is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        chosen = int(free.getsockname()[1])
    config = tmp_path / "nginx.conf"
    config.write_text(_config(tmp_path, chosen, upstream))
    with subprocess.Popen(
        [BINARY, "-p", str(tmp_path), "-c", str(config), "-e", "errors.log"]
    ) as nginx:
        try:
            _await(chosen, nginx)
            yield chosen
        finally:
            nginx.terminate()
            nginx.wait(PATIENCE_S)


def _config(folder: Path, port: int, upstream: int) -> str:
    temporary = "\n".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""
        daemon off; master_process off; pid {folder}/nginx.pid;
        events {{ worker_connections 64; }}
        http {{
            {temporary}
            include {SNIPPET};
            access_log {folder}/combined.log combined;
            access_log {folder}/stillhunt.jsonl stillhunt;
            server {{
                listen 127.0.0.1:{port};
                location = /auth {{ internal; proxy_pass http://127.0.0.1:{upstream}; }}
                location /v1/ {{
                    auth_request /auth;
                    auth_request_set $stillhunt_account $upstream_http_x_account_id;
                    auth_request_set $stillhunt_org $upstream_http_x_org_id;
                    proxy_pass http://127.0.0.1:{upstream};
                }}
                location /open/ {{ proxy_pass http://127.0.0.1:{upstream}; }}
            }}
        }}
    """


def _await(port: int, nginx: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + PATIENCE_S
    while nginx.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            nginx_is_up = threading.Event()
            nginx_is_up.wait(0.05)
        else:
            return
    pytest.fail("nginx does not listen; see errors.log")


def ask(port: int, path: str, agent: str, key: str | None = SECRET) -> int:
    """Send one request and return its status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.putrequest("POST", path, skip_accept_encoding=True)
    connection.putheader("User-Agent", agent.encode("latin-1"))
    connection.putheader("X-JA4", "t13d1516h2_spoofed")
    connection.putheader("Content-Length", "0")
    if key is not None:
        connection.putheader("Authorization", f"Bearer {key}")
    connection.endheaders()
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


def lines_of(path: Path, expected: int) -> list[str]:
    """Return the log's lines as framing gives them; nginx writes a line after its answer."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        if len(lines) >= expected:
            return lines
        threading.Event().wait(0.02)
    return pytest.fail(f"{path.name} has {len(lines)} lines of {expected}")


def rows(folder: Path, lines: list[str], reader: str) -> list[dict[str, Any]]:
    """Return what becomes of *lines*, once they are recognised."""
    assert recognise(lines, "lines") == reader
    table = pa.table({"line_number": range(1, len(lines) + 1), "line": lines})
    result = Reading(reader, HuntSettings(folder=folder), "0123abcd").read(table)
    assert result.rejects == []
    found: list[dict[str, Any]] = result.rows.to_pylist()
    return found


def test_both_logs_of_a_real_nginx_are_read_to_the_last_line(tmp_path: Path, port: int) -> None:
    before = time.time()
    for agent in AGENTS:
        assert ask(port, "/v1/chat/completions?key=" + SECRET, agent) == 200
    assert ask(port, "/v1/messages", "curl/8.5.0", key=None) == 401
    assert ask(port, "/open/x%20y", "curl/8.5.0") == 200
    after = time.time()
    count = len(AGENTS) + 2
    plain = rows(tmp_path, lines_of(tmp_path / "combined.log", count), "nginx")
    lines = lines_of(tmp_path / "stillhunt.jsonl", count)
    told = rows(tmp_path, lines, "nginx_json")

    assert SECRET not in "".join(lines)
    assert [row["status"] for row in plain] == [200] * len(AGENTS) + [401, 200]
    assert [row["status"] for row in told] == [row["status"] for row in plain]
    assert {row["source_ip"] for row in plain + told} == {"127.0.0.1"}
    assert {row["path"] for row in plain[:-2]} == {"/v1/chat/completions?key=***"}
    assert {row["path"] for row in told[:-2]} == {"/v1/chat/completions"}
    assert told[-1]["path"] == plain[-1]["path"] == "/open/x%20y"
    assert all(int(before) <= row["ts_us"] / 1e6 <= after for row in plain)
    assert all(before - 0.01 <= row["ts_us"] / 1e6 <= after for row in told)

    agents = [agent.encode("latin-1").decode("utf-8", "replace") for agent in AGENTS]
    assert [row["user_agent"] or "" for row in told[: len(AGENTS)]] == agents
    assert [row["user_agent"] for row in plain[:2]] == [
        "curl/8.5.0", r"a \x22quoted\x22 agent",
    ]  # fmt: skip
    for row in told[: len(AGENTS)]:
        assert (row["account_id"], row["org_id"]) == ("account-7", "org-1")
        assert (row["model"], row["input_tokens"], row["output_tokens"]) == ("m-1", 21, 9)
        assert row["cached_tokens"] is None
        assert row["stream"] is True
        assert row["ja4"] is None
    assert told[-2]["output_tokens"] is None
    assert told[-1]["account_id"] == "by-upstream"
    assert len({row["exchange_id"] for row in told}) == count
