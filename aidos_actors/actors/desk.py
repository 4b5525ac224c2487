"""The Scheduler's front desk: the verbs that callers from outside may use, each answered from board and ledger.

A call is a mapping with ``verb`` and arguments; the answer is ``{"value": …}`` or ``{"error": {code, message, hint,
exit_code}}``, or None when it comes later.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from aidos_actors.actors.desk_words import refuse_odd
from aidos_actors.actors.status import list_of_requirements, result_of, status_of, told_state
from aidos_actors.actors.waiting import EndWaiter, EventWaiter, Whoever
from aidos_actors.blobs import get_text
from aidos_actors.core.board.board import Board, EndedRows
from aidos_actors.core.board.steering import OF_REQUIREMENTS
from aidos_actors.core.documents import requirement_of
from aidos_actors.core.errors import BadInput, NotFound
from aidos_actors.core.orders import Step
from aidos_actors.core.states import GIVEN_UP, REQUIREMENT_FINAL, TASK_FINAL, RequirementState, TaskState
from aidos_actors.core.views import event_view
from aidos_actors.ports import LedgerView

if TYPE_CHECKING:
    from aidos_actors.actors.scheduler import Scheduler

EVENTS_PER_ANSWER_MAX = 500
WAIT_MAX_S = 30.0
DRAIN_MAX_S = 3600.0

STARTED_OR_OVER = TASK_FINAL | GIVEN_UP | {TaskState.RUNNING, TaskState.INTEGRATING}
CHANGING = frozenset({"submit", *OF_REQUIREMENTS})


def serve(scheduler: Scheduler, call: dict[str, Any], asked: Whoever | None) -> dict[str, Any] | None:
    """The answer to one call, None when it comes later. AidosError as the verb says."""
    verb = _VERBS.get(str(call.get("verb")))
    if verb is None:
        raise NotFound(f"the scheduler has no verb {call.get('verb')!r}")
    refuse_odd(call)
    if scheduler.writing.fault is not None and call["verb"] in CHANGING:
        raise scheduler.writing.fault
    value = verb(scheduler, call, asked)
    return None if value is None else {"value": value}


def submitted(
    board: Board, ledger: LedgerView, blobs: Path, call: Mapping[str, Any], position: int, now: float
) -> tuple[Step, dict[str, Any]]:
    """The step that a submission comes to, and its answer, on a live or a resting ledger; a new one gets ``position``.
    It was checked by the caller and is checked again here. Idempotent by id and content."""
    document = get_text(blobs, str(call["document"]))
    try:
        requirement = requirement_of(document)
    except ValueError as error:
        raise BadInput(f"the submitted document is no requirement: {error}") from error
    known = ledger.requirement(requirement.id)
    base_commit = call.get("base_commit")
    if call.get("revise") and known is not None:
        tasks = ledger.tasks(known.id, with_removed=True)
        step = board.revise(requirement, base_commit=base_commit, document=document, known=known, tasks=tasks, now=now)
    else:
        step = board.submit(
            requirement, base_commit=base_commit, document=document, position=position, known=known, now=now
        )
    rows = (*step.batch.requirements, known)
    state = RequirementState.WAITING if rows[0] is None else rows[0].state
    is_revised = known is not None and bool(step.batch.requirements)
    return step, {"id": requirement.id, "accepted": known is None, "revised": is_revised, "state": str(state)}


def _submit(scheduler: Scheduler, call: dict[str, Any], _asked: Whoever | None) -> dict[str, Any]:
    blobs = scheduler._layout.blobs
    position = scheduler.next_position
    gc.disable()  # what comes into being here stays: to look through it again and again takes an eighth of the time
    try:
        step, answer = submitted(scheduler.board, scheduler.ledger, blobs, call, position, scheduler.clock())
    finally:
        gc.enable()
    scheduler.take(step)
    if any(record.position == position for record in step.batch.requirements):
        scheduler.next_position += 1
    return {**answer, "running": True}


def _status(scheduler: Scheduler, call: dict[str, Any], _asked: Whoever | None) -> dict[str, Any]:
    name = call.get("id")
    return list_of_requirements(scheduler.ledger) if name is None else status_of(scheduler.ledger, str(name))


def _progress(scheduler: Scheduler, call: dict[str, Any], _asked: Whoever | None) -> dict[str, Any]:
    """How far the requirement has come; once it has ended, ``status`` of it."""
    name = str(call["id"])
    return scheduler.board.progress(name) or told_state(scheduler.ledger, name)


def _events(scheduler: Scheduler, call: dict[str, Any], asked: Whoever | None) -> dict[str, Any] | None:
    """Events after ``after_seq``; with ``wait_s`` the answer comes when there are some, or the time is over."""
    after_seq = int(call.get("after_seq", 0))
    limit = min(max(1, call.get("limit", EVENTS_PER_ANSWER_MAX)), EVENTS_PER_ANSWER_MAX)
    requirement = call.get("requirement")
    found = scheduler.ledger.events(after_seq, limit, requirement)
    wait_s = min(float(call.get("wait_s", 0.0)), WAIT_MAX_S)
    if found or wait_s <= 0 or asked is None:
        return {"events": [event_view(each) for each in found]}
    scheduler.waiting.for_events(EventWaiter(asked, after_seq, limit, requirement, scheduler.clock() + wait_s))
    return None


def _wait(scheduler: Scheduler, call: dict[str, Any], asked: Whoever | None) -> dict[str, Any] | None:
    """``status`` of the requirement, as soon as it has ended or ``wait_s`` are over."""
    name = str(call["id"])
    wait_s = min(float(call.get("wait_s", 0.0)), WAIT_MAX_S)
    if not scheduler.board.is_open(name) or wait_s <= 0 or asked is None:
        return told_state(scheduler.ledger, name)
    scheduler.waiting.for_end(EndWaiter(asked, name, scheduler.clock() + wait_s))
    return None


def steered(board: Board, ledger: LedgerView, call: Mapping[str, Any], now: float) -> Step:
    """The step that a steering verb comes to, on a live or a resting ledger."""
    name = str(call["id"])
    return board.steer(str(call["verb"]), name, call.get("task"), now, ended_rows(ledger, name))


def ended_rows(ledger: LedgerView, name: str) -> EndedRows | None:
    """What the board needs to know of a requirement that has ended; None while it is open, or was never there."""
    record = ledger.requirement(name)
    if record is None or record.state not in REQUIREMENT_FINAL:
        return None
    return record, ledger.tasks(name), ledger.attempts(name)


def explained(
    board: Board, ledger: LedgerView, call: Mapping[str, Any], now: float, *, is_live: bool = True
) -> dict[str, Any]:
    """Why a task is not running; on a resting ledger by what is on record alone."""
    name, task = str(call["id"]), str(call["task"])
    reasons = board.explain(name, task, now, ended_rows(ledger, name), is_live=is_live)
    return {"id": f"{name}/{task}", "reasons": [asdict(reason) for reason in reasons]}


def _steer(scheduler: Scheduler, call: dict[str, Any], _asked: Whoever | None) -> dict[str, Any]:
    scheduler.take(steered(scheduler.board, scheduler.ledger, call, scheduler.clock()))
    scheduler.commit()
    return told_state(scheduler.ledger, str(call["id"]))


def _result(scheduler: Scheduler, call: dict[str, Any], _asked: Whoever | None) -> dict[str, Any]:
    return result_of(scheduler.ledger, str(call["id"]), str(call["task"]))


def _explain(scheduler: Scheduler, call: dict[str, Any], _asked: Whoever | None) -> dict[str, Any]:
    found = explained(scheduler.board, scheduler.ledger, call, scheduler.clock())
    fault = scheduler.writing.fault
    if fault is None or found["reasons"][0]["code"] in STARTED_OR_OVER:
        return found
    nothing_starts = {"code": fault.code, "text": f"nothing new starts: {fault.message}"}
    return {**found, "reasons": [nothing_starts, *found["reasons"]]}


def _drain(scheduler: Scheduler, call: dict[str, Any], asked: Whoever | None) -> None:
    """Nothing new starts; running tasks get ``drain_s`` seconds, then go back unharmed. Answered when all have."""
    scheduler.drain(min(max(float(call.get("drain_s", 10.0)), 0.0), DRAIN_MAX_S), asked)


_VERBS: dict[str, Callable[[Scheduler, dict[str, Any], Whoever | None], dict[str, Any] | None]] = {
    "submit": _submit,
    "status": _status,
    "events": _events,
    "wait": _wait,
    "progress": _progress,
    "explain": _explain,
    "result": _result,
    **dict.fromkeys(OF_REQUIREMENTS, _steer),
    "drain": _drain,
}
