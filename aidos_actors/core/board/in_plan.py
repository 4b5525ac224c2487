"""What of an open requirement follows from its plan: who needs whom, and how far all are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from aidos_actors.core.board.links import Links
from aidos_actors.core.forms import Form, TaskRows
from aidos_actors.core.packed_tasks import Definition
from aidos_actors.core.records import TaskRecord
from aidos_actors.core.states import TaskState


class InPlan:
    """A part of ``OpenRequirement``."""

    tasks: TaskRows
    definitions: Mapping[str, Definition]
    _form: Form
    _links: Links

    def at_its_place(self, row: TaskRecord) -> TaskRecord:
        """The row with the position of its task. ``KeyError`` when there is no such task."""
        is_there = row.position < len(self.definitions) and self._form.task(row.position).id == row.id
        return row if is_there else replace(row, position=self._form.position(row.id))

    @property
    def has_dependents(self) -> bool:
        """Some task needs another one."""
        return not self._links.is_empty

    def is_met(self, task: TaskRecord) -> bool:
        """All that it needs is done."""
        return not self._links.missing[task.position]

    def dependents(self, task: TaskRecord) -> list[str]:
        """The tasks that need it directly, in file order."""
        return [self._form.task(at).id for at in self._links.dependents(task.position)]

    def waited_only_for(self, task: TaskRecord) -> list[TaskRecord]:
        """Those of them that wait, and of which all that they need is done."""
        links = self._links
        met = [self._form.task(at).id for at in links.dependents(task.position) if not links.missing[at]]
        return [row for name in met if (row := self.tasks[name]).state is TaskState.WAITING]

    def in_states(self, *states: TaskState) -> Iterator[TaskRecord]:
        """The rows in these states. Whoever changes one goes over a copy."""
        return self.tasks.in_states(states)
