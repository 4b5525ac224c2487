"""The Scheduler's commits. While the ledger cannot be written, what was decided waits in memory and one write at a time
is tried, for ever: another process would fare no better, and this one still answers questions and knows what runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aidos_actors.actors.steps import Steps
from aidos_actors.core.records import Batch
from aidos_actors.core.views import error_view
from aidos_actors.ledger.errors import LedgerUnavailable
from supervisors import ManagedActor

OPERATION = "write the ledger"


class Writing:
    """``fault``: why nothing can be written now; None: as far as known it can. ``again`` comes to ``actor`` when a
    write may be tried. Thread: the actor's."""

    def __init__(self, actor: ManagedActor, steps: Steps, written: Callable[[Batch], None], again: Any) -> None:
        self._actor, self._steps, self._written, self._again = actor, steps, written, again
        self.fault: LedgerUnavailable | None = None
        self._then: list[Callable[[], None]] = []

    def then(self, what: Callable[[], None]) -> None:
        """``what()`` is called when all that was taken by now is on disk."""
        self._then.append(what)

    def recover(self) -> None:
        """While nothing could be written: what waits is tried first. LedgerUnavailable as ``commit``."""
        if self.fault is not None:
            self.commit()

    def commit(self) -> None:
        """As ``Steps.commit``. LedgerUnavailable, also without a try while none is due: what was taken waits. Any other
        error ends this process, and the next one restores what is on disk."""
        if self.fault is not None and not self._actor.attempt(OPERATION):
            raise self.fault
        self._actor.progress()
        try:
            self._steps.commit(self._written)
        except LedgerUnavailable as error:
            self.fault = error
            self._steps.refuse({"error": error_view(error)})
            self._actor.after(self._actor.failed(OPERATION, error) or 0.0, self._again)
            raise
        if self.fault is not None:
            self.fault = None
            self._actor.succeeded(OPERATION)
        then, self._then = self._then, []
        for what in then:
            what()
        self._actor.progress()
