"""A process forked from this one that goes on as another program: it has everything imported that this one has.

Only where this process has one thread: what another thread had locked would stay locked for ever in the child.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Collection

from supervisors import boot
from supervisors.linux import close_all, die_with_parent

THRESHOLDS = (700, 10, 10)
"""Python's own for its garbage collector. What the parent sets for its life is not for that of its fork children."""


class ForkedProcess:
    """A child of this process, held like a ``subprocess.Popen``. From any thread."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._fd = os.pidfd_open(pid)
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """How it ended; None while it lives."""
        with self._lock:
            if self.returncode is None:
                try:
                    pid, status = os.waitpid(self.pid, os.WNOHANG)
                except ChildProcessError:  # somebody else has waited for all children
                    pid, status = self.pid, 0
                if pid:
                    self.returncode = os.waitstatus_to_exitcode(status)
            return self.returncode

    def wait(self) -> int:
        """How it ended, once it has."""
        if self.returncode is None:
            poller = select.poll()
            poller.register(self._fd, select.POLLIN)
            poller.poll()
        code = self.poll()
        return 0 if code is None else code

    def send_signal(self, signum: int) -> None:
        """That very process gets the signal, if it lives."""
        try:
            signal.pidfd_send_signal(self._fd, signum)
        except ProcessLookupError:
            pass

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __del__(self) -> None:
        if hasattr(self, "_fd"):
            os.close(self._fd)


def is_alone() -> bool:
    """Whether this process has one thread, which is the one that asks."""
    is_main = threading.current_thread() is threading.main_thread()
    return is_main and len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208 - names are enough


def fork(main: Callable[[bytes], None], body: bytes, kept: Collection[int]) -> ForkedProcess:
    """A child runs ``main(body)``, in a session of its own and with no descriptors but ``kept`` and the standard ones;
    it gets SIGKILL when this process ends, and nothing of this process's own program goes on in it. The caller is
    alone (``is_alone``). OSError when this machine does not allow it now."""
    gc.freeze()  # what is not looked at by the collector stays shared between the two
    _flush()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return ForkedProcess(pid)
    code = 1
    try:
        _begin_anew(parent, kept)
        main(body)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        _flush()
        os._exit(code)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def _begin_anew(parent: int, kept: Collection[int]) -> None:
    """This process is as one that was exec'ed, but for its memory."""
    die_with_parent(parent)
    gc.set_threshold(*THRESHOLDS)
    signal.set_wakeup_fd(-1)
    for signum in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        handler = signal.getsignal(signum)
        if callable(handler) and handler is not signal.default_int_handler:
            signal.signal(signum, signal.default_int_handler if signum == signal.SIGINT else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    open_now = {int(name) for name in os.listdir("/proc/self/fd")}  # noqa: PTH208 - names are enough
    close_all(open_now - {0, 1, 2, *kept})
    sys.path[:] = boot.absolute_path()
