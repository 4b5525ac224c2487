"""One open requirement in memory: its rows, and what follows from them.

Everything but the rows is an index: a function of the rows, kept up to date by ``put_task`` and ``put_attempt``, which
can also put an old row back. Nothing here decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from aidos_actors.core.batches import Batches, OpenBatch
from aidos_actors.core.dispatch import Candidate
from aidos_actors.core.orders import Minders
from aidos_actors.core.past import PastAttempts
from aidos_actors.core.plan import dependents_of
from aidos_actors.core.ready import Lanes, lane_of, rank_of
from aidos_actors.core.records import AttemptRecord, RequirementRecord, TaskRecord
from aidos_actors.core.requirement import Mode, Requirement, Task
from aidos_actors.core.settings import Settings
from aidos_actors.core.states import ATTEMPT_OPEN, TASK_FINAL, RequirementState, TaskState


class OpenRequirement:
    """Rows and indexes of one requirement. ``model`` is the parsed ``record.document``."""

    def __init__(self, record: RequirementRecord, model: Requirement, settings: Settings) -> None:
        self.record = record
        self.model = model
        self.settings = settings
        self.definitions: dict[str, Task] = {task.id: task for task in model.tasks}
        self._lanes = {task.id: lane_of(model.mode, task) for task in model.tasks}
        self.dependents = dependents_of(model)
        self.needs_missing = {task.id: len(set(task.needs)) for task in model.tasks}
        self.tasks: dict[str, TaskRecord] = {}
        self.attempts: dict[tuple[str, int], AttemptRecord] = {}
        self.batches = Batches()
        self.unfinished = 0
        self._held = 0
        self._past = PastAttempts()
        self._holders: dict[str, int] = {}
        self._ready = Lanes()
        self._ready_alone = Lanes()

    @property
    def order(self) -> tuple[float, float, int, str]:
        """The smaller is served first: what was bumped last; then by priority and age, where one point of priority is
        worth a minute of waiting, so that a stream of better ones does not starve it; then what was submitted first."""
        born_at = self.record.created_at - self.model.priority * self.settings.priority_point_s
        return (-(self.record.bumped_at or 0.0), born_at, self.record.position, self.record.id)

    @property
    def is_ending(self) -> bool:
        """Cancelled or past its deadline: the error stands, and only the clearing up is left."""
        return self.record.error is not None

    @property
    def held_count(self) -> int:
        """Attempts some worker may still have; those of one batch count as one, for they run one after the other."""
        return self._held

    @property
    def workers_max(self) -> int:
        return self.model.workers or self.settings.workers_total

    @property
    def may_lease(self) -> bool:
        return (
            self.record.state is RequirementState.RUNNING
            and self._held < self.workers_max
            and len(self.attempts) - len(self.batches) < self.settings.worktrees_max
            and (self._ready.first() is not None or self._ready_alone.first() is not None)
        )

    def candidates(self) -> Iterator[Candidate]:
        """What may be leased next, best first; at most one task of each kind."""
        kinds = ((self._ready, False), (self._ready_alone, True))
        firsts = sorted((*first, alone) for lanes, alone in kinds if (first := lanes.first()) is not None)
        for _rank, task, must_be_alone in firsts:
            yield Candidate(self.record.id, task, must_be_alone)

    def travels_in_batches(self, task: str) -> bool:
        """A callable that needs neither a worktree nor a verification: many may be sent to a worker at once."""
        definition = self.definitions[task]
        return definition.call is not None and self.model.repo is None and definition.verify is None

    def next_calls(self, first: str, together_max: int, chars_max: int) -> list[str]:
        """``first`` and the callables after it that may travel with it: of the same function, by their order, with
        arguments of at most ``chars_max`` characters. A task that must be alone is. To be leased at once: they are
        offered no more."""
        if self.must_be_alone(first):
            return [first]
        definitions, ready = self.definitions, self._ready
        function, chars = definitions[first].call, 0
        names: list[str] = []
        while len(names) < together_max and (following := ready.first()) is not None:
            name = following[1]
            definition = definitions[name]
            if definition.args or definition.env:
                chars += len(repr(definition.args)) + len(repr(definition.env))
            if names and (definition.call != function or chars > chars_max or definition.verify is not None):
                break
            names.append(name)
            ready.discard(name)
            if self._lanes[name] is not None:
                break
        return names

    @property
    def ready_count(self) -> int:
        """How many tasks could be leased now but for lanes and limits."""
        return len(self._ready) + len(self._ready_alone)

    def open_attempt(self, task: str) -> AttemptRecord | None:
        attempt = self.attempts.get((task, self.tasks[task].attempts))
        return attempt if attempt is not None and attempt.state in ATTEMPT_OPEN else None

    def lane_holders(self, task: str) -> list[str]:
        """The siblings because of which ``task`` may not start: they are under way, or in a serial requirement keep
        their turn until they are tried again."""
        lane = self._lane(task)
        if lane is None:
            return []
        under_way = {each.task for each in self.attempts.values() if _occupies_lane(each)}
        waiting = {each.id for each in self.tasks.values() if self._waits_in_lane(each)}
        return sorted(name for name in (under_way | waiting) - {task} if self._lane(name) == lane)

    def minders_before(self, attempt: AttemptRecord) -> Minders:
        """Minders that must be gone before ``attempt`` starts: its task's earlier ones, and lost ones of its lane.
        Those whose worktree was discarded are known to be gone."""
        return self._past.minders_before(attempt, self._neighbourhood(attempt.task))

    def deaths_in_a_row(self, task: str) -> int:
        """How many of the newest closed attempts, one after the other, were lost while their command ran."""
        return self._past.deaths_in_a_row(task, self.tasks[task].attempts - (self.open_attempt(task) is not None))

    def must_be_alone(self, task: str) -> bool:
        is_call = self.definitions[task].call is not None
        return is_call and self.deaths_in_a_row(task) >= self.settings.call_deaths_before_alone

    def put_task(self, task: str, new: TaskRecord | None) -> None:
        """The row is replaced (None: there is none) and the indexes follow."""
        old = self.tasks.pop(task, None)
        if new is not None:
            self.tasks[task] = new
        self.unfinished += _is_unfinished(new) - _is_unfinished(old)
        done = _is_done(new) - _is_done(old)
        if done:
            for dependent in self.dependents.get(task, ()):
                self.needs_missing[dependent] -= done
        self._hold(task, self._waits_in_lane(new) - self._waits_in_lane(old))
        self._ready.discard(task)
        self._ready_alone.discard(task)
        if new is not None and is_offered(new):
            self._offer(task, new)

    def _offer(self, task: str, record: TaskRecord) -> None:
        lanes = self._ready_alone if self.must_be_alone(task) else self._ready
        rank = rank_of(self.model.mode, self.definitions[task], record.position, record.bumped_at)
        lanes.add(task, rank, self._lane(task))

    def put_attempt(self, task: str, number: int, new: AttemptRecord | None) -> None:
        """The row is replaced and the indexes follow; a closed attempt whose worktree is gone is no longer kept."""
        key = (task, number)
        old = self.attempts.pop(key, None)
        if new is not None and (new.ended_at is None or new.state in ATTEMPT_OPEN or new.worktree is not None):
            self.attempts[key] = new
        if self.batches.of(task, number) is None:
            self._held += is_held(new) - is_held(old)
        self._hold(task, _occupies_lane(new) - _occupies_lane(old))
        self._past.put(key, self._neighbourhood(task), new, self.attempts.get(key))

    def start_calls(self, batch: OpenBatch, rows: Iterable[tuple[TaskRecord, AttemptRecord]]) -> None:
        """As ``put_task`` and ``put_attempt`` for each of them, at once: they were ready and are under way in it."""
        self._held += 1
        self.batches.join(batch, batch.record.members)
        for task, attempt in rows:
            name = task.id
            self.tasks[name] = task
            self.attempts[name, attempt.number] = attempt
            self._ready.discard(name)
            self._ready_alone.discard(name)
            if self._lanes[name] is not None:
                self._hold(name, 1)

    def finish_calls(self, batch: OpenBatch, rows: Sequence[TaskRecord]) -> None:
        """As ``put_task`` and ``put_attempt`` for each of them, at once: members of it that were under way are done."""
        for task in rows:
            name = task.id
            self.tasks[name] = task
            member = (name, task.attempts)
            del self.attempts[member]
            self.batches.leave(batch, (member,))
            for dependent in self.dependents.get(name, ()):
                self.needs_missing[dependent] -= 1
            if self._lanes[name] is not None:
                self._hold(name, -1)
        self.unfinished -= len(rows)
        self._held -= not batch.open

    def leave_batch(self, batch: OpenBatch, member: tuple[str, int]) -> None:
        """The member has no row in memory any more; the last one frees what the batch held."""
        self.batches.leave(batch, (member,))
        self._held -= not batch.open

    def rejoin_batch(self, batch: OpenBatch, member: tuple[str, int]) -> None:
        self._held += not batch.open
        self.batches.join(batch, (member,))

    def _lane(self, task: str) -> str | None:
        return self._lanes[task]

    def _neighbourhood(self, task: str) -> tuple[str, str]:
        lane = self._lane(task)
        return ("task", task) if lane is None else ("lane", lane)

    def _waits_in_lane(self, task: TaskRecord | None) -> bool:
        """In a serial requirement a task that waits for its retry keeps its turn; a group may go on meanwhile."""
        waits = task is not None and task.not_before_at is not None and task.paused_at is None
        return waits and self.model.mode is Mode.SERIAL

    def _hold(self, task: str, change: int) -> None:
        lane = self._lane(task)
        if lane is None or not change:
            return
        before = self._holders.get(lane, 0)
        self._holders[lane] = before + change
        if before == 0:
            self._ready.hold(lane)
            self._ready_alone.hold(lane)
        elif before + change == 0:
            del self._holders[lane]
            self._ready.free(lane)
            self._ready_alone.free(lane)


def is_offered(task: TaskRecord | None) -> bool:
    """Ready, and neither waiting for its time nor paused."""
    return task is not None and task.state is TaskState.READY and task.not_before_at is None and task.paused_at is None


def is_held(attempt: AttemptRecord | None) -> bool:
    """A worker may still have it: it fills a slot until its end was reported or the worker is gone."""
    return attempt is not None and attempt.ended_at is None


def _occupies_lane(attempt: AttemptRecord | None) -> bool:
    return attempt is not None and (attempt.ended_at is None or attempt.state in ATTEMPT_OPEN)


def _is_unfinished(task: TaskRecord | None) -> bool:
    return task is not None and task.state not in TASK_FINAL


def _is_done(task: TaskRecord | None) -> bool:
    return task is not None and task.state is TaskState.DONE
