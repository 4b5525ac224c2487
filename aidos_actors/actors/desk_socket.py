"""A socket of the Scheduler's own, for callers in a hurry: neither launcher nor transport stands between them and it.

Frames as at the door (length and JSON): ``{"protocol": 1, "id": n, "call": {…}}``, answered by ``{"id": n, "answer":
{…}}`` when it is on disk. It promises nothing that the door does not: whoever finds nobody here, or loses the
connection, asks again at the door; all verbs may be repeated. Only this user connects.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loguru import logger

from aidos_actors.desk_client import SOCKET_NAME
from supervisors.door import peer_uid
from supervisors.frames import PROTOCOL, encode
from supervisors.premises import bind

CONNECTIONS_MAX = 64
FRAME_BYTES_MAX = 1024 * 1024
CHUNK_BYTES = 256 * 1024
SEND_LIMIT_S = 10.0
_HEAD = struct.Struct(">I")


class Caller:
    """Who waits for one answer."""

    def __init__(self, connection: Connection, request_id: Any) -> None:
        self._connection = connection
        self._id = request_id

    def answer(self, answer: Any) -> None:
        """On its way, unless the caller has gone; one that does not read is cut off."""
        self._connection.send({"id": self._id, "answer": answer})


class Connection:
    """One open connection. Nothing here waits."""

    def __init__(self, link: socket.socket, close: Callable[[Connection], None]) -> None:
        self._link = link
        self._close = close
        self._come = bytearray()
        self._is_sending = False
        self.fd = link.fileno()
        link.setblocking(False)

    def take(self) -> list[tuple[Caller, dict[str, Any]]]:
        """The calls that have come whole. A caller that has gone, or sends what is no call, is cut off."""
        try:
            data = self._link.recv(CHUNK_BYTES)
            self._come += data
            calls = list(self._frames())
        except BlockingIOError:
            return []
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            data, calls = b"", []
        if not data:
            self.close()
        return calls

    def _frames(self) -> Any:
        while len(self._come) >= _HEAD.size:
            (size,) = _HEAD.unpack_from(self._come)
            if size > FRAME_BYTES_MAX:
                raise ValueError(f"a frame of {size} bytes")
            if len(self._come) < _HEAD.size + size:
                return
            message = json.loads(self._come[_HEAD.size : _HEAD.size + size])
            del self._come[: _HEAD.size + size]
            if message["protocol"] != PROTOCOL or not isinstance(message["call"], dict):
                raise ValueError("another protocol")
            yield Caller(self, message["id"]), message["call"]

    def send(self, message: dict[str, Any]) -> None:
        frame = encode(message, trusted=False)
        try:
            sent = self._link.send(frame) if not self._is_sending else 0
        except OSError:
            sent = 0
        if sent == len(frame):
            return
        if sent == 0:
            self.close()
        else:  # more than the kernel takes at once: the loop does not wait for the reader
            self._is_sending = True
            threading.Thread(target=self._send_rest, args=(memoryview(frame)[sent:],), daemon=True).start()

    def _send_rest(self, rest: memoryview) -> None:
        """Beside the loop. A reader that takes nothing for ``SEND_LIMIT_S`` finds the end instead of the rest."""
        poller = select.poll()
        try:
            poller.register(self.fd, select.POLLOUT)
            while rest and poller.poll(SEND_LIMIT_S * 1000):
                rest = rest[self._link.send(rest) :]
            if rest:
                self._link.shutdown(socket.SHUT_RDWR)
        except (OSError, ValueError):
            pass  # it has gone; the loop hears of that by reading
        self._is_sending = False

    def close(self) -> None:
        self._close(self)
        self._link.close()


class DeskSocket:
    """``watch(fd, call)`` has ``call()`` called whenever ``fd`` is readable, ``ignore(fd)`` no more; ``serve`` gets
    what has come at once. Called from the message loop."""

    def __init__(
        self,
        state_dir: Path,
        watch: Callable[[int, Callable[[], None]], None],
        ignore: Callable[[int], None],
        serve: Callable[[list[tuple[Caller, dict[str, Any]]]], None],
    ) -> None:
        """OSError when the socket cannot be made."""
        self._watch, self._ignore, self._serve = watch, ignore, serve
        self._open: dict[int, Connection] = {}
        self._listener = bind(state_dir, SOCKET_NAME)
        self._listener.setblocking(False)
        watch(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        try:
            link, _ = self._listener.accept()
        except OSError:
            return
        if len(self._open) >= CONNECTIONS_MAX or peer_uid(link) not in (os.getuid(), 0):
            logger.warning("a caller at {} was turned away", SOCKET_NAME)
            link.close()
            return
        connection = Connection(link, self._closed)
        self._open[connection.fd] = connection
        self._watch(connection.fd, self._take)

    def _take(self) -> None:
        """What all callers have sent by now is served together, so that one sync answers many."""
        calls = [call for connection in tuple(self._open.values()) for call in connection.take()]
        if calls:
            self._serve(calls)

    def _closed(self, connection: Connection) -> None:
        if self._open.pop(connection.fd, None) is not None:
            self._ignore(connection.fd)
