"""The door of a running system, from the inside: sockets, threads and frames of the launcher, and nothing that decides.

Connections come from the control socket (JSON) or from the embedding host, which hands over one end of a socketpair
through the inherited channel (pickle). Each has a reader and a writer thread; requests go to the launcher's message
loop through one queue, answers come back through the connection's own.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import OrderedDict, deque

from supervisors.door_connection import Connection, Request
from supervisors.errors import SupervisorError
from supervisors.linux import peer_uid

CONNECTIONS_MAX = 128
REQUESTS_MAX = 10_000
ANSWERS_KEPT_MAX = 1000
ANSWER_BYTES_MAX = 65_536


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
            is_full = len(self._requests) >= REQUESTS_MAX
            if not is_full:
                self._requests.append(request)
        if is_full:
            request.answer(error=SupervisorError("timeout", f"{REQUESTS_MAX} requests wait already; try again later"))
        else:
            os.eventfd_write(self._signal, 1)

    def remember(self, request_id: str, frame: bytes) -> None:
        if len(frame) > ANSWER_BYTES_MAX:
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
