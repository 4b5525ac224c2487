"""The Scheduler's whole judgement, without clock, chance or I/O: each input gives what to write and what to order.

The caller passes ``now`` (wall seconds that never go back), writes ``Step.batch`` in one transaction, and only then
sends ``Step.orders``. If writing fails it throws the board away and restores one: nothing here is worth keeping.

Not kept in the rows are only: which workers live, whom the adoption window waits for, and whether a drain is under way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from aidos_actors.core import attempts, ending, lifecycle, workers
from aidos_actors.core.books import Books
from aidos_actors.core.crew import Draining
from aidos_actors.core.dispatch import next_lease
from aidos_actors.core.draft import Draft
from aidos_actors.core.errors import NotFound
from aidos_actors.core.open_requirement import Settings
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
from aidos_actors.core.states import REQUIREMENT_FINAL

__all__ = ["Board", "Settings"]


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
        """The board as the rows of the open requirements say. ``attempts`` are at least all that have a worktree, and
        all of tasks that are not final (deaths in a row are counted by them). Workers that hold some have
        ``adoption_s`` from ``now`` to report them."""
        board = cls(epoch=epoch, settings=settings, worktree_root=worktree_root)
        books = board._books
        books.load(requirements, tasks, attempts)
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

    def analysed(self, requirement: str, now: float) -> Step:
        """The document is the plan: its tasks are on record. A repetition is an empty step."""
        return self._about(requirement, now, lifecycle.record_plan)

    def rejected(self, requirement: str, reason: str, now: float) -> Step:
        """The document is no plan: the requirement has failed."""
        return self._about(requirement, now, lifecycle.reject, reason)

    def cancel(self, requirement: str, task: str | None, now: float) -> Step:
        """The requirement, or one task with all that needs it, will not go on. Raises ``NotFound`` when it is not open
        here; what has ended already stays as it is."""
        opened = self._books.open.get(requirement)
        if opened is None:
            raise NotFound(f"requirement {requirement!r} is not open", hint="`status` lists what there is")
        if task is None:
            return self._about(requirement, now, ending.cancel_all)
        if task not in opened.tasks:
            raise NotFound(f"{requirement!r} has no task {task!r} yet", hint=f"`tasks {requirement}` lists them")
        return self._about(requirement, now, ending.cancel_one, opened.tasks[task])

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
        return self._step(now, _dispatch)

    def tick(self, now: float) -> Step:
        """What is due by ``now`` has happened: retries, deadlines, the end of adoption and of the drain time."""
        return self._step(now, _tick)

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


def _dispatch(draft: Draft) -> None:
    books = draft.books
    if books.crew.draining is not Draining.NO:
        return
    for name in tuple(books.waiting):
        lifecycle.begin_analysis(draft, books.open[name])
    loads = books.loads()
    while (lease := next_lease(books.candidates(), loads.values())) is not None:
        opened = books.open[lease.requirement]
        is_alone = opened.must_be_alone(lease.task)
        attempts.lease(draft, opened, lease.task, lease.worker)
        load = loads[lease.worker]
        loads[lease.worker] = replace(load, held=load.held + 1, is_alone=is_alone)


def _tick(draft: Draft) -> None:
    books = draft.books
    if books.crew.drain_until_at is not None and books.crew.drain_until_at <= draft.now:
        workers.end_running(draft)
    for worker, until_at in tuple(books.crew.awaited.items()):
        if until_at <= draft.now:
            workers.unreported(draft, worker)
    while (alarm := books.due(draft.now)) is not None:
        opened = books.open[alarm.requirement]
        if alarm.task:
            lifecycle.retry_is_due(draft, opened.tasks[alarm.task])
        else:
            ending.past_deadline(draft, opened)
