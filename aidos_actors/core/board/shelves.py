"""Ready tasks of one requirement by the executor that does them, so that one which is full hides none of another."""

from __future__ import annotations

from collections.abc import Collection

from aidos_actors.core.board.ready import Lanes

NOTHING: frozenset[str] = frozenset()


class Shelves:
    """As ``Lanes``, whose promises hold, with an executor for each task."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lanes] = {}
        self._held: set[str] = set()

    def add(self, rank: int, lane: str | None, executor: str) -> None:
        lanes = self._lanes.get(executor)
        if lanes is None:
            lanes = self._lanes[executor] = Lanes()
            for held in self._held:
                lanes.hold(held)
        lanes.add(rank, lane)

    def discard(self, position: int) -> None:
        for lanes in self._lanes.values():
            lanes.discard(position)

    def hold(self, lane: str) -> None:
        self._held.add(lane)
        for lanes in self._lanes.values():
            lanes.hold(lane)

    def free(self, lane: str) -> None:
        self._held.discard(lane)
        for lanes in self._lanes.values():
            lanes.free(lane)

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    def of(self, executor: str) -> Lanes:
        """The ready tasks of one executor; none may be added here."""
        return self._lanes.get(executor, _NO_LANES)

    def first(self, full: Collection[str] = NOTHING) -> int | None:
        """The rank of the next task whose executor is not among ``full``, or None; it stays until ``discard``."""
        firsts = (lanes.first() for executor, lanes in self._lanes.items() if executor not in full)
        return min((first for first in firsts if first is not None), default=None)

    def executors(self) -> frozenset[str]:
        """Those that have something to do."""
        return frozenset(executor for executor, lanes in self._lanes.items() if lanes.first() is not None)


_NO_LANES = Lanes()
