"""The port ``Ledger`` in memory: rows and events on a shelf that outlives its Schedulers, as a disk does."""

from __future__ import annotations

from dataclasses import dataclass, field

from aidos_actors import crash
from aidos_actors.core.board.batches import unfolded
from aidos_actors.core.errors import Fenced
from aidos_actors.core.orders import AttemptKey
from aidos_actors.core.records import (
    AgentRecord,
    AttemptRecord,
    Batch,
    CallBatch,
    JournalEvent,
    NewEvent,
    RequirementRecord,
    TaskRecord,
)
from aidos_actors.core.states import REQUIREMENT_FINAL, TaskState
from aidos_actors.ledger.errors import LedgerUnavailable


@dataclass
class Disk:
    """What is written, and stays when its writer dies. While ``is_full`` nothing is."""

    is_full: bool = False
    epoch: int = 0
    requirements: dict[str, RequirementRecord] = field(default_factory=dict)
    tasks: dict[tuple[str, str], TaskRecord] = field(default_factory=dict)
    attempts: dict[AttemptKey, AttemptRecord] = field(default_factory=dict)
    calls: dict[AttemptKey, CallBatch] = field(default_factory=dict)
    events: list[JournalEvent] = field(default_factory=list)
    agents: dict[str, AgentRecord] = field(default_factory=dict)


class MemoryLedger:
    """One handle; several may be open at once, and the epoch alone keeps all but the newest from writing."""

    installation = "5eed5eed5eed5eed"

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def epoch(self) -> int:
        return self._disk.epoch

    def open_requirements(self) -> list[RequirementRecord]:
        return [each for each in self.requirements() if each.state not in REQUIREMENT_FINAL]

    def requirements(self) -> list[RequirementRecord]:
        return sorted(self._disk.requirements.values(), key=lambda each: each.position)

    def requirement(self, requirement_id: str) -> RequirementRecord | None:
        return self._disk.requirements.get(requirement_id)

    def tasks(self, requirement_id: str, *, with_removed: bool = False) -> list[TaskRecord]:
        rows = self.work(requirement_id)[0]
        return rows if with_removed else [row for row in rows if row.state is not TaskState.REMOVED]

    def attempts(self, requirement_id: str, task: str | None = None) -> list[AttemptRecord]:
        return [each for each in self.work(requirement_id)[1] if task in (None, each.task)]

    def work(
        self, requirement_id: str, *, is_settled_left_out: bool = False
    ) -> tuple[list[TaskRecord], list[AttemptRecord], list[CallBatch]]:
        disk = self._disk
        tasks, attempts, calls = unfolded(
            [each for each in disk.calls.values() if each.requirement == requirement_id],
            [each for each in disk.tasks.values() if each.requirement == requirement_id],
            [each for each in disk.attempts.values() if each.requirement == requirement_id],
        )
        in_order = sorted(tasks, key=lambda each: (each.position, each.id))
        return in_order, sorted(attempts, key=lambda each: (each.task, each.number)), calls

    def agents(self) -> list[AgentRecord]:
        return sorted(self._disk.agents.values(), key=lambda each: each.name)

    def events(self, after_seq: int = 0, limit: int = 1000, requirement: str | None = None) -> list[JournalEvent]:
        found = (each for each in self._disk.events[after_seq:] if requirement in (None, each.requirement))
        return [event for event, _ in zip(found, range(limit), strict=False)]

    def last_seq(self) -> int:
        return len(self._disk.events)

    def next_position(self) -> int:
        return max((each.position for each in self._disk.requirements.values()), default=0) + 1

    def begin_epoch(self, at: float) -> int:
        self._commit(self._disk.epoch + 1, Batch(events=(NewEvent(at, "scheduler_started"),)))
        return self._disk.epoch

    def apply(self, epoch: int, batch: Batch) -> int:
        if epoch != self._disk.epoch:
            raise Fenced(f"epoch {epoch} may not write any more: epoch {self._disk.epoch} has begun")
        self._commit(epoch, batch)
        return self.last_seq()

    def close(self) -> None:
        pass

    def _commit(self, epoch: int, batch: Batch) -> None:
        if self._disk.is_full:
            raise LedgerUnavailable("no room", hint="free some")
        crash.before("ledger-commit")
        if batch.events:
            crash.before("journal-lines")
            crash.after("journal-lines")
        disk = self._disk
        disk.epoch = epoch
        disk.requirements.update({each.id: each for each in batch.requirements})
        disk.tasks.update({(each.requirement, each.id): each for each in (*batch.tasks, *batch.accepted)})
        disk.attempts.update({AttemptKey(each.requirement, each.task, each.number): each for each in batch.attempts})
        disk.agents.update({each.name: each for each in batch.agents})
        for each in batch.calls:
            disk.calls[AttemptKey(each.requirement, each.task, each.number)] = each
        disk.calls = {key: each for key, each in disk.calls.items() if each.members}
        for new in batch.events:
            seq = len(disk.events) + 1
            about = (new.requirement, new.task, new.attempt)
            disk.events.append(JournalEvent(seq, new.at, new.type, *about, epoch, dict(new.data)))
        crash.after("ledger-commit")
