"""A disk that fails at a chosen step of a chosen write: the day file's by a module ``os`` of its own, SQLite's by a VFS
that stands before the real one, in the very library that Python's own module uses.

Steps: ``day write``, ``day sync``, ``wal write``, ``wal sync``. What may happen there: it fails, there is no room, or
the machine's process dies (a copy of the state directory is taken in that moment, and the step fails).
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aidos_actors.ledger import day_file
from aidos_actors.ledger.syncing import Syncing

STEPS = ("day write", "day sync", "wal write", "wal sync")
HAPPENS = ("fails", "no room", "dies")
IOERR_WRITE, IOERR_FSYNC, FULL = 778, 1034, sqlite3.SQLITE_FULL
OPEN_WAL = 0x00080000
VFS_NAME = b"bad disk"


@dataclass(frozen=True, slots=True)
class Fault:
    """At the ``nth`` time (0: the first) ``step`` comes, that ``happens``; then the disk is well again, unless the
    fault ``stays``."""

    step: str
    happens: str
    nth: int = 0
    stays: bool = False


class BadDisk:
    """Well until told otherwise. ``met``: the fault has happened; ``copy``: the directory as its process left it.
    ``moment`` is held by each write to the log, so that a copy is of one moment: day files are synced in a thread."""

    def __init__(self) -> None:
        self.moment = threading.RLock()
        self._fault: Fault | None = None
        self._count = 0
        self._state_dir = self._copy_to = Path()
        self.met = False
        self.copy: Path | None = None

    @contextmanager
    def having(self, fault: Fault, state_dir: Path, copy_to: Path) -> Iterator[None]:
        self._fault, self._count, self._state_dir, self._copy_to = fault, 0, state_dir, copy_to
        self.met, self.copy = False, None
        try:
            yield
        finally:
            self._fault = None

    def fails_at(self, step: str) -> str | None:
        """What happens at this step; None when it goes well."""
        with self.moment:
            return self._fails_at(step)

    def _fails_at(self, step: str) -> str | None:
        fault = self._fault
        if fault is None or fault.step != step:
            return None
        self._count += 1
        if self._count <= fault.nth:
            return None
        self.met = True
        if fault.happens == "dies" and self.copy is None:
            self.copy = self._copy_to
            shutil.copytree(self._state_dir, self._copy_to, ignore=shutil.ignore_patterns("*-shm", "*.lock"))
        if not fault.stays:
            self._fault = None
        return fault.happens


DISK = BadDisk()


class DayFileOs:
    """The module ``os`` of ``day_file``. Half of what was to be written is, before that fails."""

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def write(self, handle: int, data: memoryview) -> int:
        happens = DISK.fails_at("day write")
        if happens is None:
            return os.write(handle, data)
        os.write(handle, data[: len(data) // 2])
        raise OSError(errno.ENOSPC if happens == "no room" else errno.EIO, f"the disk {happens}")

    def fdatasync(self, handle: int) -> None:
        if DISK.fails_at("day sync"):
            raise OSError(errno.EIO, "the disk fails")
        os.fdatasync(handle)


class _File(ctypes.Structure):
    _fields_ = [("methods", ctypes.c_void_p)]


_Write = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64)
_Sync = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_Open = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(_File), ctypes.c_int, ctypes.c_void_p
)
_WRITE_AT, _SYNC_AT, _METHODS = 3, 5, 19  # words of sqlite3_io_methods: its version, then function by function
_VERSION_WORDS, _NAME_AT, _OPEN_AT = 18 + 4, 3, 5  # words of sqlite3_vfs, version 3


def bad_disk_vfs() -> Callable[[], None] | None:
    """From here on SQLite opens files through ``DISK``; returns what ends that. None when Python's SQLite is not a
    library that can be reached."""
    library = _library()
    if library is None:
        return None
    library.sqlite3_vfs_find.restype = ctypes.c_void_p
    library.sqlite3_vfs_register.argtypes = (ctypes.c_void_p, ctypes.c_int)
    library.sqlite3_vfs_unregister.argtypes = (ctypes.c_void_p,)
    found = library.sqlite3_vfs_find(None)
    words = ctypes.c_void_p * _VERSION_WORDS
    ours = words.from_buffer_copy((words).from_address(found))
    real_open = _Open(ours[_OPEN_AT])
    kept: list[Any] = []

    def opened(_vfs: int, name: int, file: Any, flags: int, out: int) -> int:
        code = real_open(found, name, file, flags, out)
        if code == 0 and flags & OPEN_WAL:
            _stand_before(file, kept)
        return code

    name, open_here = ctypes.create_string_buffer(VFS_NAME), _Open(opened)
    ours[_NAME_AT] = ctypes.addressof(name)
    ours[_OPEN_AT] = ctypes.cast(open_here, ctypes.c_void_p).value
    kept += [name, open_here, ours]
    library.sqlite3_vfs_register(ctypes.addressof(ours), 1)

    def end() -> None:
        library.sqlite3_vfs_register(found, 1)
        library.sqlite3_vfs_unregister(ctypes.addressof(ours))
        kept.clear()

    return end


def _stand_before(file: Any, kept: list[Any]) -> None:
    """The file's writes and syncs ask ``DISK`` first."""
    methods = (ctypes.c_void_p * _METHODS).from_buffer_copy(
        (ctypes.c_void_p * _METHODS).from_address(file.contents.methods)
    )
    real_write, real_sync = _Write(methods[_WRITE_AT]), _Sync(methods[_SYNC_AT])

    def write(where: int, data: int, size: int, offset: int) -> int:
        with DISK.moment:
            happens = DISK.fails_at("wal write")
            if happens is None:
                return int(real_write(where, data, size, offset))
        return FULL if happens == "no room" else IOERR_WRITE

    def sync(where: int, flags: int) -> int:
        return IOERR_FSYNC if DISK.fails_at("wal sync") else real_sync(where, flags)

    write_here, sync_here = _Write(write), _Sync(sync)
    methods[_WRITE_AT] = ctypes.cast(write_here, ctypes.c_void_p).value
    methods[_SYNC_AT] = ctypes.cast(sync_here, ctypes.c_void_p).value
    kept += [methods, write_here, sync_here]
    file.contents.methods = ctypes.addressof(methods)


def _library() -> ctypes.CDLL | None:
    sqlite3.connect(":memory:").close()
    lines = Path("/proc/self/maps").read_text().splitlines()
    paths = {line.split(maxsplit=5)[-1] for line in lines if "sqlite3" in line}
    for path in sorted(paths, key=lambda path: "libsqlite3" not in path):
        library = ctypes.CDLL(path)
        if hasattr(library, "sqlite3_vfs_find"):
            return library
    return None


day_file_os = DayFileOs()


@contextmanager
def bad_disk() -> Iterator[bool]:
    """Everything a ledger writes goes through ``DISK``; whether SQLite's does too. Nothing is synced in a thread: one
    of an earlier ledger would meet the faults that are meant for this one."""
    module: Any = day_file
    real, module.os = module.os, day_file_os
    soon, Syncing.soon = Syncing.soon, lambda _syncing: None  # type: ignore[method-assign]
    end = bad_disk_vfs()
    try:
        yield end is not None
    finally:
        module.os, Syncing.soon = real, soon  # type: ignore[method-assign]
        if end is not None:
            end()
