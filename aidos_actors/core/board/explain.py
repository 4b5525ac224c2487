"""Why a task is not running: every reason that holds, in words, the most fundamental first. Reads, decides nothing.

The reasons are the same conditions that dispatch looks at, so that one without a reason would be leased at once.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from aidos_actors.core.board.agent_work import choice
from aidos_actors.core.board.books import Books
from aidos_actors.core.board.crew import Draining
from aidos_actors.core.board.open_requirement import OpenRequirement
from aidos_actors.core.board.owed import is_unprepared
from aidos_actors.core.board.questions import may_be_asked, question_of
from aidos_actors.core.records import AttemptRecord, TaskRecord
from aidos_actors.core.requirement import Mode
from aidos_actors.core.states import REQUIREMENT_FINAL, TASK_FINAL, AttemptState, RequirementState, TaskState
from aidos_actors.core.views import rfc3339

NAMED_MAX = 10


class Reason(Struct, frozen=True):
    """``code`` is stable, ``text`` for people."""

    code: str
    text: str


def explain(
    books: Books, opened: OpenRequirement, task: TaskRecord, now: float, *, is_live: bool = True
) -> list[Reason]:
    """Never empty: a task that nothing holds back is running, has ended, or is next. ``is_live``: the books know who
    works, and what is configured; else only what is on record is told."""
    if task.state in TASK_FINAL:
        return [Reason(str(task.state), f"it has ended: {task.state}" + (f" ({task.error})" if task.error else ""))]
    if not opened.tasks:
        return list(_of_requirement(opened))
    if task.state is TaskState.REVERTING:
        text = f"its commit turned the target red and is being taken back: {task.error}"
        return [Reason("reverting", text), *_held_up(opened, task)]
    if task.state is TaskState.RETRACTING:
        text = f"it is cancelled as soon as its commit, which turned the target red, is taken back: {task.error}"
        return [Reason("retracting", text), *_held_up(opened, task)]
    if task.state is TaskState.WITHDRAWING:
        text = f"it is being ended ({task.error}), unless its result is published already"
        return [Reason("withdrawing", text), *_held_up(opened, task)]
    if task.state is TaskState.REPLANNING:
        return [_waits_for_a_plan(opened, task)]
    attempt = opened.open_attempt(task.id)
    if attempt is not None:
        where = _where(opened, attempt) if is_live else f"on record as {attempt.state}, on {attempt.worker}"
        waits = attempt.state is AttemptState.INTEGRATING or is_unprepared(opened, attempt)
        found = [Reason(str(task.state), f"attempt {attempt.number} is {where}")]
        return found + (list(_held_up(opened, task)) if waits else [])
    found = [*_of_requirement(opened), *_of_task(opened, task, now)]
    if not is_live:
        return found or [Reason("next", "nothing of its requirement holds it back")]
    found += [*_of_agents(books, opened, task, now), *_of_workers(books, opened, task)]
    return found or [_its_turn(books, task)]


def _held_up(opened: OpenRequirement, task: TaskRecord) -> Iterator[Reason]:
    number, state, error = opened.held_up.get(task.id, (0, task.state, ""))
    if (number, state) == (task.attempts, task.state):
        yield Reason("held_up", f"the last try failed, and it is tried again by itself: {error}")


def _where(opened: OpenRequirement, attempt: AttemptRecord) -> str:
    match attempt.state:
        case AttemptState.INTEGRATING:
            return f"being integrated into {opened.model.target_branch}"
        case AttemptState.LEASED if is_unprepared(opened, attempt):
            return f"about to start, on {attempt.worker}, as soon as its worktree is made"
        case AttemptState.LEASED:
            before = [f"process {pid}" for pid, _ in opened.minders_before(attempt)]
            return f"about to start, on {attempt.worker}" + (f", after the end of {_some(before)}" if before else "")
    batch = opened.batches.of(attempt.task, attempt.number)
    others = 0 if batch is None else len(batch.open) - 1
    return f"running, on {attempt.worker}" + (f", by turns with {others} others" if others else "")


def _waits_for_a_plan(opened: OpenRequirement, task: TaskRecord) -> Reason:
    number, most = opened.record.replans or 0, opened.settings.replans_max
    of = f"{number} of {most}" if most else f"number {number}"  # at rest nobody knows how often it may be
    asked = question_of(opened)
    if not may_be_asked(opened):
        but = "; nobody is asked while its requirement is paused"
    elif asked is None:
        but = "; nobody is asked before what failed is cleared away"
    else:
        but = f"; {asked.id} is asked about first" if asked.id != task.id else ""
    return Reason("replanning", f"it has failed for good and waits for a new plan: {of}{but} ({task.error})")


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
        until = f"{rfc3339(task.not_before_at)}, {_in_s(task.not_before_at, now)}"
        yield Reason("quota", f"no agent can do it before {until}: {task.error}")
    elif task.not_before_at is not None:
        error = f" after: {task.error}" if task.error else ""
        yield Reason("backing_off", f"its next try is due {_in_s(task.not_before_at, now)}{error}")
    holders = opened.lane_holders(task.id)
    if holders:
        yield Reason("group", f"another task {_why_not_beside(opened, task)} is under way: {_some(holders)}")
    keepers = [f"{each.id} (due {_in_s(each.not_before_at, now)})" for each in opened.turn_keepers(task.id)]
    if keepers:
        yield Reason("turn", f"in its serial requirement another keeps the turn until its next try: {_some(keepers)}")


def _why_not_beside(opened: OpenRequirement, task: TaskRecord) -> str:
    group = opened.definitions[task.id].group
    if opened.model.mode == Mode.SERIAL:
        return "of its serial requirement"
    if opened.model.mode != Mode.PARALLEL and group is not None:
        return f"of its group {group}"
    return f"that did not merge either (this one {task.conflicts} times), so that they take turns,"


def _of_agents(books: Books, opened: OpenRequirement, task: TaskRecord, now: float) -> Iterator[Reason]:
    """What dispatch would find out, and have it wait for."""
    if opened.definitions[task.id].agent is None or task.state is TaskState.WAITING_FOR_QUOTA:
        return
    found = choice(books, opened, task, now)
    if found.name is None:
        why = "; ".join(f"{name}: {what}" for name, what in found.passed_over.items())
        yield Reason("quota", f"no agent can do it now: {why}")


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
        yield Reason(
            "project", f"all requirements on {opened.project} together have {most} tasks under way, and no more may be"
        )
    if executor in serving.full_executors():
        most = serving.executors_max[executor]
        yield Reason("executor", f"{most} tasks of the executor {executor} are under way, and no more may be")
    if opened.worktrees_count >= opened.settings.worktrees_max:
        yield Reason("worktrees", f"its requirement has {opened.worktrees_count} worktrees, and no more may be")
    loads = books.loads().values()
    able = sum(load.slots > 0 for load in loads)
    if not loads:
        yield Reason("no_worker", "no worker is there")
    elif not able:
        yield Reason("degraded", "no worker can start a command just now; `tree` says why")
    elif not any(load.has_room for load in loads):
        yield Reason("all_busy", f"all {able} workers that can start a command are busy")
    elif opened.must_be_alone(task.id) and not any(load.has_room and not load.held for load in loads):
        yield Reason("alone", "it took workers down with it, so it waits for one that is idle")


def _its_turn(books: Books, task: TaskRecord) -> Reason:
    """Some worker has room, and takes the first that is offered; or keeps free for that one, which must be alone."""
    first = next((f"{each.requirement}/{each.task}" for each in books.candidates()), None)
    if first in (None, f"{task.requirement}/{task.id}"):
        return Reason("next", "nothing holds it back: it is next")
    return Reason("order", f"first comes {first}")


def _in_s(at: float | None, now: float) -> str:
    return f"in {max(0.0, (at or now) - now):.1f} s"


def _some(names: list[str]) -> str:
    more = len(names) - NAMED_MAX
    return ", ".join(names[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
