"""A real nginx under a small load, its log rotated as logrotate does it, and a tail behind it."""

import gzip
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
BINARY = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
PATIENCE_S = 30
ALERT_S = 2.0


@dataclass
class Server:
    """nginx on a port of loopback; who asks is told by X-Client, for the log only."""

    folder: Path
    port: int

    @property
    def log(self) -> Path:
        return self.folder / "access.log"

    def ask(self, client: str, times: int) -> None:
        """Send *times* requests as *client* over one connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        for _ in range(times):
            connection.request("POST", "/v1/messages", headers={"X-Client": client})
            connection.getresponse().read()
        connection.close()

    def reopen(self) -> None:
        """Rename the log and let nginx open a new one."""
        self.log.rename(self.log.with_name("access.log.1"))
        command = [str(BINARY), "-p", str(self.folder), "-c", "nginx.conf", "-e", "errors.log"]
        subprocess.run([*command, "-s", "reopen"], check=True)

    def turned(self) -> None:
        """Wait until lines go to the new log: before, the old one may not be packed."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            self.ask("203.0.113.99", 1)
            if self.log.exists() and self.log.stat().st_size:
                return
            threading.Event().wait(0.05)
        pytest.fail("nginx does not open a new log")


def config(folder: Path, port: int) -> str:
    user = "user root;" if os.geteuid() == 0 else ""  # workers open the new log themselves
    return f"""
        {user} daemon off; pid {folder}/nginx.pid; worker_processes 1;
        events {{ worker_connections 64; }}
        http {{
            client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
            scgi_temp_path {folder}/scgi;
            log_format asked '$http_x_client - - [$time_local] "$request" $status '
                             '$body_bytes_sent "$http_referer" "$http_user_agent"';
            access_log {folder}/access.log asked;
            keepalive_requests 100000;
            server {{ listen 127.0.0.1:{port}; location / {{ return 200 "x"; }} }}
        }}
    """


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    if BINARY is None:
        pytest.skip("nginx is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    (tmp_path / "nginx.conf").write_text(config(tmp_path, port))
    command = [BINARY, "-p", str(tmp_path), "-c", "nginx.conf", "-e", "errors.log"]
    tmp_path.chmod(0o755)
    with subprocess.Popen(command) as nginx:
        try:
            until = time.monotonic() + PATIENCE_S
            while time.monotonic() < until and nginx.poll() is None:
                try:
                    socket.create_connection(("127.0.0.1", port), 0.2).close()
                    break
                except OSError:
                    threading.Event().wait(0.05)
            yield Server(tmp_path, port)
        finally:
            nginx.terminate()
            nginx.wait(PATIENCE_S)


@dataclass
class Follower:
    """A tail in a process of its own, and what it said."""

    folder: Path
    process: "subprocess.Popen[bytes]"

    def alerts(self, detector: str = "burst") -> list[str]:
        lines = (self.folder / "found.jsonl").read_text().split("\n")[:-1]  # whole ones
        return [
            str(one["subject"]["source_ip"])
            for one in map(json.loads, lines)
            if one["detector"] == detector
        ]

    def await_alert(self, address: str) -> float:
        """Return after how many seconds *address* was found [s]."""
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE_S:
            if address in self.alerts():
                return time.monotonic() - began
            threading.Event().wait(0.01)
        return pytest.fail(f"{address} not found: {(self.folder / 'said.txt').read_text()}")

    def stop(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE_S)
        return (self.folder / "said.txt").read_text()


def follow(folder: Path) -> Follower:
    with (folder / "said.txt").open("ab") as said:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "stillhunt", "tail", "access.log", "--as", "nginx",
                "--state", "state", "--json", "found.jsonl", "--from", "start",
            ],
            cwd=folder, stderr=said,
        )  # fmt: skip
    until = time.monotonic() + PATIENCE_S
    while not (folder / "state").exists() and time.monotonic() < until:
        threading.Event().wait(0.02)
    running.append(process)
    return Follower(folder, process)


running: list["subprocess.Popen[bytes]"] = []


@pytest.fixture(autouse=True)
def _ended() -> Iterator[None]:
    yield
    while running:
        process = running.pop()
        process.kill()
        process.wait()


def test_bursts_are_found_at_once_through_rotation_and_a_kill(
    server: Server, tmp_path: Path
) -> None:
    tail = follow(tmp_path)
    crowd = [threading.Thread(target=server.ask, args=(f"203.0.113.{k}", 80)) for k in range(4)]
    for one in crowd:
        one.start()
    server.ask("198.51.100.1", 101)
    assert tail.await_alert("198.51.100.1") <= ALERT_S

    server.ask("198.51.100.2", 60)
    server.reopen()  # in the middle of a burst
    server.ask("198.51.100.2", 41)
    assert tail.await_alert("198.51.100.2") <= ALERT_S

    tail.process.kill()
    tail.process.wait()
    server.ask("198.51.100.3", 101)
    server.log.with_name("access.log.1").rename(server.log.with_name("access.log.2"))
    server.reopen()
    server.turned()
    old = server.log.with_name("access.log.2")
    old.with_name("access.log.2.gz").write_bytes(gzip.compress(old.read_bytes()))
    old.unlink()
    server.ask("198.51.100.4", 101)
    tail = follow(tmp_path)
    tail.await_alert("198.51.100.3")
    tail.await_alert("198.51.100.4")
    for one in crowd:
        one.join()
    said = tail.stop()
    counted = Counter(tail.alerts())
    assert counted == {f"198.51.100.{k}": 1 for k in range(1, 5)}
    assert "lost" not in said
    assert tail.process.returncode in {0, 1}
