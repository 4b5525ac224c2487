"""What users and programs see of rows and events: plain dictionaries, keys and states as promised.

The keys are promises; a key may be added, none changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from aidos_actors.core.errors import AidosError
from aidos_actors.core.records import JournalEvent, RequirementRecord, TaskRecord
from aidos_actors.core.states import TaskState

_HELD_BACK = frozenset({TaskState.WAITING, TaskState.READY, TaskState.BACKING_OFF, TaskState.WAITING_FOR_QUOTA})


def rfc3339(at: float | None) -> str | None:
    """The moment (seconds since the epoch) as RFC 3339 UTC with milliseconds; None stays None.

    >>> rfc3339(0.25)
    '1970-01-01T00:00:00.250Z'
    """
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def task_view(task: TaskRecord) -> dict[str, Any]:
    """One task of ``status ID``. ``attempts`` is how many there were. A task that was paused while an attempt of it is
    under way is shown as paused when that has ended without success."""
    return {
        "id": task.id,
        "state": "paused" if task.paused_at is not None and task.state in _HELD_BACK else task.state.value,
        "attempts": task.attempts,
        "infra_faults": task.infra_faults,
        "commit": task.commit,
        "error": task.error,
    }


def status_view(requirement: RequirementRecord, tasks: Sequence[TaskRecord]) -> dict[str, Any]:
    """``status ID``: the requirement with its tasks in file order."""
    in_order = sorted(tasks, key=lambda task: task.position)
    done = sum(task.state is TaskState.DONE for task in in_order)
    summary = _summary(requirement, done, len(in_order))
    return {**summary, "tasks": [task_view(task) for task in in_order]}


def progress_view(
    requirement: RequirementRecord, done: int, total: int, active: Sequence[str], infra_faults: int
) -> dict[str, Any]:
    """What changes while a requirement is open; ``active`` are some of its tasks that are under way."""
    return {**_summary(requirement, done, total), "active": list(active), "infra_faults": infra_faults}


def requirement_list_view(
    requirements: Iterable[RequirementRecord], progress: Mapping[str, tuple[int, int]]
) -> dict[str, Any]:
    """``status`` without ID, oldest first. ``progress`` is (done, total) by requirement; (0, 0) when it has no plan."""
    in_order = sorted(requirements, key=lambda requirement: requirement.position)
    return {"requirements": [_summary(record, *progress.get(record.id, (0, 0))) for record in in_order]}


def error_view(error: AidosError) -> dict[str, Any]:
    return {"code": error.code, "message": error.message, "hint": error.hint, "exit_code": error.exit_code}


def event_view(event: JournalEvent) -> dict[str, Any]:
    """One line of ``events``."""
    return {
        "seq": event.seq,
        "at": rfc3339(event.at),
        "type": event.type,
        "requirement": event.requirement,
        "task": event.task,
        "attempt": event.attempt,
        "epoch": event.epoch,
        "data": dict(event.data),
    }


def _summary(requirement: RequirementRecord, done: int, total: int) -> dict[str, Any]:
    return {
        "id": requirement.id,
        "title": requirement.title,
        "state": requirement.state.value,
        "sha256": requirement.sha256,
        "progress": {"done": done, "total": total},
        "target": requirement.target,
        "base_commit": requirement.base_commit,
        "commit": requirement.commit,
        "error": requirement.error,
        "replans": requirement.replans or 0,
        "started_at": rfc3339(requirement.started_at),
        "finished_at": rfc3339(requirement.finished_at),
    }
