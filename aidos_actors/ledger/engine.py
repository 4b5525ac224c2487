"""Opens SQLite right, and tells its errors in our words.

One connection a ledger, kept for its whole life (SQLite before 3.51.3 can damage a WAL file that two connections
write or checkpoint at once), no memory map, every commit synced. Transactions begin with a BEGIN of our own: the
driver's would come too late and could not be IMMEDIATE.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from aidos_actors.core.errors import AidosError, Unfit
from aidos_actors.ledger.errors import LedgerDamaged, LedgerRefused, LedgerUnavailable
from aidos_actors.machine_errors import HINT_ACCESS, NO_ACCESS
from supervisors.linux import sync_folder

BUSY_TIMEOUT_S = 5.0
WAL_PAGES_MAX = 4000  # a checkpoint follows; the file is then written over from its start, not grown
WAL_BYTES_KEPT_MAX = 64 * 2**20
WRITER_SETTINGS = {
    "auto_vacuum": "INCREMENTAL",  # heeded by an empty file only, so it comes first
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "foreign_keys": "ON",
    "wal_autocheckpoint": str(WAL_PAGES_MAX),
    "journal_size_limit": str(WAL_BYTES_KEPT_MAX),
}

DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
FULL = frozenset({sqlite3.SQLITE_FULL})
BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
ACCESS = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH})
NO_INDEX = frozenset({sqlite3.SQLITE_IOERR_SHMOPEN, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMMAP})
TROUBLE = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_PROTOCOL})


def open_for_writing(path: Path) -> sqlite3.Connection:
    """A connection to ``path``, which is made (0600) when it is missing. Raises sqlite3's errors."""
    _create_private(path)
    return _connect(path, "rw", WRITER_SETTINGS)


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that can neither write nor checkpoint ``path``, with or without a living writer. SQLite would put a
    shared index beside the file. Where nothing can be made, and all there is to read stands in this one file, it is
    read as one that does not change: who would change it needs the index as well."""
    has_log, is_at_rest = _has_log(path), not os.access(path.parent, os.W_OK) and not _index(path).exists()
    connection = _connect(path, "ro", {}, is_at_rest=is_at_rest and not has_log)
    try:
        connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if has_log or error.sqlite_errorcode not in NO_INDEX:
            raise
        return _connect(path, "ro", {}, is_at_rest=True)
    except BaseException:
        connection.close()
        raise
    return connection


def _has_log(path: Path) -> bool:
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _index(path: Path) -> Path:
    return path.with_name(f"{path.name}-shm")


def make_log_room(path: Path, size_bytes: int) -> None:
    """The write-ahead log of the open database ``path`` is at least so long: zeros follow what stands in it, which
    SQLite does not look at. A commit that makes a file longer takes two or three times as long as one that does not.
    To be called while nobody writes. Raises OSError."""
    handle = os.open(path.with_name(f"{path.name}-wal"), os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        size = os.fstat(handle).st_size
        if size < size_bytes:
            os.pwrite(handle, bytes(size_bytes - size), size)
            os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Errors of the driver and of the file system leave as ``AidosError``; those that are one already pass."""
    try:
        yield
    except AidosError:
        raise
    except sqlite3.Error as error:
        raise _in_our_words(path, error) from error
    except OSError as error:
        hint = HINT_ACCESS if error.errno in NO_ACCESS else HINT_ROOM
        raise LedgerUnavailable(f"{error.filename or path}: {error.strerror}", hint=hint) from error
    except (TypeError, ValueError, OverflowError) as error:
        raise LedgerRefused(f"{path} cannot hold a value: {error}", hint=HINT_REPORT) from error


@contextmanager
def transaction(driver: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """What happens inside is committed and synced on leaving, or rolled back whole when anything raises."""
    driver.execute("BEGIN IMMEDIATE")
    try:
        yield driver
        driver.commit()
    finally:
        if driver.in_transaction:  # also when the commit itself fails
            driver.rollback()


@contextmanager
def moment(driver: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All that is read inside is from one moment: from that of the transaction that is open, if one is."""
    if driver.in_transaction:
        yield driver
        return
    driver.execute("BEGIN")
    try:
        yield driver
    finally:
        driver.rollback()


HINT_ROOM = "free space on the disk that holds the state directory and look at its health; the call may be repeated"
HINT_REPORT = "this is a mistake in AIDOS itself; report it"
HINT_RESTORE = "keep the state directory, and begin anew in another one: what was published is on its targets"


def _in_our_words(path: Path, error: sqlite3.Error) -> AidosError:
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    if primary in DAMAGE:
        return LedgerDamaged(f"{path} is damaged: {error}", hint=HINT_RESTORE)
    if primary in FULL:
        return LedgerUnavailable(f"no room for {path}: {error}", hint=HINT_ROOM)
    if primary in BUSY:
        return LedgerUnavailable(f"{path} stayed locked for {BUSY_TIMEOUT_S:g} s", hint="another program holds it open")
    if primary in ACCESS:
        return LedgerUnavailable(f"{path} cannot be opened or written: {error}", hint=HINT_ACCESS)
    if primary in TROUBLE:
        return LedgerUnavailable(f"{path} could not be read or written: {error}", hint=HINT_ROOM)
    return LedgerRefused(f"{path} refused a statement: {error}", hint=HINT_REPORT)


def _connect(path: Path, mode: str, settings: Mapping[str, str], *, is_at_rest: bool = False) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}{'&immutable=1' if is_at_rest else ''}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_S)
    try:
        connection.execute("PRAGMA mmap_size = 0")
        for name, value in settings.items():
            answer = connection.execute(f"PRAGMA {name} = {value}").fetchone()
            if name == "journal_mode" and answer != ("wal",):
                raise Unfit(f"{path} cannot have a write-ahead log: {answer}", hint="put the state on a local disk")
    except BaseException:
        connection.close()
        raise
    return connection


def _create_private(path: Path) -> None:
    """Only when it is missing: opening and closing a file by hand would drop SQLite's own locks on it."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    sync_folder(path.parent)
