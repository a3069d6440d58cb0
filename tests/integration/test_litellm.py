"""A real LiteLLM proxy in front of a mock upstream; the readers get both of its logs whole."""

import http.client
import json
import os
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
HERE = Path(__file__).parent
START_S = 120  # a cold start of LiteLLM reads some thousand modules
PATIENCE_S = 30
ALPHA, BETA = "sk-test-alpha-0000000001", "sk-test-beta-00000000002"
USAGE = {
    "prompt_tokens": 21,
    "completion_tokens": 9,
    "total_tokens": 30,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
ASKED: dict[str, Any] = {
    "model": "m-1",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Say hi"},
        {"role": "assistant", "content": "hi"},
        {"role": "user", "content": [{"type": "text", "text": 'Again "x" \\ 猫'}]},
    ],
    "max_tokens": 64,
    "temperature": 0.5,
    "user": "end-7",
}


class Upstream(BaseHTTPRequestHandler):
    """Plays a model: chat completions, streamed or not."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        base = {"id": "chatcmpl-1", "created": 1_780_000_000, "model": asked["model"]}
        said = {"role": "assistant", "content": "Hello there"}
        if asked.get("stream"):
            steps: list[dict[str, Any]] = [
                {"choices": [{"index": 0, "delta": said, "finish_reason": None}]},
                {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
                {"choices": [], "usage": USAGE},
            ]
            chunks = [{**base, "object": "chat.completion.chunk", **step} for step in steps]
            lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
            self._answer("text/event-stream", "".join([*lines, "data: [DONE]\n\n"]))
        else:
            choice = {"index": 0, "message": said, "finish_reason": "stop"}
            whole = {**base, "object": "chat.completion", "choices": [choice], "usage": USAGE}
            self._answer("application/json", json.dumps(whole))

    def _answer(self, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


def binary() -> str:
    """Return LiteLLM's command, or skip."""
    folder = os.environ.get("STILLHUNT_LITELLM")
    places = [Path(folder)] if folder else [HERE.parents[1] / ".venv-litellm"]
    for place in places:
        for found in (place, place / "bin" / "litellm"):
            if found.is_file():
                return str(found)
    on_path = shutil.which("litellm")
    if on_path is None:
        pytest.skip("litellm is not installed: no STILLHUNT_LITELLM, .venv-litellm or PATH")
    return on_path


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
    """Run the proxy on a free port of loopback."""
    command = binary()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        chosen = int(free.getsockname()[1])
    shutil.copy(HERE / "litellm_callbacks.py", tmp_path)
    (tmp_path / "config.yaml").write_text(_config(upstream))
    own = {"LOG_FOLDER": str(tmp_path), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
           "LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # fmt: skip
    arguments = ["--config", "config.yaml", "--host", "127.0.0.1", "--port", str(chosen)]
    with (tmp_path / "proxy.log").open("wb") as log, subprocess.Popen(
        [command, *arguments, "--num_workers", "1"],
        cwd=tmp_path, env=os.environ | own, stdout=log, stderr=log,
    ) as proxy:  # fmt: skip
        try:
            _await(chosen, proxy)
            yield chosen
        finally:
            proxy.terminate()
            try:
                proxy.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                proxy.kill()


def _config(upstream: int) -> str:
    return json.dumps(
        {
            "model_list": [
                {
                    "model_name": "m-1",
                    "litellm_params": {
                        "model": "openai/m-1",
                        "api_base": f"http://127.0.0.1:{upstream}/v1",
                        "api_key": "sk-upstream",
                    },
                }
            ],
            "litellm_settings": {"callbacks": "litellm_callbacks.writer"},
            "general_settings": {
                "custom_auth": "litellm_callbacks.authenticate",
                "master_key": "sk-master-0123456789abcdefghijklmnopqrstuvwxyz",
            },
        }
    )


def _await(port: int, proxy: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_S
    while proxy.poll() is None and time.monotonic() < until:
        try:
            if _send(port, "GET", "/health/liveliness") == 200:
                return
        except OSError:
            threading.Event().wait(0.2)
    pytest.fail("LiteLLM does not listen; see proxy.log")


def _send(port: int, method: str, path: str, body: object = None, **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, None if body is None else json.dumps(body), sent)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


def ask(port: int, key: str, agent: str, **more: object) -> int:
    """Ask for a chat completion and return the status."""
    headers = {"Content_Type": "application/json", "User_Agent": agent}
    return _send(port, "POST", "/v1/chat/completions", ASKED | more,
                 Authorization=f"Bearer {key}", **headers)  # fmt: skip


def lines_of(path: Path, expected: int) -> list[str]:
    """Return the lines that the callback wrote; it runs after the answer."""
    until = time.monotonic() + PATIENCE_S
    lines: list[str] = []
    while time.monotonic() < until:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        if len(lines) >= expected:
            return lines
        threading.Event().wait(0.1)
    return pytest.fail(f"{path.name} has {len(lines)} lines of {expected}; see proxy.log")


def rows(folder: Path, lines: list[str], reader: str) -> dict[bool, dict[str, Any]]:
    """Return the row of each account, by whether it streamed."""
    assert recognise(lines, "lines") == reader
    table = pa.table({"line_number": range(1, len(lines) + 1), "line": lines})
    result = Reading(reader, HuntSettings(folder=folder), "0123abcd").read(table)
    assert result.rejects == []
    return {row["account_id"] == "beta": row for row in result.rows.to_pylist()}


def test_both_logs_of_a_real_litellm_are_read_to_the_last_line(tmp_path: Path, port: int) -> None:
    before = time.time()
    assert ask(port, ALPHA, 'an "odd" \\ agent') == 200
    assert ask(port, BETA, "curl/8.5.0", stream=True) == 200
    long_lines = lines_of(tmp_path / "payload.jsonl", 2)
    long = rows(tmp_path, long_lines, "litellm_payload")
    short = rows(tmp_path, lines_of(tmp_path / "spend.jsonl", 2), "litellm_spend")
    after = time.time()

    for streamed, account in ((False, "alpha"), (True, "beta")):
        for row in (long[streamed], short[streamed]):
            assert before <= row["ts_us"] / 1e6 <= after
            assert (row["account_id"], row["org_id"]) == (account, "org-1")
            assert (row["end_user_id"], row["source_ip"]) == ("end-7", "127.0.0.1")
            assert (row["model"], row["provider"], row["operation"]) == ("m-1", "openai", "chat")
            assert (row["input_tokens"], row["cached_tokens"]) == (21, 4)
            assert (row["output_tokens"], row["reasoning_tokens"]) == (9, 3)
            assert row["status"] == 200
            assert row["duration_ms"] >= 0
            assert (row["ttft_ms"] is not None) == streamed
            assert len(row["key_hash"]) == 32
        for name in ("exchange_id", "key_hash", "ts_us", "user_agent"):
            assert long[streamed][name] == short[streamed][name]
        row = long[streamed]
        assert row["prompt"] == 'Say hi\n\nAgain "x" \\ 猫'
        assert (row["system_prompt"], row["output"]) == ("Be brief.", "Hello there")
        assert (row["turns"], row["max_tokens"], row["temperature"]) == (4, 64, 0.5)
        assert row["stream"] == streamed
        assert row["path"] == "/v1/chat/completions"
    assert long[False]["user_agent"] == 'an "odd" \\ agent'
    assert long[False]["key_hash"] != long[True]["key_hash"]
    assert not any(key in line for key in (ALPHA, BETA) for line in long_lines)
