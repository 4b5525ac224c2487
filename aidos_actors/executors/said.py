"""What callables print, as the output of their attempts: they run in the worker's own process, whose streams are those
of the whole runtime.

Caught is what goes through ``sys.stdout`` and ``sys.stderr``, from any thread, while a callable is called. What
programs write that it starts goes to the runtime's standard error, where nobody expects data.
"""

from __future__ import annotations

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
CUT_OFF = b"\naidos: what follows was over the limit of output and is cut off\n"


class Said:
    """What the callable says that is being called: its file is made with the first word. Any thread."""

    def __init__(self) -> None:
        self.renew_lock()
        self._place: Callable[[], Path] | None = None
        self._handle = -1
        self._left_bytes = 0

    def renew_lock(self) -> None:
        """A fork child of a callable finds it free, whatever another thread did in that moment."""
        self._lock = threading.Lock()

    def begin(self, place: Callable[[], Path]) -> None:
        """From here on what is said goes to the file that ``place()`` names."""
        with self._lock:
            self._place, self._left_bytes = place, OUTPUT_BYTES_MAX

    def end(self) -> None:
        """Nothing is being called any more."""
        with self._lock:
            self._place = None
            if self._handle >= 0:
                os.close(self._handle)
                self._handle = -1

    def take(self, words: bytes) -> bool:
        """Whether they are of a callable, and written, as far as there is room for them."""
        with self._lock:
            if self._place is None:
                return False
            if self._handle < 0:
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
                self._handle = os.open(self._place(), flags, 0o644)
            if self._left_bytes > 0:
                self._left_bytes -= len(words)
                os.write(self._handle, words if self._left_bytes > 0 else CUT_OFF)
            return True


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
            os.write(self._fd, said)
        return len(said)


def catch_prints() -> None:
    """From here on what a callable prints is its output, and nothing of this process goes to standard output."""
    os.dup2(2, 1)
    os.register_at_fork(after_in_child=SAID.renew_lock)
    for name, fd in (("stdout", 1), ("stderr", 2)):
        text = io.TextIOWrapper(_Stream(fd), "utf-8", "backslashreplace", write_through=True)  # type: ignore[type-var]
        setattr(sys, name, text)
