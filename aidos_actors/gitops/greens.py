"""Trees that a gate has let pass, remembered by one process: what need not be asked twice."""

from __future__ import annotations

KEPT_MAX = 1000


class Greens:
    """Of one gate on one repository; memory only, the oldest forgotten first. Thread: one job at a time."""

    def __init__(self) -> None:
        self._trees: dict[str, None] = {}

    def note(self, tree: str) -> None:
        self._trees.pop(tree, None)
        self._trees[tree] = None
        while len(self._trees) > KEPT_MAX:
            del self._trees[next(iter(self._trees))]

    def forget(self, tree: str) -> None:
        """The gate has refused what it once let pass."""
        self._trees.pop(tree, None)

    def has(self, tree: str) -> bool:
        return tree in self._trees
