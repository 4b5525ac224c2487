"""Which task goes to which worker next. Pure: the candidates come in order, and one lease is chosen.

A task that must be *alone* (a callable that took workers down with it) gets an idle worker. While there is none, the
least loaded worker is kept free of new work, so that it becomes idle; the others go on. It comes after its siblings,
and after everything else where it would leave no worker to that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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


def in_turn(first: int | None, alone: int | None, *, is_serial: bool) -> list[tuple[int, bool]]:
    """The ranks of a requirement's first task and of the first that must be alone, whether it is that, best first. The
    latter waits for its siblings, each of which may be done meanwhile, unless somebody has bumped it; of a serial
    requirement only the next in file order is there."""
    ranks = [(rank, is_alone) for rank, is_alone in ((first, False), (alone, True)) if rank is not None]
    ranks.sort(key=lambda each: (each[1] and each[0] >= 0 and not is_serial, each[0]))
    return ranks[:1] if is_serial else ranks


def alone_last(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """The same in order, but those that must be alone after all others. Read only as far as needed."""
    alone = []
    for each in candidates:
        if each.must_be_alone:
            alone.append(each)
        else:
            yield each
    yield from alone


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
