"""The folder in which one actor's snapshots lie: whose it is, what else lies in it, and who may restore now.

One folder and one SQLite file per durable actor, and one process that has it open: ``owner.lock`` is locked for the
process (no fork inherits that), and the kernel lets go of it the instant the process is gone. So no two processes ever
share a SQLite file.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from pathlib import Path
from urllib.parse import quote

from supervisors.linux import sync_folder
from supervisors.snapshot_errors import SnapshotUnavailable

LOCK_NAME = "owner.lock"
OWNER_PATIENCE_S = 2.0
RESTORES_AT_ONCE = 8
PERMIT_PATIENCE_S = 10.0
LOOK_AGAIN_S = 0.002
NAME_BYTES_MAX = 200
DISCARDED_MAX = 3
PID_CHARS = 10


_state_dirs: list[Path] = []


def settle(state_dir: Path) -> None:
    """The processes forked from this one from now on keep their snapshots under ``state_dir``."""
    _state_dirs[:] = [state_dir]


def settled() -> Path:
    """What ``settle`` said in this process or the one it was forked from."""
    if not _state_dirs:
        raise SnapshotUnavailable("no state directory is known in this process")
    return _state_dirs[0]


def folder_of(state_dir: Path, actor: str) -> Path:
    """The folder of ``actor``, a path in its tree: different for different paths, whatever characters they hold."""
    name = quote(actor, safe="")
    if len(name) > NAME_BYTES_MAX:
        name = f"{name[:120]}-{hashlib.sha256(actor.encode()).hexdigest()}"
    return state_dir / "snapshots" / name


def make(folder: Path) -> None:
    """``folder`` exists, and so it does after a loss of power."""
    if folder.is_dir():
        return
    make(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.parent)


def own(folder: Path, patience_s: float = OWNER_PATIENCE_S) -> int:
    """The descriptor that keeps ``folder`` this process's own. SnapshotUnavailable when another process that lives has
    it for longer than ``patience_s``; a killed one is waited for only until the kernel is done with it."""
    fd = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    until = time.monotonic() + patience_s
    while not _is_locked(fd):
        if time.monotonic() > until:
            owner = os.pread(fd, 100, 0).decode(errors="replace").strip()
            os.close(fd)
            raise SnapshotUnavailable(f"{folder} belongs to another process that lives ({owner or 'unknown'})")
        time.sleep(LOOK_AGAIN_S)
    os.pwrite(fd, f"pid {os.getpid():<{PID_CHARS}}\n".encode(), 0)  # the length stays: a new one waits for the disk
    return fd


def permit(folder: Path, at_once: int = RESTORES_AT_ONCE, patience_s: float = PERMIT_PATIENCE_S) -> int | None:
    """A permit to restore, to be closed; at most ``at_once`` are out for all actors of a tree, and a dead process's is
    free at once. None when there was none for ``patience_s``: one that hangs must not keep the others for ever."""
    place = folder.parent / ".permits"
    place.mkdir(mode=0o700, exist_ok=True)
    until = time.monotonic() + patience_s
    while True:
        for number in range(at_once):
            fd = os.open(place / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if _is_locked(fd):
                return fd
            os.close(fd)
        if time.monotonic() > until:
            return None
        time.sleep(LOOK_AGAIN_S)


def discard(folder: Path, names: list[str]) -> Path:
    """The files ``names`` of ``folder`` lie together in a folder of their own, untouched; only the newest
    ``DISCARDED_MAX`` such folders are kept."""
    earlier = sorted(int(each.name.rpartition("-")[2]) for each in folder.glob("unreadable-*"))
    place = folder / f"unreadable-{earlier[-1] + 1 if earlier else 1}"
    place.mkdir(mode=0o700)
    for name in names:
        if (folder / name).exists():
            (folder / name).rename(place / name)
    sync_folder(folder)
    for number in earlier[: max(0, len(earlier) + 1 - DISCARDED_MAX)]:
        old = folder / f"unreadable-{number}"
        for file in old.iterdir():
            file.unlink()
        old.rmdir()
    return place


def _is_locked(fd: int) -> bool:
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
