"""Which requirement is served next. Not a truth but an order over the rows; forgotten with the process.

Requirements of one priority form a *level*; one that was bumped is a level of its own, before all others. Levels are
ordered by the age of the oldest requirement that is waiting in them, a point of priority being worth a fixed time of
waiting. Within a level the one goes first that was served the longest ago, so that a plan of 100,000 tasks takes turns
with a small one; a newcomer comes after all that wait, so that a stream of newcomers holds up nobody.

A requirement waits in one *queue* for each executor it has a ready task for, apart by project if that has a limit. A
queue whose project or executor is full is passed over as a whole: what a choice costs depends on how many limits are
configured, and not on how many requirements or tasks wait.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterator, Mapping
from heapq import merge
from typing import Any

from msgspec import Struct, field

Queue = tuple[str | None, str]  # project with a limit, executor
LevelKey = tuple[float, int]  # when it was bumped, priority


class Place(Struct, frozen=True):
    """Where a requirement waits: ``born_at`` is its age, in wall seconds, less what its priority is worth."""

    name: str
    level: LevelKey
    born_at: float
    position: int
    project: str | None
    executors: frozenset[str]


class _Level(Struct):
    ages: list[tuple[float, int, str]] = field(default_factory=list)
    queues: dict[Queue, list[tuple[int, int, str]]] = field(default_factory=dict)


class Serving:
    """``projects_max`` and ``executors_max``: at most so many tasks at once. What is not named has no limit."""

    def __init__(self, projects_max: Mapping[str, int], executors_max: Mapping[str, int]) -> None:
        self.projects_max = projects_max
        self.executors_max = executors_max
        self._levels: dict[LevelKey, _Level] = {}
        self._places: dict[str, Place] = {}
        self._turns: dict[str, int] = {}
        self._turn = 0
        self._held_by_project: Counter[str] = Counter()
        self._held_by_executor: Counter[str] = Counter()

    def put(self, place: Place) -> None:
        """The requirement waits there and nowhere else; without executors it does not wait."""
        known = self._places.get(place.name)
        if known == place or (known is None and not place.executors):
            return
        if known is not None:
            self._leave(known)
        if place.executors:
            self._turns.setdefault(place.name, self._turn)
            self._join(place)

    def forget(self, name: str) -> None:
        """It has ended."""
        if name in self._places:
            self._leave(self._places[name])
        self._turns.pop(name, None)

    def hold(self, name: str, project: str | None, executor: str, change: int) -> None:
        """A task of it has been taken (1), or is no longer held (-1)."""
        if project is not None:
            self._held_by_project[project] += change
        self._held_by_executor[executor] += change
        if change > 0:
            known = self._places.get(name)
            if known is not None:
                self._leave(known)
            self._turn += 1
            self._turns[name] = self._turn
            if known is not None:
                self._join(known)

    def names(self) -> Iterator[str]:
        """The requirements something may be taken of, best first, each once. Lazy; nothing may change meanwhile."""
        levels = sorted(self._levels.items(), key=lambda item: (-item[0][0], item[1].ages[0]))
        for _key, level in levels:
            open_queues = (entries for queue, entries in level.queues.items() if self._is_open(queue))
            before: set[str] = set()
            for _turn, _position, name in merge(*open_queues):
                if name not in before:
                    before.add(name)
                    yield name

    def full_executors(self) -> frozenset[str]:
        limits = self.executors_max.items()
        return frozenset(name for name, most in limits if self._held_by_executor[name] >= most)

    def is_full(self, project: str | None) -> bool:
        most = None if project is None else self.projects_max.get(project)
        return project is not None and most is not None and self._held_by_project[project] >= most

    def _is_open(self, queue: Queue) -> bool:
        project, executor = queue
        most = self.executors_max.get(executor)
        return not self.is_full(project) and (most is None or self._held_by_executor[executor] < most)

    def _entry(self, place: Place) -> tuple[int, int, str]:
        return self._turns[place.name], place.position, place.name

    def _join(self, place: Place) -> None:
        self._places[place.name] = place
        level = self._levels.setdefault(place.level, _Level())
        insort(level.ages, (place.born_at, place.position, place.name))
        for executor in place.executors:
            insort(level.queues.setdefault((place.project, executor), []), self._entry(place))

    def _leave(self, place: Place) -> None:
        del self._places[place.name]
        level = self._levels[place.level]
        _remove(level.ages, (place.born_at, place.position, place.name))
        for executor in place.executors:
            entries = level.queues[place.project, executor]
            _remove(entries, self._entry(place))
            if not entries:
                del level.queues[place.project, executor]
        if not level.ages:
            del self._levels[place.level]


def _remove(entries: list[Any], entry: tuple[float, int, str]) -> None:
    at = bisect_left(entries, entry)
    assert entries[at] == entry
    del entries[at]
