"""Why a task is not running: every reason that holds, in words, the most fundamental first. Reads, decides nothing.

The reasons are the same conditions that dispatch looks at, so that one without a reason would be leased at once.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from aidos_actors.core.books import Books
from aidos_actors.core.crew import Draining
from aidos_actors.core.open_requirement import OpenRequirement, is_offered
from aidos_actors.core.questions import may_be_asked
from aidos_actors.core.records import TaskRecord
from aidos_actors.core.requirement import Mode
from aidos_actors.core.states import REQUIREMENT_FINAL, TASK_FINAL, RequirementState, TaskState
from aidos_actors.core.views import rfc3339

NAMED_MAX = 10


class Reason(Struct, frozen=True):
    """``code`` is stable, ``text`` for people."""

    code: str
    text: str


def explain(books: Books, opened: OpenRequirement, task: TaskRecord, now: float) -> list[Reason]:
    """Never empty: a task that nothing holds back is running, has ended, or is next."""
    if task.state in TASK_FINAL:
        return [Reason(str(task.state), f"it has ended: {task.state}" + (f" ({task.error})" if task.error else ""))]
    if not opened.tasks:
        return list(_of_requirement(opened))
    if task.state is TaskState.REVERTING:
        return [Reason("reverting", f"its commit turned the target red and is being taken back: {task.error}")]
    if task.state is TaskState.REPLANNING:
        return [_waits_for_a_plan(opened, task)]
    attempt = opened.open_attempt(task.id)
    if attempt is not None:
        where = {TaskState.LEASED: "about to start", TaskState.RUNNING: "running"}.get(task.state, "being integrated")
        return [Reason(str(task.state), f"attempt {attempt.number} is {where}, on {attempt.worker}")]
    found = [*_of_requirement(opened), *_of_task(opened, task, now), *_of_workers(books, opened, task)]
    return found or [_its_turn(books, opened, task)]


def _waits_for_a_plan(opened: OpenRequirement, task: TaskRecord) -> Reason:
    number, most = opened.record.replans or 0, opened.settings.replans_max
    of = f"{number} of {most}" if most else f"number {number}"  # at rest nobody knows how often it may be
    paused = "; nobody is asked while its requirement is paused" if not may_be_asked(opened) else ""
    return Reason("replanning", f"it has failed for good and waits for a new plan: {of}{paused} ({task.error})")


def _of_requirement(opened: OpenRequirement) -> Iterator[Reason]:
    record = opened.record
    if record.state in REQUIREMENT_FINAL:
        yield Reason("requirement_ended", f"its requirement has ended: {record.state}")
    elif record.state is RequirementState.PAUSED:
        yield Reason("requirement_paused", f"its requirement is paused; `resume {record.id}` lets it go on")
    elif record.state is not RequirementState.RUNNING:
        yield Reason("requirement_not_planned", f"its requirement is {record.state}")


def _of_task(opened: OpenRequirement, task: TaskRecord, now: float) -> Iterator[Reason]:
    if task.paused_at is not None:
        yield Reason("paused", f"it is paused; `resume {task.requirement}/{task.id}` lets it go on")
    states = {need: opened.tasks[need].state for need in opened.definitions[task.id].needs}
    undone = [f"{need} ({state})" for need, state in states.items() if state is not TaskState.DONE]
    if undone:
        yield Reason("needs", f"it needs {_some(undone)}")
    if task.state is TaskState.WAITING_FOR_QUOTA and task.not_before_at is not None:
        until = f"{rfc3339(task.not_before_at)}, in {max(0.0, task.not_before_at - now):.0f} s"
        yield Reason("quota", f"no agent can do it before {until}: {task.error}")
    elif task.not_before_at is not None:
        error = f" after: {task.error}" if task.error else ""
        yield Reason("backing_off", f"its next try is due in {max(0.0, task.not_before_at - now):.1f} s{error}")
    holders = opened.lane_holders(task.id)
    if holders:
        yield Reason("group", f"another task {_why_not_beside(opened, task)} is under way: {_some(holders)}")


def _why_not_beside(opened: OpenRequirement, task: TaskRecord) -> str:
    group = opened.definitions[task.id].group
    if opened.model.mode == Mode.SERIAL:
        return "of its serial requirement"
    if opened.model.mode != Mode.PARALLEL and group is not None:
        return f"of its group {group}"
    return f"that did not merge either (this one {task.conflicts} times), so that they take turns,"


def _of_workers(books: Books, opened: OpenRequirement, task: TaskRecord) -> Iterator[Reason]:
    if books.crew.draining is not Draining.NO:
        yield Reason("draining", "the runtime is ending: nothing new starts")
    if opened.held_count >= opened.workers_max:
        yield Reason(
            "workers", f"its requirement has {opened.held_count} of at most {opened.workers_max} tasks under way"
        )
    serving, executor = books.serving, opened.definitions[task.id].executor
    if opened.project is not None and serving.is_full(opened.project):
        most = serving.projects_max[opened.project]
        yield Reason("project", f"all requirements on {opened.project} together have {most} tasks under way: its most")
    if executor in serving.full_executors():
        most = serving.executors_max[executor]
        yield Reason("executor", f"{most} tasks of the executor {executor} are under way, and no more may be")
    if len(opened.attempts) >= opened.settings.worktrees_max:
        yield Reason("worktrees", f"{len(opened.attempts)} worktrees of its requirement are still to be removed")
    loads = books.loads().values()
    if not loads:
        yield Reason("no_worker", "no worker is there")
    elif not any(load.slots for load in loads):
        yield Reason("degraded", "no worker can start a command just now; `tree` says why")
    elif not any(load.has_room for load in loads):
        yield Reason("all_busy", f"all {len(loads)} workers are busy")
    elif opened.must_be_alone(task.id) and all(load.held for load in loads):
        yield Reason("alone", "it took workers down with it, so it waits for one that is idle")


def _its_turn(books: Books, opened: OpenRequirement, task: TaskRecord) -> Reason:
    name = f"{task.requirement}/{task.id}"
    offered = [f"{each.requirement}/{each.task}" for each in books.candidates()]
    before = offered[: offered.index(name)] if name in offered else offered
    if not is_offered(task) or not before:
        return Reason("next", "nothing holds it back: it is next")
    return Reason("order", f"others go first: {_some(before)}")


def _some(names: list[str]) -> str:
    more = len(names) - NAMED_MAX
    return ", ".join(names[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
