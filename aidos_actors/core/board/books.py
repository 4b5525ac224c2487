"""The rows of all open requirements in memory, with the indexes that make every question cheap. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from aidos_actors.core.board.alarms import Alarm, Alarms
from aidos_actors.core.board.batches import OpenBatch
from aidos_actors.core.board.crew import Crew
from aidos_actors.core.board.dispatch import Candidate, Load
from aidos_actors.core.board.open_requirement import OpenRequirement, is_held
from aidos_actors.core.board.pace import Paces
from aidos_actors.core.board.serving import Serving
from aidos_actors.core.documents import as_stored, requirement_of
from aidos_actors.core.orders import AttemptKey, WorkerId
from aidos_actors.core.records import AgentRecord, AttemptRecord, CallBatch, RequirementRecord, TaskRecord
from aidos_actors.core.requirement import Requirement
from aidos_actors.core.settings import Settings
from aidos_actors.core.states import RequirementState, TaskState

REFUSED_MAX = 10_000


class Books:
    """What the board knows. ``put_*`` replaces one row and keeps the indexes right; old rows can be put back."""

    def __init__(self, *, epoch: int, settings: Settings, worktree_root: str) -> None:
        self.epoch = epoch
        self.settings = settings
        self.worktree_root = worktree_root
        self.crew = Crew()
        self.open: dict[str, OpenRequirement] = {}
        self.waiting: dict[str, None] = {}
        self.held: dict[WorkerId, dict[AttemptKey, None]] = {}
        self.calling: dict[WorkerId, dict[int, tuple[OpenRequirement, OpenBatch]]] = {}
        self.paces = Paces()
        self.refused: dict[AttemptKey, None] = {}
        self.agents: dict[str, AgentRecord] = {}
        self._alarms = Alarms(self._is_live)
        projects_max = {repo: each.workers for repo, each in settings.projects.items() if each.workers is not None}
        self.serving = Serving(projects_max, settings.executors_max)
        self._moved: dict[str, None] = {}  # requirements that may wait elsewhere than ``serving`` has them

    def load(
        self,
        requirements: Iterable[RequirementRecord],
        tasks: Iterable[TaskRecord],
        attempts: Iterable[AttemptRecord],
        calls: Iterable[CallBatch] = (),
    ) -> None:
        """Rows of the ledger are in the books, also those of requirements that have ended. What open batches stand for
        is among ``tasks`` and ``attempts``."""
        for record in requirements:
            self.put_requirement(record.id, as_stored(record), requirement_of(record.document))
        for attempt in attempts:  # before the tasks: they say which callables must be alone
            if attempt.requirement in self.open and attempt.task in self.open[attempt.requirement].definitions:
                self.put_attempt(key_of(attempt), attempt)
        for task in tasks:
            opened = self.open.get(task.requirement)
            if opened is None or task.state is TaskState.REMOVED:
                continue
            if not opened.add_planned(row := opened.at_its_place(task)):
                self.put_task((row.requirement, row.id), row)
        for batch in calls:
            if batch.requirement in self.open:
                self._load_batch(self.open[batch.requirement], OpenBatch(batch))

    def _load_batch(self, opened: OpenRequirement, batch: OpenBatch) -> None:
        rows = [(opened.tasks[task], opened.attempts[task, number]) for task, number in batch.record.members]
        for _task, attempt in rows:
            self.put_attempt(key_of(attempt), None)
        self.start_calls(opened, batch, rows)

    def put_requirement(self, name: str, new: RequirementRecord | None, model: Requirement | None = None) -> None:
        """Replaces the row; ``model`` is needed for a requirement that was not open before."""
        known = self.open.get(name)
        self.waiting.pop(name, None)
        if new is None:
            self.open.pop(name, None)
            self._moved.pop(name, None)
            self.serving.forget(name)
            return
        if known is None:
            assert model is not None
            known = self.open[name] = OpenRequirement(new, model, self.settings)
        known.record = new
        if new.state is RequirementState.WAITING:
            self.waiting[name] = None
        if new.deadline_at is not None:
            self._alarms.put(Alarm(new.deadline_at, name, ""))
        self._moved[name] = None

    def swap(self, name: str, new: OpenRequirement | None) -> OpenRequirement | None:
        """``new`` stands for the requirement from now on (None: it is not open); what did before."""
        before = self.open.get(name)
        self.put_requirement(name, None)
        if new is not None:
            self.open[name] = new
            self.put_requirement(name, new.record)
        return before

    def put_task(self, key: tuple[str, str], new: TaskRecord | None) -> None:
        opened = self.open[key[0]]
        before, deadline_at = opened.unfinished, opened.record.deadline_at
        opened.put_task(key[1], new)
        self._moved[key[0]] = None
        if opened.unfinished and not before and deadline_at is not None:  # without work it may have been dropped
            self._alarms.put(Alarm(deadline_at, key[0], ""))
        if new is not None and new.not_before_at is not None:
            self._alarms.put(Alarm(new.not_before_at, *key))

    def add_tasks(self, requirement: str, rows: Iterable[TaskRecord]) -> None:
        """As ``put_task`` for tasks that have just been planned."""
        for row in rows:
            self.open[requirement].add_planned(row)
        self._moved[requirement] = None

    def remove_tasks(self, requirement: str, rows: Iterable[TaskRecord]) -> None:
        for row in rows:
            self.put_task((requirement, row.id), None)

    def put_attempt(self, key: AttemptKey, new: AttemptRecord | None) -> None:
        opened = self.open[key.requirement]
        old = opened.attempts.get((key.task, key.number))
        opened.put_attempt(key.task, key.number, new)
        if opened.batches.of(key.task, key.number) is not None:
            return
        if old is not None and is_held(old):
            held = self.held[holder_of(old)]
            del held[key]
            if not held:
                del self.held[holder_of(old)]
        if new is not None and is_held(new):
            self.held.setdefault(holder_of(new), {})[key] = None
        if change := is_held(new) - is_held(old):
            executor = opened.definitions[key.task].executor
            self.serving.hold(key.requirement, opened.project, executor, change)
        self._moved[key.requirement] = None

    def start_calls(
        self, opened: OpenRequirement, batch: OpenBatch, rows: Iterable[tuple[TaskRecord, AttemptRecord]]
    ) -> None:
        """The batch and its members are under way."""
        opened.start_calls(batch, rows)
        self._watch_batch(opened, batch)

    def unstart_calls(self, opened: OpenRequirement, batch: OpenBatch, tasks: Iterable[TaskRecord]) -> None:
        for member, task in zip(tuple(batch.open), tasks, strict=True):
            self.put_attempt(AttemptKey(task.requirement, *member), None)
            opened.leave_batch(batch, member)
            self.put_task((task.requirement, task.id), task)
        self._watch_batch(opened, batch)

    def finish_calls(self, opened: OpenRequirement, batch: OpenBatch, rows: Sequence[TaskRecord]) -> None:
        opened.finish_calls(batch, rows)
        self._watch_batch(opened, batch)

    def unfinish_calls(
        self, opened: OpenRequirement, batch: OpenBatch, rows: Iterable[tuple[TaskRecord, AttemptRecord]]
    ) -> None:
        for task, attempt in rows:
            self.put_task((task.requirement, task.id), task)
            self.rejoin_batch(opened, batch, (task.id, attempt.number))
            self.put_attempt(key_of(attempt), attempt)

    def leave_batch(self, opened: OpenRequirement, batch: OpenBatch, member: tuple[str, int]) -> None:
        opened.leave_batch(batch, member)
        self._watch_batch(opened, batch)

    def rejoin_batch(self, opened: OpenRequirement, batch: OpenBatch, member: tuple[str, int]) -> None:
        opened.rejoin_batch(batch, member)
        self._watch_batch(opened, batch)

    def _watch_batch(self, opened: OpenRequirement, batch: OpenBatch) -> None:
        """Whether the worker has it follows from whether something of it is open."""
        calling = self.calling.setdefault(batch.worker, {})
        change = bool(batch.open) - (id(batch) in calling)
        if batch.open:
            calling[id(batch)] = (opened, batch)
        else:
            calling.pop(id(batch), None)
        if change:
            self.serving.hold(opened.record.id, opened.project, "call", change)
        if not calling:
            del self.calling[batch.worker]
        self._moved[opened.record.id] = None

    def batches_of(self, worker: WorkerId) -> tuple[tuple[OpenRequirement, OpenBatch], ...]:
        """What callables the worker may have, by requirement and batch, oldest first."""
        return tuple(self.calling.get(worker, {}).values())

    def attempt(self, key: AttemptKey) -> AttemptRecord | None:
        """The attempt while it is open or its worktree exists."""
        opened = self.open.get(key.requirement)
        return opened.attempts.get((key.task, key.number)) if opened is not None else None

    def candidates(self) -> Iterator[Candidate]:
        """What may be leased, best first."""
        for name in self._moved:
            self.serving.put(self.open[name].place)
        self._moved.clear()
        full = self.serving.full_executors()
        for name in self.serving.names():
            yield from self.open[name].candidates(full)

    def loads(self) -> dict[WorkerId, Load]:
        """How full the live workers are."""
        loads = {}
        for worker, slots in self.crew.slots.items():
            held, calling = self.held.get(worker, {}), self.calling.get(worker, {}).values()
            is_alone = any(self.open[key.requirement].must_be_alone(key.task) for key in held) or any(
                opened.must_be_alone(batch.record.task) for opened, batch in calling
            )
            loads[worker] = Load(worker, slots, len(held) + len(calling), is_alone)
        return loads

    def due(self, now: float) -> Alarm | None:
        alarm = self._alarms.earliest()
        return alarm if alarm is not None and alarm.at <= now else None

    def next_due_at(self) -> float | None:
        alarm = self._alarms.earliest()
        moments = (alarm.at if alarm is not None else None, self.crew.next_due_at)
        return min((at for at in moments if at is not None), default=None)

    def refuse(self, key: AttemptKey) -> bool:
        """Whether this is the first refusal of that key, as far as remembered."""
        is_new = key not in self.refused
        if is_new and len(self.refused) >= REFUSED_MAX:
            del self.refused[next(iter(self.refused))]
        self.refused[key] = None
        return is_new

    def _is_live(self, alarm: Alarm) -> bool:
        opened = self.open.get(alarm.requirement)
        if opened is None:
            return False
        if alarm.task:
            task = opened.tasks.get(alarm.task)
            return task is not None and task.not_before_at == alarm.at
        is_unfinished = not opened.tasks or opened.unfinished > 0
        return opened.record.deadline_at == alarm.at and is_unfinished and not opened.is_ending


def key_of(attempt: AttemptRecord) -> AttemptKey:
    return AttemptKey(attempt.requirement, attempt.task, attempt.number)


def holder_of(attempt: AttemptRecord) -> WorkerId:
    return WorkerId(attempt.worker, attempt.worker_generation)
