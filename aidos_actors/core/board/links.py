"""Which tasks of a requirement need which, by their positions in the file, and how much each still needs."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence

_NOBODY: array[int] = array("I")


class Links:
    """``needs``: what each task needs, all of them tasks of the same file, in its order. ``missing``: how many of these
    are not done, for each position."""

    def __init__(self, needs: Mapping[str, Sequence[str]]) -> None:
        self._starts = self._all = _NOBODY
        if any(needs.values()):
            self.missing = array("i", map(len, needs.values()))
            self._link(needs)
        else:
            self.missing = array("i", bytes(4 * len(needs)))

    @property
    def is_empty(self) -> bool:
        """No task needs another one."""
        return not self._all

    def dependents(self, position: int) -> array[int]:
        """The positions of those that need that task directly, in file order."""
        return self._all[self._starts[position] : self._starts[position + 1]] if self._all else _NOBODY

    def has_changed(self, position: int, done: int) -> None:
        """That task is done (1), or is done no more (-1)."""
        if self._all:
            for dependent in self.dependents(position):
                self.missing[dependent] -= done

    def _link(self, needs: Mapping[str, Sequence[str]]) -> None:
        places = {name: at for at, name in enumerate(needs)}
        needed = array("I", (places[need] for row in needs.values() for need in row))
        self._starts = starts = array("I", bytes(4 * (len(needs) + 1)))
        for at in needed:
            starts[at + 1] += 1
        for at in range(len(needs)):
            starts[at + 1] += starts[at]
        self._all = array("I", bytes(4 * len(needed)))
        free = array("I", starts)
        for edge, dependent in zip(needed, _repeated(map(len, needs.values())), strict=True):
            self._all[free[edge]] = dependent
            free[edge] += 1


def _repeated(counts: Iterable[int]) -> Iterable[int]:
    return (at for at, count in enumerate(counts) for _ in range(count))
