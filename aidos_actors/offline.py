"""Steering verbs while nothing runs: under the state directory's lock, with an epoch of their own, and away again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from aidos_actors.blobs import get_text
from aidos_actors.core.board import Board
from aidos_actors.core.errors import BadInput, Conflict, NotFound
from aidos_actors.core.open_requirement import Settings
from aidos_actors.core.orders import Step
from aidos_actors.core.requirement import Requirement
from aidos_actors.core.states import REQUIREMENT_FINAL
from aidos_actors.core.views import status_view
from aidos_actors.layout import Layout
from aidos_actors.ledger.ledger import Ledger


class OfflineDesk:
    """The ledger of a state directory that nobody owns, opened for one change. Close it at once."""

    def __init__(self, state_dir: Path) -> None:
        self._layout = Layout(str(state_dir))
        self._ledger = Ledger.open(state_dir, what_for="command line", migrate=True)
        self._epoch = self._ledger.begin_epoch(time.time())
        requirements = self._ledger.open_requirements()
        self._board = Board.restore(
            requirements,
            [task for each in requirements for task in self._ledger.tasks(each.id)],
            [attempt for each in requirements for attempt in self._ledger.attempts(each.id)],
            epoch=self._epoch,
            settings=Settings(1),
            worktree_root=str(self._layout.worktrees),
            now=time.time(),
        )

    def close(self) -> None:
        self._ledger.close()

    def submit(self, call: dict[str, Any]) -> dict[str, Any]:
        """As the running Scheduler's ``submit``; the work starts with the next ``run`` or ``serve``."""
        document = get_text(self._layout.blobs, str(call["document"]))
        try:
            requirement = Requirement.model_validate_json(document)
        except ValueError as error:
            raise BadInput(f"the submitted document is no requirement: {error}") from error
        known = self._ledger.requirement(requirement.id)
        step = self._board.submit(
            requirement,
            base_commit=call.get("base_commit"),
            document=document,
            position=self._ledger.next_position(),
            known=known,
            now=time.time(),
        )
        self._take(step)
        state = known.state if known is not None else "waiting"
        return {"id": requirement.id, "accepted": known is None, "state": str(state), "running": False}

    def cancel(self, requirement: str, task: str | None) -> dict[str, Any]:
        """As the running Scheduler's ``cancel``."""
        record = self._ledger.requirement(requirement)
        if record is None:
            raise NotFound(f"no requirement {requirement!r}", hint="`status` lists what there is")
        if record.state not in REQUIREMENT_FINAL:
            self._take(self._board.cancel(requirement, task, time.time()))
        elif task is None and record.state != "cancelled":
            raise Conflict(f"requirement {requirement!r} has ended already: {record.state}")
        fresh = self._ledger.requirement(requirement)
        assert fresh is not None
        return {**status_view(fresh, self._ledger.tasks(requirement)), "running": False}

    def _take(self, step: Step) -> None:
        if not step.batch.is_empty:
            self._ledger.apply(self._epoch, step.batch)
