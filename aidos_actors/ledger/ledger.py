"""The ledger with its owner: opened under the lock, written in whole batches by the newest epoch only."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from aidos_actors import crash
from aidos_actors.core.errors import AidosError, Fenced
from aidos_actors.core.records import Batch, NewEvent, TaskRecord
from aidos_actors.ledger import schema
from aidos_actors.ledger.day_files import DayFiles
from aidos_actors.ledger.engine import (
    HINT_RESTORE,
    make_log_room,
    open_for_writing,
    storage_errors,
    transaction,
)
from aidos_actors.ledger.errors import LedgerDamaged, ledger_is_gone
from aidos_actors.ledger.lock import LedgerLock
from aidos_actors.ledger.migrate import bring_up_to_date, stored_revision
from aidos_actors.ledger.mounts import refuse_network_filesystem
from aidos_actors.ledger.reader import EVENTS_MAX, LAST_SEQ, LedgerReader
from aidos_actors.ledger.revisions import JOURNAL_FOLDER, LEDGER_FILE
from aidos_actors.ledger.rows import (
    Values,
    accepted_rows,
    by_width,
    call_rows,
    event_rows,
    long_documents,
    rows_of,
)
from aidos_actors.ledger.schema import Table
from supervisors.linux import sync_folder


class Ledger(LedgerReader):
    """The one handle that writes. What a call returned is on disk in the table, and within about a second in the day
    files (should the disk refuse these alone, nothing more is written until they have caught up); what a call raised
    for changed nothing that can be seen. (Should the disk fail in the very moment of a commit, the batch may turn up
    whole after a restart: whoever goes on from what the ledger says is right either way.)"""

    def __init__(self, path: Path, driver: sqlite3.Connection, lock: LedgerLock) -> None:
        super().__init__(path, driver)
        self._lock = lock
        self._days = DayFiles(path.parent / JOURNAL_FOLDER)
        self._is_settled = False

    @classmethod
    def open(
        cls,
        state_dir: Path,
        *,
        what_for: str = "scheduler",
        wait_s: float = 2.0,
        take_over: bool = False,
        migrate: bool = False,
        log_room_bytes: int = 0,
    ) -> Ledger:
        """The ledger in ``state_dir``, both made when missing, with its lock held until ``close``.

        Raises ``Conflict`` when another process holds it (with ``take_over`` that process is ended after ``wait_s``),
        ``Unfit`` for a network file system or another schema (an older one is brought up with ``migrate``),
        ``LedgerDamaged``, ``LedgerUnavailable``. Nothing stays open then. Who writes much makes room for its log."""
        refuse_network_filesystem(state_dir)
        path = state_dir / LEDGER_FILE
        with storage_errors(path), contextlib.ExitStack() as undo:
            if not state_dir.is_dir():
                state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
                sync_folder(state_dir.parent)
            lock = LedgerLock(state_dir, what_for)
            lock.acquire(wait_s, take_over=take_over)
            undo.callback(lock.release)
            driver = undo.enter_context(contextlib.closing(open_for_writing(path)))
            ledger = cls(path, driver, lock)
            ledger._prepare(migrate=migrate)
            if log_room_bytes:
                make_log_room(path, log_room_bytes)
            undo.pop_all()
            return ledger

    def begin_epoch(self, at: float) -> int:
        """A new epoch, one more than the last; the earlier ones are fenced now. Journals ``scheduler_started``."""
        with self._writing() as driver:
            epoch, last_seq = _head(driver)
            epoch += 1
            driver.execute("UPDATE meta SET value = ? WHERE key = 'epoch'", (str(epoch),))
            self._append(driver, event_rows([NewEvent(at, "scheduler_started")], epoch, last_seq))
        return epoch

    def apply(self, epoch: int, batch: Batch) -> int:
        """Rows and events of the batch are durable, together; returns the journal's last seq. ``Fenced`` when a newer
        epoch has begun; ``LedgerRefused`` when a row breaks a rule; ``LedgerUnavailable`` when the disk cannot."""
        changed = rows_of(batch)
        written, over = call_rows(batch.calls)
        with self._writing() as driver:
            stored_epoch, last_seq = _head(driver)
            if stored_epoch != epoch:
                raise Fenced(
                    f"epoch {epoch} may not write any more: epoch {stored_epoch} has begun",
                    hint="nothing was written; a newer scheduler has taken over",
                )
            self._append(driver, event_rows(batch.events, epoch, last_seq))
            for table, rows in changed:
                for width, alike in by_width(table, rows):
                    driver.executemany(_upsert(table, width), alike)
            self._store_documents(driver, long_documents(batch))
            if batch.accepted:
                self._accept(driver, batch.accepted)
            if written:
                driver.executemany(_upsert(schema.call_batches, len(written[0])), written)
            if over:
                driver.executemany(_DELETE_CALLS, over)
        return last_seq + len(batch.events)

    def _store_documents(self, driver: sqlite3.Connection, documents: Iterable[Values]) -> None:
        for document in documents:
            driver.execute(_STORE_DOCUMENT, document)
            driver.execute(_STORE_DOCUMENT, ("", ""))  # a statement holds on to what it was last told

    def _accept(self, driver: sqlite3.Connection, tasks: Sequence[TaskRecord]) -> None:
        done = driver.executemany(_ACCEPT, accepted_rows(tasks))
        if done.rowcount != len(tasks):
            text = f"{self._path} has rows of {done.rowcount} of the {len(tasks)} tasks that are done"
            raise LedgerDamaged(text, hint=HINT_RESTORE)

    def close(self) -> None:
        """Closed, and only then the lock let go; a second call does nothing."""
        try:
            super().close()
            with contextlib.suppress(OSError):
                self._days.close()
        finally:
            self._lock.release()

    def _prepare(self, *, migrate: bool) -> None:
        with transaction(self._driver) as driver:
            revision = stored_revision(driver)
            if revision is None and not self._days.is_empty:
                raise ledger_is_gone(self._path)
            bring_up_to_date(driver, revision, migrate=migrate)
        self._settle()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        if not self._lock.is_held:
            raise Fenced("this ledger was closed, or was opened before a fork: it may not write", hint="open it anew")
        with storage_errors(self._path):
            if not self._is_settled or not self._days.is_whole:
                self._settle()
            try:
                crash.before("ledger-commit")
                with transaction(self._driver) as driver:
                    yield driver
                self._is_settled = True
                crash.after("ledger-commit")
            finally:
                if not self._is_settled:  # the day files lack lines, or hold those of a batch that was rolled back
                    with contextlib.suppress(AidosError, OSError):
                        self._settle()

    def _append(self, driver: sqlite3.Connection, rows: list[Values]) -> None:
        """Into the day files, and into the table."""
        if rows:
            self._is_settled = False
            crash.before("journal-lines")
            self._days.append(rows)
            crash.after("journal-lines")
            driver.executemany(_INSERT_EVENT, rows)

    def _settle(self) -> None:
        self._is_settled = False  # until it has come to its end
        self._days.settle(self.last_seq(), self._rows_after)
        self._is_settled = True

    def _rows_after(self, seq: int, limit: int = EVENTS_MAX) -> Sequence[Values]:
        return self._event_rows(seq, limit)


_HEAD = f"SELECT value, ({LAST_SEQ}) FROM meta WHERE \"key\" = 'epoch'"


def _head(driver: sqlite3.Connection) -> tuple[int, int]:
    """The stored epoch and the journal's last seq. (Retention must leave the newest event: it carries the seq on.)"""
    row = driver.execute(_HEAD).fetchone()
    if row is None:
        raise LedgerDamaged("the ledger has lost its epoch", hint=HINT_RESTORE)
    return int(row[0]), row[1]


_ACCEPT = (
    "UPDATE tasks SET state = ?, attempts = ?, result = ?, finished_at = ?, not_before_at = NULL, error = NULL"
    " WHERE requirement = ? AND id = ?"
)

_STORE_DOCUMENT = "UPDATE requirements SET document = ? WHERE id = ?"
_INSERT_EVENT, _DELETE_CALLS = schema.events.insert(), schema.call_batches.delete()


@cache
def _upsert(table: Table, width: int) -> str:
    return table.upsert(width, kept="document" if table is schema.requirements else "")
