"""All that a ledger holds, as four dictionaries and a list, and what its readers are to see of it."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_cases import an_attempt
from msgspec.structs import replace

from aidos_actors.core.records import (
    AttemptRecord,
    Batch,
    CallBatch,
    JournalEvent,
    NewEvent,
    RequirementRecord,
    TaskRecord,
)
from aidos_actors.core.states import AttemptState, TaskState

TaskKey = tuple[str, str]
AttemptKey = tuple[str, str, int]


@dataclass(frozen=True)
class Content:
    """All that a ledger holds. ``calls`` are open batches of callables: one row for attempts that have none."""

    requirements: dict[str, RequirementRecord]
    tasks: dict[TaskKey, TaskRecord]
    attempts: dict[AttemptKey, AttemptRecord]
    calls: dict[AttemptKey, CallBatch]
    journal: tuple[JournalEvent, ...]

    def with_batch(self, batch: Batch, epoch: int) -> Content:
        tasks = {**self.tasks, **{(one.requirement, one.id): one for one in batch.tasks}}
        for one in batch.accepted:
            new = {"state": one.state, "attempts": one.attempts, "result": one.result, "finished_at": one.finished_at}
            tasks[one.requirement, one.id] = replace(
                tasks[one.requirement, one.id], **new, not_before_at=None, error=None
            )
        calls = {**self.calls, **{(one.requirement, one.task, one.number): one for one in batch.calls}}
        return Content(
            {**self.requirements, **{one.id: one for one in batch.requirements}},
            tasks,
            {**self.attempts, **{(one.requirement, one.task, one.number): one for one in batch.attempts}},
            {key: one for key, one in calls.items() if one.members},
            (*self.journal, *_numbered(batch.events, len(self.journal), epoch)),
        )

    def open_members(self, call: CallBatch) -> tuple[tuple[str, int], ...]:
        """Those that have not ended: neither a row of their own nor their task's says how."""
        return tuple(
            (task, number)
            for task, number in call.members
            if (call.requirement, task, number) not in self.attempts
            and self.tasks[call.requirement, task].attempts < number
        )

    def under_way(self) -> list[tuple[CallBatch, str, int]]:
        """Every open member of every batch."""
        return [(call, *member) for _key, call in sorted(self.calls.items()) for member in self.open_members(call)]

    def called(self) -> set[TaskKey]:
        """Tasks that some batch names."""
        return {(call.requirement, task) for call in self.calls.values() for task, _number in call.members}

    def seen(self, name: str) -> tuple[list[TaskRecord], list[AttemptRecord], list[CallBatch]]:
        """Of one requirement, what any reader is to see: as if each open member had its own rows."""
        tasks = {key: row for key, row in self.tasks.items() if key[0] == name}
        attempts = {key: row for key, row in self.attempts.items() if key[0] == name}
        for call, task, number in self.under_way():
            if call.requirement == name:
                row = tasks[name, task]
                tasks[name, task] = replace(row, state=TaskState.RUNNING, attempts=number, not_before_at=None)
                who = {"worker": call.worker, "worker_generation": call.worker_generation}
                moments = {"leased_at": call.leased_at, "started_at": call.leased_at}
                attempts[name, task, number] = an_attempt(
                    number, task, name, state=AttemptState.RUNNING, epoch=call.epoch, **who, **moments
                )
        calls = [(call, self.open_members(call)) for key, call in sorted(self.calls.items()) if key[0] == name]
        opened = [replace(call, members=members) for call, members in calls if members]
        return [tasks[key] for key in sorted(tasks)], [attempts[key] for key in sorted(attempts)], opened

    def beside_calls(self, batch: Batch) -> Batch:
        """Without rows of tasks that travel in batches: what becomes of those has rules of its own."""
        called = self.called()
        tasks = tuple(one for one in batch.tasks if (one.requirement, one.id) not in called)
        attempts = tuple(one for one in batch.attempts if (one.requirement, one.task) not in called)
        return replace(batch, tasks=tasks, attempts=attempts)

    def over(self, ended: list[tuple[CallBatch, str, int]]) -> tuple[CallBatch, ...]:
        """The batches of which nothing is left."""
        batches = {(call.requirement, call.task, call.number): call for call, _task, _number in ended}
        return tuple(
            replace(call, members=())
            for call in batches.values()
            if {(task, number) for of, task, number in ended if of == call} == set(self.open_members(call))
        )

    @property
    def is_whole(self) -> bool:
        """Every row names one that is there."""
        return all(key[0] in self.requirements for key in self.tasks) and all(
            key[:2] in self.tasks for key in self.attempts
        )


def _numbered(events: tuple[NewEvent, ...], after_seq: int, epoch: int) -> list[JournalEvent]:
    return [
        JournalEvent(seq, e.at, e.type, e.requirement, e.task, e.attempt, epoch, dict(e.data))
        for seq, e in enumerate(events, after_seq + 1)
    ]
