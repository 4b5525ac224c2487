"""Reads of the ledger, the same for its owner and for those who only look."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

from aidos_actors.core.board.batches import unfolded
from aidos_actors.core.errors import AidosError, NotFound
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
from aidos_actors.ledger.engine import moment, open_for_reading, storage_errors
from aidos_actors.ledger.errors import ledger_is_gone
from aidos_actors.ledger.migrate import require_current, stored_revision
from aidos_actors.ledger.revisions import JOURNAL_FOLDER, LEDGER_FILE
from aidos_actors.ledger.rows import ATTEMPTS, REQUIREMENTS, TASKS, Values, call_batch_of, event_of

EVENTS_MAX = 10_000

LAST_SEQ = "SELECT coalesce(max(events.seq), 0) FROM events"
LAST_POSITION = "SELECT coalesce(max(requirements.position), 0) FROM requirements"


def _nothing_in(state_dir: Path) -> AidosError:
    from aidos_actors.ledger.day_files import DayFiles  # what is there needs no other look

    if not DayFiles(state_dir / JOURNAL_FOLDER).is_empty:
        return ledger_is_gone(state_dir / LEDGER_FILE)
    return NotFound(f"there is no state in {state_dir} yet", hint="hand in work with `aidos submit FILE`")


class LedgerReader:
    """What the ledger says, each answer from one moment. Raises ``LedgerUnavailable`` or ``LedgerDamaged``.
    Thread: only the one that opened it."""

    def __init__(self, path: Path, driver: sqlite3.Connection) -> None:
        self._path = path
        self._driver = driver

    @classmethod
    def read_only(cls, state_dir: Path) -> LedgerReader:
        """A view that takes no lock and writes nothing, whether a writer lives, died or ended. ``NotFound`` when there
        is no ledger in ``state_dir``; ``LedgerDamaged`` when its journal is; ``Unfit`` when its schema is not this
        program's."""
        path = state_dir / LEDGER_FILE
        if not path.is_file():
            raise _nothing_in(state_dir)
        with storage_errors(path):
            reader = LedgerReader(path, open_for_reading(path))
        try:
            with reader.one_moment() as driver:
                revision = stored_revision(driver)
            if revision is None:
                raise _nothing_in(state_dir)
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
        return REQUIREMENTS.records(self.rows(_OPEN))

    def requirements(self) -> list[RequirementRecord]:
        """All, in the order of submission."""
        return REQUIREMENTS.records(self.rows(_ALL))

    def overview(self) -> list[tuple[RequirementRecord, int, int]]:
        """All, in the order of submission, without their documents; each with how many of its tasks are done, and how
        many there are. What has ended was counted then: the tasks of all history are not looked at."""
        with self.one_moment() as driver:
            records = REQUIREMENTS.records(driver.execute(_ALL_IN_BRIEF))
            counted = {name: (done, total) for name, done, total in driver.execute(_COUNTS)}
        return [(each, *counted.get(each.id, (each.tasks_done or 0, each.tasks_total or 0))) for each in records]

    def requirement(self, requirement_id: str) -> RequirementRecord | None:
        rows = self.rows(_ONE_REQUIREMENT, requirement_id)
        return next(iter(REQUIREMENTS.records(rows)), None)

    def tasks(self, requirement_id: str, *, with_removed: bool = False) -> list[TaskRecord]:
        """The tasks of a requirement in file order; none for an unknown one. Those that a revision took out of its
        document are left out unless asked for."""
        with self.one_moment() as driver:
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
        with self.one_moment() as driver:
            task_rows, attempt_rows, call_rows = (driver.execute(text, (requirement_id,)) for text in queries)
            found = unfolded(map(call_batch_of, call_rows), TASKS.records(task_rows), ATTEMPTS.records(attempt_rows))
        return found[0], sorted(found[1], key=lambda each: (each.task, each.number)), found[2]

    def agents(self) -> list[AgentRecord]:
        return [AgentRecord(*row) for row in self.rows(_AGENTS)]

    def events(self, after_seq: int = 0, limit: int = 1000, requirement: str | None = None) -> list[JournalEvent]:
        """The first ``limit`` (never more than ``EVENTS_MAX``) events after ``after_seq``, in order."""
        return [event_of(row) for row in self._event_rows(after_seq, limit, requirement)]

    def last_seq(self) -> int:
        """The number of the newest event, 0 before the first."""
        return int(self.rows(LAST_SEQ)[0][0])

    def next_position(self) -> int:
        """One more than the position of the newest requirement; 1 for the first."""
        return int(self.rows(LAST_POSITION)[0][0]) + 1

    def close(self) -> None:
        """Nothing is open afterwards; a second call does nothing."""
        self._driver.close()

    def _meta(self, key: str) -> str:
        return str(self.rows('SELECT value FROM meta WHERE "key" = ?', key)[0][0])

    def _event_rows(self, after_seq: int, limit: int, requirement: str | None = None) -> list[Values]:
        if requirement is None:
            return self.rows(_EVENTS, after_seq, min(limit, EVENTS_MAX))
        return self.rows(_EVENTS_OF, requirement, after_seq, min(limit, EVENTS_MAX))

    def rows(self, text: str, *values: Any) -> list[Values]:
        """What one query in SQLite's words finds."""
        with storage_errors(self._path):
            return self._driver.execute(text, values).fetchall()

    @contextmanager
    def one_moment(self) -> Iterator[sqlite3.Connection]:
        """All answers inside are from one moment. For short work: beside a living writer its log grows meanwhile."""
        with storage_errors(self._path), moment(self._driver) as driver:
            yield driver


def _among(states: Iterable[StrEnum]) -> str:
    return f"({', '.join(sorted(repr(state.value) for state in states))})"


_IS_OPEN = f"requirements.state IN {_among(set(RequirementState) - REQUIREMENT_FINAL)}"
_ALL = schema.requirements.select("ORDER BY position")
_ALL_IN_BRIEF = _ALL.replace('requirements."document"', "''")
_OPEN = schema.requirements.select(f"WHERE {_IS_OPEN} ORDER BY position")
_ONE_REQUIREMENT = schema.requirements.select("WHERE id = ?")
_COUNTS = (
    f"SELECT tasks.requirement, sum(tasks.state = '{TaskState.DONE.value}'), count(*)"
    f" FROM tasks JOIN requirements ON requirements.id = tasks.requirement WHERE {_IS_OPEN} GROUP BY tasks.requirement"
)
_TASKS_OF = schema.tasks.select("WHERE requirement = ? ORDER BY position, id")
_ATTEMPTS_OF = schema.attempts.select("WHERE requirement = ?")
_UNSETTLED_OF = schema.attempts.select(
    "JOIN tasks ON tasks.requirement = attempts.requirement AND tasks.id = attempts.task WHERE attempts.requirement = ?"
    " AND (attempts.ended_at IS NULL OR attempts.worktree IS NOT NULL"
    f" OR tasks.state NOT IN {_among(TASK_FINAL)})"
)
"""Attempts that are with a worker, have a worktree, or are of a task that is not final."""
_CALLS_OF = schema.call_batches.select("WHERE requirement = ?")
_AGENTS = schema.agents.select("ORDER BY name")
_EVENTS = schema.events.select("WHERE seq > ? ORDER BY seq LIMIT ?")
_EVENTS_OF = schema.events.select("WHERE requirement = ? AND seq > ? ORDER BY seq LIMIT ?")
