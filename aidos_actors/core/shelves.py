"""Ready tasks of one requirement by the executor that does them, so that one which is full hides none of another."""

from __future__ import annotations

from collections.abc import Collection

from aidos_actors.core.ready import Lanes, Rank

NOTHING: frozenset[str] = frozenset()


class Shelves:
    """As ``Lanes``, whose promises hold, with an executor for each task."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lanes] = {}
        self._of: dict[str, str] = {}
        self._held: set[str] = set()

    def add(self, task: str, rank: Rank, lane: str | None, executor: str) -> None:
        if executor not in self._lanes:
            lanes = self._lanes[executor] = Lanes()
            for held in self._held:
                lanes.hold(held)
        self._of[task] = executor
        self._lanes[executor].add(task, rank, lane)

    def discard(self, task: str) -> None:
        executor = self._of.pop(task, None)
        if executor is not None:
            self._lanes[executor].discard(task)

    def hold(self, lane: str) -> None:
        self._held.add(lane)
        for lanes in self._lanes.values():
            lanes.hold(lane)

    def free(self, lane: str) -> None:
        self._held.discard(lane)
        for lanes in self._lanes.values():
            lanes.free(lane)

    def __len__(self) -> int:
        return len(self._of)

    def of(self, executor: str) -> Lanes:
        """The ready tasks of one executor; to be read only."""
        return self._lanes.get(executor, _NO_LANES)

    def first(self, full: Collection[str] = NOTHING) -> tuple[Rank, str] | None:
        """Rank and name of the next task whose executor is not among ``full``, or None; it stays until ``discard``."""
        firsts = (lanes.first() for executor, lanes in self._lanes.items() if executor not in full)
        return min((first for first in firsts if first is not None), default=None)

    def executors(self) -> frozenset[str]:
        """Those that have something to do."""
        return frozenset(executor for executor, lanes in self._lanes.items() if lanes.first() is not None)


_NO_LANES = Lanes()
