"""A bench at which somebody sits who may use the five verbs, and ask why a task is not running."""

from __future__ import annotations

from typing import Any

from board_bench import Bench
from board_doers import OWN

from aidos_actors.core.orders import Step


class Desk(Bench):
    """A bench with the five verbs; rows of an ended requirement are given as the real desk gives them."""

    def steer(self, verb: str, task: str | None = None) -> Step:
        return self.take(self.board.steer(verb, "r", task, self.now, self._ended()))

    def reasons(self, task: str) -> list[str]:
        return [reason.code for reason in self.board.explain("r", task, self.now, self._ended())]

    def _ended(self) -> Any:
        if self.board.open_requirements:
            return None
        return self.record(), list(self.ledger.tasks.values()), list(self.ledger.attempts.values())

    def states(self) -> dict[str, str]:
        return {task.id: str(task.state) for task in self.ledger.tasks.values()}

    def fail(self) -> None:
        self.end(self.run(), OWN)
        self.discard()
