"""Findings by HTTP, signed; the receiver checks them with the library that receivers use."""

import json
import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from desk_kit import SECRET, finding, http_server
from standardwebhooks import Webhook as Receiver
from standardwebhooks.webhooks import WebhookVerificationError

from stillhunt.desk.sinks.webhook import Webhook
from stillhunt.model.errors import ConfigError, DeliveryError


def sink(folder: Path, url: str, secret: str = SECRET, **more: Any) -> Webhook:  # noqa: ANN401
    (folder / "secret").write_text(secret + "\n")
    told = {"url": url, "secret": "file:secret", "timeout_s": 5} | more
    return Webhook(Webhook.Options.model_validate(told, context={"folder": folder}))


def test_a_receiver_can_check_who_sent_it_and_that_nothing_was_changed(tmp_path: Path) -> None:
    with http_server() as server:
        sink(tmp_path, f"http://127.0.0.1:{server.server_port}/a?b=c").deliver(finding())
        ((path, headers, body),) = server.requests
    assert path == "/a?b=c"
    told = Receiver(SECRET).verify(body, headers)
    assert (told["type"], told["data"]["id"]) == ("finding.created", finding().id)
    assert headers["webhook-id"] == finding().id
    assert headers["Content-Type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        Receiver(SECRET).verify(body.replace(b"volume", b"vowels"), headers)


def test_the_signature_is_the_specifications_own(tmp_path: Path) -> None:
    # RFC 2104 by hand: base64(HMAC-SHA256(key, "ID.TIMESTAMP.BODY")).
    import base64  # noqa: PLC0415
    import hashlib  # noqa: PLC0415
    import hmac  # noqa: PLC0415

    made = sink(tmp_path, "https://example.com")
    made.clock = lambda: 1_780_000_000.9
    body, headers = made.request(finding())
    assert headers["webhook-timestamp"] == "1780000000"
    signed = f"{finding().id}.1780000000.".encode() + body
    digest = hmac.digest(bytes(range(32)), signed, hashlib.sha256)
    assert headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()


def test_a_graver_state_is_another_message_about_the_same_finding(tmp_path: Path) -> None:
    body, headers = sink(tmp_path, "https://example.com").request(finding(severity=5), update=True)
    assert headers["webhook-id"] == f"{finding().id}.5"
    told = json.loads(body)
    assert (told["type"], told["data"]["id"]) == ("finding.updated", finding().id)


def test_ocsf_is_posted_bare(tmp_path: Path) -> None:
    body, _ = sink(tmp_path, "https://example.com", format="ocsf").request(finding())
    assert json.loads(body)["class_uid"] == 2004


@pytest.mark.parametrize("status", [199, 301, 302, 307, 308, 400, 401, 404, 410, 429, 500, 503])
def test_only_a_status_of_success_is_success(tmp_path: Path, status: int) -> None:
    with http_server() as server:
        server.statuses = [status]
        with pytest.raises(DeliveryError, match=rf"{status}|RemoteDisconnected") as raised:
            sink(tmp_path, f"http://127.0.0.1:{server.server_port}/x").deliver(finding())
        assert "evil" not in str(raised.value)
        assert len(server.requests) == 1  # nobody followed anything


def test_a_receiver_that_never_answers_costs_no_more_than_the_timeout(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        one = sink(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.05)
        with pytest.raises(DeliveryError, match="cannot post"):
            one.deliver(finding())


def test_a_receiver_that_answers_byte_by_byte_costs_no_more_than_the_timeout(
    tmp_path: Path,
) -> None:
    ended = threading.Event()

    def drip(server: socket.socket) -> None:
        client, _ = server.accept()
        with client:
            client.sendall(b"HTTP/1.1")
            while not ended.wait(0.02):
                try:
                    client.sendall(b" ")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        one = sink(tmp_path, f"http://127.0.0.1:{server.getsockname()[1]}", timeout_s=0.3)
        with pytest.raises(DeliveryError, match="cannot post"):
            one.deliver(finding())
        ended.set()
        thread.join()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for 127.0.0.1 that nobody but us trusts."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=x",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder


def test_a_certificate_that_nobody_vouches_for_is_refused(
    tmp_path: Path, certificate: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    with http_server(context) as server:
        url = f"https://127.0.0.1:{server.server_port}/x"
        with pytest.raises(DeliveryError, match="CERTIFICATE_VERIFY_FAILED"):
            sink(tmp_path, url).deliver(finding())
        assert server.requests == []
        sink(tmp_path, url, ca=certificate / "cert.pem").deliver(finding())
        assert len(server.requests) == 1
        with pytest.raises(DeliveryError):
            other = url.replace("127.0.0.1", "localhost")
            sink(tmp_path, other, ca=certificate / "cert.pem").deliver(finding())


@pytest.mark.parametrize(
    "url",
    ["ftp://example.com", "https://", "https://u:sesame@example.com", "https://example.com/#sesame",
     "https://example.com/\r\nX: sesame", "https://example.com:99999", "example.com",
     "http://example.com/sesame", "http://192.0.2.1/sesame"],
)  # fmt: skip
def test_what_is_no_safe_url_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValueError, match="give https"):
        sink(tmp_path, url)


def test_plain_http_to_another_machine_must_be_said(tmp_path: Path) -> None:
    assert sink(tmp_path, "http://192.0.2.1/x", plain=True).where == "http://192.0.2.1"


@pytest.mark.parametrize(
    ("secret", "said"), [("whsec_!!!", "not Base64"), ("whsec_c2hvcnQ=", "has 5 bytes")]
)
def test_what_is_no_secret_is_refused_unseen(tmp_path: Path, secret: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        sink(tmp_path, "https://example.com", secret=secret)
    assert secret not in str(raised.value)


def test_certificates_that_are_none_stop_the_start(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(ConfigError, match=r"ca\.pem"):
        sink(tmp_path, "https://example.com", ca="ca.pem")
