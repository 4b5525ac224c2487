"""How the tasks of an open requirement lie in memory: a small plan as it is, a large one packed. Both are told the same
and say the same; nobody else knows which it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from typing import Protocol

from aidos_actors.core.packed_rows import PackedRows
from aidos_actors.core.packed_tasks import EXECUTORS, ByName, Definition, PackedTasks, Tasks
from aidos_actors.core.records import TaskRecord
from aidos_actors.core.requirement import Requirement, Task
from aidos_actors.core.states import TaskState

PACKED_FROM = 2000
"""So many tasks are a large plan."""


class PlainRows(dict[str, TaskRecord]):
    """Rows by the names of their tasks."""

    def in_states(self, states: Collection[TaskState]) -> Iterator[TaskRecord]:
        """The rows in these states."""
        return (row for row in self.values() if row.state in states)


TaskRows = PlainRows | PackedRows


class Form(Protocol):
    """Tasks by position (their place in the file) and by name. ``has_groups``: at least one is of a group."""

    @property
    def definitions(self) -> Mapping[str, Definition]: ...
    @property
    def has_groups(self) -> bool: ...
    def task(self, position: int) -> Definition: ...
    def position(self, name: str) -> int:
        """``KeyError`` when there is no such task."""

    def priority(self, position: int) -> int: ...
    def executor(self, position: int) -> str: ...
    def rows(self, requirement: str) -> TaskRows:
        """A place for the rows of these tasks by name, empty. A row must stand at the position of its task."""


class Plain:
    """Every task is at hand."""

    def __init__(self, tasks: tuple[Task, ...]) -> None:
        self.definitions: dict[str, Definition] = {task.id: task for task in tasks}
        self.has_groups = any(task.group is not None for task in tasks)
        self._tasks = tasks

    def task(self, position: int) -> Definition:
        return self._tasks[position]

    def position(self, name: str) -> int:
        return self._positions[name]

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {task.id: at for at, task in enumerate(self._tasks)}

    def priority(self, position: int) -> int:
        return self._tasks[position].priority

    def executor(self, position: int) -> str:
        return self._tasks[position].executor

    def rows(self, requirement: str) -> TaskRows:
        return PlainRows()


class Packed:
    """A task is unpacked when somebody looks at it."""

    def __init__(self, tasks: PackedTasks) -> None:
        self.definitions = ByName(tasks)
        self.has_groups = tasks.has_groups
        self._tasks = tasks

    def task(self, position: int) -> Definition:
        return self._tasks.at(position)

    def position(self, name: str) -> int:
        position = self._tasks.position(name)
        if position is None:
            raise KeyError(name)
        return position

    def priority(self, position: int) -> int:
        return self._tasks.priorities[position]

    def executor(self, position: int) -> str:
        return EXECUTORS[self._tasks.executors[position]]

    def rows(self, requirement: str) -> TaskRows:
        return PackedRows(requirement, self._tasks)


def form_of(tasks: Tasks) -> Form:
    """The form for these tasks."""
    return Plain(tasks) if isinstance(tasks, tuple) else Packed(tasks)


def in_form(model: Requirement) -> Requirement:
    """The same; its tasks are packed when they are many."""
    if len(model.tasks) < PACKED_FROM or isinstance(model.tasks, PackedTasks):
        return model
    return model.model_copy(update={"tasks": PackedTasks.of(model.tasks)})
