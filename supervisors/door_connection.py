"""One caller of a running system, from the inside: what it asks is handed in at the door, and it is answered."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from supervisors import frames
from supervisors.errors import SupervisorError
from supervisors.parcel import opened, packed

if TYPE_CHECKING:
    from supervisors.door import Door

ANSWERS_MAX = 10_000
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
        self._outbox: queue.Queue[bytes | None] = queue.Queue(ANSWERS_MAX)
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
