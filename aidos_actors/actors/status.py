"""``status``, the same from a live and from a resting ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aidos_actors.core.errors import NotFound
from aidos_actors.core.states import TaskState
from aidos_actors.core.views import requirement_list_view, status_view

if TYPE_CHECKING:
    from aidos_actors.ports import LedgerView

TASKS_TOLD_MAX = 50_000  # a message carries no more


def status_of(ledger: LedgerView, name: str) -> dict[str, Any]:
    """``status ID``. NotFound when there is none of that name."""
    record = ledger.requirement(name)
    if record is None:
        raise NotFound(f"no requirement {name!r}", hint="`status` lists what there is")
    return status_view(record, ledger.tasks(name))


def result_of(ledger: LedgerView, name: str, task: str) -> dict[str, Any]:
    """What the callable of that task has returned, as the text of JSON that it is kept as (it may be nested deeper than
    a message); ``result`` None until it is done, and for commands and agents. NotFound when there is no such task."""
    known = {row.id: row for row in ledger.tasks(name)}
    if task not in known:
        raise NotFound(f"no task {task!r} in requirement {name!r}", hint=f"`tasks {name}` lists them")
    row = known[task]
    result = row.result if row.state is TaskState.DONE else None
    return {"id": f"{name}/{task}", "state": row.state.value, "result": result}


def told_state(ledger: LedgerView, name: str) -> dict[str, Any]:
    """``status ID`` for who waits or steers: that of a very large requirement says how many tasks it leaves out."""
    status = status_of(ledger, name)
    count = len(status["tasks"])
    return status if count <= TASKS_TOLD_MAX else {**status, "tasks": [], "tasks_left_out": count}


def list_of_requirements(ledger: LedgerView) -> dict[str, Any]:
    """``status`` without ID."""
    listed = ledger.overview()
    progress = {record.id: (done, total) for record, done, total in listed}
    return requirement_list_view((record for record, *_ in listed), progress)
