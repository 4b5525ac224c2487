"""A server of chat completions on a loopback port: each request gets the next of the answers it was given; when none is
left, the last one again."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Act = Callable[[BaseHTTPRequestHandler], None]


class ChatServer(ThreadingHTTPServer):
    """``requests`` are those so far: (headers, body). ``held`` is what ``slow`` waits for."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *answers: Act, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.answers = list(answers)
        self.requests: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.held = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        server: ChatServer = self.server  # type: ignore[assignment]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path == "/v1/chat/completions", self.path
        server.requests.append((dict(self.headers), json.loads(body)))
        act = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
        act(self)

    def log_message(self, *args: Any) -> None:
        """Nothing."""


def completion(
    text: str | None, *, tokens: tuple[int, int] | None = (100, 50), reason: str = "stop", **more: Any
) -> Act:
    """A good envelope around ``text``."""
    message = {"role": "assistant", "content": text, **more}
    said: dict[str, Any] = {"object": "chat.completion", "choices": [{"message": message, "finish_reason": reason}]}
    if tokens is not None:
        said["usage"] = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
    return raw(200, json.dumps(said))


def tasks(*found: dict[str, Any]) -> Act:
    """A good answer."""
    return completion(json.dumps({"tasks": list(found)}))


def raw(status: int, body: str, **headers: str) -> Act:
    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body.encode())))
        handler.end_headers()
        handler.wfile.write(body.encode())

    return act


def slow(then: Act) -> Act:
    """Nothing until the server is let go."""

    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.server.held.wait(60)  # type: ignore[attr-defined]
        then(handler)

    return act


def dies_mid_answer(handler: BaseHTTPRequestHandler) -> None:
    """Half of what was promised, and the connection is gone."""
    handler.send_response(200)
    handler.send_header("Content-Length", "10000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')
    handler.wfile.flush()
    handler.close_connection = True
    handler.connection.shutdown(2)


def drips(handler: BaseHTTPRequestHandler) -> None:
    """A byte now and then, for as long as anybody listens."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while not handler.server.held.wait(0.02):  # type: ignore[attr-defined]
        handler.wfile.write(b" ")
        handler.wfile.flush()


@contextmanager
def chat_server(*answers: Act, port: int = 0) -> Iterator[ChatServer]:
    server = ChatServer(*answers, port=port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.held.set()
        server.shutdown()
        server.server_close()
        thread.join()
