"""A ledger for boards in tests: it keeps rows as the real one does, and asserts at each write that the journal tells
all of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from msgspec.structs import replace

from aidos_actors.core.board.batches import unfolded
from aidos_actors.core.board.board import Board, Settings
from aidos_actors.core.journal.folded import FoldedRows, without_body
from aidos_actors.core.journal.journal import fold
from aidos_actors.core.orders import AttemptKey, Step
from aidos_actors.core.records import (
    AgentRecord,
    AttemptRecord,
    CallBatch,
    JournalEvent,
    NewEvent,
    RequirementRecord,
    TaskRecord,
)
from aidos_actors.core.states import TASK_FINAL


@dataclass
class Ledger:
    """Rows as the real one keeps them: each replaces the one with its key."""

    requirements: dict[str, RequirementRecord] = field(default_factory=dict)
    stored_tasks: dict[tuple[str, str], TaskRecord] = field(default_factory=dict)
    stored_attempts: dict[AttemptKey, AttemptRecord] = field(default_factory=dict)
    stored_calls: dict[AttemptKey, CallBatch] = field(default_factory=dict)
    agents: dict[str, AgentRecord] = field(default_factory=dict)
    events: list[JournalEvent] = field(default_factory=list)
    folded: FoldedRows = field(default_factory=FoldedRows)
    epoch: int = 1

    def write(self, step: Step) -> None:
        """The step is written, and its events tell all of it: no row changes that the journal does not say."""
        for each in step.batch.requirements:
            self.requirements[each.id] = replace(each, document=str(each.document))
        self.stored_tasks.update({(each.requirement, each.id): each for each in step.batch.tasks})
        self.stored_tasks.update({(each.requirement, each.id): each for each in step.batch.accepted})
        self.stored_attempts.update({key_of(each): each for each in step.batch.attempts})
        self.agents.update({each.name: each for each in step.batch.agents})
        for batch in step.batch.calls:
            self.stored_calls[AttemptKey(batch.requirement, batch.task, batch.number)] = batch
        self.stored_calls = {key: batch for key, batch in self.stored_calls.items() if batch.members}
        self.__dict__.pop("_work", None)
        self._number(step.batch.events)
        self._check_fold()

    def _number(self, events: Iterable[NewEvent]) -> None:
        """What comes back of an event has been JSON."""
        for event in events:
            where, data = (event.requirement, event.task, event.attempt), json.loads(json.dumps(dict(event.data)))
            seq = len(self.events) + 1
            self.events.append(JournalEvent(seq, event.at, event.type, *where, self.epoch, data))
            fold(self.events[-1:], self.folded)

    def _check_fold(self) -> None:
        assert self.folded.requirements == {key: without_body(row) for key, row in self.requirements.items()}
        assert self.folded.tasks == {key: without_body(row) for key, row in self.tasks.items()}
        assert self.folded.attempts == self.attempts
        assert self.folded.agents == self.agents

    @cached_property
    def _work(self) -> tuple[dict, dict, list[CallBatch]]:
        tasks, attempts, batches = {}, {}, []
        for name in self.requirements:
            found = unfolded(
                [each for each in self.stored_calls.values() if each.requirement == name],
                [each for each in self.stored_tasks.values() if each.requirement == name],
                [each for each in self.stored_attempts.values() if each.requirement == name],
            )
            tasks.update({(each.requirement, each.id): each for each in found[0]})
            attempts.update({key_of(each): each for each in found[1]})
            batches += found[2]
        return tasks, attempts, batches

    @property
    def tasks(self) -> dict[tuple[str, str], TaskRecord]:
        """With what open batches stand for, as everywhere."""
        return self._work[0]

    @property
    def attempts(self) -> dict[AttemptKey, AttemptRecord]:
        return self._work[1]

    @property
    def calls(self) -> list[CallBatch]:
        return self._work[2]

    def batch_of(self, attempt: AttemptRecord) -> AttemptKey:
        """The name of the batch it is a member of; its own when it is in none."""
        for batch in self.calls:
            if batch.requirement == attempt.requirement and (attempt.task, attempt.number) in batch.members:
                return AttemptKey(batch.requirement, batch.task, batch.number)
        return key_of(attempt)

    def board(self, epoch: int, now: float, settings: Settings) -> Board:
        """A board restored from no more rows than it asks for."""
        self.epoch = epoch
        unfinished = {key for key, task in self.tasks.items() if task.state not in TASK_FINAL}
        attempts = self.attempts.values()
        is_held = lambda a: a.worktree is not None or a.ended_at is None  # noqa: E731 - as the ledger's reader has it
        wanted = [a for a in attempts if is_held(a) or (a.requirement, a.task) in unfinished]
        return Board.restore(
            self.requirements.values(),
            self.tasks.values(),
            wanted,
            self.calls,
            self.agents.values(),
            epoch=epoch,
            settings=settings,
            worktree_root="/w",
            now=now,
        )


def key_of(attempt: AttemptRecord) -> AttemptKey:
    return AttemptKey(attempt.requirement, attempt.task, attempt.number)
