"""What callables print, as the output of their attempts: they run in the worker's own process, whose streams are those
of the whole runtime.

Caught is what goes through ``sys.stdout`` and ``sys.stderr``, from any thread, while a callable is called. What
programs write that it starts goes to the runtime's standard error, where nobody expects data.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

OUTPUT_BYTES_MAX = 256 * 1024 * 1024
HIGH_FD = 512
CUT_OFF = b"\naidos: what follows was over the limit of output and is cut off\n"


class Said:
    """What the callable says that is being called: its file is made with the first word. Any thread."""

    def __init__(self) -> None:
        self.renew_lock()
        self._place: Callable[[], Path] | None = None
        self._handle = -1
        self._left_bytes = 0
        self._streams: tuple[io.TextIOWrapper, io.TextIOWrapper] | None = None

    def renew_lock(self) -> None:
        """A fork child of a callable finds it free, whatever another thread did in that moment."""
        self._lock = threading.Lock()

    def catch_prints(self) -> None:
        """From here on what a callable prints is its output, and nothing of this process goes to standard output."""
        os.dup2(2, 1)
        os.register_at_fork(after_in_child=self.renew_lock)
        self._set_streams()

    def begin(self, place: Callable[[], Path]) -> None:
        """From here on what is said goes to the file that ``place()`` names, by streams as good as new: those before
        may have been closed, taken apart or replaced."""
        with self._lock:
            self._place, self._left_bytes = place, OUTPUT_BYTES_MAX
        if self._streams is not None and not self._are_whole(*self._streams):
            self._set_streams()

    def end(self) -> None:
        """Nothing is being called any more; what it held back is said."""
        for stream in self._streams or ():
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        with self._lock:
            self._place = None
            self._close()

    def take(self, words: bytes) -> bool:
        """Whether they are of a callable: then they are written, as far as there is room for them."""
        with self._lock:
            if self._place is None:
                return False
            room = words[: max(0, self._left_bytes)]
            is_over = 0 <= self._left_bytes < len(words)
            self._left_bytes -= len(words)
            if room or is_over:
                self._write(room + CUT_OFF if is_over else room, self._place)
            return True

    def _write(self, words: bytes, place: Callable[[], Path]) -> None:
        """Once more by a new descriptor, should the callable have closed the one that there was."""
        for _ in range(2):
            with contextlib.suppress(OSError):
                if self._handle < 0:
                    self._handle = _opened(place())
                os.write(self._handle, words)
                return
            self._handle = -1

    def _close(self) -> None:
        handle, self._handle = self._handle, -1
        if handle >= 0:
            with contextlib.suppress(OSError):
                os.close(handle)

    def _set_streams(self) -> None:
        self._streams = out, errors = _text(1), _text(2)
        sys.stdout, sys.stderr = out, errors

    def _are_whole(self, out: io.TextIOWrapper, errors: io.TextIOWrapper) -> bool:
        try:
            are_there = sys.stdout is out and sys.stderr is errors and out.writable() and errors.writable()
            return are_there and out.write_through and errors.write_through
        except ValueError:  # closed, or taken apart
            return False


SAID = Said()


class _Stream(io.RawIOBase):
    """Stands where a standard stream stood; what is of no callable goes where it always went."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def close(self) -> None:
        """It stays open: a callable may close its output, but not that of the next one."""

    def write(self, words: ReadableBuffer, /) -> int:
        said = bytes(words)
        if not SAID.take(said):
            with contextlib.suppress(OSError):
                os.write(self._fd, said)
        return len(said)


def _text(fd: int) -> io.TextIOWrapper:
    return io.TextIOWrapper(_Stream(fd), "utf-8", "backslashreplace", write_through=True)  # type: ignore[arg-type]


def _opened(path: Path) -> int:
    """With a number that no callable has in hand that closes one of its own twice."""
    low = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        return fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, HIGH_FD)
    finally:
        os.close(low)
