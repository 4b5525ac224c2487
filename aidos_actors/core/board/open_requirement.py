"""One open requirement in memory: its rows, and what follows from them.

Everything but the rows is an index: a function of the rows, kept up to date by ``put_task`` and ``put_attempt``, which
can also put an old row back. Nothing here decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from aidos_actors.core.board.batches import Batches
from aidos_actors.core.board.calls_together import CallsTogether
from aidos_actors.core.board.dispatch import Candidate, in_turn
from aidos_actors.core.board.laned import occupies_lane
from aidos_actors.core.board.links import Links
from aidos_actors.core.board.past import PastAttempts
from aidos_actors.core.board.ready import Lanes, position_of, rank_of, turns_of
from aidos_actors.core.board.serving import Place
from aidos_actors.core.board.shelves import NOTHING, Shelves
from aidos_actors.core.failed_task import FailedTask
from aidos_actors.core.forms import PlainRows, TaskRows, form_of, in_form
from aidos_actors.core.orders import Minder
from aidos_actors.core.plan import needs_of
from aidos_actors.core.projects import applied
from aidos_actors.core.records import AttemptRecord, RequirementRecord, TaskRecord
from aidos_actors.core.requirement import Mode, Requirement
from aidos_actors.core.settings import Settings
from aidos_actors.core.states import ATTEMPT_OPEN, OFFERED_SOON, TAKEN_BACK, TASK_FINAL, RequirementState, TaskState
from aidos_actors.core.target_orders import Sighting

UNTOUCHED = (TaskState.WAITING, TaskState.READY)
ALONE = frozenset({"call"})  # only callables must be alone


class OpenRequirement(CallsTogether):
    """Rows and indexes of one requirement. ``model`` is the parsed ``record.document``, within its project's limits.
    Each row stands at the position of its task in the model."""

    def __init__(self, record: RequirementRecord, model: Requirement, settings: Settings) -> None:
        self.record = record
        self.settings = settings
        self.tasks: TaskRows = PlainRows()
        self.attempts: dict[tuple[str, int], AttemptRecord] = {}
        self.batches = Batches()
        self.unfinished = self.done = self.infra_faults = 0
        self.reverting: dict[str, None] = {}
        self.replanning: dict[str, None] = {}
        self.asked: FailedTask | None = None
        self.blocked: dict[str, None] = {}
        self.seen: Sighting | None = None
        self.held_up: dict[str, tuple[int, TaskState, str]] = {}
        self._held = 0
        self._past = PastAttempts()
        self._holders: dict[str, int] = {}
        self._taking_turns: set[tuple[str, int]] = set()
        self.take_model(applied(model, settings.project_of(model.repo)))

    def take_model(self, model: Requirement) -> None:
        """``model`` is the plan from here on, within its project's limits; rows stay, and the indexes follow."""
        self.model = in_form(model)
        self._links = Links(needs_of(self.model))
        self._form = form_of(self.model.tasks)
        self.definitions = self._form.definitions
        self._mode = model.mode or Mode.MIXED
        self._has_lanes = self._mode is Mode.SERIAL or (self._mode is Mode.MIXED and self._form.has_groups)
        self._ready, self._ready_alone = Shelves(), Lanes()
        for lane in self._holders:
            self._ready.hold(lane)
            self._ready_alone.hold(lane)
        rows, self.tasks = self.tasks, self._form.rows(self.record.id)
        if rows:
            self._take_rows(rows)

    def _take_rows(self, rows: Mapping[str, TaskRecord]) -> None:
        for row in map(self.at_its_place, tuple(rows.values())):
            self.tasks[row.id] = row
            if _is_done(row):
                self._links.has_changed(row.position, 1)
        for row in tuple(self.tasks.values()):
            self._offer_anew(row.id)

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
    def worktrees_count(self) -> int:
        """Attempts that have a worktree or a folder: under way or to be integrated, kept or not yet discarded."""
        return len(self.attempts) - len(self.batches)

    @property
    def _may_lease(self) -> bool:
        is_running = self.record.state is RequirementState.RUNNING
        has_room = self._held < self.workers_max and self.worktrees_count < self.settings.worktrees_max
        return is_running and has_room

    def _offered(self) -> frozenset[str]:
        """The executors it has a task for."""
        return self._ready.executors() | (ALONE if self._ready_alone.first() is not None else NOTHING)

    def candidates(self, full: Collection[str] = NOTHING) -> Iterator[Candidate]:
        """What may be leased next, best first; at most one task of each kind, none for an executor that is ``full``."""
        alone = self._ready_alone.first() if not ALONE & set(full) else None
        for rank, is_alone in in_turn(self._ready.first(full), alone, is_serial=self._mode is Mode.SERIAL):
            yield Candidate(self.record.id, self._form.task(position_of(rank)).id, is_alone)

    def open_attempt(self, task: str) -> AttemptRecord | None:
        attempt = self.attempts.get((task, self.tasks[task].attempts))
        return attempt if attempt is not None and attempt.state in ATTEMPT_OPEN else None

    def lender(self, task: str) -> AttemptRecord | None:
        """The attempt whose worktree is kept for the next one of a task of agents."""
        if self.definitions[task].agent is None:
            return None
        kept = (each for each in self.attempts.values() if each.task == task and each.kept_at is not None)
        return max(kept, key=lambda each: each.number, default=None)

    def minders_before(self, attempt: AttemptRecord) -> tuple[Minder, ...]:
        """Minders that must be gone before ``attempt`` starts: its task's earlier ones, and lost ones of its lane.
        Those whose worktree was discarded are known to be gone."""
        return self._past.minders_before(attempt, self._neighbourhood(attempt.task))

    def deaths_in_a_row(self, task: str) -> int:
        """How many of the newest closed attempts, one after the other, were lost while their command ran."""
        return self._past.deaths_in_a_row(task, self.tasks[task].attempts - (self.open_attempt(task) is not None))

    def must_be_alone(self, task: str) -> bool:
        if not self._past.has_deaths(task) or self.definitions[task].call is None:
            return False
        return self.deaths_in_a_row(task) >= self.settings.call_deaths_before_alone

    def put_task(self, task: str, new: TaskRecord | None) -> None:
        """The row is replaced (None: there is none) and the indexes follow."""
        old = self.tasks.get(task)
        if new is not None:
            self.tasks[task] = new
        elif old is not None:
            del self.tasks[task]
        row = new or old
        if row is None:
            return
        self.unfinished += _is_unfinished(new) - _is_unfinished(old)
        self.infra_faults += (new.infra_faults if new is not None else 0) - (old.infra_faults if old is not None else 0)
        if done := _is_done(new) - _is_done(old):
            self.done += done
            self._links.has_changed(row.position, done)
            for dependent in self._links.dependents(row.position):
                self._offer_anew(self._form.task(dependent).id)
        self.reverting.pop(task, None)
        if new is not None and new.state in TAKEN_BACK:
            self.reverting[task] = None
        self.replanning.pop(task, None)
        if new is not None and new.state is TaskState.REPLANNING:
            self.replanning[task] = None
        if waits := self._waits_in_lane(new) - self._waits_in_lane(old):
            self._hold(self._lane_of(task), waits)
        if new is None:
            self._withdraw(row)
        else:
            self._offer_anew(task)

    def _offer_anew(self, task: str) -> None:
        record = self.tasks.get(task)
        if record is not None:
            self._withdraw(record)
            self._offer_if_met(record)

    def _offer_if_met(self, record: TaskRecord) -> None:
        """It is offered when it is ready and all it needs is done: one of those may have been reverted meanwhile."""
        if record.state in OFFERED_SOON and not self.is_met(record):
            self.blocked[record.id] = None
        elif is_offered(record):
            self._offer(record)

    def _withdraw(self, record: TaskRecord) -> None:
        self._ready.discard(record.position)
        self._ready_alone.discard(record.position)
        self.blocked.pop(record.id, None)

    def add_planned(self, row: TaskRecord) -> bool:
        """As ``put_task``, for one of many that have no row. False, and no change, when it was more than planned."""
        if row.attempts or row.state not in UNTOUCHED or row.not_before_at is not None:
            return False
        self.unfinished += 1
        self.tasks[row.id] = row
        self._offer_if_met(row)
        return True

    def _offer(self, record: TaskRecord) -> None:
        form, at = self._form, record.position
        rank = rank_of(self._mode, form.priority(at), at, record.bumped_at)
        lane = turns_of(self._lane_of(record.id), record.conflicts)
        if self.must_be_alone(record.id):
            self._ready_alone.add(rank, lane)
        else:
            self._ready.add(rank, lane, form.executor(at))

    def put_attempt(self, task: str, number: int, new: AttemptRecord | None) -> None:
        """The row is replaced and the indexes follow; a closed attempt whose worktree is gone is no longer kept."""
        key = (task, number)
        old = self.attempts.pop(key, None)
        if new is not None and (new.ended_at is None or new.state in ATTEMPT_OPEN or new.worktree is not None):
            self.attempts[key] = new
        if self.batches.of(task, number) is None:
            self._held += is_held(new) - is_held(old)
        self._occupy(key, occupies_lane(new) - occupies_lane(old))
        self._past.put(key, self._neighbourhood(task), new, self.attempts.get(key))


def is_offered(task: TaskRecord | None) -> bool:
    """Ready, and neither waiting for its time nor paused."""
    return task is not None and task.state is TaskState.READY and task.not_before_at is None and task.paused_at is None


def is_held(attempt: AttemptRecord | None) -> bool:
    """A worker may still have it: it fills a slot until its end was reported or the worker is gone."""
    return attempt is not None and attempt.ended_at is None


def _is_unfinished(task: TaskRecord | None) -> bool:
    return task is not None and task.state not in TASK_FINAL


def _is_done(task: TaskRecord | None) -> bool:
    return task is not None and task.state is TaskState.DONE
