"""Which commit made a target red: the search, pure. The gate is asked about as few heads of the past as may be.

The line has ``length`` commits after where the target began, oldest first; index -1 is that beginning. The newest is
known to be red. First a head is looked for that the gate lets pass *now*: for if it lets none of them pass, the gate
itself is ill, or the target was red from the start, and nobody is to blame. Then the gap is halved. At most
``2 * ceil(log2(length + 1)) + 2`` runs of the gate.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace


class Search(Struct, frozen=True):
    """``red`` and ``green`` are the nearest indexes known to be so; ``hint`` is one that was green once, and may save
    the way back."""

    red: int
    green: int | None = None
    hint: int | None = None
    step: int = 1

    def judged(self, index: int, *, is_green: bool) -> Search:
        """What is known after the gate has seen the head at ``index``."""
        if is_green:
            return replace(self, green=index)
        step = 1 if index == self.hint else self.step * 2 if self.green is None else self.step
        return replace(self, red=index, hint=None, step=step)


class Ask(Struct, frozen=True):
    """The gate is to see the head at ``index``."""

    index: int


class Found(Struct, frozen=True):
    """The commit at ``index`` made it red; None: nobody did, as far as the gate can tell now."""

    index: int | None


def next_look(search: Search) -> Ask | Found:
    """How the search goes on."""
    if search.green is not None:
        gap = search.red - search.green
        return Found(search.red) if gap == 1 else Ask(search.green + gap // 2)
    if search.red == -1:
        return Found(None)
    if search.hint is not None:
        return Ask(search.hint)
    return Ask(max(-1, search.red - search.step))
