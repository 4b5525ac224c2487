"""The board as a ledger says it, live or at rest."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from aidos_actors.core.board.board import Board
from aidos_actors.core.settings import Settings
from aidos_actors.layout import Layout
from aidos_actors.ports import LedgerView


def restored_board(ledger: LedgerView, layout: Layout, epoch: int, settings: Settings, now: float) -> Board:
    """All open requirements of ``ledger``, with their tasks and what is left of their attempts. ``now`` is wall
    seconds."""
    with _kept_for_good():
        requirements = ledger.open_requirements()
        work = [ledger.work(each.id, is_settled_left_out=True) for each in requirements]
        return Board.restore(
            requirements,
            [task for tasks, _attempts, _calls in work for task in tasks],
            [attempt for _tasks, attempts, _calls in work for attempt in attempts],
            [batch for _tasks, _attempts, calls in work for batch in calls],
            ledger.agents(),
            epoch=epoch,
            settings=settings,
            worktree_root=str(layout.worktrees),
            now=now,
        )


@contextmanager
def _kept_for_good() -> Iterator[None]:
    """What is made inside is not looked through for garbage, now or later: 100,000 tasks take seconds to look at."""
    is_on = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if is_on:
            gc.enable()
