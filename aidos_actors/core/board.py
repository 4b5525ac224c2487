"""The Scheduler's whole judgement, without clock, chance or I/O: each input gives what to write and what to order.

The caller passes ``now`` (wall seconds that never go back), writes ``Step.batch`` in one transaction, and only then
sends ``Step.orders``. If writing fails it throws the board away and restores one: nothing here is worth keeping.

Not kept in the rows are only: which workers live, whom the adoption window waits for, and whether a drain is under way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from aidos_actors.core import attempts, ending, lifecycle, revision, rounds, steering, timeline, workers
from aidos_actors.core.books import Books
from aidos_actors.core.draft import Draft
from aidos_actors.core.errors import NotFound
from aidos_actors.core.explain import Reason, explain
from aidos_actors.core.open_requirement import OpenRequirement, Settings
from aidos_actors.core.orders import (
    AttemptKey,
    AttemptOutcome,
    AttemptReport,
    Integration,
    Order,
    Step,
    WorkerId,
)
from aidos_actors.core.owed import Role, owed_to_role
from aidos_actors.core.records import AttemptRecord, RequirementRecord, TaskRecord
from aidos_actors.core.requirement import Requirement
from aidos_actors.core.states import REQUIREMENT_FINAL, TaskState

__all__ = ["Board", "Settings"]

EndedRows = tuple[RequirementRecord, Sequence[TaskRecord], Sequence[AttemptRecord]]


class Board:
    """All open requirements and the live workers. One thread. A call that raises has changed nothing."""

    def __init__(self, *, epoch: int, settings: Settings, worktree_root: str) -> None:
        self._books = Books(epoch=epoch, settings=settings, worktree_root=worktree_root)

    @classmethod
    def restore(
        cls,
        requirements: Iterable[RequirementRecord],
        tasks: Iterable[TaskRecord],
        attempts: Iterable[AttemptRecord],
        *,
        epoch: int,
        settings: Settings,
        worktree_root: str,
        now: float,
    ) -> Board:
        """The board as the rows say; requirements that have ended are passed over. ``attempts`` are at least all that
        have a worktree, and all of tasks that are not final (deaths in a row are counted by them). Workers that hold
        some have ``adoption_s`` from ``now`` to report them."""
        board = cls(epoch=epoch, settings=settings, worktree_root=worktree_root)
        books = board._books
        books.load((each for each in requirements if each.state not in REQUIREMENT_FINAL), tasks, attempts)
        books.crew = books.crew.awaiting(books.held, now + settings.adoption_s)
        return board

    # Requirements

    def submit(
        self,
        requirement: Requirement,
        *,
        base_commit: str | None,
        document: str,
        position: int,
        known: RequirementRecord | None,
        now: float,
    ) -> Step:
        """It waits; ``dispatch`` gives it to the analyzer. The same content again is an empty step. Raises ``Conflict``
        for other content under the id of ``known`` (its row in the ledger), ``BadInput`` when it cannot be ordered."""
        return self._step(now, lifecycle.submit, requirement, base_commit, document, position, known)

    def revise(
        self,
        requirement: Requirement,
        *,
        base_commit: str | None,
        document: str,
        known: RequirementRecord,
        tasks: Sequence[TaskRecord],
        now: float,
    ) -> Step:
        """The requirement of row ``known`` gets this document; ``tasks`` are all its rows, removed ones too. The same
        content is an empty step. Raises ``Conflict`` while something of it is under way, ``BadInput``."""
        if known.sha256 == requirement.content_sha256():
            return Step()
        return self._step(now, revision.revise, requirement, base_commit, document, known, tasks)

    def analysed(self, requirement: str, now: float) -> Step:
        """The document is the plan: its tasks are on record. A repetition is an empty step."""
        return self._about(requirement, now, lifecycle.record_plan)

    def rejected(self, requirement: str, reason: str, now: float) -> Step:
        """The document is no plan: the requirement has failed."""
        return self._about(requirement, now, lifecycle.reject, reason)

    def steer(self, verb: str, requirement: str, task: str | None, now: float, ended: EndedRows | None = None) -> Step:
        """``verb`` of ``steering`` about the requirement, or one task of it. For a requirement that is not open its
        rows are needed. Raises ``NotFound``, and ``Conflict`` where it is too late."""
        with self._at_hand(requirement, ended) as opened:
            if task is None:
                return self._step(now, steering.OF_REQUIREMENTS[verb], opened)
            return self._step(now, steering.OF_TASKS[verb], opened, _task_of(opened, task))

    def explain(self, requirement: str, task: str, now: float, ended: EndedRows | None = None) -> list[Reason]:
        """Why the task is not running, or that it is; never empty. Raises ``NotFound``."""
        with self._at_hand(requirement, ended) as opened:
            if not opened.tasks and task in opened.definitions:  # not planned yet
                return explain(self._books, opened, TaskRecord(requirement, task, 0, TaskState.WAITING), now)
            return explain(self._books, opened, _task_of(opened, task), now)

    @contextmanager
    def _at_hand(self, name: str, ended: EndedRows | None) -> Iterator[OpenRequirement]:
        """The requirement in the books; one that has ended only as long as that is needed, or as it is open again."""
        if name not in self._books.open:
            if ended is None:
                raise NotFound(f"no requirement {name!r}", hint="`status` lists what there is")
            record, tasks, attempts = ended
            self._books.load([record], tasks, attempts)
        try:
            yield self._books.open[name]
        finally:
            if name in self._books.open and self._books.open[name].record.state in REQUIREMENT_FINAL:
                self._books.put_requirement(name, None)

    # Workers

    def worker_up(self, worker: WorkerId, slots: int, now: float) -> Step:
        """It lives and takes ``slots`` attempts at once; what another life of its path held is lost."""
        return self._step(now, workers.worker_up, worker, slots)

    def worker_report(self, worker: WorkerId, reports: Sequence[AttemptReport], now: float) -> Step:
        """``reports`` is all it holds: adopted, caught up with, or refused; what it does not hold is lost or ordered
        again."""
        return self._step(now, workers.worker_report, worker, reports)

    def worker_gone(self, path: str, incarnation: str, now: float) -> Step:
        """It is dead, and what it held is lost: ready again at once."""
        return self._step(now, workers.worker_gone, WorkerId(path, incarnation))

    def minded(self, worker: WorkerId, key: AttemptKey, pid: int, started: int, now: float) -> Step:
        """The minder's pid and start time are on record, so the command may go."""
        return self._step(now, workers.minded, worker, key, pid, started)

    def ended(self, worker: WorkerId, key: AttemptKey, outcome: AttemptOutcome, now: float) -> Step:
        """The attempt's end is on record, with all that follows; always acknowledged."""
        return self._step(now, workers.ended, worker, key, outcome)

    # GitOps

    def prepared(self, key: AttemptKey, base_commit: str, repo: str, now: float) -> Step:
        """The worktree of ``repo`` stands at ``base_commit``: the worker may start. One that nobody needs any more is
        discarded, also when its requirement has ended."""
        return self._step(now, attempts.prepared, key, base_commit, repo)

    def prepare_failed(self, key: AttemptKey, error: str, now: float) -> Step:
        """There is no worktree; the task is ready again and no retry is used up."""
        return self._step(now, attempts.prepare_failed, key, error)

    def integrated(self, key: AttemptKey, answer: Integration, now: float) -> Step:
        """The task is done, or done again, or has failed once more."""
        return self._step(now, attempts.integrated, key, answer)

    def discarded(self, key: AttemptKey, now: float) -> Step:
        """The worktree is gone. The last one lets its requirement end."""
        return self._step(now, attempts.discarded, key)

    # Time

    def dispatch(self, now: float) -> Step:
        """Waiting requirements go to the analyzer, and as many tasks are leased as slots and limits allow. To be called
        after every other input. While draining nothing happens."""
        return self._step(now, rounds.dispatch)

    def tick(self, now: float) -> Step:
        """What is due by ``now`` has happened: retries, deadlines, the end of adoption and of the drain time."""
        return self._step(now, rounds.tick)

    def clock_set(self, by_s: float, now: float) -> Step:
        """The clock was set forward or back by ``by_s``; whatever is due comes when it would have come."""
        return self._step(now, timeline.shift, by_s)

    def next_due_at(self) -> float | None:
        """When ``tick`` has something to do next; a moment in the past means at once."""
        return self._books.next_due_at()

    def drain(self, now: float, deadline_at: float) -> Step:
        """Nothing new starts; at ``deadline_at`` (in ``tick``) running commands are ended and go back unharmed."""
        return self._step(now, workers.drain, deadline_at)

    def end_running(self, now: float) -> Step:
        """The drain time is over now."""
        return self._step(now, workers.end_running)

    # Questions

    def owed(self, role: Role, worker: WorkerId | None = None) -> tuple[Order, ...]:
        """Every order that ``role`` (for workers: one of them, or all) must have got; sending one again is harmless."""
        return tuple(owed_to_role(self._books, role, worker))

    @property
    def open_requirements(self) -> tuple[RequirementRecord, ...]:
        return tuple(opened.record for opened in self._books.open.values())

    @property
    def held_count(self) -> int:
        """Attempts some worker may still have; 0 ends a drain."""
        return sum(len(keys) for keys in self._books.held.values())

    def _about(self, name: str, now: float, change: Callable[..., None], *args: Any) -> Step:
        opened = self._books.open.get(name)
        return Step() if opened is None else self._step(now, change, opened, *args)

    def _step(self, now: float, change: Callable[..., None], *args: Any) -> Step:
        draft = Draft(self._books, now)
        try:
            change(draft, *args)
            for name in draft.touched():
                ending.settle(draft, self._books.open[name])
            step = draft.step()
        except BaseException:
            draft.undo()
            raise
        for name in draft.touched():
            if self._books.open[name].record.state in REQUIREMENT_FINAL:
                self._books.put_requirement(name, None)
        return step


def _task_of(opened: OpenRequirement, task: str) -> TaskRecord:
    if task not in opened.tasks:
        name = opened.record.id
        raise NotFound(f"requirement {name!r} has no task {task!r}", hint=f"`tasks {name}` lists them")
    return opened.tasks[task]
