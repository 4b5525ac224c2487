"""What the doers did, on its way to the record: each of these words is a crash point of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aidos_actors import crash
from aidos_actors.actors.words import AttemptEnded, CallsEnded, MinderReady, WorkIntegrated, WorkReverted
from aidos_actors.core.board.board import Board
from aidos_actors.core.orders import Step


class Recording:
    """Thread: the Scheduler's."""

    def __init__(self, board: Board, take: Callable[[Step], None], then: Callable[[Callable[[], None]], None]) -> None:
        self._board = board
        self._take = take
        self._then = then

    def take(self, word: Any, now: float) -> bool:
        """What the word says will be on disk with the next commit, and all that follows from it. False for other
        words."""
        board = self._board
        match word:
            case MinderReady():
                crash.before("minder-on-record")
                self._take(board.minded(word.worker, word.key, word.pid, word.started, now))
                self._then(lambda: crash.after("minder-on-record"))
            case AttemptEnded():
                crash.before("result-on-record")
                self._take(board.ended(word.worker, word.key, word.outcome, now, word.waiting))
                self._then(lambda: crash.after("result-on-record"))
            case CallsEnded():
                crash.before("calls-on-record")
                self._take(board.calls_ended(word.worker, word.seq, word.requirement, word.results, word.spans, now))
                self._then(lambda: crash.after("calls-on-record"))
            case WorkIntegrated():
                crash.before("commit-confirmed")
                self._take(board.integrated(word.key, word.answer, now))
                self._then(lambda: crash.after("commit-confirmed"))
            case WorkReverted():
                crash.before("revert-confirmed")
                self._take(board.reverted(word.key, word.answer, now))
                self._then(lambda: crash.after("revert-confirmed"))
            case _:
                return False
        return True
