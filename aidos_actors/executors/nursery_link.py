"""One nursery process, as its owner has it in hand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from aidos_actors.executors import linux, protocol
from aidos_actors.executors.environment import without_secrets
from supervisors.watchman import ending_by_itself

ANSWER_LIMIT_S = 10.0
MAIN_FILE = Path(__file__).with_name("nursery_main.py")


class NurseryLink:
    """One nursery process and the way to it."""

    def __init__(self, owner_pid: int) -> None:
        """Starts it. It lives no longer than the process ``owner_pid``. Raises OSError."""
        self.socket, theirs = protocol.socket_pair()
        self.socket.settimeout(ANSWER_LIMIT_S)
        flags = ["-I", "-S", "-B"] if sys.dont_write_bytecode else ["-I", "-S"]
        numbers = [str(number) for number in (theirs.fileno(), owner_pid, linux.start_time(owner_pid) or 0)]
        try:
            self.process = subprocess.Popen(
                [sys.executable, *flags, str(MAIN_FILE), *numbers],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=ending_by_itself(without_secrets(os.environ)),
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except OSError:
            self.socket.close()
            raise
        finally:
            theirs.close()
        self.pidfd = os.pidfd_open(self.process.pid)  # our own child, not yet waited for: nobody else's number

    def is_alive(self) -> bool:
        return not linux.readable_within(self.pidfd, 0)

    def last_words(self) -> str:
        try:
            message = protocol.receive(self.socket) if linux.readable_within(self.socket.fileno(), 0) else None
        except (OSError, ValueError):  # ended meanwhile by another thread
            message = None
        return f" Its last words: {message[1]}" if message and message[0] == "crashed" else ""

    def end(self, timeout_s: float) -> bool:
        """Whether it ended by itself within the time, its descendants first; otherwise it is killed."""
        try:
            protocol.send(self.socket, "close")
        except OSError:
            pass
        ended = linux.readable_within(self.pidfd, timeout_s)
        if not ended:
            linux.signal_by(self.pidfd, signal.SIGKILL)
        self.process.wait()
        self.socket.close()
        os.close(self.pidfd)
        return ended
