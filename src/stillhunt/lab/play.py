"""Play a written population against an HTTP end point, as its accounts would have asked.

Requests go out in order of time, *speed* times as fast as they were written, at most so many at
once. When the other side is slower than that, the rest comes later and the summary says how late;
nothing is left out, and never more is read ahead than is under way.
"""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from urllib.parse import SplitResult, urlsplit

import zstandard

from stillhunt.model.errors import ConfigError, InputError

__all__ = ["Played", "pace", "play"]

AT_ONCE = 32
TIMEOUT_S = 60.0
SHOWN = 1 << 16  # bytes of an answer read at once; it is thrown away
MESSAGES = "/v1/messages"
RESPONSES = "/v1/responses"
LEAST_TOKENS = 1024  # a request of Anthropic's dialect must say how much it wants


@dataclass
class Played:
    """What was sent and what came back."""

    sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    """Answers by HTTP status."""
    failed: int = 0
    """Requests without any answer."""
    late_s: float = 0.0
    """How far the slowest moment lay behind its time [s]."""
    seconds: float = 0.0

    def __str__(self) -> str:
        answers = ", ".join(f"{n:,} x {status}" for status, n in sorted(self.statuses.items()))
        return (
            f"{self.sent:,} requests in {self.seconds:.1f} s: {answers or 'no answers'},"
            f" {self.failed:,} without an answer; at most {self.late_s:.1f} s late"
        )


def pace(text: str) -> float | None:
    """Return how many times as fast *text* wants it: ``60x``, ``1``; None for ``max``.

    Raises:
        ConfigError: It is no positive number.
    """
    if text == "max":
        return None
    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise ConfigError(f"speed is {text!r}; give a number such as 60x, or max")
    return speed


def play(
    folder: Path,
    url: str,
    *,
    speed: float | None = 60.0,
    at_once: int = AT_ONCE,
    timeout_s: float = TIMEOUT_S,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Played:
    """Send every exchange of the population in *folder* to *url*, and return what came back.

    Each account is named by ``X-Account-Id`` and by a bearer key of its own, its address by
    ``X-Forwarded-For``; nobody should believe these but a test.

    Args:
        folder: As ``simulate`` writes it.
        url: Where to; the exchange's path is put behind it.
        speed: How many times as fast as written; None without any wait.
        at_once: Most requests under way.
        timeout_s: Longest wait for one answer [s].
        clock: Seconds that pass.
        sleep: Waits.

    Raises:
        ConfigError: *url* is none of HTTP, or a bound is not positive.
        InputError: The folder holds no population.
    """
    target = _target(url)
    if at_once < 1 or timeout_s <= 0:
        raise ConfigError(f"at_once is {at_once}, timeout_s {timeout_s}; give more than 0")
    done, lock = Played(), threading.Lock()
    lines: SimpleQueue[_Line] = SimpleQueue()
    for _ in range(at_once):
        lines.put(_Line(target, timeout_s))
    began, first = clock(), None

    def send(line: _Line, row: Mapping[str, Any]) -> None:
        try:
            status = line.ask(row)
        finally:
            lines.put(line)
        with lock:
            done.statuses.update([] if status is None else [status])
            done.failed += status is None

    with ThreadPoolExecutor(at_once) as pool:
        for row in _rows(folder):
            first = row["ts_us"] if first is None else first
            due = began + (row["ts_us"] - first) / 1e6 / (speed or 1)
            if speed and due > clock():
                sleep(due - clock())
            line = lines.get()  # waits until one is free
            done.late_s = max(done.late_s, clock() - due) if speed else 0.0
            done.sent += 1
            pool.submit(send, line, row)
    while not lines.empty():
        lines.get().close()
    done.seconds = clock() - began
    return done


def _target(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(f"url is {url!r}; give one such as http://127.0.0.1:8080")
    return parts


def _rows(folder: Path) -> Iterator[dict[str, Any]]:
    plain, packed = folder / "exchanges.jsonl", folder / "exchanges.jsonl.zst"
    if plain.exists():
        with plain.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)
    elif packed.exists():
        with zstandard.open(packed, "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)
    else:
        raise InputError(f"{folder} holds no exchanges.jsonl; see stillhunt lab simulate")


class _Line:
    """One connection, kept open from request to request."""

    def __init__(self, target: SplitResult, timeout_s: float) -> None:
        kind = (
            http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
        )
        self._path = target.path.rstrip("/")
        self._connection = kind(target.hostname or "", target.port, timeout=timeout_s)

    def ask(self, row: Mapping[str, Any]) -> int | None:
        """Send one request and return its status, None if there was no answer."""
        body = json.dumps(_body(row), ensure_ascii=False).encode()
        for _ in range(2):  # a connection that was kept may be gone: then over a new one
            was_kept = self._connection.sock is not None
            try:
                self._connection.request(
                    row["method"], self._path + row["path"], body, _headers(row)
                )
                answer = self._connection.getresponse()
                while answer.read(SHOWN):
                    pass
            except (OSError, http.client.HTTPException, ValueError):  # also unfit headers
                self.close()
                if not was_kept:
                    return None
            else:
                return int(answer.status)
        return None

    def close(self) -> None:
        """Hang up; the next request opens it again."""
        self._connection.close()


def _headers(row: Mapping[str, Any]) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "Authorization": f"Bearer lab-{row['account_id']}",
        "X-Account-Id": row["account_id"],
        "X-Forwarded-For": row["source_ip"] or "192.0.2.1",
        "User-Agent": row["user_agent"] or "stillhunt-lab",
    }


def _body(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request in the dialect of its path."""
    system, prompt, most = row["system_prompt"], row["prompt"] or "", row["max_tokens"]
    user = {"role": "user", "content": prompt}
    body: dict[str, Any] = {"model": row["model"], "stream": bool(row["stream"])}
    if row["temperature"] is not None:
        body["temperature"] = row["temperature"]
    if row["path"] == MESSAGES:
        told = {"system": system} if system else {}
        return body | told | {"max_tokens": most or LEAST_TOKENS, "messages": [user]}
    if row["path"] == RESPONSES:
        told = {"instructions": system} if system else {}
        return body | told | {"input": prompt} | ({"max_output_tokens": most} if most else {})
    above = [{"role": "system", "content": system}] if system else []
    return body | {"messages": [*above, user]} | ({"max_tokens": most} if most else {})
