"""Reads of the ledger, the same for its owner and for those who only look."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Row,
    Select,
    Table,
    case,
    func,
    literal,
    literal_column,
    select,
)

from aidos_actors.core.batches import unfolded
from aidos_actors.core.errors import NotFound
from aidos_actors.core.records import (
    AgentRecord,
    AttemptRecord,
    CallBatch,
    JournalEvent,
    RequirementRecord,
    TaskRecord,
)
from aidos_actors.core.states import REQUIREMENT_FINAL, TASK_FINAL, RequirementState, TaskState
from aidos_actors.ledger import schema
from aidos_actors.ledger.engine import driver_of, open_for_reading, storage_errors, transaction, worded
from aidos_actors.ledger.migrate import require_current, stored_revision
from aidos_actors.ledger.revisions import LEDGER_FILE
from aidos_actors.ledger.rows import ATTEMPTS, REQUIREMENTS, TASKS, call_batch_of, event_of

EVENTS_MAX = 10_000

HERE: ColumnElement[Any] = literal_column("?")
"""Where the driver puts a value into a worded statement."""
LAST_SEQ = select(func.coalesce(func.max(schema.events.c.seq), literal_column("0")))
LAST_POSITION = select(func.coalesce(func.max(schema.requirements.c.position), literal_column("0")))


class LedgerReader:
    """What the ledger says, each answer from one moment. Raises ``LedgerUnavailable`` or ``LedgerDamaged``.
    Thread: only the one that opened it."""

    def __init__(self, path: Path, connection: Connection) -> None:
        self._path = path
        self._connection = connection

    @classmethod
    def read_only(cls, state_dir: Path) -> LedgerReader:
        """A view that takes no lock and writes nothing, whether a writer lives, died or ended. ``NotFound`` when there
        is no ledger in ``state_dir``; ``Unfit`` when its schema is not this program's."""
        path = state_dir / LEDGER_FILE
        nothing_here = NotFound(f"there is no state in {state_dir} yet", hint="hand in work with `aidos submit FILE`")
        if not path.is_file():
            raise nothing_here
        with storage_errors(path):
            reader = LedgerReader(path, open_for_reading(path).connect())
        try:
            with storage_errors(path), transaction(reader._connection):
                revision = stored_revision(reader._connection)
            if revision is None:
                raise nothing_here
            require_current(revision)
        except BaseException:
            reader.close()
            raise
        return reader

    @property
    def installation(self) -> str:
        """16 hex digits, made once with the ledger."""
        return self._meta("installation")

    def epoch(self) -> int:
        """The newest scheduler's number; 0 before the first."""
        return int(self._meta("epoch"))

    def open_requirements(self) -> list[RequirementRecord]:
        """Those whose state is not final, in the order of submission."""
        return REQUIREMENTS.records(self._rows(_requirements().where(_is_open())))

    def requirements(self) -> list[RequirementRecord]:
        """All, in the order of submission."""
        return REQUIREMENTS.records(self._rows(_requirements()))

    def overview(self) -> list[tuple[RequirementRecord, int, int]]:
        """All, in the order of submission, without their documents; each with how many of its tasks are done, and how
        many there are. What has ended was counted then: the tasks of all history are not looked at."""
        columns = [literal("") if each.name == "document" else each for each in REQUIREMENTS.table.columns]
        position, tasks = REQUIREMENTS.table.c.position, TASKS.table
        is_done = func.sum(case((tasks.c.state == TaskState.DONE.value, 1), else_=0))
        counts = select(tasks.c.requirement, is_done, func.count()).join(REQUIREMENTS.table).where(_is_open())
        with self.one_moment():
            records = REQUIREMENTS.records(self._rows(select(*columns).order_by(position)))
            rows = self._rows(counts.group_by(tasks.c.requirement))
        counted = {name: (done, total) for name, done, total in map(tuple, rows)}
        return [(each, *counted.get(each.id, (each.tasks_done or 0, each.tasks_total or 0))) for each in records]

    def requirement(self, requirement_id: str) -> RequirementRecord | None:
        rows = self._fetched(_ONE_REQUIREMENT, requirement_id)
        return next(iter(REQUIREMENTS.records(rows)), None)

    def tasks(self, requirement_id: str, *, with_removed: bool = False) -> list[TaskRecord]:
        """The tasks of a requirement in file order; none for an unknown one. Those that a revision took out of its
        document are left out unless asked for."""
        with self._moment() as driver:
            is_called = driver.execute(_CALLS_OF, (requirement_id,)).fetchone() is not None
            rows = [] if is_called else driver.execute(_TASKS_OF, (requirement_id,)).fetchall()
        found = self.work(requirement_id)[0] if is_called else TASKS.records(rows)  # else the rows say it all
        return found if with_removed else [task for task in found if task.state is not TaskState.REMOVED]

    def attempts(self, requirement_id: str, task: str | None = None) -> list[AttemptRecord]:
        """The attempts of a requirement, or of one task of it, by task and number; of callables that travelled in
        batches those under way, and those that ended otherwise than well."""
        attempts = self.work(requirement_id)[1]
        return attempts if task is None else [each for each in attempts if each.task == task]

    def work(
        self, requirement_id: str, *, is_settled_left_out: bool = False
    ) -> tuple[list[TaskRecord], list[AttemptRecord], list[CallBatch]]:
        """Tasks in file order, attempts by task and number, and open batches of callables, of one moment. What the
        batches stand for is among the tasks and attempts. Attempts that nothing follows from any more may be left out:
        their task is final, and neither a worker nor a worktree is left of them."""
        queries = (_TASKS_OF, _UNSETTLED_OF if is_settled_left_out else _ATTEMPTS_OF, _CALLS_OF)
        with self._moment() as driver:
            task_rows, attempt_rows, call_rows = (
                driver.execute(text, (requirement_id,)).fetchall() for text in queries
            )
        found = unfolded(
            [call_batch_of(row) for row in call_rows], TASKS.records(task_rows), ATTEMPTS.records(attempt_rows)
        )
        return found[0], sorted(found[1], key=lambda each: (each.task, each.number)), found[2]

    def agents(self) -> list[AgentRecord]:
        return [AgentRecord(*row) for row in self._rows(select(schema.agents).order_by(schema.agents.c.name))]

    def events(self, after_seq: int = 0, limit: int = 1000, requirement: str | None = None) -> list[JournalEvent]:
        """The first ``limit`` (never more than ``EVENTS_MAX``) events after ``after_seq``, in order."""
        return [event_of(row) for row in self._event_rows(after_seq, limit, requirement)]

    def last_seq(self) -> int:
        """The number of the newest event, 0 before the first."""
        return int(self._fetched(_LAST_SEQ)[0][0])

    def next_position(self) -> int:
        """One more than the position of the newest requirement; 1 for the first."""
        return int(self._fetched(_LAST_POSITION)[0][0]) + 1

    def close(self) -> None:
        """Nothing is open afterwards; a second call does nothing."""
        self._connection.close()
        self._connection.engine.dispose()

    def _meta(self, key: str) -> str:
        return str(self._rows(select(schema.meta.c.value).where(schema.meta.c.key == key))[0][0])

    def _event_rows(self, after_seq: int, limit: int, requirement: str | None = None) -> Sequence[Row[Any]]:
        table = schema.events
        query = select(table).where(table.c.seq > after_seq).order_by(table.c.seq).limit(min(limit, EVENTS_MAX))
        return self._rows(query if requirement is None else query.where(table.c.requirement == requirement))

    def _fetched(self, text: str, *values: Any) -> Sequence[Any]:
        """The rows of one short query that is asked often."""
        with storage_errors(self._path):
            return driver_of(self._connection).execute(text, values).fetchall()

    @contextmanager
    def one_moment(self) -> Iterator[None]:
        """All answers inside are from one moment. For short work: beside a living writer its log grows meanwhile."""
        with storage_errors(self._path), transaction(self._connection):
            yield

    @contextmanager
    def _moment(self) -> Iterator[sqlite3.Connection]:
        """The driver, all of whose answers inside are from one moment."""
        driver = driver_of(self._connection)
        with storage_errors(self._path):
            if driver.in_transaction:
                yield driver
                return
            driver.execute("BEGIN")
            try:
                yield driver
            finally:
                driver.rollback()

    def _rows(self, query: Executable) -> Sequence[Row[Any]]:
        if self._connection.in_transaction():
            return self._connection.execute(query).all()
        with storage_errors(self._path), transaction(self._connection) as connection:
            return connection.execute(query).all()


