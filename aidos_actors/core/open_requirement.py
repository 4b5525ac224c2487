"""One open requirement in memory: its rows, and what follows from them.

Everything but the rows is an index: a function of the rows, kept up to date by ``put_task`` and ``put_attempt``, which
can also put an old row back. Nothing here decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from aidos_actors.core.batches import Batches
from aidos_actors.core.calls_together import CallsTogether
from aidos_actors.core.dispatch import Candidate
from aidos_actors.core.failed_task import FailedTask
from aidos_actors.core.orders import Minder
from aidos_actors.core.past import PastAttempts
from aidos_actors.core.plan import dependents_of
from aidos_actors.core.projects import applied
from aidos_actors.core.ready import TURNS, Lanes, lane_of, rank_of, turns_of
from aidos_actors.core.records import AttemptRecord, RequirementRecord, TaskRecord
from aidos_actors.core.requirement import Mode, Requirement, Task
from aidos_actors.core.serving import Place
from aidos_actors.core.settings import Settings
from aidos_actors.core.shelves import NOTHING, Shelves
from aidos_actors.core.states import ATTEMPT_OPEN, TASK_FINAL, RequirementState, TaskState
from aidos_actors.core.target_orders import Sighting

UNTOUCHED = (TaskState.WAITING, TaskState.READY)
OFFERED_SOON = (TaskState.READY, TaskState.BACKING_OFF, TaskState.WAITING_FOR_QUOTA)
ALONE = frozenset({"call"})  # only callables must be alone


class OpenRequirement(CallsTogether):
    """Rows and indexes of one requirement. ``model`` is the parsed ``record.document``, within its project's limits."""

    def __init__(self, record: RequirementRecord, model: Requirement, settings: Settings) -> None:
        self.record = record
        self.settings = settings
        self.tasks: dict[str, TaskRecord] = {}
        self.attempts: dict[tuple[str, int], AttemptRecord] = {}
        self.batches = Batches()
        self.unfinished = self.done = self.infra_faults = 0
        self.reverting: dict[str, None] = {}
        self.replanning: dict[str, None] = {}
        self.asked: FailedTask | None = None
        self.blocked: dict[str, None] = {}
        self.seen: Sighting | None = None
        self._held = 0
        self._past = PastAttempts()
        self._holders: dict[str, int] = {}
        self._taking_turns: set[tuple[str, int]] = set()
        self._ready = Shelves()
        self._ready_alone = Lanes()
        self.take_model(applied(model, settings.project_of(model.repo)))

    def take_model(self, model: Requirement) -> None:
        """``model`` is the plan from here on, within its project's limits; rows stay, and the indexes follow."""
        self.model = model
        self.definitions: dict[str, Task] = {task.id: task for task in model.tasks}
        self._mode = model.mode or Mode.MIXED
        self._lanes = {task.id: lane_of(self._mode, task) for task in model.tasks}
        self.dependents = dependents_of(model)
        done = {name for name, row in self.tasks.items() if _is_done(row)}
        self.needs_missing = {task.id: len(set(task.needs) - done) for task in model.tasks}
        for name in self.tasks:
            self._offer_anew(name)

    @property
    def place(self) -> Place:
        """Where it waits to be served."""
        record, priority = self.record, self.model.priority
        born_at = record.created_at - priority * self.settings.priority_point_s
        executors = self._offered() if self._may_lease else NOTHING
        return Place(record.id, (record.bumped_at or 0.0, priority), born_at, record.position, self.project, executors)

    @property
    def project(self) -> str | None:
        """Its repository, when that has a limit of its own."""
        return self.model.repo if self.settings.project_of(self.model.repo).workers is not None else None

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
    def _may_lease(self) -> bool:
        return (
            self.record.state is RequirementState.RUNNING
            and self._held < self.workers_max
            and len(self.attempts) - len(self.batches) < self.settings.worktrees_max
        )

    def _offered(self) -> frozenset[str]:
        """The executors it has a task for."""
        return self._ready.executors() | (ALONE if self._ready_alone.first() is not None else NOTHING)

    def candidates(self, full: Collection[str] = NOTHING) -> Iterator[Candidate]:
        """What may be leased next, best first; at most one task of each kind, none for an executor that is ``full``."""
        alone = self._ready_alone.first() if not ALONE & set(full) else None
        kinds = ((self._ready.first(full), False), (alone, True))
        firsts = sorted((*first, is_alone) for first, is_alone in kinds if first is not None)
        for _rank, task, must_be_alone in firsts:
            yield Candidate(self.record.id, task, must_be_alone)

    def open_attempt(self, task: str) -> AttemptRecord | None:
        attempt = self.attempts.get((task, self.tasks[task].attempts))
        return attempt if attempt is not None and attempt.state in ATTEMPT_OPEN else None

    def lender(self, task: str) -> AttemptRecord | None:
        """The attempt whose worktree is kept for the next one of a task of agents."""
        if self.definitions[task].agent is None:
            return None
        kept = (each for each in self.attempts.values() if each.task == task and each.kept_at is not None)
        return max(kept, key=lambda each: each.number, default=None)

    def lane_holders(self, task: str) -> list[str]:
        """The siblings because of which ``task`` may not start: they are under way, or in a serial requirement keep
        their turn until they are tried again."""
        if (lane := self._lanes[task]) is None:
            turns = turns_of(lane, self.tasks[task].conflicts) == TURNS
            return sorted(name for name, _ in self._taking_turns if turns and name != task)
        under_way = {each.task for each in self.attempts.values() if _occupies_lane(each)}
        waiting = {each.id for each in self.tasks.values() if self._waits_in_lane(each)}
        return sorted(name for name in (under_way | waiting) - {task} if self._lanes[name] == lane)

    def minders_before(self, attempt: AttemptRecord) -> tuple[Minder, ...]:
        """Minders that must be gone before ``attempt`` starts: its task's earlier ones, and lost ones of its lane.
        Those whose worktree was discarded are known to be gone."""
        return self._past.minders_before(attempt, self._neighbourhood(attempt.task))

    def deaths_in_a_row(self, task: str) -> int:
        """How many of the newest closed attempts, one after the other, were lost while their command ran."""
        return self._past.deaths_in_a_row(task, self.tasks[task].attempts - (self.open_attempt(task) is not None))

    def must_be_alone(self, task: str) -> bool:
        if self.definitions[task].call is None or not self._past.has_deaths(task):
            return False
        return self.deaths_in_a_row(task) >= self.settings.call_deaths_before_alone

    def put_task(self, task: str, new: TaskRecord | None) -> None:
        """The row is replaced (None: there is none) and the indexes follow."""
        old = self.tasks.pop(task, None)
        if new is not None:
            self.tasks[task] = new
        self.unfinished += _is_unfinished(new) - _is_unfinished(old)
        self.infra_faults += (new.infra_faults if new is not None else 0) - (old.infra_faults if old is not None else 0)
        done = _is_done(new) - _is_done(old)
        self.done += done
        if done:
            for dependent in self.dependents.get(task, ()):
                self.needs_missing[dependent] -= done
                self._offer_anew(dependent)
        self.reverting.pop(task, None)
        if new is not None and new.state is TaskState.REVERTING:
            self.reverting[task] = None
        self.replanning.pop(task, None)
        if new is not None and new.state is TaskState.REPLANNING:
            self.replanning[task] = None
        self._hold(self._lanes[task], self._waits_in_lane(new) - self._waits_in_lane(old))
        self._offer_anew(task)

    def _offer_anew(self, task: str) -> None:
        """It is offered when it is ready and all it needs is done: one of those may have been reverted meanwhile."""
        record = self.tasks.get(task)
        self._ready.discard(task)
        self._ready_alone.discard(task)
        self.blocked.pop(task, None)
        if record is None or record.state not in OFFERED_SOON:
            return
        if self.needs_missing[task]:
            self.blocked[task] = None
        elif is_offered(record):
            self._offer(task, record)

    def add_tasks(self, rows: Iterable[TaskRecord]) -> None:
        """As ``put_task`` for each: tasks that had no row. Most are new altogether, and there may be many."""
        new = []
        for row in rows:
            if row.attempts or row.state not in UNTOUCHED or row.not_before_at is not None:
                self.put_task(row.id, row)
            else:
                new.append(row)
        self.unfinished += len(new)
        self.tasks.update({row.id: row for row in new})
        for row in new:
            if is_offered(row):
                self._offer(row.id, row)

    def _offer(self, task: str, record: TaskRecord) -> None:
        definition = self.definitions[task]
        rank = rank_of(self._mode, definition, record.position, record.bumped_at)
        lane = turns_of(self._lanes[task], record.conflicts)
        if self.must_be_alone(task):
            self._ready_alone.add(task, rank, lane)
        else:
            self._ready.add(task, rank, lane, definition.executor)

    def put_attempt(self, task: str, number: int, new: AttemptRecord | None) -> None:
        """The row is replaced and the indexes follow; a closed attempt whose worktree is gone is no longer kept."""
        key = (task, number)
        old = self.attempts.pop(key, None)
        if new is not None and (new.ended_at is None or new.state in ATTEMPT_OPEN or new.worktree is not None):
            self.attempts[key] = new
        if self.batches.of(task, number) is None:
            self._held += is_held(new) - is_held(old)
        self._occupy(key, _occupies_lane(new) - _occupies_lane(old))
        self._past.put(key, self._neighbourhood(task), new, self.attempts.get(key))

    def _neighbourhood(self, task: str) -> tuple[str, str]:
        lane = self._lanes[task]
        return ("task", task) if lane is None else ("lane", lane)

    def _waits_in_lane(self, task: TaskRecord | None) -> bool:
        """In a serial requirement a task that waits for its retry keeps its turn; a group may go on meanwhile."""
        waits = task is not None and task.not_before_at is not None and task.paused_at is None
        return waits and self._mode is Mode.SERIAL


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
