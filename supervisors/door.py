"""The door of a running system, from the inside: sockets, threads and frames of the launcher, and nothing that decides.

Connections come from the control socket (JSON) or from the embedding host, which hands over one end of a socketpair
through the inherited channel (pickle). Each has a reader and a writer thread; requests go to the launcher's message
loop through one queue, answers come back through the connection's own.
"""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import threading
import time
from collections import OrderedDict, deque
from typing import Any

from msgspec import Struct

from supervisors import frames
from supervisors.errors import SupervisorError
from supervisors.linux import peer_uid
from supervisors.parcel import opened, packed

CONNECTIONS_MAX = 128
REQUESTS_MAX = 10_000
ANSWERS_KEPT_MAX = 1000
HELLO_TIMEOUT_S = 10.0
TIMEOUT_MAX_S = 86_400.0


class Request(Struct, frozen=True):
    """One call from outside. ``answer`` may be called from the loop once, at any later time."""

    id: str
    verb: str
    target: str
    args: dict[str, Any]
    timeout_s: float
    connection: Connection

    def answer(self, value: Any = None, error: SupervisorError | None = None) -> None:
        self.connection.answer(self.id, value, error)


class Connection:
    """One caller. Its answers are kept for a while, so that a repeated request id gets the first answer."""

    def __init__(self, door: Door, link: socket.socket, *, trusted: bool) -> None:
        self._door = door
        self._link = link
        self._trusted = trusted
        self._outbox: queue.Queue[bytes | None] = queue.Queue(REQUESTS_MAX)
        self._waiting: set[str] = set()
        self._writer = threading.Thread(target=self._write, name="door-write", daemon=True)
        link.settimeout(HELLO_TIMEOUT_S)

    def begin(self) -> None:
        """It is read, and written."""
        threading.Thread(target=self._read, name="door-read", daemon=True).start()
        self._writer.start()

    def finish(self, until: float) -> None:
        """All answers are with the caller, or it has not taken them by ``until`` (monotonic seconds)."""
        self._put(None)
        if self._writer.is_alive():
            self._writer.join(max(0.0, until - time.monotonic()))

    @property
    def may_be_cut(self) -> bool:
        """Nobody waits for an answer here, and it is not the host's own."""
        return not self._waiting and not self._trusted

    def cut(self) -> None:
        """The caller finds it closed, and makes another for its next call."""
        with contextlib.suppress(OSError):
            self._link.shutdown(socket.SHUT_RDWR)

    def answer(self, request_id: str, value: Any, error: SupervisorError | None) -> None:
        self._waiting.discard(request_id)
        message: dict[str, Any] = {"id": request_id, "ok": error is None}
        try:
            if error is None:
                message["value"] = packed(value) if self._trusted else opened(value)
            else:
                told = {"code": error.code, "message": error.message, "cause": error.cause}
                message["error"] = error if self._trusted else told
            frame = frames.encode(message, trusted=self._trusted)
        except Exception as unfit:
            failed = SupervisorError("not_picklable", f"the answer cannot be sent: {unfit}")
            self.answer(request_id, None, failed)
            return
        self._door.remember(request_id, frame)
        self._put(frame)

    def _put(self, frame: bytes | None) -> None:
        try:
            self._outbox.put_nowait(frame)
        except queue.Full:
            self._link.close()

    def _read(self) -> None:
        try:
            hello = frames.read(self._link, trusted=False)
            self._put(frames.encode({"protocol": frames.PROTOCOL}, trusted=False))
            if not isinstance(hello, dict) or hello.get("protocol") != frames.PROTOCOL:
                return
            self._link.settimeout(None)
            while (message := frames.read(self._link, trusted=self._trusted)) is not None:
                self._request(message)
        except OSError:
            pass
        except (frames.FrameError, AttributeError, KeyError, TypeError, ValueError):
            self._door.refused += 1
        finally:
            self._put(None)
            self._door.closed(self)

    def _request(self, message: dict[str, Any]) -> None:
        request_id = str(message["id"])
        known = self._door.recall(request_id)
        if known is not None:
            self._put(known)
            return
        timeout_s = min(max(float(message.get("timeout_s", 5.0)), 0.0), TIMEOUT_MAX_S)
        if timeout_s != timeout_s:  # NaN has no place in a heap of moments
            raise ValueError("timeout_s is no number")
        try:
            args = dict(opened(message.get("args")) or {})
        except SupervisorError as error:
            self.answer(request_id, None, error)
            return
        verb, target = str(message["verb"]), str(message.get("target", ""))
        self._waiting.add(request_id)
        self._door.used(self)
        self._door.hand_in(Request(request_id, verb, target, args, timeout_s, self))

    def _write(self) -> None:
        with contextlib.closing(self._link), contextlib.suppress(OSError):
            while (frame := self._outbox.get()) is not None:
                self._link.sendall(frame)


