"""What follows on the board from each word of the Analyzer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from aidos_actors import crash
from aidos_actors.actors.words import AnalysisDue, AnalysisHeldUp, PlanAccepted, PlanRejected
from aidos_actors.blobs import get_text
from aidos_actors.core.analysis import Planned
from aidos_actors.core.board.board import Board
from aidos_actors.core.orders import Step
from aidos_actors.core.requirement import Requirement
from aidos_actors.ports import LedgerView


class Analysed:
    """Thread: the Scheduler's."""

    def __init__(
        self,
        board: Board,
        ledger: LedgerView,
        blobs: Path,
        take: Callable[[Step], None],
        then: Callable[[Callable[[], None]], None],
    ) -> None:
        self._board = board
        self._ledger = ledger
        self._blobs = blobs
        self._take = take
        self._then = then

    def take(self, word: Any, now: float) -> bool:
        """What the word says will be on disk with the next commit. False for other words. OSError when a plan that was
        found cannot be read."""
        board = self._board
        match word:
            case PlanAccepted(failed=None):
                self._take(board.analysed(word.requirement, now, self._found(word)))
            case PlanAccepted():
                self._replan(word, now)
            case AnalysisHeldUp():
                facts = {"analyzer": word.analyzer, "next": word.next, "again_s": word.again_s}
                self._take(board.held_up(word.requirement, now, word.error, **facts))
            case AnalysisDue():
                self._take(board.owed_analysis(word.requirement))
            case PlanRejected():
                self._take(board.rejected(word.requirement, word.reason, now, word.failed))
            case _:
                return False
        return True

    def _replan(self, word: PlanAccepted, now: float) -> None:
        found = self._found(word)
        assert found is not None and word.failed is not None
        rows = self._ledger.tasks(word.requirement, with_removed=True)
        crash.before("replan-on-record")
        self._take(self._board.replanned(word.requirement, now, word.failed, found, rows))
        self._then(lambda: crash.after("replan-on-record"))

    def _found(self, word: PlanAccepted) -> Planned | None:
        if word.found is None:
            return None
        document = get_text(self._blobs, word.found)
        return Planned(Requirement.model_validate_json(document), document, word.analyzer)
