"""The rows that a journal comes to, and how one event may move one of them.

Missing are two bodies that no event carries, but by their hashes: a requirement's ``document`` and a task's ``result``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import fields, replace

from aidos_actors.core.journal.told_results import ToldResults
from aidos_actors.core.orders import AttemptKey
from aidos_actors.core.records import AgentRecord, AttemptRecord, JournalEvent, RequirementRecord, TaskRecord
from aidos_actors.core.states import ATTEMPT_TRANSITIONS, REQUIREMENT_TRANSITIONS, TASK_TRANSITIONS, next_state

TaskKey = tuple[str, str]
AnyRow = RequirementRecord | TaskRecord | AttemptRecord
Row = TypeVar("Row", bound=AnyRow)
NAMES: Mapping[type, tuple[str, ...]] = {
    RequirementRecord: tuple(each.name for each in fields(RequirementRecord) if each.name != "document"),
    TaskRecord: tuple(each.name for each in fields(TaskRecord) if each.name != "result"),
    AttemptRecord: tuple(each.name for each in fields(AttemptRecord)),
}
_SAID: Mapping[type, Callable[[Any], tuple[Any, ...]]] = {kind: attrgetter(*names) for kind, names in NAMES.items()}
_BODIES: Mapping[type, Mapping[str, Any]] = {RequirementRecord: {"document": ""}, TaskRecord: {"result": None}}


class FoldedRows(Struct):
    """What the journal so far comes to. ``in_batches`` are attempts that one row stands for together with others: they
    have a row of their own as soon as anything but success happens to them. ``not_begun`` are requirements whose
    beginning it does not hold (any more), or holds as it was told before events said all: nothing is known of those.
    ``results`` is what it says of the results of tasks."""

    requirements: dict[str, RequirementRecord] = field(default_factory=dict)
    tasks: dict[TaskKey, TaskRecord] = field(default_factory=dict)
    attempts: dict[AttemptKey, AttemptRecord] = field(default_factory=dict)
    in_batches: set[AttemptKey] = field(default_factory=set)
    not_begun: set[str] = field(default_factory=set)
    results: list[ToldResults] = field(default_factory=list)
    agents: dict[str, AgentRecord] = field(default_factory=dict)

    def move_requirement(self, event: JournalEvent, move: str | None, **changes: Any) -> None:
        """The event's requirement after ``move`` of its table (None: its state stays)."""
        row = self.requirements[event.requirement or ""]
        state = row.state if move is None else next_state(REQUIREMENT_TRANSITIONS, row.state, move)
        self.requirements[row.id] = replace(row, state=state, **changes)

    def move_task(self, event: JournalEvent, *moves: str, **changes: Any) -> None:
        """The event's task after the ``moves`` of its table, one after the other. A moment to wait for goes with the
        state, unless it is given again."""
        row = self.task(event)
        state = row.state
        for move in moves:
            state = next_state(TASK_TRANSITIONS, state, move)
        if moves:
            changes = {"state": state, "not_before_at": None, **changes}
        self.tasks[row.requirement, row.id] = replace(row, **changes)

    def move_attempt(self, event: JournalEvent, move: str | None, **changes: Any) -> None:
        row = self.attempts[attempt_of(event)]
        state = row.state if move is None else next_state(ATTEMPT_TRANSITIONS, row.state, move)
        self.attempts[attempt_of(event)] = replace(row, state=state, **changes)
        self.in_batches.discard(attempt_of(event))

    def task(self, event: JournalEvent) -> TaskRecord:
        return self.tasks[event.requirement or "", event.task or ""]


Folds = Callable[[FoldedRows, JournalEvent], None]


def attempt_of(event: JournalEvent) -> AttemptKey:
    return AttemptKey(event.requirement or "", event.task or "", event.attempt or 0)


def said_of(row: AnyRow) -> tuple[Any, ...]:
    """The values of a row that a journal tells of."""
    return _SAID[type(row)](row)


def without_body(row: Row) -> Row:
    """``row`` of a table as a journal can tell of it."""
    return replace(row, **_BODIES.get(type(row), {}))
