"""A state directory as its guardian occupies it: the lock that says whose it is, and the control socket."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

SOCKET_NAME = "control.sock"
LOCK_NAME = "guardian.lock"
BACKLOG = 128
LOCK_PATIENCE_S = 0.5


def lock(state: Path) -> int | str:
    """The lock's descriptor, or who holds it. Whoever only looks whether it is held has it for a moment, and a killed
    owner's until the kernel is done with it: hence the patience."""
    fd = os.open(state / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    until = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > until:
                owner = os.pread(fd, 100, 0).decode(errors="replace").strip()
                os.close(fd)
                return owner or "another process"
            time.sleep(0.01)
    with contextlib.suppress(OSError):  # on a full disk the lock holds without its holder's name
        os.ftruncate(fd, 0)
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        os.pwrite(fd, f"pid {os.getpid()} since {moment}\n".encode(), 0)
    return fd


def is_ours(state: Path, held: int) -> bool:
    """Whether the lock held is still the one in ``state``: not so when the folder was removed, or made anew."""
    try:
        return os.path.samestat((state / LOCK_NAME).stat(), os.fstat(held))
    except FileNotFoundError:
        return False
    except OSError:  # a disk that fails for a moment takes nothing away
        return True


def bind(state: Path, name: str = SOCKET_NAME) -> socket.socket:
    """A socket in ``state``, the control socket unless another is named, bound by a path that is short however deep the
    state directory lies."""
    folder = os.open(state, os.O_DIRECTORY | os.O_RDONLY | os.O_CLOEXEC)
    path = state / name
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(f"/proc/self/fd/{folder}/{name}")
    finally:
        os.umask(mask)
        os.close(folder)
    listener.listen(BACKLOG)
    return listener
