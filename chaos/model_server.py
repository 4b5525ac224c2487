"""A language model to be swept with: a server of chat completions on a loopback port that answers the first request
with 429 and each later one with another plan, and counts both."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REST_S = "0.5"
TOKENS = {"prompt_tokens": 100, "completion_tokens": 50}

Plan = Callable[[int, str], list[dict[str, Any]]]


class ModelServer(ThreadingHTTPServer):
    """``requests`` came so far, and so many of them got a plan: ``answers``. ``plan`` makes the n-th one, to the
    last words of the question."""

    daemon_threads = True

    def __init__(self, plan: Plan) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.plan = plan
        self.counting = threading.Lock()
        self.requests = self.answers = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked was ended: that is what this is for."""


class _Handler(BaseHTTPRequestHandler):
    server: ModelServer

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        with server.counting:
            server.requests += 1
            is_first = server.requests == 1
            server.answers += not is_first
            number = server.answers
        if is_first:
            self._answer(429, {"error": "slow down"}, {"Retry-After": REST_S})
            return
        message = {
            "role": "assistant",
            "content": json.dumps({"tasks": server.plan(number, asked["messages"][-1]["content"])}),
        }
        self._answer(200, {"choices": [{"message": message, "finish_reason": "stop"}], "usage": TOKENS}, {})

    def _answer(self, status: int, said: dict[str, Any], headers: dict[str, str]) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Nothing."""


@contextmanager
def model_server(plan: Plan) -> Iterator[ModelServer]:
    """It answers until the block ends."""
    with ModelServer(plan) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
