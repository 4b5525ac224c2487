"""The lanes of one requirement: who holds which, so that no two tasks of one lane overlap."""

from __future__ import annotations

from aidos_actors.core.ready import TURNS, Lanes, turns_of
from aidos_actors.core.records import TaskRecord
from aidos_actors.core.shelves import Shelves


class Laned:
    """What an ``OpenRequirement`` does about lanes, in its own indexes."""

    tasks: dict[str, TaskRecord]
    _lanes: dict[str, str | None]
    _holders: dict[str, int]
    _taking_turns: set[tuple[str, int]]
    _ready: Shelves
    _ready_alone: Lanes

    def _occupy(self, attempt: tuple[str, int], change: int) -> None:
        """The attempt holds its lane, or that of those who take turns, until it is over: then the same one is free."""
        task = self.tasks.get(attempt[0])  # an attempt is loaded before its task
        if change > 0 and task is not None and turns_of(self._lanes[task.id], task.conflicts) == TURNS:
            self._taking_turns.add(attempt)
        lane = TURNS if attempt in self._taking_turns else self._lanes[attempt[0]]
        if change < 0:
            self._taking_turns.discard(attempt)
        self._hold(lane, change)

    def _hold(self, lane: str | None, change: int) -> None:
        if lane is None or not change:
            return
        before = self._holders.get(lane, 0)
        self._holders[lane] = before + change
        if before == 0:
            self._ready.hold(lane)
            self._ready_alone.hold(lane)
        elif before + change == 0:
            del self._holders[lane]
            self._ready.free(lane)
            self._ready_alone.free(lane)
