"""What happens to attempts: prepared, ended, lost, released, cancelled, discarded. (``leasing``: how they begin.)

An attempt is *held* by its worker until ``ended_at`` is set: by the worker's own report, or because the worker is gone.
Only then may its worktree be discarded.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from aidos_actors.core.board import agent_work
from aidos_actors.core.board.books import key_of
from aidos_actors.core.board.draft import Draft
from aidos_actors.core.board.leasing import around, started
from aidos_actors.core.board.lifecycle import infra_fault, own_failure, task_done
from aidos_actors.core.board.open_requirement import OpenRequirement
from aidos_actors.core.board.owed import discard_late, is_unprepared, worktree_of
from aidos_actors.core.kept_text import kept
from aidos_actors.core.orders import AttemptKey, AttemptOutcome, WorkerId
from aidos_actors.core.records import AttemptRecord, TaskRecord
from aidos_actors.core.states import ATTEMPT_OPEN, AttemptState


def prepared(draft: Draft, key: AttemptKey, base_commit: str, repo: str | None) -> None:
    """The worktree stands at ``base_commit``; the worker may start. One that came too late is discarded."""
    attempt = draft.books.attempt(key)
    if attempt is not None and attempt.state is AttemptState.LEASED and attempt.base_commit is None:
        row = draft.save_attempt(replace(attempt, base_commit=base_commit))
        draft.note("worktree_prepared", row, base_commit=base_commit)
    elif attempt is None or attempt.base_commit is None:
        draft.note_refusal(key, result="prepared")
        clear_up(draft, key, repo)


def prepare_failed(draft: Draft, key: AttemptKey, error: str) -> None:
    """No worktree: a fault of the infrastructure, and the worker never heard of the attempt."""
    attempt = draft.books.attempt(key)
    if attempt is None or not is_unprepared(draft.books.open[key.requirement], attempt):
        draft.note_refusal(key, result="prepare_failed")
        return
    error = kept(error)
    row = draft.move_attempt(attempt, "lose", ended_at=draft.now, error=error)
    draft.note("attempt_lost", row, reason=error, stage="prepare", worktree=row.worktree)
    opened, task = around(draft, row)
    infra_fault(draft, opened, task, error, at_once=False)


def ended(draft: Draft, attempt: AttemptRecord, outcome: AttemptOutcome) -> None:
    """The worker's report of the end of an attempt it held is on record, with what follows from it. A command whose
    minder or nursery dies each time, while its worker lives on, is taken for the one who ends them: it fails."""
    if outcome.error is not None:
        outcome = replace(outcome, error=kept(outcome.error))
    if outcome.is_minder_free:
        outcome = replace(outcome, is_minder_free=attempt.minder_pid is not None)
        attempt = replace(attempt, minder_pid=None, minder_started=None)
    if attempt.state is AttemptState.LEASED and outcome.ok:
        started(draft, attempt, attempt.minder_pid, attempt.minder_started)  # older rows were restored from a backup
        attempt = replace(attempt, state=AttemptState.RUNNING, started_at=draft.now, epoch=draft.books.epoch)
    if attempt.state is AttemptState.CANCELLED:
        row = draft.save_attempt(replace(attempt, ended_at=draft.now, exit_code=outcome.exit_code))
        note_end(draft, row, "cancelled", outcome, outcome.error)
        return
    facts: dict[str, Any] = {"ended_at": draft.now, "exit_code": outcome.exit_code}
    opened, task = around(draft, attempt)
    error = outcome.error or f"{outcome.stage} ended with exit code {outcome.exit_code}"
    agent_work.carried_out(draft, attempt, outcome)
    if outcome.ok:
        _succeeded(draft, opened, task, attempt, outcome)
        return
    if outcome.fault in ("released", "cancelled"):
        release(draft, attempt, outcome.exit_code, is_minder_free=outcome.is_minder_free)
        return
    facts |= {"error": error, **agent_work.folder_after(draft, opened, attempt, outcome)}
    if outcome.fault in ("limited", "absent") and agent_work.can_wait(draft, opened, attempt, outcome):
        row = draft.move_attempt(attempt, "defer", **facts)
        note_end(draft, row, outcome.fault, outcome, error)
        agent_work.unusable(draft, opened, row, outcome, error)
    elif outcome.fault == "infra":
        if outcome.stage == "clear":
            facts["started_at"] = None
        row = draft.move_attempt(attempt, "lose", **facts)
        note_end(draft, row, "infra", outcome, error)
        deaths = opened.deaths_in_a_row(task.id)
        if outcome.stage not in ("start", "clear") and deaths and deaths % opened.settings.deaths_max == 0:
            own_failure(draft, opened, task, f"{error} That happened {deaths} times in a row.")
        else:
            infra_fault(draft, opened, task, error, at_once=False)
    else:
        row = draft.move_attempt(attempt, "fail", **facts)
        note_end(draft, row, "own", outcome, error)
        agents = agent_work.failed_once_more(task, attempt, outcome.agent)
        own_failure(draft, opened, task, error, outcome.causes, agents)


def _succeeded(
    draft: Draft, opened: OpenRequirement, task: TaskRecord, attempt: AttemptRecord, outcome: AttemptOutcome
) -> None:
    facts: dict[str, Any] = {"ended_at": draft.now, "exit_code": outcome.exit_code}
    if opened.model.repo is None:
        row = draft.move_attempt(attempt, "accept", **facts)
        note_end(draft, row, "none", outcome, outcome.error)
        task_done(draft, opened, task, None, outcome.result)
        return
    row = draft.move_attempt(attempt, "integrate", **facts)
    agents = agent_work.with_cost(task, outcome.agent)
    draft.move_task(task, "integrate", result=outcome.result, agents=agents)
    note_end(draft, row, "none", outcome, outcome.error)
    draft.note("integration_started", row, **({} if agents is None else {"agents": agents}))


def release(
    draft: Draft,
    attempt: AttemptRecord,
    exit_code: int | None = None,
    suspicion: str | None = None,
    *,
    is_minder_free: bool = False,
) -> None:
    """Handed back unharmed: no counter grows, the task is ready. With a ``suspicion`` it may have taken its worker
    down, which is remembered."""
    opened, task = around(draft, attempt)
    facts = {"exit_code": exit_code, **({"error": suspicion} if suspicion is not None else {})}
    folder = agent_work.folder_after(draft, opened, attempt)
    row = draft.move_attempt(attempt, "release", ended_at=draft.now, **facts, **folder)
    draft.note("attempt_released", row, **facts, **_told_minder(is_minder_free), **agent_work.told_folder(row))
    draft.move_task(task, "release")


def lose(draft: Draft, attempt: AttemptRecord, reason: str) -> None:
    """Its worker has it no more and never said how it ended. A callable that keeps taking its worker down fails."""
    if attempt.state is AttemptState.CANCELLED:
        row = draft.save_attempt(replace(attempt, ended_at=draft.now))
        draft.note("attempt_ended", row, fault="cancelled", exit_code=None, stage="run", error=reason)
        return
    opened, task = around(draft, attempt)
    folder = {"worktree": _folder(draft, attempt), **agent_work.folder_after(draft, opened, attempt)}
    row = draft.move_attempt(attempt, "lose", ended_at=draft.now, error=reason, **folder)
    deaths = opened.deaths_in_a_row(task.id)
    where = {"worktree": row.worktree, **agent_work.told_folder(row)}
    draft.note("attempt_lost", row, reason=reason, deaths_in_a_row=deaths, **where)
    is_call = opened.definitions[task.id].call is not None
    if is_call and deaths and deaths % opened.settings.deaths_max == 0:
        own_failure(draft, opened, task, f"{reason}; the callable took its worker down {deaths} times in a row")
    else:
        infra_fault(draft, opened, task, reason, at_once=True)


def cancel_attempt(draft: Draft, attempt: AttemptRecord, reason: str) -> None:
    """Nobody wants its result. A worker that may have it is told to end it and must report that it has."""
    is_with_worker = attempt.ended_at is None and not is_unprepared(draft.books.open[attempt.requirement], attempt)
    ended_at = None if is_with_worker else draft.now
    row = draft.move_attempt(attempt, "cancel", error=reason, ended_at=ended_at, worktree=_folder(draft, attempt))
    draft.note("attempt_cancelled", row, reason=reason, is_with_worker=is_with_worker, worktree=row.worktree)


def discarded(draft: Draft, key: AttemptKey) -> None:
    """The worktree is gone; the attempt leaves the books."""
    attempt = draft.books.attempt(key)
    if attempt is None or attempt.ended_at is None or attempt.state in ATTEMPT_OPEN:
        return
    row = draft.save_attempt(replace(attempt, worktree=None))
    draft.note("worktree_discarded", row)


def clear_up(draft: Draft, key: AttemptKey, repo: str | None = None) -> None:
    """What a late word may have left at the attempt's path is discarded, unless the attempt still lives there."""
    attempt = draft.books.attempt(key)
    if attempt is None:
        opened, path = draft.books.open.get(key.requirement), worktree_of(draft.books, key)
        if opened is None or all(each.worktree != path for each in opened.attempts.values()):
            draft.order(discard_late(draft.books, key, repo))
    elif attempt.state not in ATTEMPT_OPEN:
        draft.remind(attempt)


def is_duplicate_of(attempt: AttemptRecord, worker: WorkerId) -> bool:
    """That worker's report of its end is on record already."""
    return attempt.ended_at is not None and WorkerId(attempt.worker, attempt.worker_generation) == worker


def _folder(draft: Draft, attempt: AttemptRecord) -> str | None:
    """What is to be discarded after it; a callable that travelled in a batch may have made its folder, or not."""
    opened = draft.books.open[attempt.requirement]
    if agent_work.is_lent(opened, attempt):
        return None
    is_member = opened.batches.of(attempt.task, attempt.number) is not None
    return worktree_of(draft.books, key_of(attempt)) if is_member else attempt.worktree


def note_end(draft: Draft, row: AttemptRecord, fault: str, outcome: AttemptOutcome, error: str | None) -> None:
    about = _told_minder(outcome.is_minder_free)
    if row.agent is not None:
        about |= agent_work.told_end(row, outcome.agent)
    draft.note(
        "attempt_ended", row, fault=fault, exit_code=outcome.exit_code, stage=outcome.stage, error=error, **about
    )


def _told_minder(is_free: bool) -> dict[str, Any]:
    return {"is_minder_free": True} if is_free else {}
