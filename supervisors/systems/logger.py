"""The process that writes what the others of its system log, warnings and worse, with the standard library.

Thespian's own is an actor: 4 MiB, and nobody may begin before it has said where it is. This one is ``cat``, which reads
a pipe that all inherit and appends to a file; at the end of the last of them it ends. Its death is the end of the
system, as the guardian sees it: what is logged is not to vanish unseen.
"""

from __future__ import annotations

import logging
import os
import select
import shutil
import subprocess
from functools import partial
from pathlib import Path

from supervisors.linux import die_with_parent


class PipeHandler(logging.Handler):
    """Lines go to the logger, whole up to ``PIPE_BUF`` bytes; one for which there is no room, because it is stopped, is
    lost."""

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


def start_logger(file: Path, title: str) -> tuple[int, int]:
    """Its pid, and a descriptor for ``PipeHandler`` that is inherited by forks. It ends with this process, which has
    one thread as yet. OSError when there is no ``cat``, or ``file`` cannot be made."""
    theirs, ours = os.pipe()
    os.set_blocking(ours, False)
    with file.open("ab") as log:
        process = subprocess.Popen(
            [f"{title} logger"],
            executable=shutil.which("cat") or "/bin/cat",
            stdin=theirs,
            stdout=log,
            preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509 - one thread, as yet
        )
    os.close(theirs)
    process.returncode = 0  # nobody waits for it here: its guardian sees its end
    return process.pid, ours
