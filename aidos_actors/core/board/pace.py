"""How many callables may travel to a worker together: as many as it is thought to finish in a moment.

Begun with one, then with as many as were seen to return and twice that, so that a slow function is never sent in a
crowd. Not kept in the rows: a new Scheduler learns it anew.
"""

from __future__ import annotations

from collections.abc import Iterable

from aidos_actors.core.orders import CallSpan

TOGETHER_MAX = 1024
SPAN_S = 0.02
NEWEST = 0.25
FUNCTIONS_MAX = 1000


class Paces:
    """The mean duration of each function, newer calls counting more. One thread."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, float]] = {}

    def learn(self, spans: Iterable[CallSpan]) -> None:
        for function, calls, span_s in spans:
            seen, mean_s = self._known.pop(function, (0, span_s / calls))
            if len(self._known) >= FUNCTIONS_MAX:
                del self._known[next(iter(self._known))]
            self._known[function] = (seen + calls, mean_s + NEWEST * (span_s / calls - mean_s))

    def together_max(self, function: str) -> int:
        """At least 1."""
        seen, mean_s = self._known.get(function, (0, SPAN_S))
        return max(1, min(TOGETHER_MAX, 1 + 2 * seen, int(SPAN_S / max(mean_s, SPAN_S / TOGETHER_MAX))))
