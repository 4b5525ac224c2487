"""Length-prefixed frames on a stream socket: JSON for the command line, pickle for an embedding host.

A pickle is read only from a connection that the host itself handed over; who connects to the control socket speaks
JSON, whatever its uid.
"""

from __future__ import annotations

import json
import pickle
import socket
import struct
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

FRAME_BYTES_MAX = 96 * 1024 * 1024
PROTOCOL = 1
HEAD = struct.Struct(">I")


class FrameError(Exception):
    """What came is no frame of ours: too long, cut off, or not readable. The connection is of no more use."""


def encode(message: Any, *, trusted: bool) -> bytes:
    body = pickle.dumps(message) if trusted else _to_json(message).encode()
    if len(body) > FRAME_BYTES_MAX:
        raise FrameError(f"a frame of {len(body)} bytes is over the limit of {FRAME_BYTES_MAX}")
    return HEAD.pack(len(body)) + body


def read(connection: socket.socket, *, trusted: bool) -> Any:
    """The next message; None when the other side has closed between two frames. Blocks as the socket does."""
    head = _read_exactly(connection, HEAD.size, may_end=True)
    if head is None:
        return None
    (size,) = HEAD.unpack(head)
    if size > FRAME_BYTES_MAX:
        raise FrameError(f"a frame of {size} bytes is over the limit of {FRAME_BYTES_MAX}")
    body = _read_exactly(connection, size, may_end=False)
    assert body is not None
    try:
        return pickle.loads(body) if trusted else json.loads(body)  # noqa: S301 - trusted is the host's own socketpair
    except (ValueError, RecursionError) as error:
        raise FrameError(f"a frame that is no JSON: {error}") from error


def _read_exactly(connection: socket.socket, size: int, *, may_end: bool) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        chunk = connection.recv(min(1 << 20, size - len(parts)))
        if not chunk:
            if may_end and not parts:
                return None
            raise FrameError("the connection ended within a frame")
        parts += chunk
    return bytes(parts)


def _plain(value: Any) -> Any:
    """Records as mappings, everything else that JSON has no word for as text."""
    import dataclasses

    if isinstance(value, Struct):
        return asdict(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)


_to_json = json.JSONEncoder(default=_plain).encode
