"""A model's end point that only remembers."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Endpoint"]


class Server(ThreadingHTTPServer):
    """Many may knock at once."""

    request_queue_size = 128


class Endpoint:
    """A server that remembers what it was asked, and how much of it at once."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.busy = self.most = 0
        self.wait = 0.0
        self.closes = False
        endpoint, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                with lock:
                    endpoint.busy += 1
                    endpoint.most = max(endpoint.most, endpoint.busy)
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                time.sleep(endpoint.wait)
                with lock:
                    endpoint.asked.append((self.path, dict(self.headers), body))
                    endpoint.busy -= 1
                self.send_response(429 if body["model"] == "limited" else 200)
                self.send_header("Content-Length", "2")
                if endpoint.closes:
                    self.close_connection = True  # without a word: the client finds out late
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *args: object) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
