"""A message takes as few turns of Thespian's loop as it can, and each turn costs less.

Thespian reads what has come in two turns, its length in one and the rest in the next, and acknowledgements too. For
each turn it opens an epoll, tells it of every descriptor, and closes it again. And for each message it words a line for
its log, with the whole message in it, before it asks whether anybody wants the line.
"""

from __future__ import annotations

import errno
import math
import os
import select
from types import SimpleNamespace
from typing import Any

READ, WRITE = 1, 2
WAIT_MAX_S = 3600.0
READ_BYTES_MAX = 1024 * 1024


class OneLook:
    """What Thespian needs of a selector that it uses once: told of descriptors, and asked which are ready."""

    def __init__(self) -> None:
        self._wanted: dict[int, int] = {}

    def register(self, fd: int, event: int) -> None:
        self._wanted[fd] = self._wanted.get(fd, 0) | event

    def select(self, timeout_s: float | None) -> list[tuple[SimpleNamespace, int]]:
        """Those ready within ``timeout_s``, or ``WAIT_MAX_S``. OSError when one of them is no open descriptor."""
        look = select.poll()
        for fd, event in self._wanted.items():
            look.register(fd, (select.POLLIN if event & READ else 0) | (select.POLLOUT if event & WRITE else 0))
        wait_s = WAIT_MAX_S if timeout_s is None else min(timeout_s, WAIT_MAX_S)
        return [(SimpleNamespace(fd=fd), self._events(fd, seen)) for fd, seen in look.poll(math.ceil(wait_s * 1000))]

    def close(self) -> None:
        """Nothing is kept open."""

    def _events(self, fd: int, seen: int) -> int:
        """An error or a hang-up counts as whatever was waited for: the next read or write finds out."""
        if seen & select.POLLNVAL:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        wanted = self._wanted[fd]
        broken = seen & ~(select.POLLIN | select.POLLOUT)
        ready = (READ if seen & select.POLLIN else 0) | (WRITE if seen & select.POLLOUT else 0)
        return wanted if broken else ready & wanted


def spend_fewer_turns() -> None:
    """From now on every transport of this process and its forks does. Call once, before messages are verified."""
    from thespian.system import transport as words
    from thespian.system.transport import IPBase, TCPTransport

    TCPTransport.selectors = SimpleNamespace(DefaultSelector=OneLook, EVENT_READ=READ, EVENT_WRITE=WRITE)
    IPBase.IPActorAddress.__hash__ = lambda address: hash(address.sockname)
    words.TransmitIntent.identify = lambda intent: f"{type(intent.message).__name__} to {intent.targetAddr}"
    words.ReceiveEnvelope.identify = lambda envelope: f"{type(envelope.message).__name__} from {envelope.sender}"
    _read_at_once(TCPTransport.TCPTransport)


def _read_at_once(transport: Any) -> None:
    """The rest of what has begun to come is read in the same turn, if it is there."""
    readable, check = transport._handleReadableIncoming, transport._check_XMIT_4_done

    def read(self: Any, incoming: Any, *args: Any, **named: Any) -> Any:
        left = readable(self, incoming, *args, **named)
        if left is incoming and (rest := _rest(incoming.socket, incoming._rData)):
            try:
                incoming.addData(rest)
            except Exception:
                incoming.close()
                return None
            return self._addedDataToIncoming(incoming, *args, **named)
        return left

    def check_acknowledgement(self: Any, intent: Any, received: Any) -> Any:
        waits = check(self, intent, received)
        if waits and intent.stage == self._XMITStepWaitForAck and (rest := _rest(intent.socket, intent.ackbuf)):
            return check(self, intent, rest)
        return waits

    transport._handleReadableIncoming, transport._check_XMIT_4_done = read, check_acknowledgement


def _rest(socket: Any, buffer: Any) -> bytes:
    """What is there already of a message whose length is known; its end is never read beyond."""
    if buffer._size is None or buffer.isDone():
        return b""
    try:
        found: bytes = socket.recv(min(READ_BYTES_MAX, buffer.remainingAmount()))
    except OSError:
        return b""
    return found