def _is_open() -> ColumnElement[bool]:
    return REQUIREMENTS.table.c.state.in_(_values(set(RequirementState) - REQUIREMENT_FINAL))


def _is_of(tasks: Table, attempts: Table) -> ColumnElement[bool]:
    return (tasks.c.requirement == attempts.c.requirement) & (tasks.c.id == attempts.c.task)


def _values(states: Iterable[StrEnum]) -> list[str]:
    return sorted(state.value for state in states)


def _requirements() -> Select[Any]:
    return select(REQUIREMENTS.table).order_by(REQUIREMENTS.table.c.position)


def _of_requirement(table: Table) -> Select[Any]:
    return select(table).where(table.c.requirement == HERE)


def _unsettled() -> Select[Any]:
    """Attempts that are with a worker, have a worktree, or are of a task that is not final."""
    tasks, attempts = TASKS.table, ATTEMPTS.table
    return (
        _of_requirement(attempts)
        .join(tasks, _is_of(tasks, attempts))
        .where(
            attempts.c.ended_at.is_(None) | attempts.c.worktree.is_not(None) | tasks.c.state.not_in(_values(TASK_FINAL))
        )
    )


# Worded once, for what is asked often: a statement object would cost more than its answer.
_TASKS_OF = worded(_of_requirement(TASKS.table).order_by(TASKS.table.c.position, TASKS.table.c.id))
_ATTEMPTS_OF, _UNSETTLED_OF = worded(_of_requirement(ATTEMPTS.table)), worded(_unsettled())
_CALLS_OF = worded(_of_requirement(schema.call_batches))
_ONE_REQUIREMENT = worded(_requirements().where(REQUIREMENTS.table.c.id == HERE))
_LAST_SEQ, _LAST_POSITION = worded(LAST_SEQ), worded(LAST_POSITION)
