"""One connected socket that carries whole frames (length and body), within a message loop that never waits for it."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

from supervisors.frames import HEAD

CHUNK_BYTES = 256 * 1024
CHUNKS_MAX = 16
SEND_LIMIT_S = 10.0
UNSENT_BYTES_MAX = 64 * 1024 * 1024


class FramedLink:
    """``ended()`` is called once, when the other side has gone, says what is no frame, or does not read; the socket is
    closed by then. Thread: the loop's."""

    def __init__(self, link: socket.socket, frame_bytes_max: int, ended: Callable[[], None]) -> None:
        self._link = link
        self._frame_bytes_max = frame_bytes_max
        self._ended: Callable[[], None] | None = ended
        self._come = bytearray()
        self._unsent = bytearray()
        self._lock = threading.Lock()
        self.fd = link.fileno()
        link.setblocking(False)

    def take(self) -> list[bytes]:
        """The bodies of the frames that have come whole since the last time, also those before the end."""
        is_over = False
        try:
            for _ in range(CHUNKS_MAX):
                data = self._link.recv(CHUNK_BYTES)
                self._come += data
                is_over = not data
                if len(data) < CHUNK_BYTES:
                    break
        except BlockingIOError:
            pass
        except OSError:
            is_over = True
        bodies: list[bytes] = []
        try:
            bodies.extend(self._frames())
        except ValueError:
            is_over = True
        if is_over:
            self.close()
        return bodies

    def _frames(self) -> Iterator[bytes]:
        at = 0
        try:
            while len(self._come) - at >= HEAD.size:
                (size,) = HEAD.unpack_from(self._come, at)
                if size > self._frame_bytes_max:
                    raise ValueError(f"a frame of {size} bytes")
                end = at + HEAD.size + size
                if len(self._come) < end:
                    return
                yield bytes(self._come[at + HEAD.size : end])
                at = end
        finally:
            del self._come[:at]

    def send(self, frame: bytes) -> None:
        """``frame`` (length and body) is on its way, in order, or the link has ended: the other side has gone, or has
        left ``UNSENT_BYTES_MAX`` unread."""
        with self._lock:
            if self._unsent:
                self._unsent += frame
                is_over = len(self._unsent) > UNSENT_BYTES_MAX
            else:
                is_over = not self._send_now(frame)
        if is_over:
            self.close()

    def _send_now(self, frame: bytes) -> bool:
        """Whether the other side is there. What the kernel does not take at once goes beside the loop."""
        try:
            sent = self._link.send(frame)
        except BlockingIOError:
            sent = 0
        except OSError:
            return False
        if sent < len(frame):
            self._unsent += memoryview(frame)[sent:]
            threading.Thread(target=self._send_rest, daemon=True).start()
        return True

    def _send_rest(self) -> None:
        """Beside the loop. A reader that takes nothing for ``SEND_LIMIT_S`` finds the end instead of the rest."""
        poller = select.poll()
        try:
            poller.register(self.fd, select.POLLOUT)
            while poller.poll(SEND_LIMIT_S * 1000):
                with self._lock, suppress(BlockingIOError):
                    del self._unsent[: self._link.send(bytes(self._unsent[:CHUNK_BYTES]))]
                    if not self._unsent:
                        return
            self._link.shutdown(socket.SHUT_RDWR)
        except (OSError, ValueError):
            pass  # it has gone; the loop hears of that by reading

    def close(self) -> None:
        """Closed; a second call does nothing."""
        ended, self._ended = self._ended, None
        if ended is not None:
            ended()
            self._link.close()
