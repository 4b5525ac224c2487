"""Timers of one process: our own heap, because late timers of the transport come in reverse order and none can be
told from another."""

from __future__ import annotations

import heapq
from typing import Any

TIMERS_MAX = 100_000


class Timers:
    """Messages for later, in monotonic seconds. Pure but for its own state."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Any]] = []
        self._count = 0

    def add(self, at: float, message: Any) -> bool:
        """``message`` is due at ``at``; True when it is now the first to become due."""
        if len(self._heap) >= TIMERS_MAX:
            raise RuntimeError(f"more than {TIMERS_MAX} timers in one process")
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, message))
        return self._heap[0][1] == self._count

    def due(self, now: float) -> list[Any]:
        """The messages due by ``now``, earliest first; they are gone from here."""
        ready = []
        while self._heap and self._heap[0][0] <= now:
            ready.append(heapq.heappop(self._heap)[2])
        return ready

    def next_at(self) -> float | None:
        return self._heap[0][0] if self._heap else None
