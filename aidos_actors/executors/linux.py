"""What the kernel offers for keeping processes in hand: who a process is, whose child it is, how to end exactly it.

A process is named by ``(pid, started)``: its start time in clock ticks since boot makes a reused pid another process.
Standard library only: the nursery and its minders load this file.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import time
from collections.abc import Container, Iterable

from aidos_actors.core.silence import is_held_up

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)
_HAS_CHILDREN_FILES = os.path.exists("/proc/thread-self/children")  # noqa: PTH110 - pathlib would double the start time


def _prctl(option: int, value: int | bytes) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl {option}: {os.strerror(code)}")


def become_subreaper() -> None:
    """From now on descendants that lose their parent become children of this process. Not inherited by a fork."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> None:
    """SIGKILL comes when the thread of ``parent`` that forked this process ends; at once when it has ended already."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def name_process(name: str) -> None:
    """The name that ``top`` shows; the kernel keeps 15 bytes."""
    _prctl(PR_SET_NAME, name.encode())


def read_proc(path: str) -> bytes | None:
    """All of the file ``path`` under /proc, or None when its process has gone. Raises PermissionError."""
    try:
        fd = os.open(f"/proc/{path}", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, ProcessLookupError):
        return None
    try:
        return b"".join(iter(lambda: os.read(fd, 65536), b""))
    except ProcessLookupError:
        return None
    finally:
        os.close(fd)


def list_proc(path: str = "") -> list[int]:
    """The numbers among the names in a folder under /proc: pids, or threads. Empty when its process has gone."""
    try:
        with os.scandir(f"/proc/{path}") as entries:
            return [int(entry.name) for entry in entries if entry.name.isdecimal()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def stat_fields(pid: int) -> list[bytes] | None:
    """Fields 3 and later of /proc/PID/stat (the command's name before them may hold anything), or None: gone."""
    text = read_proc(f"{pid}/stat")
    return text[text.rindex(b")") + 2 :].split() if text else None


def start_time(pid: int) -> int | None:
    """Clock ticks from boot to the start of ``pid``, or None when there is no such process. A zombie has one."""
    fields = stat_fields(pid)
    return int(fields[19]) if fields else None


def parent_of(pid: int) -> int | None:
    fields = stat_fields(pid)
    return int(fields[1]) if fields else None


def open_exactly(pid: int, started: int) -> int | None:
    """A pidfd of just this process (close it), or None when it is gone. Readable once all its threads have ended."""
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return None
    # Asked after the open: from here on the descriptor cannot come to mean another process.
    if start_time(pid) == started:
        return pidfd
    os.close(pidfd)
    return None


def readable_within(descriptor: int, timeout_s: float) -> bool:
    """Whether there is something to read within ``timeout_s``; of a pidfd: whether its process has ended. Who was
    stopped meanwhile waits once more: perhaps the other side was, too."""
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    while True:
        due_at = time.monotonic() + max(0.0, timeout_s)
        if poller.poll(max(0.0, timeout_s) * 1000):
            return True
        if not is_held_up(due_at, time.monotonic()):
            return False


def any_readable(descriptors: Iterable[int]) -> bool:
    """Whether one of them can be read now."""
    poller = select.poll()
    for descriptor in descriptors:
        poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(0))


def signal_exactly(pid: int, started: int, number: int) -> bool:
    """Whether the signal reached just this process. A refusal (a process of another user) counts as not reached."""
    pidfd = open_exactly(pid, started)
    if pidfd is None:
        return False
    try:
        return signal_by(pidfd, number)
    finally:
        os.close(pidfd)


def signal_by(pidfd: int, number: int) -> bool:
    try:
        signal.pidfd_send_signal(pidfd, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def children_of(pid: int) -> list[int]:
    """Direct children of all threads of ``pid``; some may be missed while others end, so look again until none is."""
    if not _HAS_CHILDREN_FILES:
        return [child for child in list_proc() if parent_of(child) == pid]
    lists = (read_proc(f"{pid}/task/{thread}/children") for thread in list_proc(f"{pid}/task"))
    return [int(child) for text in lists if text for child in text.split()]


def descendants(root: int, spared: Container[int] = ()) -> list[tuple[int, int]]:
    """(pid, parent) of all below ``root``, parents first, without ``spared`` children and what is below them."""
    found = [(child, root) for child in children_of(root) if child not in spared]
    for pid, _parent in found:  # grows while it is walked: breadth first
        found += [(child, pid) for child in children_of(pid)]
    return found


def signal_descendants(number: int, spared: Container[int] = ()) -> int:
    """Send ``number`` to all descendants of the calling process but ``spared`` and theirs; how many there were.

    Parents first, so that a shell does not go on to its next command. Who was missed (forked meanwhile, or handed
    over by a parent that died) is found by the next call: the caller repeats until it has no children left.
    """
    me = os.getpid()
    found = descendants(me, spared)
    for pid, parent in found:
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            continue
        # Still below us: so the descriptor is not of a stranger that took over the number.
        if parent_of(pid) in (parent, me):
            signal_by(pidfd, number)
        os.close(pidfd)
    return len(found)


def reap() -> tuple[bool, list[tuple[int, int]]]:
    """Collect the ended children of the calling process: (whether any child is left, [(pid, wait status), …])."""
    ended: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False, ended
        if pid == 0:
            return True, ended
        ended.append((pid, status))
