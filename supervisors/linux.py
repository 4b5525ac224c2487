"""The few Linux calls that Python does not wrap, and the identity of a process: its pid and its start time."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from socket import socket

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
STAT_BYTES_MAX = 4096
SIGKILL = int(getattr(signal, "SIGKILL", 9))  # for those who import this elsewhere, to name what is here
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent_pid: int | None = None, signum: int = SIGKILL) -> None:
    """From here on this process gets ``signum`` when the thread that forked it ends. Ends this process at once when
    that has happened already; ``parent_pid`` is who the parent should be (None: whoever it is, but not pid 1)."""
    _libc.prctl(_PR_SET_PDEATHSIG, signum, 0, 0, 0)
    parent = os.getppid()
    if parent == 1 if parent_pid is None else parent != parent_pid:
        os._exit(77)


def wake_with_parent() -> None:
    """From here on this process goes on when its parent ends, though it was stopped."""
    _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGCONT), 0, 0, 0)


def outlive_parent() -> None:
    """From here on the end of this process's parent sends it nothing."""
    _libc.prctl(_PR_SET_PDEATHSIG, 0, 0, 0, 0)


def become_subreaper() -> None:
    """From here on orphans among this process's descendants become its children."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third (state) on. OSError when there is no such process."""
    fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    try:
        text = os.read(fd, STAT_BYTES_MAX).decode(errors="replace")
    finally:
        os.close(fd)
    return text[text.rindex(")") + 2 :].split()


def environment_room() -> tuple[int, int]:
    """Where in this process's memory that environment lies which /proc shows, and how many bytes it has."""
    start, end = (int(field) for field in _stat(os.getpid())[47:49])
    return start, end - start


def start_ticks(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None when there is no such process or it is a zombie."""
    try:
        fields = _stat(pid)
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def is_alive(pid: int, started_ticks: int) -> bool:
    """Whether that very process lives; a zombie does not, and neither does another one that got its pid."""
    return start_ticks(pid) == started_ticks


def state_of(pid: int) -> str:
    """The letter of the process's state (R S D T t Z …); empty when there is no such process. OSError when the machine
    cannot tell just now."""
    try:
        return _stat(pid)[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def is_frozen(pid: int) -> bool:
    """Whether the process is stopped by a signal (SIGSTOP) or a tracer."""
    try:
        return state_of(pid) in ("T", "t")
    except OSError:
        return False


def turns_of(pid: int) -> int | None:
    """How often the process's main thread was given a processor; a stopped one gets none. None when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[2])
    except (OSError, ValueError, IndexError):
        return None


def children(pid: int) -> list[int]:
    """The pids of the living and unreaped children of a process, of all its threads."""
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found.extend(int(word) for word in (task / "children").read_text().split())
    except OSError:
        pass
    return found


def descendants(pid: int) -> list[int]:
    """All pids below a process, parents before their children."""
    found: list[int] = []
    rest = children(pid)
    while rest:
        child = rest.pop()
        found.append(child)
        rest.extend(children(child))
    return found


def kill_exactly(pid: int, started_ticks: int, signum: int = SIGKILL) -> bool:
    """Send ``signum`` to that very process; False, and nothing sent, when it is gone."""
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if not is_alive(pid, started_ticks):
            return False
        signal.pidfd_send_signal(fd, signum)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)


def close_all(fds: Iterable[int]) -> None:
    """None of them is open any more; that one was not is no error."""
    for fd in fds:
        try:
            os.close(fd)
        except OSError:
            pass


def sync_folder(folder: Path) -> None:
    """The names in ``folder`` are on disk when this returns."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def peer_uid(link: socket) -> int:
    """Who made this connection, by the kernel's word."""
    return _credentials(link)[1]


def peer_pid(link: socket) -> int:
    """Which process made this connection, or listens at its other end, by the kernel's word."""
    return _credentials(link)[0]


def _credentials(link: socket) -> tuple[int, int, int]:
    """Process, user and group."""
    import struct
    from socket import SO_PEERCRED, SOL_SOCKET  # who asks has a socket; most others here do without the module

    pid, uid, gid = struct.unpack("3i", link.getsockopt(SOL_SOCKET, SO_PEERCRED, 12))
    return pid, uid, gid
