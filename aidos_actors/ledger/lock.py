"""``STATE/ledger.lock``: who may open the ledger. Held from before the open until after the close.

Why ``flock``: POSIX record locks vanish when the process closes *any* handle of the file, and do not keep two ledgers
in one process apart; open-file-description locks are shared with fork children just as ``flock`` is. What ``flock`` has
against it is that a forked child could keep the lock after its parent's death. So the handle is closed on exec, and
every fork child of Python's closes its copy at once: the lock ends with the process that took it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import time
import weakref
from pathlib import Path

from msgspec import Struct
from msgspec.structs import asdict

from aidos_actors.core.errors import Conflict
from aidos_actors.core.views import rfc3339

LOCK_FILE = "ledger.lock"
POLL_S = 0.01
END_WAIT_MAX_S = 5.0  # after a SIGKILL; longer only for a process stuck in the kernel
LOCK_TEXT_BYTES_MAX = 4096


class Holder(Struct, frozen=True):
    """The process that has the lock. ``started`` is its start in clock ticks since boot: with the pid, its identity."""

    pid: int
    started: int
    what_for: str
    since_at: float

    def __str__(self) -> str:
        return f"process {self.pid} ({self.what_for or 'unnamed'}) since {rfc3339(self.since_at)}"


class LedgerLock:
    """The right to open the ledger in ``state_dir``, which must exist. Any thread; one holder a state directory."""

    def __init__(self, state_dir: Path, what_for: str = "") -> None:
        self._path = state_dir / LOCK_FILE
        self._what_for = what_for
        self._handle: int | None = None

    @property
    def is_held(self) -> bool:
        """False also in a fork child of the holder."""
        return self._handle is not None

    def acquire(self, wait_s: float = 2.0, *, take_over: bool = False) -> None:
        """Returns with the lock held. When another holds it for all of ``wait_s``: with ``take_over`` that very process
        is ended by SIGKILL and its lock awaited; without, and when it does not end, ``Conflict`` naming it."""
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            if not _locked_within(handle, wait_s):
                holder = _read(handle)
                if not (take_over and holder and _end(holder, handle) and _locked_within(handle, END_WAIT_MAX_S)):
                    raise _held(self._path, _read(handle))
            _write(handle, self._what_for)
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        _held_locks.add(self)

    def release(self) -> None:
        """Not held afterwards, whether it was or not."""
        handle, self._handle = self._handle, None
        if handle is not None:
            with contextlib.suppress(OSError):  # a full disk must not keep the lock
                os.ftruncate(handle, 0)
            os.close(handle)

    def forget(self) -> None:
        """In a fork child: the copy of the handle is closed; the parent's lock stays."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


def holder_of(state_dir: Path) -> Holder | None:
    """Who holds the lock now; None when nobody does. Takes nothing away: a contender only tries once more.
    A lock taken this instant and not yet signed gives a holder with pid 0."""
    try:
        handle = os.open(state_dir / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        if _try_lock(handle, fcntl.LOCK_SH):
            return None
        return _read(handle) or Holder(pid=0, started=0, what_for="starting", since_at=os.fstat(handle).st_mtime)
    finally:
        os.close(handle)


def process_started(pid: int) -> int | None:
    """The start of process ``pid`` in clock ticks since boot; None when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[19])  # field 22; the name in brackets may hold blanks


_held_locks: weakref.WeakSet[LedgerLock] = weakref.WeakSet()


def _forget_in_child() -> None:
    for lock in list(_held_locks):
        lock.forget()


os.register_at_fork(after_in_child=_forget_in_child)


def _try_lock(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _locked_within(handle: int, wait_s: float) -> bool:
    deadline_s = time.monotonic() + wait_s
    while not _try_lock(handle, fcntl.LOCK_EX):
        if time.monotonic() >= deadline_s:
            return False
        time.sleep(POLL_S)
    return True


def _end(holder: Holder, lock_handle: int) -> bool:
    """True when that very process is gone, or was sent SIGKILL. Two signs are asked for: the start time it signed with,
    and that it has the lock file open. The pidfd comes before both looks: so all three are of one process, however fast
    pids are used again. Never ends the process that asks."""
    if holder.pid == os.getpid():
        return False
    try:
        process = os.pidfd_open(holder.pid)
    except ProcessLookupError:
        return True
    try:
        if process_started(holder.pid) == holder.started and _has_open(holder.pid, lock_handle):
            signal.pidfd_send_signal(process, signal.SIGKILL)
            end = select.poll()
            end.register(process, select.POLLIN)
            end.poll(END_WAIT_MAX_S * 1000)
    except PermissionError:
        return False
    except ProcessLookupError:
        pass
    finally:
        os.close(process)
    return True


def _has_open(pid: int, lock_handle: int) -> bool:
    lock_file = os.fstat(lock_handle)
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            if os.path.samestat(link.stat(), lock_file):
                return True
    return False


def _held(path: Path, holder: Holder | None) -> Conflict:
    return Conflict(
        f"{path} is held by {holder or 'another process'}",
        hint="use the running system, stop it, or give another state directory with --state",
    )


def _write(handle: int, what_for: str) -> None:
    pid = os.getpid()
    holder = Holder(pid=pid, started=process_started(pid) or 0, what_for=what_for, since_at=time.time())
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(asdict(holder)).encode(), 0)


def _read(handle: int) -> Holder | None:
    try:
        return Holder(**json.loads(os.pread(handle, LOCK_TEXT_BYTES_MAX, 0)))
    except (ValueError, TypeError):
        return None
