"""What every sink must do, whatever it is: one suite, each against a real receiver."""

import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from desk_kit import HOSTILE, closed_port, desk, finding, http_server, syslog_server

from stillhunt.desk.outbox import routes
from stillhunt.desk.sink import SINKS, Sink
from stillhunt.model.errors import ConfigError, DeliveryError
from stillhunt.registry import parts

FORMATS = ("finding", "ocsf")


@dataclass
class Bench:
    """A sink, and how to read what its receiver got."""

    make: Callable[[str], Sink]
    """Makes the sink for a format."""
    received: Callable[[], list[bytes]]
    broken: Callable[[], Sink]
    """Makes a sink whose receiver is not there."""


def made(folder: Path, kind: str, form: str, **keys: object) -> Sink:
    told = "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
    text = f'[desk.sinks.s]\nkind = "{kind}"\nformat = "{form}"\n{told}'
    (route,) = routes(desk(folder, text))
    return route.sink


@contextmanager
def jsonl(folder: Path) -> Iterator[Bench]:
    file = folder / "out.jsonl"
    yield Bench(
        make=lambda form: made(folder, "jsonl", form, path="out.jsonl"),
        received=lambda: file.read_bytes().splitlines() if file.exists() else [],
        broken=lambda: made(folder, "jsonl", "finding", path="no/such/folder/out.jsonl"),
    )


@contextmanager
def webhook(folder: Path) -> Iterator[Bench]:
    with http_server() as server:
        told = {"secret": "file:hook.secret"}
        at = f"http://127.0.0.1:{server.server_port}/hook/sesame?t=1"
        nowhere = f"http://127.0.0.1:{closed_port()}/hook/sesame"
        yield Bench(
            make=lambda form: made(folder, "webhook", form, url=at, **told),
            received=lambda: [body for _, _, body in server.requests],
            broken=lambda: made(folder, "webhook", "finding", url=nowhere, **told),
        )


@contextmanager
def syslog(folder: Path, kind: str) -> Iterator[Bench]:
    with syslog_server(kind, folder) as server:

        def received() -> list[bytes]:
            server.came.wait(5)
            server.came.clear()
            return list(server.got)

        gone = {"udp": "udp://255.255.255.255:514",  # not ours to broadcast
                "tcp": f"tcp://127.0.0.1:{closed_port()}",
                "unix": f"unix://{folder}/none"}  # fmt: skip
        yield Bench(
            make=lambda form: made(folder, "syslog", form, address=server.address),
            received=received,
            broken=lambda: made(folder, "syslog", "finding", address=gone[kind]),
        )


BENCHES: dict[str, Callable[[Path], Any]] = {
    "jsonl": jsonl,
    "webhook": webhook,
    "syslog-udp": lambda folder: syslog(folder, "udp"),
    "syslog-tcp": lambda folder: syslog(folder, "tcp"),
    "syslog-unix": lambda folder: syslog(folder, "unix"),
}


@pytest.fixture(params=BENCHES)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    with BENCHES[request.param](tmp_path) as found:
        yield found


def test_every_sink_stands_in_this_suite() -> None:
    assert set(parts(SINKS)) == {name.partition("-")[0] for name in BENCHES}


@pytest.mark.parametrize("form", FORMATS)
def test_one_item_arrives_once_with_its_id(bench: Bench, form: str) -> None:
    item = finding()
    bench.make(form).deliver(item)
    (one,) = bench.received()
    assert item.id.encode() in one


@pytest.mark.parametrize("form", FORMATS)
def test_what_a_client_is_called_forges_nothing(bench: Bench, form: str) -> None:
    item = finding(subject={"account_id": HOSTILE, HOSTILE: "x"}, evidence={"name": HOSTILE},
                   detector=HOSTILE, allowed=HOSTILE)  # fmt: skip
    bench.make(form).deliver(item, update=True)
    (one,) = bench.received()
    body = one.rstrip(b"\n")
    assert all(0x20 <= byte < 0x7F for byte in body)
    if body.startswith(b"{"):
        assert not set(b"<>&") & set(body)


def test_an_item_of_megabytes_is_cut_before_it_is_sent(bench: Bench) -> None:
    bench.make("finding").deliver(finding(subject={"account_id": "x" * 3_000_000}))
    (one,) = bench.received()
    assert len(one) < 20_000


def test_a_repeat_is_delivered_again(bench: Bench) -> None:
    sink = bench.make("finding")
    sink.deliver(finding())
    first = bench.received()
    sink.deliver(finding())
    assert len(bench.received()) == len(first) + 1


def test_a_missing_receiver_is_a_delivery_error_that_names_the_item(bench: Bench) -> None:
    sink = bench.broken()
    with pytest.raises(DeliveryError, match=finding().id) as raised:
        sink.deliver(finding())
    assert "sesame" not in str(raised.value)


def test_no_sink_shows_what_is_secret(bench: Bench) -> None:
    sink = bench.make("finding")
    shown = f"{sink!r} {getattr(sink, 'options', '')!r}"
    assert "sesame" not in shown
    assert "AAECAwQF" not in shown


def test_a_file_of_findings_is_not_for_everybody(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made(tmp_path, "jsonl", "finding", path="out.jsonl").deliver(finding())
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out.jsonl").stat().st_mode) == 0o640


def test_a_webhook_without_its_secret_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="env:NO_SUCH is missing or empty"):
        made(tmp_path, "webhook", "finding", url="https://example.com", secret="env:NO_SUCH")
