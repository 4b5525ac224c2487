"""Which task goes to which worker next. Pure: the candidates come in order, and one lease is chosen.

A task that must be *alone* (a callable that took workers down with it) gets an idle worker. While there is none, the
least loaded worker is kept free of new work, so that it becomes idle; the others go on.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from aidos_actors.core.orders import WorkerId


class Candidate(Struct, frozen=True):
    """A task that may run now as far as its requirement is concerned."""

    requirement: str
    task: str
    must_be_alone: bool = False


class Load(Struct, frozen=True):
    """How full a live worker is. ``is_alone``: it holds a task that must be alone, so it takes nothing else."""

    worker: WorkerId
    slots: int
    held: int
    is_alone: bool = False

    @property
    def has_room(self) -> bool:
        return self.held < self.slots and not self.is_alone


class Lease(Struct, frozen=True):
    requirement: str
    task: str
    worker: WorkerId


def next_lease(candidates: Iterable[Candidate], crew: Iterable[Load]) -> Lease | None:
    """The first candidate some worker can take, with the least loaded such worker; None when there is no such pair.

    ``candidates`` is read only as far as needed. The same arguments give the same answer.
    """
    free = sorted((load for load in crew if load.has_room), key=lambda load: (load.held, load.worker))
    for candidate in candidates:
        if not free:
            return None
        if not candidate.must_be_alone or free[0].held == 0:
            return Lease(candidate.requirement, candidate.task, free[0].worker)
        del free[0]  # kept free of new work until it is idle
    return None
