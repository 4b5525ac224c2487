"""The door of a running system, from the outside: one connection, many calls at once, from any thread."""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from supervisors import frames
from supervisors.errors import CODES, SupervisorError
from supervisors.parcel import opened, packed
from supervisors.premises import SOCKET_NAME

HELLO_TIMEOUT_S = 10.0
ANSWER_GRACE_S = 5.0


class ProtocolMismatch(Exception):
    """The running system speaks another protocol version than this program."""


class Unanswered(Exception):
    """The connection ended before the answer came: the call may or may not have been carried out."""


def connect_to(state_dir: Path, name: str = SOCKET_NAME) -> socket.socket:
    """A connection to the control socket, or the named one, however long the path. OSError when nobody listens."""
    folder = os.open(state_dir, os.O_DIRECTORY | os.O_RDONLY | os.O_CLOEXEC)
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        link.connect(f"/proc/self/fd/{folder}/{name}")
    except OSError:
        link.close()
        raise
    finally:
        os.close(folder)
    return link


def hand_over(channel: socket.socket) -> socket.socket:
    """A trusted connection: one end of a socketpair goes to the launcher through the inherited channel."""
    ours, theirs = socket.socketpair()
    socket.send_fds(channel, [b"c"], [theirs.fileno()])
    theirs.close()
    return ours


class _Reply:
    def __init__(self) -> None:
        self.come = threading.Event()
        self.message: dict[str, Any] | None = None


class Caller:
    """Calls over connections that ``connect`` makes; a lost one is made anew for the next call."""

    def __init__(self, connect: Callable[[], socket.socket], *, trusted: bool) -> None:
        self._connect = connect
        self._trusted = trusted
        self._lock = threading.Lock()
        self._link: socket.socket | None = None
        self._opening: socket.socket | None = None
        self._is_closed = False
        self._replies: dict[str, _Reply] = {}

    def call(self, verb: str, target: str, args: dict[str, Any], timeout_s: float, request_id: str = "") -> Any:
        """The answer's value. SupervisorError as the system says; ``Unanswered`` when the connection broke; OSError
        when there is none to be had; ``ProtocolMismatch`` when the versions differ."""
        request_id = request_id or uuid.uuid4().hex
        carried = packed(args) if self._trusted else args
        message = {"id": request_id, "verb": verb, "target": target, "args": carried, "timeout_s": timeout_s}
        try:
            frame = frames.encode(message, trusted=self._trusted)
        except Exception as error:
            raise SupervisorError("not_picklable", f"the message does not travel: {error}") from error
        reply = _Reply()
        with self._lock:
            link = self._opened()
            self._replies[request_id] = reply
            try:
                link.sendall(frame)
            except OSError as error:
                self._replies.pop(request_id, None)
                self._drop(link)
                raise Unanswered(str(error)) from error
        if not reply.come.wait(min(timeout_s + ANSWER_GRACE_S, threading.TIMEOUT_MAX)):
            self._replies.pop(request_id, None)
            raise SupervisorError("timeout", f"no answer to {verb} {target!r} within {timeout_s:g} s")
        if reply.message is None:
            raise Unanswered("the connection to the running system ended")
        return _value_of(reply.message)

    def close(self) -> None:
        """No call goes out any more; whoever waits for an answer, or a greeting, is told at once that none comes."""
        self._is_closed = True
        if (opening := self._opening) is not None:
            with suppress(OSError):
                opening.shutdown(socket.SHUT_RDWR)
        with self._lock:
            if self._link is not None:
                self._drop(self._link)

    def _opened(self) -> socket.socket:
        if self._link is None:
            if self._is_closed:
                raise Unanswered("these calls are over")
            link = self._opening = self._connect()
            link.settimeout(HELLO_TIMEOUT_S)
            try:
                if self._is_closed:  # by now; later than this it finds what is being opened
                    raise ConnectionAbortedError("these calls are over")
                link.sendall(frames.encode({"protocol": frames.PROTOCOL}, trusted=False))
                hello = frames.read(link, trusted=False)
            except (OSError, frames.FrameError) as error:
                link.close()
                raise Unanswered(f"no greeting from the running system: {error}") from error
            if hello is None:
                link.close()
                raise Unanswered("the running system closed the connection")
            if hello.get("protocol") != frames.PROTOCOL:
                link.close()
                theirs = hello.get("protocol")
                raise ProtocolMismatch(f"this program speaks protocol {frames.PROTOCOL}, the running system {theirs}")
            link.settimeout(None)
            self._link = link
            threading.Thread(target=self._read, args=(link,), name="calls", daemon=True).start()
        return self._link

    def _read(self, link: socket.socket) -> None:
        try:
            while (message := frames.read(link, trusted=self._trusted)) is not None:
                reply = self._replies.pop(message["id"], None)
                if reply is not None:
                    reply.message = message
                    reply.come.set()
        except (OSError, frames.FrameError, EOFError):
            pass
        with self._lock:
            self._drop(link)

    def _drop(self, link: socket.socket) -> None:
        if self._link is link:
            self._link = None
            lost, self._replies = self._replies, {}
            for reply in lost.values():
                reply.come.set()
        try:
            link.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        link.close()


def _value_of(message: dict[str, Any]) -> Any:
    if message["ok"]:
        return opened(message["value"])
    error = message["error"]
    if isinstance(error, SupervisorError):
        raise error
    code = error["code"] if error["code"] in CODES else "actor_failed"
    raise SupervisorError(code, error["message"], cause=error.get("cause", ""))
