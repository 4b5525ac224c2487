"""What follows on the board from each word of the Analyzer."""

from __future__ import annotations

from pathlib import Path

from aidos_actors.actors.words import AnalysisDue, AnalysisHeldUp, PlanAccepted, PlanRejected
from aidos_actors.blobs import get_text
from aidos_actors.core.analysis import Planned
from aidos_actors.core.board import Board
from aidos_actors.core.orders import Step
from aidos_actors.core.requirement import Requirement

AnalyzerWord = PlanAccepted | PlanRejected | AnalysisHeldUp | AnalysisDue


def what_follows(word: AnalyzerWord, board: Board, blobs: Path, now: float) -> Step:
    """The step. OSError when a plan that was found cannot be read from ``blobs``."""
    match word:
        case PlanAccepted():
            return board.analysed(word.requirement, now, _found(word, blobs))
        case AnalysisHeldUp():
            facts = {"analyzer": word.analyzer, "error": word.error, "next": word.next, "again_s": word.again_s}
            return board.held_up(word.requirement, now, **facts)
        case AnalysisDue():
            return board.owed_analysis(word.requirement)
        case PlanRejected():
            return board.rejected(word.requirement, word.reason, now)


def _found(word: PlanAccepted, blobs: Path) -> Planned | None:
    if word.found is None:
        return None
    document = get_text(blobs, word.found)
    return Planned(Requirement.model_validate_json(document), document, word.analyzer)
