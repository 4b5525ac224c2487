"""Moments at which something is due, so that one timer is enough and nothing polls."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import NamedTuple


class Alarm(NamedTuple):
    """``task`` is empty when the requirement's deadline is meant. Moments are wall-clock seconds."""

    at: float
    requirement: str
    task: str


class Alarms:
    """A heap whose dead entries are dropped at the top; ``is_live`` judges by the rows of that moment."""

    def __init__(self, is_live: Callable[[Alarm], bool]) -> None:
        self._heap: list[Alarm] = []
        self._is_live = is_live

    def put(self, alarm: Alarm) -> None:
        heappush(self._heap, alarm)

    def earliest(self) -> Alarm | None:
        """The next alarm that still counts. It stays: carrying it out is what makes it dead."""
        while self._heap and not self._is_live(self._heap[0]):
            heappop(self._heap)
        return self._heap[0] if self._heap else None
