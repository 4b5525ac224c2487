"""What events about tasks come to, in their rows and those of their requirement: a part of ``journal.FOLDS``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aidos_actors.core.journal import told_results
from aidos_actors.core.journal.folded import FoldedRows, Folds, attempt_of
from aidos_actors.core.records import JournalEvent
from aidos_actors.core.states import AttemptState, TaskState


def _ready(rows: FoldedRows, event: JournalEvent) -> None:
    """What it needs is done, or its time has come."""
    moves = {TaskState.WAITING: ("unblock",), TaskState.BACKING_OFF: ("due",), TaskState.WAITING_FOR_QUOTA: ("due",)}
    rows.move_task(event, *moves.get(rows.task(event).state, ()), not_before_at=None)


def _returned(rows: FoldedRows, event: JournalEvent) -> None:
    data = event.data
    kept = {key: data[key] for key in ("error", "infra_faults", "conflicts", "not_before_at")}
    rows.move_task(event, data["because"], **kept)


def _task_done(rows: FoldedRows, event: JournalEvent) -> None:
    """With its attempt, which was accepted when it ended, or is now that its commit is on the target; one of a batch
    never has a row."""
    commit, key = event.data["commit"], attempt_of(event)
    rows.move_task(event, "complete", commit=commit, error=None, finished_at=event.at)
    told_results.note(rows.results, event.data, (key.task, key.number))
    if key in rows.in_batches:
        rows.in_batches.remove(key)
        del rows.attempts[key]
    elif rows.attempts[key].state is not AttemptState.ACCEPTED:
        rows.move_attempt(event, "accept")
    if commit is not None:
        rows.move_requirement(event, None, commit=commit)


def _task_retried(rows: FoldedRows, event: JournalEvent) -> None:
    clean = {"own_failures": 0, "ruled_failures": None, "agents": None, "conflicts": 0, "error": None}
    rows.move_task(event, "retry", finished_at=None, **clean)


def _task_reverted(rows: FoldedRows, event: JournalEvent) -> None:
    """That it has failed by this, or is cancelled, is told next."""
    if event.data["commit"] is not None:
        rows.move_requirement(event, None, commit=event.data["commit"])


def _task_replanning(rows: FoldedRows, event: JournalEvent) -> None:
    """It has failed for good, and is counted among the times that the plan was given back."""
    rows.move_task(event, "replan", finished_at=event.at, **_failure(event))
    rows.move_requirement(event, None, replans=event.data["replan"])


def _failure(event: JournalEvent) -> dict[str, Any]:
    """Before rules counted by themselves, none did."""
    data = event.data
    ruled = data.get("ruled_failures")
    said = {"own_failures": data["own_failures"], "error": data["error"], "ruled_failures": ruled}
    return {**said, "agents": data["agents"]} if "agents" in data else said


FOLDS_OF_TASKS: Mapping[str, Folds] = {
    "task_ready": _ready,
    "task_returned": _returned,
    "task_done": _task_done,
    "task_failed": lambda rows, event: rows.move_task(event, "exhaust", finished_at=event.at, **_failure(event)),
    "task_retry_scheduled": lambda rows, event: rows.move_task(
        event, "fail", not_before_at=event.data["not_before_at"], **_failure(event)
    ),
    "task_replanning": _task_replanning,
    "task_retried": _task_retried,
    "task_skipped": lambda rows, event: rows.move_task(event, "skip", error=event.data["error"], finished_at=event.at),
    "task_cancelled": lambda rows, event: rows.move_task(
        event, "cancel", error=event.data["reason"], finished_at=event.at
    ),
    "task_condemned": lambda rows, event: rows.move_task(
        event, "condemn", commit=None, finished_at=None, error=event.data["error"]
    ),
    "task_kept": lambda rows, event: rows.move_task(
        event, "keep", commit=event.data["commit"], finished_at=event.at, error=None
    ),
    "task_withdrawn": lambda rows, event: rows.move_task(event, "withdraw"),
    "task_reverted": _task_reverted,
    "task_removed": lambda rows, event: rows.move_task(event, "remove", finished_at=event.at),
    "task_paused": lambda rows, event: rows.move_task(event, paused_at=event.at),
    "task_resumed": lambda rows, event: rows.move_task(event, paused_at=None),
    "task_bumped": lambda rows, event: rows.move_task(event, bumped_at=event.at),
}