class Door:
    """Accepts, reads, and hands requests in. ``fileno`` is readable while requests wait; ``take`` empties them.
    ``refused`` counts the connections that were closed because what they sent made no sense."""

    def __init__(self, listener: socket.socket, channel: socket.socket | None) -> None:
        self._requests: deque[Request] = deque()
        self._answers: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._open: OrderedDict[Connection, None] = OrderedDict()
        self.refused = 0
        self._signal = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        threading.Thread(target=self._accept, args=(listener,), name="door-accept", daemon=True).start()
        if channel is not None:
            threading.Thread(target=self._receive, args=(channel,), name="door-channel", daemon=True).start()

    def fileno(self) -> int:
        return self._signal

    def take(self) -> list[Request]:
        try:
            os.eventfd_read(self._signal)
        except BlockingIOError:
            return []
        with self._lock:
            taken = list(self._requests)
            self._requests.clear()
        return taken

    def finish(self, within_s: float) -> None:
        """All answers are with their callers, as far as these take them in that time; nothing more is answered."""
        until = time.monotonic() + within_s
        with self._lock:
            open_now = list(self._open)
        for each in open_now:
            each.finish(until)

    def hand_in(self, request: Request) -> None:
        with self._lock:
            if not (full := len(self._requests) >= REQUESTS_MAX):
                self._requests.append(request)
        if full:
            request.answer(error=SupervisorError("timeout", f"{REQUESTS_MAX} requests wait already; try again later"))
        else:
            os.eventfd_write(self._signal, 1)

    def remember(self, request_id: str, frame: bytes) -> None:
        if len(frame) > 65536:
            return
        with self._lock:
            self._answers[request_id] = frame
            while len(self._answers) > ANSWERS_KEPT_MAX:
                self._answers.popitem(last=False)

    def recall(self, request_id: str) -> bytes | None:
        with self._lock:
            return self._answers.get(request_id)

    def used(self, connection: Connection) -> None:
        """Of all, it is the one that was used last."""
        with self._lock:
            if connection in self._open:
                self._open.move_to_end(connection)

    def closed(self, connection: Connection) -> None:
        with self._lock:
            self._open.pop(connection, None)

    def _admit(self, link: socket.socket, *, trusted: bool) -> None:
        """Where there are too many, the one that was idle longest is cut: who has forgotten one keeps nobody out. The
        new one goes when all are waited for."""
        spare = None
        with self._lock:
            if len(self._open) >= CONNECTIONS_MAX:
                spare = next((each for each in self._open if each.may_be_cut), None)
                if spare is None:
                    link.close()
                    return
                del self._open[spare]
            connection = Connection(self, link, trusted=trusted)
            self._open[connection] = None
        if spare is not None:
            spare.cut()
        connection.begin()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            if peer_uid(link) in (os.getuid(), 0):
                self._admit(link, trusted=False)
            else:
                link.close()

    def _receive(self, channel: socket.socket) -> None:
        """The host's connections: each message on the channel carries one end of a socketpair."""
        while True:
            try:
                data, fds, _, _ = socket.recv_fds(channel, 16, 1)
            except OSError:
                return
            if not data:
                return
            for fd in fds:
                self._admit(socket.socket(fileno=fd), trusted=True)
