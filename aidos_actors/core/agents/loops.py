"""Whether an agent goes round in circles: the same steps with the same results, again and again.

A circle may be one to six steps long. Fed with one step after the other; the cost of each is the same however long the
agent works. Pure.
"""

from __future__ import annotations

from collections import deque

PERIOD_MAX = 6


class LoopWatch:
    """``repeats_max``: a circle that has been gone round so often is a loop; 0: nothing is."""

    def __init__(self, repeats_max: int) -> None:
        self._repeats_max = repeats_max
        self._recent: deque[int] = deque(maxlen=PERIOD_MAX)
        self._runs = [0] * (PERIOD_MAX + 1)

    def step(self, what: object) -> None:
        """``what`` was done, and came to what it came to: a hashable value that is equal for equal steps."""
        mark = hash(what)
        for period in range(1, PERIOD_MAX + 1):
            is_again = len(self._recent) >= period and self._recent[-period] == mark
            self._runs[period] = self._runs[period] + 1 if is_again else 0
        self._recent.append(mark)

    def restart(self) -> None:
        """Something has moved after all: what came before does not count."""
        self._recent.clear()
        self._runs = [0] * (PERIOD_MAX + 1)

    @property
    def period(self) -> int | None:
        """How many steps the loop is long; None: it is none."""
        if self._repeats_max < 2:
            return None
        for period in range(1, PERIOD_MAX + 1):
            if self._runs[period] >= (self._repeats_max - 1) * period:
                return period
        return None
