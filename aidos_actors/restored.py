"""The board as a ledger says it, live or at rest."""

from __future__ import annotations

from aidos_actors.core.board import Board
from aidos_actors.core.settings import Settings
from aidos_actors.layout import Layout
from aidos_actors.ports import LedgerView


def restored_board(ledger: LedgerView, layout: Layout, epoch: int, settings: Settings, now: float) -> Board:
    """All open requirements of ``ledger``, with their tasks and attempts. ``now`` is wall seconds."""
    requirements = ledger.open_requirements()
    work = [ledger.work(each.id) for each in requirements]
    return Board.restore(
        requirements,
        [task for tasks, _attempts, _calls in work for task in tasks],
        [attempt for _tasks, attempts, _calls in work for attempt in attempts],
        [batch for _tasks, _attempts, calls in work for batch in calls],
        epoch=epoch,
        settings=settings,
        worktree_root=str(layout.worktrees),
        now=now,
    )
