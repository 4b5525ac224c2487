"""How tasks and requirements come to their end from outside or above: cancelled, past the deadline, all work over.

A requirement that is cancelled or past its deadline gets its error at once and its final state when the last worktree
is discarded; until then the error is the mark that it is ending.
"""

from __future__ import annotations

from msgspec.structs import replace

from aidos_actors.core.board import integrations, replans
from aidos_actors.core.board.attempts import cancel_attempt
from aidos_actors.core.board.draft import Draft
from aidos_actors.core.board.lifecycle import skip_dependents, task_cancelled
from aidos_actors.core.board.open_requirement import OpenRequirement
from aidos_actors.core.orders import Withdraw
from aidos_actors.core.records import RequirementRecord, TaskRecord
from aidos_actors.core.states import GIVEN_UP, TASK_FINAL, RequirementState, TaskState

CANCELLED = "cancelled"
DEADLINE = "deadline"
_UNDER_WAY = frozenset({RequirementState.RUNNING, RequirementState.PAUSED})
_MAY_BE_ASKED_ABOUT = frozenset({RequirementState.ANALYSING, RequirementState.PAUSED})


def cancel_task(draft: Draft, opened: OpenRequirement, task: TaskRecord, reason: str) -> None:
    """The task is cancelled, and its open attempt with it: a worker that may have it still has to report its end. One
    whose commit may be on the target is as soon as GitOps says that it is not."""
    replans.withdraw(draft, opened, task)
    attempt = opened.open_attempt(task.id)
    if task.state in GIVEN_UP:
        return
    if task.state is TaskState.REVERTING:
        draft.note("task_withdrawn", draft.move_task(task, "withdraw"), reason=reason)
        return
    if attempt is not None and task.state is TaskState.INTEGRATING:
        integrations.withdraw(draft, attempt, task, reason)
        return
    if attempt is not None:
        cancel_attempt(draft, attempt, reason)
    task_cancelled(draft, opened, task, reason)


def cancel_one(draft: Draft, opened: OpenRequirement, task: TaskRecord) -> None:
    """The task is cancelled and what needs it is skipped, as soon as it is; a final task stays as it is."""
    if task.state in TASK_FINAL:
        return
    cancel_task(draft, opened, task, CANCELLED)
    if opened.tasks[task.id].state is TaskState.CANCELLED:
        skip_dependents(draft, opened, task)


def cancel_all(draft: Draft, opened: OpenRequirement) -> None:
    """The requirement is ending: nothing of it starts any more. When all its tasks are done it is too late, unless it
    is paused, and so would never end."""
    record = opened.record
    if not _is_under_way(opened):
        withdraw(draft, record)
        record = draft.move_requirement(record, "cancel", error=CANCELLED, finished_at=draft.now)
        draft.note("requirement_cancelled", record, error=CANCELLED)
    elif (opened.done < len(opened.tasks) or record.state is RequirementState.PAUSED) and not opened.is_ending:
        _end_all(draft, opened, CANCELLED, CANCELLED)


def why_given_up(opened: OpenRequirement) -> str:
    """Why a task that waits for GitOps ends: as all the others when those are ended, else by itself."""
    return CANCELLED if opened.record.error in (None, CANCELLED) else DEADLINE


def past_deadline(draft: Draft, opened: OpenRequirement) -> None:
    """It has failed, at the latest when its running commands have been ended."""
    allowed_s, total = opened.model.deadline_s or 0.0, len(opened.model.tasks)
    error = f"{DEADLINE}: not finished within {allowed_s:g} s; {opened.done} of {total} tasks were done"
    if not _is_under_way(opened):
        withdraw(draft, opened.record)
        record = draft.move_requirement(opened.record, "fail", error=error, finished_at=draft.now)
        draft.note("requirement_failed", record, error=error)
        return
    _end_all(draft, opened, DEADLINE, error)


def withdraw(draft: Draft, record: RequirementRecord) -> None:
    """The Analyzer hears that an analysis which may be under way is not wanted any more."""
    if record.state in _MAY_BE_ASKED_ABOUT:
        draft.order(Withdraw(record.id))


def settle(draft: Draft, opened: OpenRequirement) -> None:
    """A requirement whose tasks are all final and whose worktrees are all discarded ends."""
    record = opened.record
    if record.state not in _UNDER_WAY or opened.unfinished or opened.attempts:
        return
    error = record.error or _first_failure(opened)
    if error is None and record.state is RequirementState.PAUSED:
        return  # it is done as soon as it is resumed
    event = "complete" if error is None else "cancel" if record.error == CANCELLED else "fail"
    counts = {"tasks_done": opened.done, "tasks_total": len(opened.tasks)}
    ended = draft.move_requirement(record, event, error=error, finished_at=draft.now, **counts)
    draft.note(f"requirement_{ended.state}", ended, commit=ended.commit, error=error, **counts)


def _is_under_way(opened: OpenRequirement) -> bool:
    """It has tasks, which must end first. One that was paused before it was planned has none."""
    return opened.record.state in _UNDER_WAY and bool(opened.tasks)


def _end_all(draft: Draft, opened: OpenRequirement, reason: str, error: str) -> None:
    draft.note("requirement_ending", draft.save_requirement(replace(opened.record, error=error)), error=error)
    for task in tuple(opened.in_states(*frozenset(TaskState) - TASK_FINAL)):
        cancel_task(draft, opened, task, reason)


def _first_failure(opened: OpenRequirement) -> str | None:
    if opened.done == len(opened.tasks):
        return None
    wrong = tuple(opened.in_states(TaskState.FAILED, TaskState.CANCELLED))
    if not wrong:
        return None
    first = min(wrong, key=lambda t: (t.state is not TaskState.FAILED, t.finished_at or 0.0, t.position))
    verb = "failed" if first.state is TaskState.FAILED else "was cancelled"
    return f"task {first.id} {verb}" + (f": {first.error}" if first.error and first.error != CANCELLED else "")
