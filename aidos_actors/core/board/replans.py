"""When a task that failed for good is given back to the analyzers, and what they are asked then.

Everything follows from rows: who waits is the state of a task, how often that was is in the row of its requirement, and
what is asked is made of both (``questions``). One question of a requirement is asked at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from aidos_actors.core.amending import reached
from aidos_actors.core.board import agent_work
from aidos_actors.core.board.crew import Draining
from aidos_actors.core.board.draft import Draft
from aidos_actors.core.board.open_requirement import OpenRequirement
from aidos_actors.core.board.questions import due_question, question_of
from aidos_actors.core.orders import Analyse, Withdraw
from aidos_actors.core.records import TaskRecord
from aidos_actors.core.states import WATCHED, TaskState

NOT_BEGUN = frozenset({TaskState.WAITING, TaskState.READY, TaskState.BACKING_OFF, TaskState.WAITING_FOR_QUOTA})
_LOST = frozenset({TaskState.FAILED, TaskState.CANCELLED, TaskState.SKIPPED})


def may_begin(opened: OpenRequirement, task: TaskRecord) -> bool:
    """Its plan came from words, it was not given back too often, and without this failure it may still be done. What
    needs the task has not begun: after a revert some may have, and then there is nothing to replace."""
    record = opened.record
    if opened.model.text is None or (record.replans or 0) >= opened.settings.replans_max:
        return False
    if opened.is_ending or record.state not in WATCHED:
        return False
    if any(opened.in_states(*_LOST)):
        return False
    waits = reached(lambda name: opened.dependents(opened.tasks[name]), task.id)
    return all(opened.tasks[name].state in NOT_BEGUN for name in waits)


def begin(draft: Draft, opened: OpenRequirement, task: TaskRecord, facts: Mapping[str, Any]) -> None:
    """The task waits for a new plan in place of having failed; ``facts`` are of its failure."""
    number, most = (opened.record.replans or 0) + 1, opened.settings.replans_max
    draft.save_requirement(replace(opened.record, replans=number))
    row = draft.move_task(task, "replan", finished_at=draft.now, result=None, **facts)
    draft.note("task_replanning", row, replan=number, of=most, **facts)
    agent_work.let_go(draft, opened, task.id)


def ask(draft: Draft, opened: OpenRequirement) -> None:
    """The question that is due is on its way, once. Called at the end of each step that changed the requirement."""
    question = due_question(opened) if draft.books.crew.draining is Draining.NO else None
    if question != opened.asked:
        draft.set(opened, "asked", question)
        if question is not None:
            draft.order(Analyse(opened.record.id, str(opened.record.document), question))


def withdraw(draft: Draft, opened: OpenRequirement, task: TaskRecord) -> None:
    """To be called before the task leaves its state by anybody's wish: what it waited for is not wanted any more."""
    question = question_of(opened) if task.state is TaskState.REPLANNING else None
    if question is not None and question.id == task.id:
        draft.order(Withdraw(task.requirement))
        draft.set(opened, "asked", None)
