"""The owner's end of a captured command: reads both pipes as they fill, so that the command never waits, in bounds."""

from __future__ import annotations

import os
import select
from collections.abc import Callable

from aidos_actors.executors import protocol

CHUNK_BYTES = 64 * 1024


class Capture:
    """Standard output and error of one command, together at most ``limit_bytes``; what is more is read and dropped."""

    def __init__(self, limit_bytes: int, give: Callable[[str, int], None]) -> None:
        """Makes both pipes; ``give`` takes over the ends for the command. Raises OSError, and then keeps nothing."""
        self._kept: dict[int, bytearray] = {}
        self._left_bytes = limit_bytes
        self.is_over_limit = False
        try:
            for name in (protocol.STDOUT, protocol.STDERR):
                readable, writable = os.pipe()
                self._kept[readable] = bytearray()
                give(name, writable)
                os.set_blocking(readable, False)
        except OSError:
            self.close()
            raise

    def register(self, poller: select.poll) -> None:
        for descriptor in self._kept:
            poller.register(descriptor, select.POLLIN)

    def __contains__(self, descriptor: int) -> bool:
        return descriptor in self._kept

    def read(self, descriptor: int) -> bool | None:
        """Takes what is there now, one chunk: True when there was some, False when there is none, None at the end."""
        try:
            chunk = os.read(descriptor, CHUNK_BYTES)
        except BlockingIOError:
            return False
        if not chunk:
            return None
        self.is_over_limit = self.is_over_limit or len(chunk) > self._left_bytes
        self._kept[descriptor] += chunk[: self._left_bytes]
        self._left_bytes = max(0, self._left_bytes - len(chunk))
        return True

    def finish(self) -> tuple[bytes, bytes]:
        """(standard output, standard error), once all that wrote have ended."""
        for descriptor in self._kept:
            while self.read(descriptor):
                pass
        stdout, stderr = self._kept.values()
        return bytes(stdout), bytes(stderr)

    def close(self) -> None:
        for descriptor in self._kept:
            os.close(descriptor)
