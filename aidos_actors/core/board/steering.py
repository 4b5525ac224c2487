"""What people ask of work that has been handed in: hold it back, let it go on, try it again, put it first.

Everything here may be asked twice: the second time nothing changes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping

from msgspec.structs import replace

from aidos_actors.core.board import agent_work, ending, replans
from aidos_actors.core.board.draft import Draft
from aidos_actors.core.board.lifecycle import retry_is_due, unblock
from aidos_actors.core.board.open_requirement import OpenRequirement
from aidos_actors.core.errors import Conflict, TryAgain
from aidos_actors.core.records import FORGOTTEN_ON_A_NEW_START, TaskRecord
from aidos_actors.core.states import GIVEN_UP, OFFERED_SOON, REQUIREMENT_FINAL, TASK_FINAL, RequirementState, TaskState

_CAN_BE_RETRIED = frozenset({TaskState.FAILED, TaskState.SKIPPED, TaskState.CANCELLED, TaskState.REPLANNING})


def pause(draft: Draft, opened: OpenRequirement) -> None:
    """Nothing of it starts any more; what runs goes on to its end. Raises ``Conflict`` when it has ended."""
    _refuse_ended(opened, "pause")
    if opened.record.state is not RequirementState.PAUSED and not opened.is_ending:
        draft.note("requirement_paused", draft.move_requirement(opened.record, "pause"))


def resume(draft: Draft, opened: OpenRequirement) -> None:
    """It goes on where it was held back; tasks that were paused by themselves stay so."""
    _refuse_ended(opened, "resume")
    if opened.record.state is RequirementState.PAUSED:
        event = "resume" if opened.tasks else "resume_unplanned"
        draft.note("requirement_resumed", draft.move_requirement(opened.record, event), is_planned=bool(opened.tasks))


def pause_task(draft: Draft, opened: OpenRequirement, task: TaskRecord) -> None:
    """No further attempt of it starts; one that is under way goes on to its end."""
    _refuse_ended_task(task, "pause")
    if task.paused_at is None:
        draft.note("task_paused", draft.save_task(replace(task, paused_at=draft.now)))


def resume_task(draft: Draft, opened: OpenRequirement, task: TaskRecord) -> None:
    _refuse_ended_task(task, "resume")
    if task.paused_at is not None:
        draft.note("task_resumed", draft.save_task(replace(task, paused_at=None)))


def cancel(draft: Draft, opened: OpenRequirement) -> None:
    """It will not go on. Raises ``Conflict`` when it has ended in another way."""
    record = opened.record
    if record.state not in REQUIREMENT_FINAL:
        ending.cancel_all(draft, opened)
    elif record.state is not RequirementState.CANCELLED:
        hint = f"nothing of it runs any more; `status {record.id}` shows how it ended"
        raise Conflict(f"requirement {record.id!r} has ended already: {record.state}", hint=hint)


def cancel_task(draft: Draft, opened: OpenRequirement, task: TaskRecord) -> None:
    """It will not go on, and what needs it is skipped; what has ended already stays as it is."""
    ending.cancel_one(draft, opened, task)


def bump(draft: Draft, opened: OpenRequirement) -> None:
    """It is served before all other requirements, until another one is bumped."""
    _refuse_ended(opened, "bump")
    draft.note("requirement_bumped", draft.save_requirement(replace(opened.record, bumped_at=draft.now)))


def bump_task(draft: Draft, opened: OpenRequirement, task: TaskRecord) -> None:
    """It is the first of its requirement as soon as what it needs is done."""
    _refuse_ended_task(task, "bump")
    draft.note("task_bumped", draft.save_task(replace(task, bumped_at=draft.now)))


def retry(draft: Draft, opened: OpenRequirement) -> None:
    """Everything of it that failed, was skipped or cancelled is tried again, with all its retries; what waits for its
    next try waits no longer. What is done stays done. Raises ``TryAgain`` while a cancelled attempt is being ended."""
    wanted = list(opened.in_states(*_CAN_BE_RETRIED))
    for task in (*wanted, *opened.in_states(*GIVEN_UP)):
        _refuse_while_ending(opened, task)
    _reopen(draft, opened)
    _try_again(draft, opened, wanted)
    for task in tuple(opened.in_states(*OFFERED_SOON)):
        if task.not_before_at is not None:
            _now(draft, opened, task)


def retry_task(draft: Draft, opened: OpenRequirement, task: TaskRecord) -> None:
    """That task is tried again, and what was skipped because of it may run then. Raises ``Conflict`` when it needs one
    that did not succeed, naming what to retry instead, and ``TryAgain`` while its cancelled attempt is being ended."""
    causes = [need for need in opened.definitions[task.id].needs if opened.tasks[need].state in _CAN_BE_RETRIED]
    if task.state is TaskState.SKIPPED or (task.state in _CAN_BE_RETRIED and causes):
        name = f"{task.requirement}/{causes[0]}" if causes else task.requirement
        why = (
            f"was skipped: {task.error}"
            if task.state is TaskState.SKIPPED
            else f"needs {causes[0]}, which did not succeed"
        )
        raise Conflict(f"{task.id!r} {why}", hint=f"retry {name}")
    _refuse_while_ending(opened, task)
    if task.state in _CAN_BE_RETRIED:
        _reopen(draft, opened)
        _try_again(draft, opened, [task, *_skipped_because_of(opened, task)])
    elif task.not_before_at is not None:
        _now(draft, opened, task)


def _refuse_while_ending(opened: OpenRequirement, task: TaskRecord) -> None:
    """Its command may still run, and another one beside it must not; or its commit may be on the target."""
    attempt = opened.attempts.get((task.id, task.attempts))
    is_held = task.state is TaskState.CANCELLED and attempt is not None and attempt.ended_at is None
    if is_held or task.state in GIVEN_UP:
        raise TryAgain(f"task {task.id!r} is being ended", hint="retry it when its attempt has ended")


def _now(draft: Draft, opened: OpenRequirement, task: TaskRecord) -> None:
    """It waits no longer; nor do the agents that it waits for: who asks for it may have bought more of their use."""
    if task.state is TaskState.WAITING_FOR_QUOTA:
        agent_work.ask_again(draft, opened, task)
    retry_is_due(draft, task)


def _reopen(draft: Draft, opened: OpenRequirement) -> None:
    record = opened.record
    if opened.is_ending and record.state not in REQUIREMENT_FINAL:
        raise TryAgain(f"requirement {record.id!r} is being ended", hint="retry it when it has ended")
    if record.state not in REQUIREMENT_FINAL or record.state is RequirementState.DONE:
        return
    deadline_s = opened.model.deadline_s
    event = "retry" if opened.tasks else "retry_unplanned"
    deadline_at = draft.now + deadline_s if deadline_s is not None else None
    again = dict.fromkeys(FORGOTTEN_ON_A_NEW_START)
    row = draft.move_requirement(record, event, deadline_at=deadline_at, **again)
    draft.note("requirement_retried", row, is_planned=bool(opened.tasks), deadline_at=deadline_at)


def _try_again(draft: Draft, opened: OpenRequirement, tasks: Iterable[TaskRecord]) -> None:
    wanted = list(tasks)
    for task in wanted:
        replans.withdraw(draft, opened, task)
    clean = {"own_failures": 0, "ruled_failures": None, "agents": None, "conflicts": 0, "error": None, "result": None}
    again = [draft.move_task(task, "retry", finished_at=None, **clean) for task in wanted]
    for task in again:
        draft.note("task_retried", task)
        if opened.is_met(task):
            unblock(draft, opened.tasks[task.id])


def _skipped_because_of(opened: OpenRequirement, task: TaskRecord) -> list[TaskRecord]:
    """What needs the task, directly or not, and nothing else that did not succeed."""
    again = {task.id}
    edge = deque([task.id])
    while edge:
        for name in opened.dependents(opened.tasks[edge.popleft()]):
            needs = (opened.tasks[need] for need in opened.definitions[name].needs)
            blocked = any(need.state in _CAN_BE_RETRIED and need.id not in again for need in needs)
            if name not in again and not blocked and opened.tasks[name].state is TaskState.SKIPPED:
                again.add(name)
                edge.append(name)
    rows = (opened.tasks[name] for name in again - {task.id})
    return sorted(rows, key=lambda row: row.position)


def _refuse_ended(opened: OpenRequirement, verb: str) -> None:
    record = opened.record
    if record.state in REQUIREMENT_FINAL:
        hint = f"retry {record.id}" if record.state is not RequirementState.DONE else "`submit --revise` adds to it"
        raise Conflict(f"cannot {verb} requirement {record.id!r}: it has ended ({record.state})", hint=hint)


def _refuse_ended_task(task: TaskRecord, verb: str) -> None:
    if task.state in TASK_FINAL:
        hint = f"retry {task.requirement}/{task.id}" if task.state is not TaskState.DONE else "what is done stays done"
        raise Conflict(f"cannot {verb} task {task.id!r}: it has ended ({task.state})", hint=hint)


OF_REQUIREMENTS: Mapping[str, Callable[[Draft, OpenRequirement], None]] = {
    "pause": pause,
    "resume": resume,
    "cancel": cancel,
    "retry": retry,
    "bump": bump,
}
OF_TASKS: Mapping[str, Callable[[Draft, OpenRequirement, TaskRecord], None]] = {
    "pause": pause_task,
    "resume": resume_task,
    "cancel": cancel_task,
    "retry": retry_task,
    "bump": bump_task,
}
