"""Timers of one process: our own heap, because late timers of the transport come in reverse order and none can be
told from another."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from typing import Any

TIMERS_MAX = 100_000


class Timers:
    """Messages for later, in monotonic seconds. Pure but for its own state."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Any]] = []
        self._count = 0
        self._alarm_at: float | None = None

    def add(self, at: float, message: Any) -> None:
        """``message`` is due at ``at``. ValueError when that is no moment."""
        if not math.isfinite(at):
            raise ValueError(f"at={at!r} is no moment")
        if len(self._heap) >= TIMERS_MAX:
            raise RuntimeError(f"more than {TIMERS_MAX} timers in one process")
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, message))

    def __len__(self) -> int:
        return len(self._heap)

    def keep(self, is_wanted: Callable[[Any], bool]) -> None:
        """Only the messages that are wanted come; a wake-up that was asked for the others comes early."""
        self._heap = [each for each in self._heap if is_wanted(each[2])]
        heapq.heapify(self._heap)

    def due(self, now: float) -> list[Any]:
        """The messages due by ``now``, earliest first; they are gone from here."""
        ready = []
        while self._heap and self._heap[0][0] <= now:
            ready.append(heapq.heappop(self._heap)[2])
        return ready

    def next_at(self) -> float | None:
        return self._heap[0][0] if self._heap else None

    def alarm(self) -> float | None:
        """The moment for which a wake-up must be asked for now, and counts as asked for; None when one that comes early
        enough is on its way. A process that asked at every turn would be woken more often each time."""
        next_at = self.next_at()
        if next_at is None or (self._alarm_at is not None and self._alarm_at <= next_at):
            return None
        self._alarm_at = next_at
        return next_at

    def rung(self, at: float) -> None:
        """The wake-up asked for at the moment ``at`` has come, perhaps a little early; an older one changes nothing."""
        if at == self._alarm_at:
            self._alarm_at = None
