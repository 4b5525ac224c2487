"""The end of a callable that is over its time and keeps the interpreter's lock, as a search by a bad pattern does.

Nothing that is written in Python can run beside such a callable: not its worker's mailbox, and no timer of it. So the
kernel is asked for a signal, some seconds after the worker itself would have acted; its handler is one of C that writes
down where every thread stands (Python's faulthandler), and then the signal ends this very process. What was written is
how the Scheduler tells such a death from others. It is a signal and a timer that no callable has a name for: who sets
an alarm of its own neither calls this off nor sets it off.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import re
import signal
import time
from pathlib import Path

from aidos_actors.executors import linux
from aidos_actors.executors.signal_timer import SignalTimer
from supervisors.whereabouts import pid_of

GRACE_S = 2.0
LAST_SIGNAL = signal.SIGRTMAX
SUFFIX = ".overdue"
STACK_BYTES_MAX = 64 * 1024
_FRAME = re.compile(r'^  File "(?P<file>.+)", line (?P<line>\d+) in (?P<function>.+)$', re.MULTILINE)


class LastResort:
    """For this process, which calls one callable at a time. To be made in its main thread; OSError when it cannot."""

    def __init__(self, folder: Path, incarnation: str) -> None:
        self._file = (folder / f"{incarnation}{SUFFIX}").open("wb")
        signal.signal(LAST_SIGNAL, signal.SIG_DFL)
        faulthandler.register(LAST_SIGNAL, file=self._file, all_threads=True, chain=True)
        self._timer = SignalTimer(LAST_SIGNAL)
        self._span_s = self._set_at = 0.0

    def expect_end_within(self, span_s: float) -> None:
        """This process ends when it does not say otherwise within ``span_s`` seconds and some more. Any thread."""
        now = time.monotonic()
        if span_s != self._span_s or now > self._set_at + GRACE_S / 2:  # a little early does not matter
            self._span_s, self._set_at = span_s, now
            self._timer.set(span_s + GRACE_S)

    def call_off(self) -> None:
        """Nothing is expected any more. Any thread."""
        self._span_s = self._set_at = 0.0
        self._timer.set(0)


def end_worker(path: str, incarnation: str) -> None:
    """That life of a worker, which does not hear, is ended, if it is there still: by its number, and by its title or,
    where another program has taken its place, by that of its supervisor."""
    pid = pid_of(incarnation)
    if not pid:  # in virtual time everybody hears
        return
    with contextlib.suppress(OSError):
        handle = os.pidfd_open(pid)
        try:
            supervisor, parent = path.rpartition("/")[0], linux.parent_of(pid)
            if path.encode() in _title_of(pid) or (parent and _title_of(parent).endswith(supervisor.encode())):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)


def _title_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes().strip(b"\0 ")


def overdue(folder: Path, incarnation: str) -> str | None:
    """Where the callable stood that kept that life of a worker, which is over, from living; None: it ended otherwise.
    Empty when that cannot be said."""
    try:
        with (folder / f"{incarnation}{SUFFIX}").open("rb") as file:
            stacks = file.read(STACK_BYTES_MAX).decode(errors="replace")
    except OSError:
        return None
    return place_in(stacks) if stacks else None


def place_in(stacks: str) -> str:
    """The innermost place of the thread that called a callable, newest frame first as faulthandler writes them."""
    for stack in re.split(r"^(?:Current thread|Thread) ", stacks, flags=re.MULTILINE):
        frames = [match.groupdict() for match in _FRAME.finditer(stack)]
        if any(frame["file"].endswith("executors/call.py") for frame in frames):
            return "{file}, line {line}, in {function}".format(**frames[0])
    return ""
