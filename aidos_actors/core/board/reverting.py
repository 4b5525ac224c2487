"""A target that has turned red: the task whose commit did it is undone and done again.

Only a task that is done, of a requirement that is open, can be condemned; its commit is taken back by a revert commit,
and then it has failed once more by itself, as if the gate had refused it at first. What needs it and has not started
waits for it again; what runs already goes on, and is judged by the gate as it comes. One that is cancelled meanwhile is
taken back all the same, and ends then.

A task has one commit on its target that no other commit reverts. Each revert names the one commit that it takes back.
"""

from __future__ import annotations

from msgspec.structs import replace

from aidos_actors.core.board.draft import Draft
from aidos_actors.core.board.ending import why_given_up
from aidos_actors.core.board.lifecycle import own_failure, skip, skip_dependents, task_cancelled, unblock_dependents
from aidos_actors.core.board.open_requirement import OpenRequirement
from aidos_actors.core.board.owed import owed_revert
from aidos_actors.core.orders import AttemptKey
from aidos_actors.core.states import TAKEN_BACK, TASK_FINAL, WATCHED, TaskState
from aidos_actors.core.target_orders import Reversal, Sighting


def target_seen(draft: Draft, requirement: str, seen: Sighting) -> None:
    """The target of the requirement has changed its colour, or is red still; whose commit it was is condemned."""
    opened = draft.books.open.get(requirement)
    if opened is None:
        return
    if opened.seen != seen:
        opened.seen = seen
        event = "target_red" if seen.is_red else "target_green"
        facts = {"head": seen.head, "commit": seen.commit, "by": seen.by, "error": seen.error}
        draft.note(event, opened.record, target=opened.model.target_branch, **facts)
    if seen.is_red and seen.culprit is not None:
        condemn(draft, seen.culprit, seen.commit, seen.error or "the target has turned red")


def condemn(draft: Draft, key: AttemptKey, commit: str | None, error: str) -> None:
    """The commit of this attempt is to be taken back, when its task is done by it and can still be done again."""
    opened = draft.books.open.get(key.requirement)
    task = opened.tasks.get(key.task) if opened is not None else None
    if opened is None or task is None or opened.is_ending or opened.record.state not in WATCHED:
        return
    if task.state is not TaskState.DONE or task.attempts != key.number or task.commit != commit:
        return
    row = draft.move_task(task, "condemn", commit=None, result=None, finished_at=None, error=error)
    draft.note("task_condemned", row, commit=commit, error=error)
    draft.order(owed_revert(opened, row.id))


def skip_blocked(draft: Draft, opened: OpenRequirement) -> None:
    """What was ready, and needs a task that was reverted and did not succeed again, is skipped."""
    for name in tuple(opened.blocked):
        needs = [opened.tasks[need] for need in opened.definitions[name].needs]
        lost = next((need for need in needs if need.state in TASK_FINAL and need.state is not TaskState.DONE), None)
        if lost is not None and name in opened.blocked:
            skip(draft, opened, opened.tasks[name], lost.id)


def reverted(draft: Draft, key: AttemptKey, answer: Reversal) -> None:
    """The commit is taken back, and the task has failed once more, or is cancelled; or it cannot be, and stays: then
    the task is done, and what waited meanwhile for nothing else is ready."""
    opened = draft.books.open.get(key.requirement)
    task = opened.tasks.get(key.task) if opened is not None else None
    if opened is None or task is None or task.state not in TAKEN_BACK or task.attempts != key.number:
        draft.note_refusal(key, result="reverted", commit=answer.commit)
        return
    if answer.kept is not None:
        row = draft.move_task(task, "keep", commit=answer.kept, finished_at=draft.now, error=None)
        draft.note("task_kept", row, commit=answer.kept, error=answer.error)
        unblock_dependents(draft, opened, row)
        return
    if answer.commit is not None:
        draft.save_requirement(replace(opened.record, commit=answer.commit))
    draft.note("task_reverted", task, commit=answer.commit)
    if task.state is TaskState.RETRACTING:
        task_cancelled(draft, opened, task, why_given_up(opened))
        skip_dependents(draft, opened, task)
        return
    own_failure(draft, opened, task, f"its commit was reverted: {task.error}", ("verify",))
