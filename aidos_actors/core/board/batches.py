"""The open batches of callables of one requirement, and what rows they stand for.

A batch is one row for many attempts: writing each attempt twice would cost more than the calls themselves. A member is
open until its own row says how it ended, or its task does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from aidos_actors.core.orders import WorkerId
from aidos_actors.core.records import AttemptRecord, CallBatch, TaskRecord
from aidos_actors.core.states import AttemptState, TaskState

Member = tuple[str, int]


class OpenBatch:
    """A batch some of whose members are under way."""

    __slots__ = ("open", "record", "worker")

    def __init__(self, record: CallBatch) -> None:
        self.record = record
        self.worker = WorkerId(record.worker, record.worker_generation)
        self.open: dict[Member, None] = {}


class Batches:
    """Which batch each attempt under way belongs to. ``len`` is the number of open members."""

    def __init__(self) -> None:
        self._of: dict[Member, OpenBatch] = {}

    def __len__(self) -> int:
        return len(self._of)

    def of(self, task: str, number: int) -> OpenBatch | None:
        return self._of.get((task, number))

    def open(self) -> Sequence[OpenBatch]:
        """Each open batch once, in the order of their leases."""
        return tuple({id(batch): batch for batch in self._of.values()}.values())

    def join(self, batch: OpenBatch, members: Iterable[Member]) -> None:
        for member in members:
            batch.open[member] = None
            self._of[member] = batch

    def leave(self, batch: OpenBatch, members: Iterable[Member]) -> None:
        """They are under way in it no more; it is over when ``batch.open`` is empty."""
        for member in members:
            del batch.open[member]
            del self._of[member]


def running_task(task: TaskRecord, number: int) -> TaskRecord:
    """``task`` while its attempt ``number`` is under way in a batch."""
    return replace(task, state=TaskState.RUNNING, attempts=number, not_before_at=None)


def done_task(task: TaskRecord, result: str | None, at: float) -> TaskRecord:
    """``task`` with its result accepted, without a commit."""
    return replace(
        task, state=TaskState.DONE, not_before_at=None, commit=None, error=None, result=result, finished_at=at
    )


def running_attempt(batch: CallBatch, task: str, number: int) -> AttemptRecord:
    """The row that a batch saves writing: its member ``task``, ``number`` under way."""
    return AttemptRecord(
        batch.requirement,
        task,
        number,
        AttemptState.RUNNING,
        batch.epoch,
        batch.leased_at,
        batch.worker,
        batch.worker_generation,
        started_at=batch.leased_at,
    )


def under_way(batch: CallBatch, ready: Iterable[TaskRecord]) -> list[tuple[TaskRecord, AttemptRecord]]:
    """The rows of its members, which were these so far, with their attempts."""
    numbered = ((row, row.attempts + 1) for row in ready)
    return [(running_task(row, number), running_attempt(batch, row.id, number)) for row, number in numbered]


def open_members(batch: CallBatch, tasks: Mapping[str, TaskRecord], attempts: Iterable[Member]) -> list[Member]:
    """Those of a stored batch that are under way, by the rows stored beside it."""
    own_rows = set(attempts)
    return [
        (task, number)
        for task, number in batch.members
        if (task, number) not in own_rows and task in tasks and not _has_come_to(tasks[task], number)
    ]


def _has_come_to(task: TaskRecord, number: int) -> bool:
    """Its row says how attempt ``number`` ended. (A task under way may have a newer row, too: it was bumped.)"""
    return task.attempts > number or (task.attempts == number and task.state is not TaskState.RUNNING)


def unfolded(
    batches: Iterable[CallBatch], tasks: Iterable[TaskRecord], attempts: Iterable[AttemptRecord]
) -> tuple[list[TaskRecord], list[AttemptRecord], list[CallBatch]]:
    """Stored rows of one requirement, with those written out that its batches stand for; each batch with the members
    that are under way, those over left out."""
    by_id = {task.id: task for task in tasks}
    stored = list(attempts)
    own_rows = {(attempt.task, attempt.number) for attempt in stored}
    open_batches = []
    for batch in batches:
        members = open_members(batch, by_id, own_rows)
        if not members:
            continue
        open_batches.append(replace(batch, members=tuple(members)))
        for task, number in members:
            by_id[task] = running_task(by_id[task], number)
            stored.append(running_attempt(batch, task, number))
    return list(by_id.values()), stored, open_batches
