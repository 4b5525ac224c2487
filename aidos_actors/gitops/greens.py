"""What a gate has said of trees, remembered by one process: what need not be asked twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from aidos_actors.core.target_orders import Sighting
from aidos_actors.gitops.outcomes import GateResult

KEPT_MAX = 1000
RED_FOR_S = 60.0  # so long a refusal is believed: what was wrong with the machine may be over; then twice as long
RED_FOR_MAX_S = 600.0
GREEN_FOR_S = 60.0  # who is blamed on a ground that was green longer ago is blamed only if it still is


class Greens:
    """Of one gate on one repository; memory only, the oldest forgotten first. Thread: one job at a time.

    ``not_ours_to_mend`` are commits that made the target red and cannot be taken back by us; ``red_since_s`` the
    monotonic moment since which the target itself has been found red, ``sighted`` what was seen of it last."""

    def __init__(
        self, not_ours_to_mend: dict[str, str] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.clock = clock
        self.not_ours_to_mend = {} if not_ours_to_mend is None else not_ours_to_mend
        self._trees: dict[str, float] = {}
        self._reds: dict[str, tuple[GateResult, float, float]] = {}
        self.red_since_s: float | None = None
        self.sighted: Sighting | None = None

    def note(self, tree: str, result: GateResult) -> None:
        """The gate has judged ``tree``."""
        self._trees.pop(tree, None)
        before = self._reds.pop(tree, None)
        if result.exit_code == 0:
            self._trees[tree] = self.clock()
        else:
            for_s = RED_FOR_S if before is None else min(RED_FOR_MAX_S, 2 * before[2])
            self._reds[tree] = (result, self.clock(), for_s)
        kept: dict[str, Any]
        for kept in (self._trees, self._reds, self.not_ours_to_mend):
            while len(kept) > KEPT_MAX:
                del kept[next(iter(kept))]

    def has(self, tree: str) -> bool:
        """Whether the gate let it pass when it was asked last."""
        return tree in self._trees

    def has_lately(self, tree: str) -> bool:
        """Whether it did so a moment ago."""
        return tree in self._trees and self.clock() - self._trees[tree] < GREEN_FOR_S

    def red(self, tree: str) -> GateResult | None:
        """What the gate said when it refused it, a moment ago."""
        result, at_s, for_s = self._reds.get(tree, (None, 0.0, 0.0))
        return result if self.clock() - at_s < for_s else None

    def turned_red(self) -> float:
        """For how long the target has been known to be red, in seconds; it is from now on."""
        if self.red_since_s is None:
            self.red_since_s = self.clock()
        return self.clock() - self.red_since_s

    def turned_green(self) -> None:
        self.red_since_s = None
