"""A ledger that ``db check`` looks at: two requirements of it have ended, and one may be revised; and what the check
finds."""

from __future__ import annotations

from pathlib import Path

from ledger_cases import NOON, work_through

from aidos_actors.core.board.board import Board, Settings
from aidos_actors.core.requirement import Requirement
from aidos_actors.ledger.check import check
from aidos_actors.ledger.ledger import Ledger


def with_two_that_ended(folder: Path) -> Path:
    """``folder``, with a closed ledger: one requirement of calls and one of commands have ended."""
    ledger = Ledger.open(folder)
    work_through(ledger, "calls", fails=1)
    work_through(ledger, "git", repo="/srv/repo", fails=2)
    ledger.close()
    return folder


def differences(state: Path) -> dict[str, list[str]]:
    """What each check found, but for those that found nothing."""
    ledger = Ledger.read_only(state)
    try:
        return {each.name: each.differences for each in check(ledger, state) if each.count}
    finally:
        ledger.close()


def revise(state: Path, name: str, tasks: list[dict[str, object]]) -> dict[str, str]:
    """Requirement ``name`` has these tasks; the states of all, removed ones too."""
    ledger = Ledger.open(state)
    epoch = ledger.begin_epoch(NOON)
    board = Board(epoch=epoch, settings=Settings(workers_total=1), worktree_root="/w")
    known = ledger.requirement(name)
    assert known is not None
    model = Requirement.model_validate({"id": name, "title": name, "tasks": tasks})
    rows = ledger.tasks(name, with_removed=True)
    document = model.model_dump_json()
    step = board.revise(model, base_commit=None, document=document, known=known, tasks=rows, now=NOON)
    ledger.apply(epoch, step.batch)
    states = {row.id: str(row.state) for row in ledger.tasks(name, with_removed=True)}
    ledger.close()
    return states
