"""What the Scheduler does when nothing comes: orders are told once more, who cannot hear is ended,
and why an answer has to wait is kept for who asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aidos_actors.actors.delivery_watch import (
    DeliveryWatch,
    LookAtDelivery,
    LookForRoom,
    LookWhetherBack,
    LookWhetherEnded,
)
from aidos_actors.actors.words import ANALYZER, GITOPS, OrdersHeldUp
from aidos_actors.core.board.board import Board
from aidos_actors.core.board.owed import Role
from aidos_actors.core.orders import Step, WorkerId
from aidos_actors.executors.last_resort import end_worker

DOERS: dict[str, Role] = {ANALYZER: "analyzer", GITOPS: "gitops"}


class Reminding:
    """Thread: the Scheduler's."""

    def __init__(
        self,
        board: Board,
        watch: DeliveryWatch,
        take: Callable[[Step], None],
        greeting: Callable[[WorkerId], int],
    ) -> None:
        """``greeting`` says which greeting of a worker was the last, 0 of one that is dead."""
        self._board = board
        self._watch = watch
        self._take = take
        self._greeting = greeting

    def take(self, word: Any) -> bool:
        """What ``word`` calls for will be sent with the next commit, or is done. False for other words."""
        board = self._board
        match word:
            case LookForRoom():
                self._take(Step(orders=board.owed("analyzer")))
            case LookAtDelivery(target=target):
                self._take(Step(orders=self._watch.remind(target, board.owed(DOERS[target]))))
            case LookWhetherEnded(worker=worker, key=key):
                if board.is_calling(worker, key):
                    self._wait_or_end(word)
            case LookWhetherBack(worker=worker, greeting=greeting):
                if self._greeting(worker) == greeting:
                    self._wait_or_end(word)
            case OrdersHeldUp(keys=keys, error=error):
                board.orders_held_up(keys, error)
            case _:
                return False
        return True

    def _wait_or_end(self, word: LookWhetherEnded | LookWhetherBack) -> None:
        """What is looked for has not come: the worker has the rest of its time, or no more."""
        if word.left_s > 0:
            self._watch.wait(word)
        else:
            end_worker(word.worker.path, word.worker.incarnation)
