"""A requirement gets another document: what stays done, what starts over, what goes.

A task stays done when its definition is the same and so is that of everything it needs, directly or not. All others
start over, under attempt numbers that go on growing; a task that is no longer named is removed, and would go on with
its numbers should it ever come back. What was merged stays, so an earlier commit of a task that starts over must not
be taken for the work of its new definition: ``revised_after`` says up to which attempt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from aidos_actors.core.board import ending
from aidos_actors.core.board.draft import Draft
from aidos_actors.core.board.lifecycle import unblock
from aidos_actors.core.board.open_requirement import OpenRequirement
from aidos_actors.core.board.told_plan import note_plan
from aidos_actors.core.documents import requirement_of
from aidos_actors.core.errors import Conflict
from aidos_actors.core.packed_text import packed_if_long
from aidos_actors.core.plan import build_plan
from aidos_actors.core.records import FORGOTTEN_ON_A_NEW_START, RequirementRecord, TaskRecord
from aidos_actors.core.requirement import Requirement, Task
from aidos_actors.core.states import TASK_TRANSITIONS, RequirementState, TaskState, next_state

_TOLD = ("title", "sha256", "repo", "target", "base_commit", "commit", "deadline_at")
_MAY_BE_REVISED = frozenset(RequirementState) - {RequirementState.RUNNING, RequirementState.ANALYSING}


def unchanged(old: Requirement, new: Requirement) -> frozenset[str]:
    """The tasks of ``new`` that are in ``old`` as well, with the same definition and the same predecessors; none when
    the work goes elsewhere now."""
    if (old.repo, old.target_branch) != (new.repo, new.target_branch):
        return frozenset()
    before = {task.id: _meaning(task) for task in old.tasks}
    now = {task.id: task for task in new.tasks}
    same: set[str] = set()
    for name in build_plan(new).order:  # what a task needs comes before it
        task = now[name]
        if before.get(name) == _meaning(task) and same.issuperset(task.needs):
            same.add(name)
    return frozenset(same)


def revise(
    draft: Draft,
    model: Requirement,
    base_commit: str | None,
    document: str,
    known: RequirementRecord,
    rows: Iterable[TaskRecord],
) -> None:
    """``model`` is what the requirement says from now on. One that had ended goes on; a paused one stays paused.
    ``rows`` are those of all its tasks, removed ones too. Raises ``Conflict`` while something of it is under way."""
    refuse_under_way(known, draft.books.open.get(known.id))
    by_name = {row.id: row for row in rows}
    if by_name and not model.tasks:
        hint = "list its tasks (`## Tasks`), or give it another id"
        raise Conflict(f"requirement {known.id!r} has a plan, which words cannot replace", hint=hint)
    if not by_name or any(row.state is TaskState.REPLANNING for row in by_name.values()):
        ending.withdraw(draft, known)
    old = requirement_of(known.document)
    stays = unchanged(old, model)
    kept = {name for name, row in by_name.items() if name in stays and row.state is TaskState.DONE}
    record = _revised(draft, model, base_commit, document, known, is_planned=bool(by_name))
    opened = draft.reopen(record, model)
    gone = [row for name, row in by_name.items() if name not in opened.definitions]
    counts = {"kept": len(kept), "tasks": len(model.tasks), "removed": sum(map(_is_named, gone))}
    facts = {name: getattr(record, name) for name in _TOLD}
    draft.note("requirement_revised", record, **facts, **counts, is_planned=bool(by_name))
    _remove(draft, gone)
    if by_name:
        _set_rows(draft, opened, by_name, kept)
    for task in tuple(opened.in_states(TaskState.WAITING)):
        if task.id in by_name:
            draft.note("task_revised", task)
        if opened.is_met(task):
            unblock(draft, task)


def refuse_under_way(known: RequirementRecord, opened: OpenRequirement | None) -> None:
    """Raises ``Conflict`` with what to do first, unless nothing of the requirement is under way."""
    name = known.id
    if known.state not in _MAY_BE_REVISED:
        hint = f"`pause {name}` or `cancel {name}` first, and repeat when nothing of it runs any more"
        raise Conflict(f"requirement {name!r} is {known.state}: it cannot be revised", hint=hint)
    kept = {} if opened is None else {each.task for each in opened.attempts.values() if each.kept_at is not None}
    if opened is not None and kept and all(each.kept_at is not None for each in opened.attempts.values()):
        text = (
            f"requirement {name!r} is {known.state}, but work is kept for the next attempt of {', '.join(sorted(kept))}"
        )
        raise Conflict(text, hint=f"`cancel {name}` first: that gives it up")
    if opened is not None and opened.attempts:
        under_way = ", ".join(sorted({attempt.task for attempt in opened.attempts.values()})[:10])
        text = f"requirement {name!r} is {known.state}, but something of it is still under way: {under_way}"
        raise Conflict(text, hint=f"repeat when it has ended, or `cancel {name}` first")
    if opened is not None and opened.reverting:
        names = ", ".join(opened.reverting)
        text = f"requirement {name!r} is {known.state}, but commits of it are being reverted: {names}"
        raise Conflict(text, hint="repeat in a moment")


def _revised(
    draft: Draft,
    model: Requirement,
    base_commit: str | None,
    document: str,
    known: RequirementRecord,
    *,
    is_planned: bool,
) -> RequirementRecord:
    is_elsewhere = (known.repo, known.target) != (model.repo, model.target_branch if model.repo is not None else None)
    said = replace(
        known,
        title=model.title,
        sha256=model.content_sha256(),
        document=packed_if_long(document),
        repo=model.repo,
        target=model.target_branch if model.repo is not None else None,
        base_commit=base_commit,
        commit=None if is_elsewhere else known.commit,
        deadline_at=draft.now + model.deadline_s if model.deadline_s is not None else None,
        **dict.fromkeys(FORGOTTEN_ON_A_NEW_START),
    )
    return draft.moved(said, "revise" if is_planned else "revise_unplanned")


def _remove(draft: Draft, rows: Iterable[TaskRecord]) -> None:
    for row in filter(_is_named, rows):
        draft.note("task_removed", draft.remove_task(row))


def _is_named(row: TaskRecord) -> bool:
    return row.state is not TaskState.REMOVED


def _set_rows(draft: Draft, opened: OpenRequirement, by_name: Mapping[str, TaskRecord], kept: set[str]) -> None:
    """Every task has its row; those that stay done first, so that it is known what the others still need."""
    requirement = opened.record.id
    names = [(name, name in kept) for name in opened.definitions]
    note_plan(draft, opened.record, "tasks_revised", len(names), lambda: names)
    again = []
    for position, task in enumerate(opened.model.tasks):
        row = by_name.get(task.id) or TaskRecord(requirement, task.id, position, TaskState.WAITING)
        if task.id in kept:
            draft.save_task(replace(row, position=position))
        else:
            again.append(replace(row, position=position))
    for row in again:
        if row.id not in by_name:
            draft.save_task(row)
            continue
        draft.save_task(started_over(row))


def started_over(row: TaskRecord) -> TaskRecord:
    """The row of a task with another definition: of its past only the numbers of its attempts are left, and what a
    person has said of it."""
    return TaskRecord(
        requirement=row.requirement,
        id=row.id,
        position=row.position,
        state=next_state(TASK_TRANSITIONS, row.state, "revise"),
        attempts=row.attempts,
        paused_at=row.paused_at,
        bumped_at=row.bumped_at,
        revised_after=row.attempts,
    )


def _meaning(task: Task) -> Task:
    return task.model_copy(update={"needs": tuple(sorted(set(task.needs)))})
