"""How what was asked of somebody is withdrawn while he works on it: a plan of an analyzer, a run of a gate."""

from __future__ import annotations

import threading
from collections.abc import Callable

from aidos_actors.core.errors import AidosError


class Withdrawn(AidosError):
    """Nobody wants the answer any more; it says nothing of who was asked."""

    code = "withdrawn"


class Withdrawal:
    """Of one question. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[Callable[[], None]] = []
        self.is_withdrawn = False

    def withdraw(self) -> None:
        """The answer is not wanted any more, and all that was given to ``then`` has been called. Idempotent."""
        with self._lock:
            self.is_withdrawn = True
            calls, self._calls = self._calls, []
        for call in calls:
            call()

    def then(self, call: Callable[[], None]) -> None:
        """``call()`` runs when the question is withdrawn, at once when it is already: it ends what works on the answer,
        does not wait, and does not mind when that has ended by itself."""
        with self._lock:
            if not self.is_withdrawn:
                self._calls.append(call)
                return
        call()

    def check(self) -> None:
        """``Withdrawn`` when it is."""
        if self.is_withdrawn:
            raise Withdrawn("nobody wants the answer any more")
