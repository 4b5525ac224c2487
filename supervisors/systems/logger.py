"""The process that writes what the others of its system log, warnings and worse, with the standard library.

Thespian's own is an actor: 4 MiB more than this one, and nobody may begin before it has said where it is. This one is
forked before all others and reads a pipe that they inherit; at the end of the last of them it ends. Its death is the
end of the system, as the guardian sees it: what is logged is not to vanish unseen.
"""

from __future__ import annotations

import gc
import logging
import os
import select
import signal
from pathlib import Path

from supervisors.linux import close_all, die_with_parent
from supervisors.title import take_title

READ_BYTES_MAX = 64 * 1024


class PipeHandler(logging.Handler):
    """Lines go to the logger whole; one for which there is no room, because it is stopped, is lost."""

    def __init__(self, fd: int) -> None:
        super().__init__(logging.WARNING)
        self._fd = fd

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record).encode(errors="backslashreplace") + b"\n"
            for begin in range(0, len(line), select.PIPE_BUF):
                os.write(self._fd, line[begin : begin + select.PIPE_BUF])
        except OSError:
            return
        except Exception:
            self.handleError(record)


def start_logger(file: Path, title: str, private: list[int]) -> tuple[int, int]:
    """Its pid, and a descriptor for ``PipeHandler`` that is inherited by forks. ``private`` descriptors are closed in
    it. To be called while this process has one thread; the logger ends with it."""
    theirs, ours = os.pipe()
    os.set_blocking(ours, False)
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        gc.disable()
        try:
            die_with_parent(parent)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            close_all([*private, ours])
            take_title(f"{title} logger")
            _write_lines(theirs, file)
        finally:
            os._exit(0)
    os.close(theirs)
    return pid, ours


def _write_lines(fd: int, file: Path) -> None:
    """Until nobody is left who might log. The file is made with the first line."""
    log = -1
    while words := os.read(fd, READ_BYTES_MAX):
        try:
            if log < 0:
                log = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.write(log, words)
        except OSError:
            continue
