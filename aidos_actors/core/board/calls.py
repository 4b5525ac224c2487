"""What happens to callables that travel in batches: promised to a worker together, accepted together.

All that is not the plain way (a failure, a loss, a hand-back, a cancellation) happens to one attempt at a time, as
``attempts`` and ``workers`` say; it leaves its batch with the first row of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aidos_actors.core.board.batches import OpenBatch, done_task
from aidos_actors.core.board.draft import Draft
from aidos_actors.core.board.lifecycle import unblock_dependents
from aidos_actors.core.board.open_requirement import OpenRequirement
from aidos_actors.core.board.owed import start_calls
from aidos_actors.core.journal.told_results import told
from aidos_actors.core.orders import AttemptKey, AttemptOutcome, CallEnded, WorkerId
from aidos_actors.core.records import CallBatch, NewEvent
from aidos_actors.core.states import ATTEMPT_TRANSITIONS, TASK_TRANSITIONS, AttemptState, TaskState, next_state

Otherwise = Callable[[Draft, WorkerId, AttemptKey, AttemptOutcome], None]


def lease(draft: Draft, opened: OpenRequirement, names: Sequence[str], worker: WorkerId) -> None:
    """The intent is on record for all of them: this worker, these numbers."""
    running = next_state(TASK_TRANSITIONS, next_state(TASK_TRANSITIONS, TaskState.READY, "lease"), "start")
    assert running is TaskState.RUNNING
    requirement, epoch, now = opened.record.id, draft.books.epoch, draft.now
    ready = [opened.tasks[name] for name in names]
    members = tuple((row.id, row.attempts + 1) for row in ready)
    batch = CallBatch(requirement, *members[0], epoch, now, worker.path, worker.incarnation, members)
    about = {"worker": worker.path, "incarnation": worker.incarnation}
    draft.start_calls(opened, OpenBatch(batch), ready)
    draft.note_all(NewEvent(now, "attempt_started", requirement, name, number, about) for name, number in members)
    draft.order(start_calls(opened, worker, epoch, members))


def ended(draft: Draft, worker: WorkerId, requirement: str, results: Sequence[CallEnded], one_ended: Otherwise) -> None:
    """The results are on record, with what follows. ``one_ended`` takes each that is not the plain success of a member
    of a batch of that worker, nor told a second time."""
    opened = draft.books.open.get(requirement)
    good = []
    for result in results:
        task, number, value, outcome = result
        batch = opened.batches.of(task, number) if opened is not None else None
        if outcome is None and batch is not None and batch.worker == worker:
            good.append(result)
        elif outcome is not None or not _is_accepted(opened, task, number):
            outcome = outcome or AttemptOutcome(True, 0, None, "call", value)
            one_ended(draft, worker, AttemptKey(requirement, task, number), outcome)
    if opened is not None and good:
        _accept(draft, opened, good)


def _is_accepted(opened: OpenRequirement | None, task: str, number: int) -> bool:
    """That very result is the task's."""
    row = opened.tasks.get(task) if opened is not None else None
    return row is not None and row.state is TaskState.DONE and row.attempts == number


def adopt(draft: Draft, opened: OpenRequirement, batch: OpenBatch) -> None:
    """Its worker goes on with it under the new epoch."""
    for task, number in batch.open:
        draft.note("attempt_adopted", opened.attempts[task, number], worker=batch.worker.path, phase="running")
    draft.adopt_calls(opened, batch)


def _accept(draft: Draft, opened: OpenRequirement, results: Sequence[CallEnded]) -> None:
    assert next_state(TASK_TRANSITIONS, TaskState.RUNNING, "complete") is TaskState.DONE
    assert next_state(ATTEMPT_TRANSITIONS, AttemptState.RUNNING, "accept") is AttemptState.ACCEPTED
    tasks, now = opened.tasks, draft.now
    done = [done_task(tasks[task], result, now) for task, _number, result, _outcome in results]
    draft.finish_calls(opened, done)
    without_commit = {"commit": None}
    events = [NewEvent(now, "task_done", row.requirement, row.id, row.attempts, without_commit) for row in done]
    events[0] = events[0]._replace(data={**without_commit, **told([row.result for row in done])})
    draft.note_all(events)
    if opened.has_dependents:
        for row in done:
            unblock_dependents(draft, opened, row)
