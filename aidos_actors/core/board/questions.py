"""What analyzers are to be asked about a task that failed for good: a function of the rows and the plan alone, so that
it is the same question after any death."""

from __future__ import annotations

from aidos_actors.core.board.open_requirement import OpenRequirement
from aidos_actors.core.failed_task import ERROR_CHARS_MAX, FailedTask
from aidos_actors.core.states import RequirementState


def question_of(opened: OpenRequirement) -> FailedTask | None:
    """What is to be found out next: about the task that has waited longest, as soon as its attempts are cleared up."""
    waiting = (opened.tasks[name] for name in opened.replanning)
    first = min(waiting, key=lambda task: (task.finished_at or 0.0, task.position), default=None)
    if first is None or _is_still_there(opened, first.id):
        return None
    return FailedTask(first.id, first.attempts, (first.error or "")[-ERROR_CHARS_MAX:])


def _is_still_there(opened: OpenRequirement, task: str) -> bool:
    """A worktree of it has not been removed yet, or others are under way in a batch that is named after it."""
    in_books = any(name == task for name, _number in opened.attempts)
    return in_books or any(batch.record.task == task for batch in opened.batches.open())


def may_be_asked(opened: OpenRequirement) -> bool:
    """While it is paused nobody is asked; what is under way goes on to its end."""
    return opened.record.state is RequirementState.RUNNING


def due_question(opened: OpenRequirement) -> FailedTask | None:
    """What is to be asked just now, if anything."""
    return question_of(opened) if opened.replanning and may_be_asked(opened) else None
