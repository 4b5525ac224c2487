"""The owner's end of a minder that has no order: new from the nursery, or back from a command that has ended."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack

from aidos_actors.executors import linux, protocol
from aidos_actors.executors.capture import Capture
from aidos_actors.executors.orders import Order


class WaitingMinder:
    """Whoever holds it alone speaks to it; it ends when this is closed. ``nursery`` is a pidfd that is taken over."""

    def __init__(self, control: socket.socket, pid: int, started: int, nursery: int) -> None:
        self.control = control
        self.pid = pid
        self.started = started
        self.nursery = nursery
        self.pidfd = linux.open_exactly(pid, started)

    @property
    def name(self) -> tuple[int, int]:
        return self.pid, self.started

    def is_there(self) -> bool:
        """It and its nursery live."""
        return self.pidfd is not None and not linux.any_readable((self.pidfd, self.nursery, self.control.fileno()))

    def give(self, order: Order, packed: bytes) -> Capture | None:
        """It has the order, and waits for ``go``. Raises OSError."""
        given: dict[str, int] = {}
        with ExitStack() as theirs, ExitStack() as ours:

            def give(name: str, descriptor: int) -> None:
                given[name] = descriptor
                theirs.callback(os.close, descriptor)

            is_small = len(packed) <= protocol.INLINE_BYTES_MAX
            if not is_small:
                give(protocol.ORDER, protocol.memory_file("aidos-order", packed))
            if order.input:
                give(protocol.STDIN, protocol.memory_file("aidos-input", order.input))
            capture = None
            if order.output_path is None:
                capture = Capture(order.output_limit_bytes, give)
                ours.callback(capture.close)
            protocol.send_with_descriptors(self.control, given, "order", packed if is_small else b"")
            ours.pop_all()
        return capture

    def close(self) -> None:
        """Its control socket is closed, so it ends."""
        self.control.close()
        for descriptor in (self.nursery, self.pidfd):
            if descriptor is not None:
                os.close(descriptor)
