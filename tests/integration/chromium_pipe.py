"""Chromium by its own debugging pipe: no driver, no port, no package."""

# ruff: noqa: ANN401 - stand-ins of any shape
import base64
import itertools
import json
import os
import selectors
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

BINARY = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
PATIENCE_S = 40.0


class Chromium:
    """One page in a headless Chromium; what it complains of is kept in ``complaints``."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._ids = itertools.count(1)
        self._rest = b""
        self._session: str | None = None

    def __enter__(self) -> Self:
        ours_out, theirs_in = os.pipe(), os.pipe()
        assert BINARY is not None

        def wire() -> None:
            """Put the pipe where Chromium looks for it: reads on 3, writes on 4."""
            read = os.dup2(theirs_in[0], 200)
            write = os.dup2(ours_out[1], 201)
            os.dup2(read, 3)
            os.dup2(write, 4)

        self._process = subprocess.Popen(
            [BINARY, *FLAGS, f"--user-data-dir={self._profile.name}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False,
            preexec_fn=wire,  # noqa: PLW1509 - no threads here, and the pipe has to be 3 and 4
        )  # fmt: skip
        os.close(theirs_in[0])
        os.close(ours_out[1])
        self._write, self._read = theirs_in[1], ours_out[0]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._read, selectors.EVENT_READ)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait()
        self._selector.close()
        os.close(self._write)
        os.close(self._read)
        self._profile.cleanup()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call one method of the protocol and return its answer."""
        number = next(self._ids)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def open(self, path: Path, fragment: str = "") -> None:
        """Open the file at *path* and wait until it is there."""
        self.call("Page.navigate", url=path.as_uri() + fragment)
        while not self.run("location.protocol === 'file:' && document.readyState === 'complete'"):
            pass

    def run(self, script: str) -> Any:
        """Return what *script* comes to in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def look(
        self, *, width: int = 1280, height: int = 900, theme: str = "light", media: str = ""
    ) -> None:
        """Take the size and the theme of a screen, or of paper."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)  # fmt: skip
        feature = {"name": "prefers-color-scheme", "value": theme}
        self.call("Emulation.setEmulatedMedia", media=media, features=[feature])

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """Write what the page looks like to *path*, a PNG."""
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

    def paper(self, path: Path) -> None:
        """Print the page to *path*, a PDF."""
        answer = self.call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    def _next(self) -> dict[str, Any]:
        """Return the next message, and keep what it complains of."""
        until = time.monotonic() + PATIENCE_S
        while b"\0" not in self._rest:
            assert time.monotonic() < until, "Chromium does not answer"
            if self._selector.select(timeout=1):
                self._rest += os.read(self._read, 1 << 20)
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        self._listen(message.get("method"), message.get("params", {}))
        return message

    def _listen(self, method: str | None, said: dict[str, Any]) -> None:
        if method == "Log.entryAdded" and said["entry"]["level"] in {"error", "warning"}:
            self.complaints.append(said["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(said["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(json.dumps(said["args"]))
        elif method == "Network.requestWillBeSent":
            self.requests.append(said["request"]["url"])
