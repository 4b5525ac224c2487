"""Who is alive, as far as the scheduler was told: what the rows do not hold, frozen so that it can be put back.

After a restart of the scheduler nobody is known to live; a worker that holds attempts in the rows is *awaited* until it
reports, says that it is another incarnation, or the adoption window is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from types import MappingProxyType

from msgspec import Struct, field
from msgspec.structs import replace

from aidos_actors.core.orders import Minder, WorkerId

GONE_MAX = 1000


class Draining(IntEnum):
    """How far an orderly stop has come."""

    NO = 0
    NO_STARTS = 1  # nothing new starts; what has not started goes back
    END_ALL = 2  # running commands are ended and go back too


class Crew(Struct, frozen=True):
    """``slots`` by live worker, ``awaited`` until when a worker may still report, ``gone`` who never will, ``waiting``
    the minder of a worker that has no command and was promised none."""

    slots: Mapping[WorkerId, int] = field(default_factory=lambda: MappingProxyType({}))
    awaited: Mapping[WorkerId, float] = field(default_factory=lambda: MappingProxyType({}))
    gone: tuple[WorkerId, ...] = ()
    draining: Draining = Draining.NO
    drain_until_at: float | None = None
    waiting: Mapping[WorkerId, Minder] = field(default_factory=lambda: MappingProxyType({}))

    def awaiting(self, workers: Iterable[WorkerId], until_at: float) -> Crew:
        return replace(self, awaited=dict.fromkeys(workers, until_at))

    def with_worker(self, worker: WorkerId, slots: int) -> Crew:
        return replace(self, slots={**self.slots, worker: slots})

    def without(self, worker: WorkerId) -> Crew:
        """It gets no leases, and nobody waits for it."""
        slots = {w: n for w, n in self.slots.items() if w != worker}
        return replace(self.heard(worker), slots=slots).with_waiting(worker, None)

    def with_waiting(self, worker: WorkerId, minder: Minder | None) -> Crew:
        """Its minder that has no command."""
        if self.waiting.get(worker) == minder:
            return self
        waiting = {w: other for w, other in self.waiting.items() if w != worker}
        return replace(self, waiting=waiting if minder is None else {**waiting, worker: minder})

    def burying(self, worker: WorkerId) -> Crew:
        """It is dead: a late word of it changes nothing."""
        return self if worker in self.gone else replace(self, gone=(*self.gone, worker)[-GONE_MAX:])

    def shifted(self, by_s: float) -> Crew:
        """The clock was set: what is waited for comes when it would have come."""
        drain_until_at = None if self.drain_until_at is None else self.drain_until_at + by_s
        awaited = {worker: at + by_s for worker, at in self.awaited.items()}
        return replace(self, awaited=awaited, drain_until_at=drain_until_at)

    def heard(self, worker: WorkerId) -> Crew:
        return replace(self, awaited={w: at for w, at in self.awaited.items() if w != worker})

    @property
    def next_due_at(self) -> float | None:
        moments = list(self.awaited.values())
        if self.draining is Draining.NO_STARTS and self.drain_until_at is not None:
            moments.append(self.drain_until_at)
        return min(moments, default=None)
