"""A socket of the Scheduler's own, for callers in a hurry: neither launcher nor transport stands between them and it.

Frames as at the door (length and JSON): ``{"protocol": 1, "id": n, "call": {…}}``, answered by ``{"id": n, "answer":
{…}}`` when it is on disk. It promises nothing that the door does not: whoever finds nobody here, or loses the
connection, asks again at the door; all verbs may be repeated. Only this user connects.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aidos_actors.actors.framed_link import FramedLink
from aidos_actors.actors.inputs import Inputs
from aidos_actors.desk_client import SOCKET_NAME
from supervisors.frames import PROTOCOL, encode
from supervisors.linux import peer_uid
from supervisors.premises import bind

CONNECTIONS_MAX = 64
FRAME_BYTES_MAX = 1024 * 1024


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

    def __init__(self, link: socket.socket, closed: Callable[[Connection], None]) -> None:
        self._link = FramedLink(link, FRAME_BYTES_MAX, lambda: closed(self))
        self.fd = self._link.fd

    def take(self) -> list[tuple[Caller, dict[str, Any]]]:
        """The calls that have come whole. A caller that has gone, or sends what is no call, is cut off."""
        try:
            return [self._call_of(body) for body in self._link.take()]
        except (ValueError, KeyError, TypeError, RecursionError):
            self._link.close()
            return []

    def _call_of(self, body: bytes) -> tuple[Caller, dict[str, Any]]:
        message = json.loads(body)
        if message["protocol"] != PROTOCOL or not isinstance(message["call"], dict):
            raise ValueError("another protocol")
        return Caller(self, message["id"]), message["call"]

    def send(self, message: dict[str, Any]) -> None:
        self._link.send(encode(message, trusted=False))


class DeskSocket:
    """``serve`` gets each call and who waits for its answer. Thread: the message loop's."""

    def __init__(
        self,
        state_dir: Path,
        inputs: Inputs,
        serve: Callable[[dict[str, Any], Caller], None],
    ) -> None:
        """OSError when the socket cannot be made."""
        self._inputs, self._serve = inputs, serve
        self._open: dict[int, Connection] = {}
        self._listener = bind(state_dir, SOCKET_NAME)
        self._listener.setblocking(False)
        inputs.watch(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        try:
            link, _ = self._listener.accept()
        except OSError:
            return
        if len(self._open) >= CONNECTIONS_MAX or peer_uid(link) not in (os.getuid(), 0):
            from loguru import logger  # it imports asyncio: not at every start, for a line that is rarely written

            logger.warning("a caller at {} was turned away", SOCKET_NAME)
            link.close()
            return
        connection = Connection(link, self._closed)
        self._open[connection.fd] = connection
        self._inputs.watch(connection.fd, lambda: self._take(connection))

    def _take(self, connection: Connection) -> None:
        for caller, call in connection.take():
            self._serve(call, caller)

    def _closed(self, connection: Connection) -> None:
        if self._open.pop(connection.fd, None) is not None:
            self._inputs.ignore(connection.fd)
