"""A child process as its supervisor holds it: what it said, its entry on the page, and a pidfd that tells its end."""

from __future__ import annotations

import os
import signal
from typing import Any

from msgspec import Struct, field

from supervisors.errors import ExitReason
from supervisors.linux import state_of
from supervisors.liveness import ProcessState, Sight
from supervisors.systems.page import Pen

_BY_STATE = {
    **dict.fromkeys(("", "Z", "X"), ProcessState.GONE),
    "T": ProcessState.STOPPED,
    "t": ProcessState.TRACED,
}


class ChildProcess(Struct):
    """``waiting`` is what it is to be sent as soon as it has said its ``address``."""

    id: str
    generation: int
    pid: int
    process: Any
    pidfd: int
    report_fd: int
    pen: Pen
    address: Any = None
    waiting: list[Any] = field(default_factory=list)
    heard: bytearray = field(default_factory=bytearray)
    last_word: ExitReason | None = None
    ignored: bool = False
    is_silent: bool = False

    def watched(self) -> tuple[int, ...]:
        """The descriptors that tell of it: the pipe until its end, which a program may close long before its own."""
        return (self.pidfd,) if self.is_silent else (self.pidfd, self.report_fd)

    def kill(self) -> None:
        """It gets SIGKILL; harmless when it has ended. Its pidfd names this very process, never a later one."""
        try:
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def sight(self) -> Sight:
        """Its entry, and what /proc says; a look-up that fails says nothing."""
        try:
            process = _BY_STATE.get(state_of(self.pid), ProcessState.RUNS)
        except OSError:
            process = ProcessState.UNKNOWN
        return Sight(self.pen.read(), process)

    def close(self) -> None:
        """Its descriptors are given back."""
        os.close(self.pidfd)
        os.close(self.report_fd)
