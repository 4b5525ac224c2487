"""What of an open requirement is about callables that travel in batches: which may, and rows of many at once.

As everywhere in ``open_requirement``: indexes follow the rows, and nothing here decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aidos_actors.core.board.batches import Batches, OpenBatch
from aidos_actors.core.board.laned import Laned
from aidos_actors.core.board.ready import position_of
from aidos_actors.core.packed_tasks import Definition
from aidos_actors.core.records import AttemptRecord, TaskRecord
from aidos_actors.core.requirement import Requirement


class CallsTogether(Laned):
    """A part of ``OpenRequirement``."""

    model: Requirement
    batches: Batches
    unfinished: int
    done: int
    _held: int

    def must_be_alone(self, task: str) -> bool:
        raise NotImplementedError

    def travels_in_batches(self, task: str) -> bool:
        """A callable that needs neither a worktree nor a verification, and is not watched for stalling: many may be
        sent to a worker at once."""
        definition = self.definitions[task]
        return definition.call is not None and self.model.repo is None and not _is_by_itself(definition)

    def next_calls(self, first: str, together_max: int, chars_max: int) -> list[str]:
        """``first`` and the callables after it that may travel with it: of the same function, by their order, with
        arguments of at most ``chars_max`` characters. A task that must be alone is. To be leased at once: they are
        offered no more."""
        if self.must_be_alone(first):
            return [first]
        ready = self._ready.of("call")
        function, chars = self.definitions[first].call, 0
        names: list[str] = []
        while len(names) < together_max and (rank := ready.first()) is not None:
            position = position_of(rank)
            definition = self._form.task(position)
            if definition.args or definition.env:
                chars += len(repr(definition.args)) + len(repr(definition.env))
            if names and (definition.call != function or chars > chars_max or _is_by_itself(definition)):
                break
            names.append(definition.id)
            ready.discard(position)
            if self._lane_of(definition.id) is not None:
                break
        return names

    @property
    def ready_count(self) -> int:
        """How many tasks could be leased now but for lanes and limits."""
        return len(self._ready) + len(self._ready_alone)

    def start_calls(self, batch: OpenBatch, rows: Iterable[tuple[TaskRecord, AttemptRecord]]) -> None:
        """As ``put_task`` and ``put_attempt`` for each of them, at once: they were ready and are under way in it."""
        self._held += 1
        self.batches.join(batch, batch.record.members)
        has_alone = len(self._ready_alone) > 0
        for task, attempt in rows:
            name = task.id
            self.tasks[name] = task
            self.attempts[name, attempt.number] = attempt
            self._ready.discard(task.position)
            if has_alone:
                self._ready_alone.discard(task.position)
            if self._has_lanes:
                self._hold(self._lane_of(name), 1)

    def finish_calls(self, batch: OpenBatch, rows: Sequence[TaskRecord]) -> None:
        """As ``put_task`` and ``put_attempt`` for each of them, at once: members of it that were under way are done."""
        for task in rows:
            name = task.id
            self.tasks[name] = task
            member = (name, task.attempts)
            del self.attempts[member]
            self.batches.leave(batch, (member,))
            self._links.has_changed(task.position, 1)
            if self._has_lanes:
                self._hold(self._lane_of(name), -1)
        self.unfinished -= len(rows)
        self.done += len(rows)
        self._held -= not batch.open

    def leave_batch(self, batch: OpenBatch, member: tuple[str, int]) -> None:
        """The member has no row in memory any more; the last one frees what the batch held."""
        self.batches.leave(batch, (member,))
        self._held -= not batch.open

    def rejoin_batch(self, batch: OpenBatch, member: tuple[str, int]) -> None:
        self._held += not batch.open
        self.batches.join(batch, (member,))


def _is_by_itself(definition: Definition) -> bool:
    return definition.verify is not None or definition.stall_s is not None
