"""What a simulated process writes of itself in its page entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from supervisors.liveness import Stage
from supervisors.systems.page import Pen


class WritesItsEntry:
    machine: Any
    _pen: Pen
    _after_lag: Callable[[Callable[[], None]], None]

    def beat(self, stage: Stage | None = None) -> None:
        self._after_lag(lambda: self._pen.beat(self.machine.now(), stage))

    def begun(self, mark: int, number: int) -> None:
        self._after_lag(lambda: self._pen.begun(mark, number))

    def degrade(self, reason: str) -> None:
        self._after_lag(lambda: self._pen.degrade(reason))
