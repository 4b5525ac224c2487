"""The board as a ledger says it, live or at rest."""

from __future__ import annotations

from aidos_actors.core.board import Board
from aidos_actors.core.open_requirement import Settings
from aidos_actors.layout import Layout
from aidos_actors.ports import LedgerView


def restored_board(ledger: LedgerView, layout: Layout, epoch: int, settings: Settings, now: float) -> Board:
    """All open requirements of ``ledger``, with their tasks and attempts. ``now`` is wall seconds."""
    requirements = ledger.open_requirements()
    return Board.restore(
        requirements,
        [task for each in requirements for task in ledger.tasks(each.id)],
        [attempt for each in requirements for attempt in ledger.attempts(each.id)],
        epoch=epoch,
        settings=settings,
        worktree_root=str(layout.worktrees),
        now=now,
    )
