"""What an analyzer answered about a task that failed for good: other tasks take its place, or it has failed.

Done tasks stay done, and what is under way goes on: an answer can change only the failed task and what waits for it
(``amending``). All of it is one step, so that exactly one answer is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from aidos_actors.core.amending import amended
from aidos_actors.core.analysis import Planned
from aidos_actors.core.board.draft import Draft
from aidos_actors.core.board.lifecycle import skip, skip_dependents, unblock
from aidos_actors.core.board.open_requirement import OpenRequirement
from aidos_actors.core.board.questions import question_of
from aidos_actors.core.board.replans import NOT_BEGUN
from aidos_actors.core.board.revision import started_over
from aidos_actors.core.board.told_plan import note_plan
from aidos_actors.core.errors import BadInput
from aidos_actors.core.failed_task import FailedTask
from aidos_actors.core.orders import Withdraw
from aidos_actors.core.packed_text import packed_if_long
from aidos_actors.core.projects import applied
from aidos_actors.core.records import TaskRecord
from aidos_actors.core.requirement import Requirement
from aidos_actors.core.states import TASK_FINAL, TaskState


def replace_failed(
    draft: Draft, opened: OpenRequirement, failed: FailedTask, found: Planned, rows: Iterable[TaskRecord]
) -> None:
    """The tasks of ``found`` are there in place of the failed one. ``rows`` are those of all tasks, removed ones too.
    An answer to another question changes nothing; one that is no plan lets the task fail."""
    if question_of(opened) != failed or not found.is_of(str(opened.record.document)):
        return
    before = Requirement.model_validate_json(str(opened.record.document))
    try:
        model = amended(before, failed.id, found.model.tasks)
    except BadInput as error:
        refuse(draft, opened, failed, error.message)
        return
    draft.order(Withdraw(opened.record.id))  # who was asked by two Schedulers may be asking once more
    known = {**{row.id: row for row in rows}, **opened.tasks}
    over = {task.id for task in found.model.tasks if _starts_over(known.get(task.id))}
    record = draft.save_requirement(replace(opened.record, document=packed_if_long(model.model_dump_json())))
    gone = [opened.tasks[failed.id]] if failed.id not in over else []
    counts = {"tasks": len(model.tasks), "removed": len(gone), "new": [task.id for task in found.model.tasks]}
    draft.note("requirement_replanned", record, failed=failed.id, analyzer=found.analyzer, **counts)
    for row in gone:
        draft.note("task_removed", draft.remove_task(row))
    draft.remodel(opened, applied(model, opened.settings.project_of(model.repo)))
    stays = known.keys() - over
    names = [(name, name in stays) for name in opened.definitions]
    note_plan(draft, record, "tasks_revised", len(names), lambda: names)
    _set_rows(draft, opened, known, over)
    _go_on(draft, opened)


def refuse(draft: Draft, opened: OpenRequirement, failed: FailedTask, reason: str) -> None:
    """There is no other plan: the task has failed, as it would have before, and it is said why nothing helped."""
    if question_of(opened) != failed:
        return
    draft.order(Withdraw(opened.record.id))
    task = opened.tasks[failed.id]
    facts = {
        "own_failures": task.own_failures,
        "error": f"{task.error}; and there is no new plan: {reason}",
        "ruled_failures": task.ruled_failures,
    }
    row = draft.move_task(task, "exhaust", finished_at=draft.now, **facts)
    draft.note("task_failed", row, **facts)
    skip_dependents(draft, opened, row)


def _starts_over(row: TaskRecord | None) -> bool:
    """A row that an answer names anew. What a person has ended meanwhile stays ended."""
    return row is not None and row.state in {*NOT_BEGUN, TaskState.REPLANNING, TaskState.REMOVED}


def _set_rows(draft: Draft, opened: OpenRequirement, known: Mapping[str, TaskRecord], over: set[str]) -> None:
    for position, name in enumerate(opened.definitions):
        row = known.get(name)
        if row is None:
            draft.save_task(TaskRecord(opened.record.id, name, position, TaskState.WAITING))
        elif name in over:
            draft.save_task(started_over(replace(row, position=position)))
        elif row.position != position:
            draft.save_task(replace(row, position=position))


def _go_on(draft: Draft, opened: OpenRequirement) -> None:
    """What needs one that was lost meanwhile will never run; what waits for nothing is ready."""
    lost = {row.id for row in opened.in_states(*TASK_FINAL - {TaskState.DONE})}
    for name in tuple(opened.tasks):
        need = next((need for need in opened.definitions[name].needs if need in lost), None)
        if need is not None and opened.tasks[name].state is TaskState.WAITING:
            skip(draft, opened, opened.tasks[name], need)
    for task in tuple(opened.in_states(TaskState.WAITING)):
        if opened.is_met(task):
            unblock(draft, task)
