"""What events about attempts come to, in their rows and those of their tasks: the second half of ``journal.FOLDS``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from aidos_actors.core.journal.folded import FoldedRows, Folds, attempt_of
from aidos_actors.core.records import AttemptRecord, JournalEvent
from aidos_actors.core.states import AttemptState

MOVES_BY_FAULT: Mapping[str, str] = {"own": "fail", "infra": "lose", "limited": "defer", "absent": "defer"}


def _leased(rows: FoldedRows, event: JournalEvent) -> None:
    key, data = attempt_of(event), event.data
    rows.move_task(event, "lease", attempts=key.number)
    rows.attempts[key] = AttemptRecord(
        requirement=key.requirement,
        task=key.task,
        number=key.number,
        state=AttemptState.LEASED,
        epoch=event.epoch,
        leased_at=event.at,
        worker=data["worker"],
        worker_generation=data["incarnation"],
        worktree=data["worktree"],
        agent=data.get("agent"),
        base_commit=data.get("base_commit"),
    )


def _started(rows: FoldedRows, event: JournalEvent) -> None:
    """It was leased before; or it is leased and started at once, in a batch."""
    if attempt_of(event) not in rows.attempts:
        _called(rows, event)
        return
    minder = {key: event.data[key] for key in ("minder_pid", "minder_started")}
    rows.move_attempt(event, "start", started_at=event.at, epoch=event.epoch, **minder)
    rows.move_task(event, "start")


def _called(rows: FoldedRows, event: JournalEvent) -> None:
    key, data = attempt_of(event), event.data
    rows.move_task(event, "lease", "start", attempts=key.number)
    rows.in_batches.add(key)
    rows.attempts[key] = AttemptRecord(
        requirement=key.requirement,
        task=key.task,
        number=key.number,
        state=AttemptState.RUNNING,
        epoch=event.epoch,
        leased_at=event.at,
        worker=data["worker"],
        worker_generation=data["incarnation"],
        started_at=event.at,
    )


def _adopted(rows: FoldedRows, event: JournalEvent) -> None:
    """With its batch, when it is in one."""
    rows.attempts[attempt_of(event)] = replace(rows.attempts[attempt_of(event)], epoch=event.epoch)


def _attempt_lost(rows: FoldedRows, event: JournalEvent) -> None:
    data = event.data
    facts = {"error": data["reason"], "ended_at": event.at, "worktree": data["worktree"], **_folder(event)}
    rows.move_attempt(event, "lose", **facts)


def _attempt_ended(rows: FoldedRows, event: JournalEvent) -> None:
    """By its worker's word; or at the gate, some time after that."""
    data, row = event.data, rows.attempts[attempt_of(event)]
    facts: dict[str, Any] = {"exit_code": data["exit_code"], **_folder(event), **_minder(event)}
    if row.ended_at is None:
        facts["ended_at"] = event.at
    move = MOVES_BY_FAULT.get(data["fault"])
    if move is not None:
        facts["error"] = data["error"]
    if data["fault"] == "infra" and data["stage"] == "clear":
        facts["started_at"] = None
    if data["fault"] == "none":
        move = "accept" if rows.requirements[row.requirement].repo is None else "integrate"
    rows.move_attempt(event, move, **facts)


def _released(rows: FoldedRows, event: JournalEvent) -> None:
    facts = {"exit_code": event.data["exit_code"], "error": event.data.get("error")}
    rows.move_attempt(event, "release", ended_at=event.at, **facts, **_folder(event), **_minder(event))
    rows.move_task(event, "release")


def _attempt_cancelled(rows: FoldedRows, event: JournalEvent) -> None:
    """Its worker, when it may have it, says later that it has ended."""
    data = event.data
    ended_at = None if data["is_with_worker"] else event.at
    rows.move_attempt(event, "cancel", error=data["reason"], ended_at=ended_at, worktree=data["worktree"])


def _integration_withdrawn(rows: FoldedRows, event: JournalEvent) -> None:
    """With its task. What becomes of both is told when GitOps has said whether it was published."""
    rows.move_attempt(event, "withdraw")
    rows.move_task(event, "withdraw", error=event.data["reason"])


def _minder(event: JournalEvent) -> dict[str, Any]:
    """It waits for another command, and is not to be waited for."""
    return {"minder_pid": None, "minder_started": None} if event.data.get("is_minder_free") else {}


def _folder(event: JournalEvent) -> dict[str, Any]:
    """It is kept for the next attempt; or it was another's, who has it back."""
    if event.data.get("is_kept"):
        return {"kept_at": event.at}
    return {"worktree": None} if event.data.get("is_given_back") else {}


FOLDS_OF_ATTEMPTS: Mapping[str, Folds] = {
    "attempt_leased": _leased,
    "worktree_prepared": lambda rows, event: rows.move_attempt(event, None, base_commit=event.data["base_commit"]),
    "attempt_started": _started,
    "attempt_adopted": _adopted,
    "attempt_ended": _attempt_ended,
    "attempt_conflicted": lambda rows, event: rows.move_attempt(event, "conflict", error=event.data["error"]),
    "attempt_lost": _attempt_lost,
    "attempt_released": _released,
    "attempt_cancelled": _attempt_cancelled,
    "integration_withdrawn": _integration_withdrawn,
    "worktree_discarded": lambda rows, event: rows.move_attempt(event, None, worktree=None),
}
