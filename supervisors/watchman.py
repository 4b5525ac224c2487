"""The guardian's watchman: a fork of it that outlives it by a moment, to end what it would have ended.

When a guardian is killed, its system dies with it, but what actors started without our doing has no subreaper above it
any more. It carries the system's mark in its environment, inherited from the launcher; the watchman, and the next
guardian of the same state directory, look for that mark and end what carries it, named by pid and start time. Who has
the mark by its other name ends by itself when its owner has gone, and what is below it before: it is waited for.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import select
import signal
import time
from collections.abc import Collection, Mapping
from pathlib import Path

from supervisors.linux import kill_exactly, start_ticks, wake_with_parent

MARK = "SUPERVISORS_SYSTEM"
ENDING_MARK = "SUPERVISORS_ENDING"
ENDING_LIMIT_S = 5.0
SWEEP_LIMIT_S = 10.0
QUIET_LOOKS = 3
LOOK_EVERY_S = 0.02


def mark_of(state_dir: str) -> str:
    """A new mark for a system in that state directory: whose it is, and which."""
    return f"{_owner(state_dir)}-{os.urandom(8).hex()}"


def ending_by_itself(variables: Mapping[str, str]) -> dict[str, str]:
    """``variables`` for a process that ends when its owner does, with time to end first what it has started."""
    return {ENDING_MARK if name == MARK else name: value for name, value in variables.items()}


def sweep(prefix: str) -> int:
    """No process whose mark begins with ``prefix`` lives, but this one; how many there were. Who ends by itself has had
    ``ENDING_LIMIT_S`` seconds. Gives up, with some of them living, after ``SWEEP_LIMIT_S`` seconds."""
    ended: set[tuple[int, int]] = set()
    begun = time.monotonic()
    quiet = 0
    while quiet < QUIET_LOOKS and (now := time.monotonic()) < begun + SWEEP_LIMIT_S:
        found = _marked(prefix)
        for (pid, ticks), ends_by_itself in found.items():
            if not ends_by_itself or now > begun + ENDING_LIMIT_S:
                kill_exactly(pid, ticks)
        ended |= found.keys()
        quiet = 0 if found else quiet + 1
        time.sleep(LOOK_EVERY_S if found else 0.001)
    return len(ended)


def sweep_predecessors(state_dir: str) -> int:
    """What an earlier guardian of this state directory and its watchman left behind is gone. The caller holds the lock
    on the directory and has started nothing."""
    return sweep(f"{_owner(state_dir)}-")


class KeptWatchman:
    """The child of this process that ends everything with ``mark`` when this process has ended, and then itself. While
    this process has one thread."""

    def __init__(self, mark: str) -> None:
        """There is one. OSError when this machine does not allow it now."""
        self._mark = mark
        self._is_early = True
        self.pid = _post(mark)

    def reaped(self, pids: Collection[int]) -> None:
        """Those children of this process have ended and are gone; if it was among them, there is another."""
        if self.pid in pids:
            self.pid = _post(self._mark)

    def renew(self) -> None:
        """What this process has written to on its way here, half of its memory, it shares with its watchman: once, one
        that is forked now takes the place of the first."""
        if not self._is_early:
            return
        self._is_early = False
        with contextlib.suppress(OSError):
            early, self.pid = self.pid, _post(self._mark)
            _end(early)

    def dismiss(self) -> None:
        """It is gone: nothing is left that it could end."""
        _end(self.pid)


def _end(child: int) -> None:
    try:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


def _post(mark: str) -> int:
    ours = os.pidfd_open(os.getpid())
    pid = os.fork()
    if pid:
        os.close(ours)
        return pid
    try:
        _watch(ours, mark)
    finally:
        os._exit(0)


def _watch(guardian: int, mark: str) -> None:
    os.setsid()
    wake_with_parent()
    signal.set_wakeup_fd(-1)
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(signum, signal.SIG_DFL if signum == signal.SIGCHLD else signal.SIG_IGN)
    os.closerange(3, guardian)
    os.closerange(guardian + 1, os.sysconf("SC_OPEN_MAX") if os.sysconf("SC_OPEN_MAX") < 65536 else 65536)
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nothing, fd)
    select.select([guardian], [], [])
    sweep(mark)


def _owner(state_dir: str) -> str:
    return hashlib.blake2b(os.fsencode(state_dir), digest_size=8).hexdigest()


def _marked(prefix: str) -> dict[tuple[int, int], bool]:
    """Living processes with that mark, but this one, and of each whether it ends by itself. Who cannot be looked at
    belongs to somebody else."""
    found = {}
    marked, ending = (f"{name}={prefix}".encode() for name in (MARK, ENDING_MARK))
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if any(each.startswith((marked, ending)) for each in variables):
            ticks = start_ticks(int(entry.name))
            if ticks is not None:
                found[int(entry.name), ticks] = any(each.startswith(ending) for each in variables)
    return found
