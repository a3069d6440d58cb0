"""A real rsyslog takes our messages apart: over UDP, over TCP, and from its own socket."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stillhunt.desk.sinks.syslog import Syslog
from stillhunt.model.finding import Finding, Severity, finding_id

pytestmark = pytest.mark.integration
BINARY = shutil.which("rsyslogd") or shutil.which("rsyslogd", path="/usr/sbin:/usr/local/sbin")
PATIENCE_S = 10
TS = 1_780_000_000_000_000
HOSTILE = 'x\n<14>1 - forged - - - - evil\r\n\x1b[2J"] \\ <script> \U0001f431 \x00'
CONFIG = """
global(workDirectory="{folder}" maxMessageSize="64k")
module(load="imudp") input(type="imudp" address="127.0.0.1" port="{udp}")
module(load="imptcp") input(type="imptcp" address="127.0.0.1" port="{tcp}")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" socket="{folder}/log" useSpecialParser="off" parseHostname="on")
template(name="seen" type="list" option.jsonf="on") {{
    property(outname="app" name="app-name" format="jsonf")
    property(outname="id" name="msgid" format="jsonf")
    property(outname="severity" name="syslogseverity" format="jsonf")
    property(outname="facility" name="syslogfacility-text" format="jsonf")
    property(outname="fields" name="structured-data" format="jsonf")
    property(outname="message" name="msg" format="jsonf")
    property(outname="raw" name="rawmsg" format="jsonf")
}}
action(type="omfile" file="{folder}/seen.jsonl" template="seen" flushOnTXEnd="on")
"""


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Rsyslog:
    """A running rsyslog and what it has seen."""

    def __init__(self, folder: Path, udp: int, tcp: int) -> None:
        self.folder = folder
        self.addresses = {
            "udp": f"udp://127.0.0.1:{udp}",
            "tcp": f"tcp://127.0.0.1:{tcp}",
            "unix": f"unix://{folder}/log",
        }

    def seen(self, count: int) -> list[dict[str, Any]]:
        """Return what it has seen, once that is *count* records."""
        file = self.folder / "seen.jsonl"
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            lines = file.read_text().splitlines() if file.exists() else []
            if len(lines) >= count:
                return [json.loads(line) for line in lines]
            time.sleep(0.02)
        raise AssertionError(f"{count} records did not come within {PATIENCE_S} s")


@pytest.fixture
def rsyslog(tmp_path: Path) -> Iterator[Rsyslog]:
    if BINARY is None:
        pytest.skip("rsyslogd is not installed")
    udp, tcp = free_port(), free_port()
    config = tmp_path / "rsyslog.conf"
    config.write_text(CONFIG.format(folder=tmp_path, udp=udp, tcp=tcp))
    words = [BINARY, "-n", "-f", str(config), "-i", str(tmp_path / "pid")]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as server:
        try:
            _await(tcp, server)
            yield Rsyslog(tmp_path, udp, tcp)
        finally:
            server.terminate()
            server.wait(PATIENCE_S)


def _await(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert server.poll() is None, server.stderr and server.stderr.read()
            time.sleep(0.02)
        else:
            return
    raise AssertionError("rsyslog does not listen")


def finding(name: str) -> Finding:
    subject = {"account_id": name, "source_ip": "192.0.2.1"}
    return Finding(
        id=finding_id("volume", subject, TS), detector="volume", family="usage",
        severity=Severity.HIGH, subject=subject, statistic=2.0, n=7, first_seen_us=TS,
        last_seen_us=TS + 1, evidence={"total_requests": 7},
    )  # fmt: skip


def sink(address: str, form: str) -> Syslog:
    return Syslog(Syslog.Options.model_validate({"address": address, "format": form}))


@pytest.mark.parametrize("way", ["udp", "tcp", "unix"])
@pytest.mark.parametrize("name", ["a1", HOSTILE], ids=["plain", "hostile"])
def test_rsyslog_sees_one_record_per_finding_with_its_fields(
    rsyslog: Rsyslog, way: str, name: str
) -> None:
    item = finding(name)
    sink(rsyslog.addresses[way], "finding").deliver(item)
    sink(rsyslog.addresses[way], "ocsf").deliver(item)
    seen = rsyslog.seen(2)
    assert len(seen) == 2
    line, event = sorted(seen, key=lambda one: "class_uid" in str(one["message"]))
    for one in seen:
        assert (one["app"], one["id"], one["facility"]) == ("stillhunt", "volume", "local0")
        assert one["severity"] == "3"
        assert f'id="{item.id}"' in one["fields"]
        assert one["fields"].endswith('source_ip="192.0.2.1"]')
    assert line["message"].startswith("high volume: account_id=")
    assert json.loads(event["message"])["finding_info"]["uid"] == item.id


def test_tcp_tells_when_rsyslog_is_gone_and_delivers_when_it_is_there(rsyslog: Rsyslog) -> None:
    one = sink(rsyslog.addresses["tcp"], "finding")
    began = time.monotonic()
    for i in range(20):
        one.deliver(finding(f"a{i}"))
    assert time.monotonic() - began < PATIENCE_S  # it closes when it has read to the end
    assert len(rsyslog.seen(20)) == 20
