"""Steering verbs while nothing runs: under the state directory's lock, with an epoch of their own, and away again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aidos_actors.actors.desk import steered, submitted
from aidos_actors.core.errors import Conflict, TryAgain
from aidos_actors.core.orders import Step
from aidos_actors.core.settings import Settings
from aidos_actors.core.views import status_view
from aidos_actors.layout import Layout
from aidos_actors.ledger.ledger import Ledger
from aidos_actors.ledger_clock import LedgerClock
from aidos_actors.restored import restored_board


class OfflineDesk:
    """The ledger of a state directory that nobody owns, opened for one change. Close it at once."""

    def __init__(self, state_dir: Path) -> None:
        self._layout = Layout(str(state_dir))
        self._ledger = Ledger.open(state_dir, what_for="command line", migrate=True)
        clock = LedgerClock(self._layout, self._ledger, time.time(), time.monotonic())
        self._epoch = self._ledger.begin_epoch(time.time())
        self._board = restored_board(self._ledger, self._layout, self._epoch, Settings(1), time.time())
        if clock.jump_s:
            self._take(self._board.clock_set(clock.jump_s, time.time(), clock.slept_s))
            clock.moved()

    def close(self) -> None:
        self._ledger.close()

    def submit(self, call: dict[str, Any]) -> dict[str, Any]:
        """As the running Scheduler's ``submit``; the work starts with the next ``run`` or ``serve``."""
        step, answer = submitted(
            self._board, self._ledger, self._layout.blobs, call, self._ledger.next_position(), time.time()
        )
        self._take(step)
        return {**answer, "running": False}

    def steer(self, call: Mapping[str, Any]) -> dict[str, Any]:
        """As the running Scheduler's verb of that name. What is to be tried again needs a system that goes on first."""
        try:
            step = steered(self._board, self._ledger, call, time.time())
        except TryAgain as error:
            hint = "nothing runs here: `serve` or `run` goes on with it; repeat then"
            raise TryAgain(error.message, hint=hint) from None
        self._take(step)
        record = self._ledger.requirement(str(call["id"]))
        assert record is not None
        return {**status_view(record, self._ledger.tasks(record.id)), "running": False}

    def _take(self, step: Step) -> None:
        if not step.batch.is_empty:
            self._ledger.apply(self._epoch, step.batch)


def open_desk(state: Path) -> OfflineDesk:
    """``TryAgain`` when a system begins to run on ``state`` in this moment."""
    try:
        return OfflineDesk(state)
    except Conflict as error:
        raise TryAgain(f"the ledger is in use: {error.message}", hint="repeat in a moment") from error
