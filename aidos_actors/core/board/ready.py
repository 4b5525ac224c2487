"""Ready tasks of one requirement, best first, in lanes: two tasks of one lane never overlap.

An index, not a truth: it is rebuilt from the rows at any time. A task is its position in the file here, and what comes
before what is one number, so that 100,000 ready tasks are half a megabyte. Every operation is O(log n) on average; what
was discarded stays in the lines until it comes to the top.
"""

from __future__ import annotations

from array import array
from heapq import heappop, heappush

from aidos_actors.core.requirement import PRIORITY_MAX, TASKS_MAX, Mode

TURNS = "\0turns"
CONFLICTS_BEFORE_TURNS = 2
_POSITION_BITS = TASKS_MAX.bit_length()
_POSITION = (1 << _POSITION_BITS) - 1
_PLACE_BITS = _POSITION_BITS + PRIORITY_MAX.bit_length()
_MOMENTS_PER_S = 1 << 22  # what a float tells apart, in this century
_GONE, _READY, _TAKES_TURNS = range(3)


def lane_of(mode: Mode, group: str | None) -> str | None:
    """What the task must not overlap with: None is nothing, a serial requirement is one lane."""
    if mode is Mode.SERIAL:
        return ""
    return group if mode is Mode.MIXED else None


def turns_of(lane: str | None, conflicts: int) -> str | None:
    """The lane of a task that did not merge ``conflicts`` times with what others published meanwhile: from the second
    time on it takes turns with others of its requirement that did not either, lest all are done again for each one that
    is published. One that is in a lane has its turn there."""
    return TURNS if lane is None and conflicts >= CONFLICTS_BEFORE_TURNS else lane


def rank_of(mode: Mode, priority: int, position: int, bumped_at: float | None) -> int:
    """The smaller goes first: what was bumped last; then file order when serial, else the higher priority and then
    file order. Less than 2**25 for what was not bumped, negative for what was.

    >>> rank_of(Mode.MIXED, 60, 7, None) < rank_of(Mode.MIXED, 50, 3, None) < rank_of(Mode.MIXED, 50, 4, None)
    True
    >>> rank_of(Mode.SERIAL, 1, 9, bumped_at=2.0) < rank_of(Mode.SERIAL, 1, 3, bumped_at=1.0) < 0
    True
    """
    place = position if mode is Mode.SERIAL else (PRIORITY_MAX - priority) << _POSITION_BITS | position
    return place - (int(bumped_at * _MOMENTS_PER_S) << _PLACE_BITS) if bumped_at else place


def position_of(rank: int) -> int:
    """Where in the file the task stands that has this rank."""
    return rank & _POSITION


class Line:
    """Ranks, the smallest first. Many that come before the next is asked for are sorted once; else O(log n)."""

    def __init__(self) -> None:
        self._new: array[int] = array("I")
        self._sorted: array[int] = array("I")
        self._heap: list[int] = []

    def add(self, rank: int) -> None:
        if rank < 0:  # few are bumped, and their ranks are long
            heappush(self._heap, rank)
        else:
            self._new.append(rank)

    def first(self) -> int | None:
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
            for rank in self._new:
                heappush(self._heap, rank)
        else:
            self._sorted = array("I", sorted(self._new, reverse=True))
        self._new = array("I")


class Lanes:
    """Which ready task is next. A held lane offers none; the lane None is never held. A task is in its own lane, which
    never changes, or takes turns; a rank that was dropped may come again and stand in its line twice, which is the same
    as once."""

    def __init__(self) -> None:
        self._state = bytearray()  # by position
        self._count = 0
        self._bumped: dict[int, int] = {}  # position -> rank, where that is not the one of its place
        self._lines: dict[str | None, Line] = {}
        self._firsts: list[tuple[int, str]] = []  # a heap: the first of each free lane that is not in _unseen, and more
        self._unseen: set[str] = set()
        self._held: set[str] = set()

    def __len__(self) -> int:
        return self._count

    def add(self, rank: int, lane: str | None) -> None:
        position = rank & _POSITION
        if position >= len(self._state):
            self._state.extend(bytes(position + 1 - len(self._state)))
        elif self._state[position]:
            self.discard(position)
        self._state[position] = _TAKES_TURNS if lane == TURNS else _READY
        self._count += 1
        if rank < 0:
            self._bumped[position] = rank
        line = self._lines.get(lane)
        if line is None:
            line = self._lines[lane] = Line()
        line.add(rank)
        if lane is not None:
            self._unseen.add(lane)

    def discard(self, position: int) -> None:
        if position < len(self._state) and self._state[position]:
            self._state[position] = _GONE
            self._count -= 1
            if self._bumped:
                self._bumped.pop(position, None)

    def hold(self, lane: str) -> None:
        self._held.add(lane)

    def free(self, lane: str) -> None:
        self._held.discard(lane)
        self._unseen.add(lane)

    def first(self) -> int | None:
        """The rank of the next task, or None; it stays until ``discard``."""
        if not self._count:
            return None
        alone = self._first_of(None)
        if not self._unseen and not self._firsts:
            return alone
        while self._unseen:
            self._show(self._unseen.pop())
        while self._firsts:
            rank, lane = self._firsts[0]
            if lane not in self._held and self._first_of(lane) == rank:
                return rank if alone is None or rank < alone else alone
            heappop(self._firsts)
            self._show(lane)
        return alone

    def _show(self, lane: str) -> None:
        if lane not in self._held and (first := self._first_of(lane)) is not None:
            heappush(self._firsts, (first, lane))

    def _first_of(self, lane: str | None) -> int | None:
        line = self._lines.get(lane)
        if line is None:
            return None
        wanted = _READY if lane is None or lane != TURNS else _TAKES_TURNS
        while (rank := line.first()) is not None:
            position = rank & _POSITION
            if self._state[position] == wanted and self._bumped.get(position) == (rank if rank < 0 else None):
                return rank
            line.drop_first()
        if lane is not None:
            del self._lines[lane]
        return None
