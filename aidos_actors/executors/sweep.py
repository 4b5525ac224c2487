"""Looking for what should not live any more, by pid and start time or by the mark in its environment.

The second line behind the minders: for what is left when owner, nursery and minder were killed together.
"""

from __future__ import annotations

import os
import signal
import time

from aidos_actors.executors import linux

MARK_VARIABLE = "AIDOS_MARK"
LOOK_S = 0.01


def is_alive(pid: int, started: int) -> bool:
    """Whether just this process lives. A zombie does not; a reused pid is another process."""
    return not wait_gone(pid, started, 0)


def wait_gone(pid: int, started: int, timeout_s: float) -> bool:
    """Whether just this process has ended, or ends within ``timeout_s``. Blocks; for job threads."""
    pidfd = linux.open_exactly(pid, started)
    if pidfd is None:
        return True
    try:
        return linux.readable_within(pidfd, timeout_s)
    finally:
        os.close(pidfd)


def marked_processes(mark: str) -> list[tuple[int, int]]:
    """(pid, start time) of this user's living processes that were given ``AIDOS_MARK=<mark>``, this one included."""
    wanted = f"{MARK_VARIABLE}={mark}".encode()
    found = []
    for pid in linux.list_proc():
        if not _holds(pid, wanted):  # nearly all: no more is asked about them
            continue
        started = linux.start_time(pid)
        # Asked again: who has the mark after the start time was read is the process that started then.
        if started is not None and _holds(pid, wanted) and is_alive(pid, started):
            found.append((pid, started))
    return found


def end_marked(mark: str, timeout_s: float) -> list[tuple[int, int]]:
    """Ends this user's processes that carry ``mark``, the caller spared, until none is left; blocks at most
    ``timeout_s``. Returns those that would not end: an empty list is success."""
    give_up_at = time.monotonic() + timeout_s
    while True:
        living = [(pid, started) for pid, started in marked_processes(mark) if pid != os.getpid()]
        if not living or time.monotonic() >= give_up_at:
            return living
        for pid, started in living:
            linux.signal_exactly(pid, started, signal.SIGKILL)
        wait_gone(*living[0], timeout_s=LOOK_S)


def _holds(pid: int, wanted: bytes) -> bool:
    try:
        if os.stat(f"/proc/{pid}").st_uid != os.getuid():  # noqa: PTH116 - no path object for each process
            return False
        environment = linux.read_proc(f"{pid}/environ")
    except OSError:  # gone, or not ours to look into
        return False
    return environment is not None and wanted in environment and wanted in environment.split(b"\0")
