"""diskcache as snapshots need it: how it is set, and how it is opened without being made anew each time.

diskcache makes its tables and settings again whenever it is opened, in dozens of commits, and closes the database in
between, which carries the whole log over. One that is found as it was left is opened without a write.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diskcache

from supervisors.snapshot_errors import SnapshotUnreadable

BUSY_TIMEOUT_S = 5.0
SYNC_AT_CHECKPOINTS, SYNC_AT_COMMITS = 1, 2
SETTINGS = {
    "eviction_policy": "none",
    "cull_limit": 0,
    "size_limit": 2**62,
    "statistics": 0,
    "sqlite_mmap_size": 0,
    "disk_min_file_size": 2**30,
}
AS_LEFT = {**diskcache.DEFAULT_SETTINGS, **SETTINGS, "sqlite_synchronous": SYNC_AT_COMMITS}
PARTS = {"Settings", "Cache", "Cache_key_raw", "Cache_expire_time"} | {
    f"Settings_{what}" for what in ("count_insert", "count_delete", "size_insert", "size_update", "size_delete")
}


class TextDisk(diskcache.Disk):  # type: ignore[misc]
    """Texts in, texts out, in the database file. Whatever else lies there is refused, above all a pickle."""

    def put(self, key: object) -> tuple[str, bool]:
        return _text(key), True

    def get(self, key: object, raw: object) -> str:
        if not raw or not isinstance(key, str):
            raise SnapshotUnreadable("foreign", "a key is no plain text")
        return key

    def store(self, value: object, read: bool, key: object = None) -> tuple[int, int, None, str]:
        return 0, diskcache.core.MODE_RAW, None, _text(value)

    def fetch(self, mode: int, filename: str | None, value: object, read: bool) -> str:
        if mode != diskcache.core.MODE_RAW or filename is not None or not isinstance(value, str):
            raise SnapshotUnreadable("foreign", f"a value is stored in mode {mode}, not as text")
        return value


class _NotAsLeft(Exception):
    """Something is missing, or set otherwise."""


class _AsLeft(diskcache.Cache):  # type: ignore[misc]
    """A cache that has been made before; ``_NotAsLeft`` when not all of it is there, as it should be."""

    def __init__(self, folder: Path) -> None:
        self._directory, self._timeout = str(folder), BUSY_TIMEOUT_S
        self._local, self._txn_id = threading.local(), None
        self._disk = TextDisk(self._directory, min_file_size=SETTINGS["disk_min_file_size"])
        stored = dict(self._sql("SELECT key, value FROM Settings"))
        parts = {name for (name,) in self._sql("SELECT name FROM sqlite_master")}
        if not (AS_LEFT.items() <= stored.items() and stored.keys() >= diskcache.core.METADATA.keys()):
            raise _NotAsLeft(f"{folder} has other settings")
        if not parts >= PARTS:
            raise _NotAsLeft(f"{folder} has not all of its tables")
        for key, value in stored.items():
            setattr(self, key, value)
        ((self._page_size,),) = self._sql("PRAGMA page_size")


def opened(folder: Path) -> Any:
    """The cache in ``folder``, with every commit synced. ``sqlite3.Error`` when it cannot be."""
    cache = object.__new__(_AsLeft)
    if (folder / diskcache.core.DBNAME).exists():
        try:
            cache.__init__(folder)  # type: ignore[misc]
        except (_NotAsLeft, sqlite3.Error):
            cache.close()
        else:
            return cache
    return _made(folder)


@contextmanager
def synced_by_the_next(cache: Any) -> Iterator[None]:
    """What is committed in here survives the end of this process at once, and a loss of power together with the next
    commit."""
    cache.reset("sqlite_synchronous", SYNC_AT_CHECKPOINTS, update=False)
    try:
        yield
    finally:
        cache.reset("sqlite_synchronous", SYNC_AT_COMMITS, update=False)


def _made(folder: Path) -> Any:
    """Making the tables takes dozens of commits, which need no sync of their own: the first snapshot's syncs them. The
    last of them says that all is there."""
    cache = diskcache.Cache(
        str(folder), timeout=BUSY_TIMEOUT_S, disk=TextDisk, sqlite_synchronous=SYNC_AT_CHECKPOINTS, **SETTINGS
    )
    cache.reset("sqlite_synchronous", SYNC_AT_COMMITS)
    return cache


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"only texts are stored here, not {type(value).__name__}")
    return value
