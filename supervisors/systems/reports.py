"""What a child tells its supervisor through their pipe, and what its exit says when it told nothing."""

from __future__ import annotations

import os
import pickle
import signal
import struct
from typing import Any

from supervisors.errors import ExitReason

REPORT_BYTES_MAX = 64 * 1024
_LENGTH = struct.Struct(">I")


def report(fd: int, message: Any) -> None:
    """Write one message to the supervisor's end; cut to ``REPORT_BYTES_MAX``, dropped when nobody reads any more."""
    body = pickle.dumps(message)
    if len(body) > REPORT_BYTES_MAX:
        body = pickle.dumps(("ended", ExitReason("abnormal", "exit report too large")))
    try:
        os.write(fd, _LENGTH.pack(len(body)) + body)
    except OSError:
        pass


def read_reports(fd: int, heard: bytearray) -> list[Any]:
    """The whole messages that have come; a part of one stays in ``heard``. ``("silent",)`` is the last of all: the
    child has closed its end, by its own end or otherwise, and the descriptor can be read for ever."""
    is_silent = False
    try:
        while chunk := os.read(fd, 65536):
            heard += chunk
        is_silent = True
    except BlockingIOError:
        pass
    messages: list[Any] = []
    while len(heard) >= _LENGTH.size:
        (size,) = _LENGTH.unpack_from(heard)
        if len(heard) < _LENGTH.size + size:
            break
        messages.append(pickle.loads(bytes(heard[_LENGTH.size : _LENGTH.size + size])))  # noqa: S301 - our own fork's pipe
        del heard[: _LENGTH.size + size]
    return [*messages, ("silent",)] if is_silent else messages


def reason_of_exit(code: int | None) -> ExitReason:
    """The reason of a process that ended without a last word, from its exit code (negative: a signal)."""
    if code == 0:
        return ExitReason("normal", "exit code 0")
    if code is None or code >= 0:
        return ExitReason("abnormal", f"exit code {code}")
    if -code == signal.SIGKILL:
        return ExitReason("killed", "SIGKILL")
    return ExitReason("abnormal", signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}")
