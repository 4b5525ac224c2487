"""Ready tasks of one requirement, best first, in lanes: two tasks of one lane never overlap.

An index, not a truth: it is rebuilt from the rows at any time. Every operation is O(log n) on average; what was
discarded stays in the heaps until it comes to the top.
"""

from __future__ import annotations

from heapq import heappop, heappush

from aidos_actors.core.requirement import Mode, Task

TURNS = "\0turns"
CONFLICTS_BEFORE_TURNS = 2
Rank = tuple[float, int, int]
Entry = tuple[Rank, str, str | None]


def lane_of(mode: Mode, task: Task) -> str | None:
    """What the task must not overlap with: None is nothing, a serial requirement is one lane."""
    if mode is Mode.SERIAL:
        return ""
    return task.group if mode is Mode.MIXED else None


def turns_of(lane: str | None, conflicts: int) -> str | None:
    """The lane of a task that did not merge ``conflicts`` times with what others published meanwhile: from the second
    time on it takes turns with others of its requirement that did not either, lest all are done again for each one that
    is published. One that is in a lane has its turn there."""
    return TURNS if lane is None and conflicts >= CONFLICTS_BEFORE_TURNS else lane


def rank_of(mode: Mode, task: Task, position: int, bumped_at: float | None) -> Rank:
    """The smaller goes first: what was bumped last; then file order when serial, else the higher priority and then
    file order."""
    return (-(bumped_at or 0.0), 0 if mode is Mode.SERIAL else -task.priority, position)


class Line:
    """Entries, the smallest first. Many that come before the next is asked for are sorted once; else O(log n)."""

    def __init__(self) -> None:
        self._new: list[Entry] = []
        self._sorted: list[Entry] = []
        self._heap: list[Entry] = []

    def add(self, entry: Entry) -> None:
        self._new.append(entry)

    def first(self) -> Entry | None:
        if self._new:
            self._take_in()
        return self._sorted[-1] if self._is_sorted_first() else self._heap[0] if self._heap else None

    def drop_first(self) -> None:
        """What ``first`` has just returned is here no more."""
        if self._is_sorted_first():
            self._sorted.pop()
        else:
            heappop(self._heap)

    def _is_sorted_first(self) -> bool:
        return bool(self._sorted) and (not self._heap or not self._heap[0] < self._sorted[-1])

    def _take_in(self) -> None:
        if self._sorted:
            for entry in self._new:
                heappush(self._heap, entry)
        else:
            self._new.sort(reverse=True)
            self._sorted = self._new
        self._new = []


class Lanes:
    """Which ready task is next. A held lane offers none; the lane None is never held."""

    def __init__(self) -> None:
        self._ready: dict[str, Entry] = {}
        self._by_lane: dict[str, list[Entry]] = {}
        self._shown: dict[str, Entry] = {}  # the one entry of each free lane that stands in _front
        self._front = Line()
        self._held: set[str] = set()

    def __len__(self) -> int:
        return len(self._ready)

    def add(self, task: str, rank: Rank, lane: str | None) -> None:
        entry = self._ready[task] = (rank, task, lane)
        if lane is None:
            self._front.add(entry)
            return
        heappush(self._by_lane.setdefault(lane, []), entry)
        if lane not in self._held:
            self._show(lane)

    def discard(self, task: str) -> None:
        self._ready.pop(task, None)

    def hold(self, lane: str) -> None:
        self._held.add(lane)
        self._shown.pop(lane, None)

    def free(self, lane: str) -> None:
        self._held.discard(lane)
        self._show(lane)

    def first(self) -> tuple[Rank, str] | None:
        """Rank and name of the next task, or None; it stays until ``discard``."""
        while (entry := self._front.first()) is not None:
            rank, task, lane = entry
            is_shown = lane is None or self._shown.get(lane) is entry
            if is_shown and self._ready.get(task) is entry:
                return rank, task
            self._front.drop_first()
            if is_shown and lane is not None:
                self._show(lane)
        return None

    def _show(self, lane: str) -> None:
        heap = self._by_lane.get(lane, [])
        while heap and self._ready.get(heap[0][1]) is not heap[0]:
            heappop(heap)
        if not heap:
            self._by_lane.pop(lane, None)
            self._shown.pop(lane, None)
        elif self._shown.get(lane) is not heap[0]:
            self._shown[lane] = heap[0]
            self._front.add(heap[0])
