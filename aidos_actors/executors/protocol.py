"""How owner, nursery and minders talk: tuples over SOCK_SEQPACKET, one a packet, file descriptors beside them.

To the nursery:    ``("spawn", [CONTROL])`` · ``("close",)``
To a minder:       ``("order", [names of the descriptors], packed)`` · ``("go",)`` · ``("end", reason, why, grace_s)`` ·
                   ``("progress",)``; what comes without an order is late, and nothing
From a minder:     ``("ready", pid, started)``, once; for each order ``("outcome", fields)`` · ``("crashed", text)``
From the nursery:  ``("crashed", text)`` to the owner; on a minder's own socket ``("outcome", fields)`` in place of a
minder that could not be started, and the end of that socket when a minder died and all it had started is gone.

A large order lies in a memory file instead of ``packed``. All ends run the same Python, so ``marshal`` is enough, and
quick to load.
"""

from __future__ import annotations

import array
import fcntl
import marshal
import os
import socket
import termios

TYPE_CHECKING = False  # what typing.TYPE_CHECKING is, without the milliseconds its import takes
if TYPE_CHECKING:
    from typing import Any

MESSAGE_BYTES_MAX = 32 * 1024
INLINE_BYTES_MAX = 24 * 1024
MESSAGE_CHARACTERS_MAX = 4_000
ORDER_BYTES_MAX = 4 * 1024 * 1024
DESCRIPTORS_MAX = 8

CONTROL, ORDER, STDIN, STDOUT, STDERR = "control", "order", "stdin", "stdout", "stderr"
OUTPUT = "output"  # opened by the minder itself


def socket_pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(sock: socket.socket, *parts: Any) -> None:
    """Never waits. Raises OSError when the other end has gone, or has not listened for many messages."""
    sock.send(marshal.dumps(parts), socket.MSG_DONTWAIT)


def receive(sock: socket.socket) -> tuple[Any, ...] | None:
    """The next message; None when the other end has gone and all it said has been read."""
    for _try in range(2):
        try:
            data = sock.recv(MESSAGE_BYTES_MAX)
        except ConnectionResetError:
            continue  # told once, when the other end left something of ours unread; its own last words come after it
        except ConnectionError:
            return None
        return marshal.loads(data) if data else None
    return None


def is_unread(sock: socket.socket) -> bool:
    """Whether the other end has not read all that was sent."""
    count = array.array("i", [0])
    fcntl.ioctl(sock, termios.TIOCOUTQ, count)
    return count[0] > 0


def send_with_descriptors(sock: socket.socket, named: dict[str, int], verb: str, *parts: Any) -> None:
    """As ``send``, with the names of the descriptors as the second part."""
    message = marshal.dumps((verb, list(named), *parts))
    socket.send_fds(sock, [message], list(named.values()), socket.MSG_DONTWAIT)


def receive_with_descriptors(sock: socket.socket) -> tuple[tuple[Any, ...], dict[str, int]] | None:
    """The next message and its descriptors (the caller's to close, not inherited by an exec); None at the end."""
    descriptors = array.array("i")
    room = socket.CMSG_SPACE(DESCRIPTORS_MAX * descriptors.itemsize)
    try:
        # Not socket.recv_fds: it does not pass the flag on, and the command would inherit them.
        data, ancillary, _flags, _peer = sock.recvmsg(MESSAGE_BYTES_MAX, room, socket.MSG_CMSG_CLOEXEC)
    except ConnectionError:
        return None
    for _level, _type, content in ancillary:
        descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    if not data:
        return None
    message = marshal.loads(data)
    return message, dict(zip(message[1], descriptors, strict=True)) if descriptors else {}


def memory_file(name: str, content: bytes) -> int:
    """A descriptor, open for reading from its start, of a nameless file in memory that holds ``content``."""
    writable = os.memfd_create(name, os.MFD_CLOEXEC)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(writable, view) :]
        return os.open(f"/proc/self/fd/{writable}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(writable)


def read_memory_file(descriptor: int) -> bytes:
    """All of it; the descriptor is closed."""
    with os.fdopen(descriptor, "rb") as stream:
        return stream.read()


def pack_order(fields: dict[str, Any]) -> bytes:
    return marshal.dumps(fields)


def unpack_order(packed: bytes, given: dict[str, int]) -> dict[str, Any]:
    """The order; what lay in a memory file is no more among ``given``."""
    return dict(marshal.loads(packed or read_memory_file(given.pop(ORDER))))


def outcome_fields(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    """The fields of an ``Outcome`` but the captured output."""
    fields = {"exit_code": None, "signal": None, "duration_s": 0.0, "survivors": 0}
    return {**fields, **more, "reason": reason, "message": message[:MESSAGE_CHARACTERS_MAX]}
