"""What happens to requirements and tasks on their way: submitted, planned, done, failed, tried again, skipped."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from aidos_actors.core.analysis import Planned
from aidos_actors.core.board import agent_work, replans
from aidos_actors.core.board.draft import Draft
from aidos_actors.core.board.open_requirement import OpenRequirement
from aidos_actors.core.board.planned_rows import planned_rows
from aidos_actors.core.board.told_plan import note_plan
from aidos_actors.core.errors import Conflict
from aidos_actors.core.journal.told_results import told
from aidos_actors.core.orders import Analyse
from aidos_actors.core.packed_tasks import outline
from aidos_actors.core.packed_text import packed_if_long
from aidos_actors.core.records import RequirementRecord, TaskRecord
from aidos_actors.core.requirement import Requirement
from aidos_actors.core.retry import DEFAULT, chance_of, counted_as, counts_of, next_try_s, told_counts
from aidos_actors.core.states import TASK_TRANSITIONS, RequirementState, TaskState


def submit(
    draft: Draft,
    model: Requirement,
    base_commit: str | None,
    document: str,
    position: int,
    known: RequirementRecord | None,
) -> None:
    """It waits for its analysis, or is planned at once when its tasks need nothing: then there is no order to find. The
    same content again changes nothing. Raises ``Conflict`` for other content."""
    opened = draft.books.open.get(model.id)
    known = opened.record if opened is not None else known
    sha256 = model.content_sha256(document)
    if known is not None and known.sha256 == sha256:
        return
    if known is not None:
        raise Conflict(
            f"requirement {model.id!r} exists with other content (state {known.state}); --revise replaces it",
            hint="submit it with --revise when it is not running, or give it another id",
        )
    record = RequirementRecord(
        id=model.id,
        title=model.title,
        state=RequirementState.WAITING,
        sha256=sha256,
        document=packed_if_long(document),
        position=position,
        created_at=draft.now,
        repo=model.repo,
        target=model.target_branch if model.repo is not None else None,
        base_commit=base_commit,
        deadline_at=draft.now + model.deadline_s if model.deadline_s is not None else None,
    )
    needs_no_order = bool(model.tasks) and not any(needs for _name, needs in outline(model.tasks))
    draft.save_requirement(draft.moved(record, "analyse") if needs_no_order else record, model)
    told = ("title", "sha256", "position", "repo", "target", "base_commit", "deadline_at")
    facts = {name: getattr(record, name) for name in told}
    draft.note("requirement_submitted", record, tasks=len(model.tasks), **facts)
    if needs_no_order:
        record_plan(draft, draft.books.open[model.id])


def begin_analysis(draft: Draft, opened: OpenRequirement) -> None:
    record = draft.move_requirement(opened.record, "analyse")
    draft.note("analysis_started", record)
    draft.order(Analyse(record.id, str(record.document)))


def record_plan(draft: Draft, opened: OpenRequirement, found: Planned | None = None) -> None:
    """Every task has a row; those that need nothing are ready. The tasks are those of the document, or those ``found``
    for it, which are part of it from now on. A plan that is there already stays as it is."""
    if opened.record.state is not RequirementState.ANALYSING:
        return
    if found is None:
        record = draft.move_requirement(opened.record, "plan", started_at=draft.now)
        draft.note("plan_recorded", record, tasks=len(opened.model.tasks))
    elif not found.answers(str(opened.record.document)):
        return
    else:
        record = draft.move_requirement(
            opened.record, "plan", started_at=draft.now, document=packed_if_long(found.document)
        )
        opened = draft.reopen(record, found.model)
        draft.note("plan_recorded", record, tasks=len(found.model.tasks), analyzer=found.analyzer)
    rows = planned_rows(record.id, opened.model.tasks)
    draft.add_tasks(record.id, rows)
    waiting = TaskState.WAITING
    note_plan(draft, record, "tasks_planned", len(rows), lambda: ((row.id, row.state is waiting) for row in rows))


def held_up(draft: Draft, opened: OpenRequirement, facts: Mapping[str, Any]) -> None:
    """An analyzer gave no tasks, and another is asked, or the same one later: nothing changes, but it is said."""
    if opened.record.state is RequirementState.ANALYSING or opened.replanning:
        draft.note("analysis_held_up", opened.record, **facts)


def reject(draft: Draft, opened: OpenRequirement, reason: str) -> None:
    """The analyzer found no plan in it: it has failed."""
    if opened.record.state is not RequirementState.ANALYSING:
        return
    record = draft.move_requirement(opened.record, "fail", error=reason, finished_at=draft.now)
    draft.note("requirement_rejected", record, error=reason)


def task_done(draft: Draft, opened: OpenRequirement, task: TaskRecord, commit: str | None, result: str | None) -> None:
    """Its result is accepted, and what waited only for it is ready."""
    done = draft.move_task(task, "complete", commit=commit, result=result, error=None, finished_at=draft.now)
    draft.note("task_done", done, commit=commit, **told([result]))
    if commit is not None:
        draft.save_requirement(replace(opened.record, commit=commit))
    unblock_dependents(draft, opened, task)


def own_failure(
    draft: Draft,
    opened: OpenRequirement,
    task: TaskRecord,
    error: str | None,
    causes: Sequence[str] = (),
    agents: str | None = None,
) -> None:
    """A retry is used up, of the task or of the rule that counts such a failure; without one left the task has failed
    and what needs it is skipped, unless a new plan may help. ``agents`` is what its agents have failed and cost with
    this one."""
    definition = opened.definitions[task.id]
    policy = definition.retry or opened.model.retry or DEFAULT
    counts, cause = counts_of(task.ruled_failures), counted_as(policy, causes)
    facts: dict[str, Any] = {"own_failures": task.own_failures + 1, "error": error}
    if cause is None:
        failures = facts["own_failures"] - sum(counts.values())
    else:
        failures = counts[cause] = counts.get(cause, 0) + 1
    facts["ruled_failures"] = told_counts(counts)
    agents = agents or task.agents
    if definition.agent is not None:
        facts["agents"] = agents
    delay_s = next_try_s(
        policy,
        retries=definition.retries,
        delay_s=opened.settings.retry_delay_s,
        failures=failures,
        causes=causes,
        chance=chance_of(task.requirement, task.id, task.attempts),
    )
    if delay_s is not None and not agent_work.is_spent(opened, agents, task.id):
        facts["not_before_at"] = draft.now + delay_s
        row = draft.move_task(task, "fail", result=None, **facts)
        draft.note("task_retry_scheduled", row, **facts)
        return
    if replans.may_begin(opened, task):
        replans.begin(draft, opened, task, facts)
        return
    row = draft.move_task(task, "exhaust", finished_at=draft.now, result=None, **facts)
    draft.note("task_failed", row, **facts)
    agent_work.let_go(draft, opened, task.id)
    skip_dependents(draft, opened, row)


def infra_fault(draft: Draft, opened: OpenRequirement, task: TaskRecord, error: str, *, at_once: bool) -> None:
    """No retry is used up: the task is ready. Unless ``at_once``, faults after the first wait longer and longer, so
    that an ill disk or a full one is not asked a hundred times a second."""
    settings = opened.settings
    delay_s = 0.0 if at_once else min(settings.retry_delay_s * task.infra_faults, settings.infra_delay_max_s)
    at = draft.now + delay_s if delay_s else None
    give_back(draft, task, "lose", infra_faults=task.infra_faults + 1, error=error, not_before_at=at)


def give_back(draft: Draft, task: TaskRecord, event: str, **changes: Any) -> None:
    """Its attempt came to nothing, and it is ready once more (after a moment to wait for, when one is given)."""
    row = draft.move_task(task, event, **changes)
    facts = {name: getattr(row, name) for name in ("error", "infra_faults", "conflicts", "not_before_at")}
    draft.note("task_returned", row, because=event, **facts)


def retry_is_due(draft: Draft, task: TaskRecord) -> None:
    """The time to wait is over."""
    if "due" in TASK_TRANSITIONS[task.state]:
        row = draft.move_task(task, "due")
    else:
        row = draft.save_task(replace(task, not_before_at=None))
    draft.note("task_ready", row)


def task_cancelled(draft: Draft, opened: OpenRequirement, task: TaskRecord, reason: str) -> None:
    """It will not go on, and no commit of it is on the target."""
    row = draft.move_task(task, "cancel", error=reason, finished_at=draft.now, result=None)
    draft.note("task_cancelled", row, reason=reason)
    agent_work.let_go(draft, opened, task.id)


def unblock(draft: Draft, task: TaskRecord) -> None:
    """What it needs is done."""
    draft.note("task_ready", draft.move_task(task, "unblock"))


def unblock_dependents(draft: Draft, opened: OpenRequirement, task: TaskRecord) -> None:
    """It is done, and what waited only for it is ready."""
    for dependent in opened.waited_only_for(task):
        unblock(draft, dependent)


def skip_dependents(draft: Draft, opened: OpenRequirement, task: TaskRecord) -> None:
    """Everything that needs the task, directly or not, will never run."""
    blocked_by = deque([task])
    while blocked_by:
        for name in opened.dependents(blocked_by.popleft()):
            dependent = opened.tasks[name]
            if dependent.state is TaskState.WAITING:
                _skip_one(draft, opened, dependent, task.id)
                blocked_by.append(dependent)


def skip(draft: Draft, opened: OpenRequirement, task: TaskRecord, because: str) -> None:
    """It will never run, nor will what needs it."""
    _skip_one(draft, opened, task, because)
    skip_dependents(draft, opened, task)


def _skip_one(draft: Draft, opened: OpenRequirement, task: TaskRecord, because: str) -> None:
    error = f"needs {because}, which did not succeed"
    row = draft.move_task(task, "skip", error=error, finished_at=draft.now)
    draft.note("task_skipped", row, because=because, error=error)
    agent_work.let_go(draft, opened, task.id)
