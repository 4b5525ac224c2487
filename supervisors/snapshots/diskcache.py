"""Snapshots on disk, in diskcache, which ``text_cache`` opens.

diskcache's defaults lose data without a word and run code from what they read, so: texts only and never a pickle, no
eviction and no culling, every commit synced, no memory map, values within the database file. It is opened by the
process that uses it, never before a fork. Used from one thread.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import diskcache

from supervisors.linux import sync_folder
from supervisors.snapshot_errors import SnapshotNotWritten, SnapshotUnavailable, SnapshotUnreadable
from supervisors.snapshot_rules import ASIDE_KEPT, Found, Head, Record, to_keep
from supervisors.snapshots import premises
from supervisors.snapshots.salvage import salvaged_texts
from supervisors.snapshots.text_cache import opened, synced_by_the_next

HEAD = "head"
KEPT_IN, ASIDE_IN = "snapshot/", "aside/"
MARK = "holds-state"
DATABASE = diskcache.core.DBNAME
FILES = [DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"]


class DiskcacheSnapshots:
    """The port ``SnapshotStore`` over one diskcache folder, which belongs to one actor."""

    def __init__(self, state_dir: Path, actor: str) -> None:
        self.folder = premises.folder_of(state_dir, actor)
        self._cache: Any = None
        self._fds: list[int] = []
        self._permit: int | None = None
        self._kept: list[int] = []
        self._aside: list[int] = []

    def claim(self) -> Found:
        with _unavailable(self.folder):
            premises.make(self.folder)
            self._permit = premises.permit(self.folder)
            self._fds.append(premises.own(self.folder))
            file = self.folder / DATABASE
            if (self.folder / MARK).exists() and not (file.exists() and file.stat().st_size):
                raise SnapshotUnreadable("missing", f"{file} was there and is gone")
            try:
                found = self._claimed()
            except (sqlite3.DatabaseError, SnapshotUnreadable) as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                found = self._claimed_from_wreck(error)
            self._mark()
        return found

    def write(self, generation: int, version: int, text: str) -> None:
        with self._changing() as cache:
            head = self._head()
            if head.names(generation, version) and cache.get(_key(KEPT_IN, version)) == text:
                return
            self._put_head(head.written(generation, version))
            cache.set(_key(KEPT_IN, version), text)
            kept, old = to_keep([*self._kept, version])
            for each in old:
                cache.delete(_key(KEPT_IN, each))
        self._kept = kept

    def started(self, generation: int, set_aside: tuple[int, ...] = ()) -> None:
        with self._changing() as cache:
            self._put_head(self._head().started(generation))
            for version in set_aside:
                cache.set(_key(ASIDE_IN, version), cache.get(_key(KEPT_IN, version)))
                cache.delete(_key(KEPT_IN, version))
            aside, old = to_keep([*self._aside, *set_aside], ASIDE_KEPT)
            for version in old:
                cache.delete(_key(ASIDE_IN, version))
        self._kept = [version for version in self._kept if version not in set_aside]
        self._aside = aside
        self._give_back_permit()

    def start_raised(self, generation: int, *, blames_state: bool) -> None:
        with self._changing():
            self._put_head(self._head().start_raised(generation, blames_state=blames_state))
        self._give_back_permit()

    def start_over(self) -> Found:
        with _unavailable(self.folder):
            self._discard()
            found = self._claimed()
            self._mark()
        return found

    def close(self) -> None:
        self._give_back_permit()
        fds, self._fds = self._fds, []
        try:
            self._close_cache()
        finally:
            for fd in fds:
                os.close(fd)

    # ---- within the folder

    def _claimed(self, salvaged: dict[str, str] | None = None, remarks: tuple[str, ...] = ()) -> Found:
        """A claim that a loss of power takes back was followed by nothing: whatever is written later is synced with
        it. The first one, and one with all that is left of a damaged file, are synced at once."""
        cache = self._cache = opened(self.folder)
        _check(cache)
        was_known = (self.folder / MARK).exists()
        with synced_by_the_next(cache) if was_known and not salvaged else nullcontext(), cache.transact():
            for key, text in (salvaged or {}).items():
                cache.set(key, text)
            keys = list(cache.iterkeys())
            self._kept, self._aside = _versions(keys, KEPT_IN), _versions(keys, ASIDE_IN)
            if HEAD not in keys and (self._kept or was_known):
                raise SnapshotUnreadable("missing", f"who may write in {self.folder} was known and is not")
            head = self._head().claimed()
            self._put_head(head)
            records = tuple(Record(each, self._read(KEPT_IN, each)) for each in self._kept)
            aside = tuple(Record(each, self._read(ASIDE_IN, each)) for each in self._aside)
        return Found(head, records, aside, remarks)

    def _claimed_from_wreck(self, error: Exception) -> Found:
        """What can still be read of a damaged file is carried over to a new one; the old one is kept. Each text has a
        checksum of its own, so nothing wrong is carried over unnoticed."""
        self._close_cache()
        texts = salvaged_texts(self.folder / DATABASE)
        versions = _versions(list(texts), KEPT_IN)
        if not versions:
            if isinstance(error, SnapshotUnreadable):
                raise error
            raise SnapshotUnreadable("torn", f"{self.folder / DATABASE} holds nothing readable: {error}") from error
        place = self._discard()
        texts[HEAD] = Head.salvaged(texts.get(HEAD), versions[0]).dumped()
        return self._claimed(texts, (f"the database was damaged ({error}); it lies in {place}",))

    def _discard(self) -> Path:
        self._close_cache()
        return premises.discard(self.folder, [*FILES, MARK])

    def _mark(self) -> None:
        if not (self.folder / MARK).exists():
            (self.folder / MARK).touch(mode=0o600)
            sync_folder(self.folder)

    def _close_cache(self) -> None:
        cache, self._cache = self._cache, None
        if cache is not None:
            cache.close()

    def _head(self) -> Head:
        text = self._cache.get(HEAD)
        return Head() if text is None else Head.loaded(text)

    def _put_head(self, head: Head) -> None:
        self._cache.set(HEAD, head.dumped())

    def _read(self, place: str, version: int) -> object:
        try:
            return self._cache.get(_key(place, version))
        except SnapshotUnreadable as error:
            return error

    def _give_back_permit(self) -> None:
        permit, self._permit = self._permit, None
        if permit is not None:
            os.close(permit)

    @contextmanager
    def _changing(self) -> Iterator[Any]:
        """All or nothing, on disk when this is left without an error."""
        try:
            with self._cache.transact():
                yield self._cache
        except (sqlite3.Error, diskcache.Timeout, OSError) as error:
            raise SnapshotNotWritten(f"{self.folder}: {str(error) or 'the database is locked'}") from error


def _check(cache: Any) -> None:
    """Damage is met now, when there is something to fall back on, and not by a later write."""
    said = cache._sql("PRAGMA integrity_check(1)").fetchone()[0]
    if said != "ok":
        raise sqlite3.DatabaseError(said.partition("\n")[0])


@contextmanager
def _unavailable(folder: Path) -> Iterator[None]:
    if os.path.expandvars(str(folder)) != str(folder):
        raise SnapshotUnavailable(f"{folder}: diskcache takes the $ in this path for a variable")
    try:
        yield
    except (sqlite3.Error, diskcache.Timeout, OSError) as error:
        raise SnapshotUnavailable(f"{folder}: {type(error).__name__}: {error}") from error


def _key(place: str, version: int) -> str:
    return f"{place}{version:020d}"


def _versions(keys: list[str], place: str) -> list[int]:
    numbers = [key.removeprefix(place) for key in keys if key.startswith(place)]
    return sorted((int(each) for each in numbers if each.isascii() and each.isdigit()), reverse=True)
