"""How attempts begin: a task is leased to a worker, and its command starts when its minder is on record."""

from __future__ import annotations

from aidos_actors.core.board import agent_work
from aidos_actors.core.board.draft import Draft
from aidos_actors.core.board.open_requirement import OpenRequirement
from aidos_actors.core.board.owed import worktree_of
from aidos_actors.core.orders import AttemptKey, WorkerId
from aidos_actors.core.records import AttemptRecord, TaskRecord
from aidos_actors.core.states import AttemptState


def lease(draft: Draft, opened: OpenRequirement, name: str, worker: WorkerId, agent: str | None = None) -> None:
    """The intent is on record: this worker, this number, this path. Nothing has happened yet. For a coding ``agent`` it
    is the folder that an attempt before it has left to go on in, if any. A command that has nothing to wait for is
    started in the same moment, by the minder that waits at the worker, if one does."""
    task = opened.tasks[name]
    key = AttemptKey(task.requirement, name, task.attempts + 1)
    lender = opened.lender(name)
    attempt = AttemptRecord(
        requirement=task.requirement,
        task=name,
        number=key.number,
        state=AttemptState.LEASED,
        epoch=draft.books.epoch,
        leased_at=draft.now,
        worker=worker.path,
        worker_generation=worker.incarnation,
        worktree=worktree_of(draft.books, key) if lender is None else lender.worktree,
        agent=agent,
        base_commit=None if lender is None else lender.base_commit,
    )
    draft.move_task(task, "lease", attempts=key.number)
    draft.save_attempt(attempt)
    where = {"worker": worker.path, "incarnation": worker.incarnation, "worktree": attempt.worktree}
    if agent is not None:
        where |= {"agent": agent, "base_commit": attempt.base_commit}
    draft.note("attempt_leased", attempt, **where)
    crew = draft.books.crew
    minder = crew.waiting.get(worker)
    if minder is not None:
        draft.set(draft.books, "crew", crew.with_waiting(worker, None))
        if _may_start_at_once(opened, attempt):
            started(draft, attempt, *minder)


def _may_start_at_once(opened: OpenRequirement, attempt: AttemptRecord) -> bool:
    """It is the first attempt of a command, needs no worktree, and waits for nobody's end."""
    is_first_command = opened.definitions[attempt.task].run is not None and attempt.number == 1
    return is_first_command and opened.model.repo is None and not opened.minders_before(attempt)


def started(draft: Draft, attempt: AttemptRecord, pid: int | None, started_ticks: int | None) -> None:
    """The minder is on record, so that its command may start."""
    row = draft.move_attempt(
        attempt, "start", minder_pid=pid, minder_started=started_ticks, started_at=draft.now, epoch=draft.books.epoch
    )
    opened, task = around(draft, row)
    draft.move_task(task, "start")
    draft.note("attempt_started", row, minder_pid=pid, minder_started=started_ticks)
    agent_work.take_over(draft, opened, row)


def around(draft: Draft, attempt: AttemptRecord) -> tuple[OpenRequirement, TaskRecord]:
    opened = draft.books.open[attempt.requirement]
    return opened, opened.tasks[attempt.task]
