"""The first rows of a plan's tasks: those of a large one are made one after the other, as somebody goes over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aidos_actors.core.chained import MadeAsAsked
from aidos_actors.core.packed_tasks import PackedTasks, Tasks, outline
from aidos_actors.core.records import TaskRecord
from aidos_actors.core.states import TASK_TRANSITIONS, TaskState, next_state

_READY = next_state(TASK_TRANSITIONS, TaskState.WAITING, "unblock")


def planned_rows(requirement: str, tasks: Tasks) -> Sequence[TaskRecord]:
    """In file order; those that need nothing are ready."""
    return tuple(_rows(requirement, tasks)) if isinstance(tasks, tuple) else _PlannedRows(requirement, tasks)


class _PlannedRows(MadeAsAsked[TaskRecord]):
    def __init__(self, requirement: str, tasks: PackedTasks) -> None:
        self._requirement = requirement
        self._tasks = tasks

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[TaskRecord]:
        return _rows(self._requirement, self._tasks)


def _rows(requirement: str, tasks: Tasks) -> Iterator[TaskRecord]:
    return (
        TaskRecord(requirement, name, position, TaskState.WAITING if needs else _READY)
        for position, (name, needs) in enumerate(outline(tasks))
    )
