"""How many attempts a worker takes. One in which no command can be started takes none, but for one probe at a time: so
a machine that is short of room gets fewer tasks at once, and all of them again by itself."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from supervisors import ManagedActor

SLOTS = 1
OPERATION = "start commands"


class ProbeDue(Struct, frozen=True):
    """Timer: one attempt may be tried again."""


class Offering:
    """``changed()`` is called when ``slots`` is another number. Thread: the actor's."""

    def __init__(self, actor: ManagedActor, changed: Callable[[], None]) -> None:
        self._actor, self._changed = actor, changed
        self.slots = SLOTS

    def failed(self, error: BaseException) -> None:
        """A command could not be started, through no fault of its own."""
        again_s = self._actor.failed(OPERATION, error)
        if self._actor.degraded and again_s is not None:
            self._offer(0)
            self._actor.after(again_s, ProbeDue())

    def succeeded(self) -> None:
        self._actor.succeeded(OPERATION)
        self._offer(SLOTS)

    def probe(self) -> None:
        """One attempt is taken, if it is time."""
        if self._actor.attempt(OPERATION):
            self._offer(SLOTS)

    def _offer(self, slots: int) -> None:
        if slots != self.slots:
            self.slots = slots
            self._changed()
