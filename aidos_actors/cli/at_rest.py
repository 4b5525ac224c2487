"""What the read verbs say where nothing runs, or nothing answers: calls as the Scheduler gets them, answered from the
resting ledger."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aidos_actors.actors.status import list_of_requirements, result_of, status_of
from aidos_actors.core.states import TASK_FINAL
from aidos_actors.core.views import event_view

if TYPE_CHECKING:
    from aidos_actors.ports import LedgerView

Call = Mapping[str, Any]


def answer_at_rest(ledger: LedgerView, call: Call, state: Path) -> dict[str, Any]:
    """The answer to a read verb. AidosError as the running Scheduler would say."""
    return _VERBS[call["verb"]](ledger, call, state)


def _status(ledger: LedgerView, call: Call, _state: Path) -> dict[str, Any]:
    return list_of_requirements(ledger) if call.get("id") is None else status_of(ledger, call["id"])


def _result(ledger: LedgerView, call: Call, _state: Path) -> dict[str, Any]:
    return result_of(ledger, call["id"], call["task"])


def _events(ledger: LedgerView, call: Call, _state: Path) -> dict[str, Any]:
    found = ledger.events(call["after_seq"], call["limit"], call["requirement"])
    return {"events": [event_view(each) for each in found]}


def _reasons(ledger: LedgerView, call: Call, state: Path) -> dict[str, Any]:
    """That nothing runs, or nothing answers, comes first, unless the task has ended."""
    from aidos_actors.actors.desk import explained
    from aidos_actors.cli.reach import owner_of
    from aidos_actors.core.settings import Settings
    from aidos_actors.layout import Layout
    from aidos_actors.restored import restored_board

    now = time.time()
    board = restored_board(ledger, Layout(str(state)), ledger.epoch(), Settings(1), now)
    found = explained(board, ledger, call, now, is_live=False)
    if found["reasons"][0]["code"] in TASK_FINAL:
        return found
    if owner_of(state) is None:
        resting = {"code": "not_running", "text": "nothing runs here: start it with `serve` or `run`"}
    else:
        resting = {"code": "healing", "text": "the system here heals, and does not answer yet"}
    return {**found, "reasons": [resting, *found["reasons"]]}


_VERBS: dict[str, Callable[[LedgerView, Call, Path], dict[str, Any]]] = {
    "status": _status,
    "events": _events,
    "explain": _reasons,
    "result": _result,
}
