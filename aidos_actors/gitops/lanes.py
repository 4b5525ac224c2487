"""Which git order is carried out when: one at a time per repository and kind, and per attempt. Pure.

Work on worktrees and work on targets are two lanes, so that a long gate does not hold up the start of other tasks. The
same order again, while the first waits or is under way, is the same order; one of a newer epoch lends it its authority.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from aidos_actors.actors.words import GitWork
from aidos_actors.core.orders import Discard, Integrate, Prepare

KINDS: dict[type, str] = {Prepare: "prepare", Integrate: "integrate", Discard: "discard"}


class Lanes:
    def __init__(self) -> None:
        self._wanted: dict[str, GitWork] = {}
        self._waiting: dict[str, deque[str]] = {}
        self._busy: dict[str, GitWork] = {}
        self._newest_epoch = 0

    def take(self, work: GitWork) -> None:
        """``work`` waits its turn; one of an epoch that is over is forgotten."""
        self._newest_epoch = max(self._newest_epoch, work.epoch)
        if work.epoch < self._newest_epoch:
            return
        name = name_of(work)
        is_known = name in self._wanted
        self._wanted[name] = work
        if not is_known:
            self.again(name)

    def again(self, name: str) -> None:
        """The order ``name``, taken before and not forgotten, waits its turn once more."""
        if name in self._wanted:
            self._waiting.setdefault(_lane(self._wanted[name]), deque()).append(name)

    def next(self, may_begin: Callable[[str], bool] = lambda _operation: True) -> list[tuple[str, GitWork]]:
        """What may start now, as (lane, order); each is under way from here on. ``may_begin`` is asked for the
        operation of an order that would start, and has it wait by saying no."""
        starts = []
        for lane, names in self._waiting.items():
            name = None if lane in self._busy else self._first(names, may_begin)
            if name is not None:
                names.remove(name)
                work = self._busy[lane] = self._wanted[name]
                starts.append((lane, work))
        return starts

    def _first(self, names: deque[str], may_begin: Callable[[str], bool]) -> str | None:
        under_way = {work.order.key for work in self._busy.values()}
        refused: set[str] = set()
        for name in names:
            work = self._wanted[name]
            operation = operation_of(work)
            if work.order.key in under_way or operation in refused:
                continue
            if may_begin(operation):
                return name
            refused.add(operation)
        return None

    @property
    def is_busy(self) -> bool:
        """Whether any order is under way."""
        return bool(self._busy)

    def ended(self, lane: str) -> GitWork:
        """The order that was under way in ``lane``, which is free now."""
        return self._busy.pop(lane)

    def forget(self, work: GitWork) -> None:
        """The order was answered, or needs none."""
        self._wanted.pop(name_of(work), None)

    def fenced(self, work: GitWork) -> None:
        """Its epoch is over: it waits again if a newer scheduler wants the same, else it is forgotten."""
        if self._wanted[name_of(work)].epoch > work.epoch:
            self.again(name_of(work))
        else:
            self.forget(work)


def name_of(work: GitWork) -> str:
    """What makes two orders the same."""
    key = work.order.key
    return f"{KINDS[type(work.order)]} {key.requirement}/{key.task}/{key.number}"


def operation_of(work: GitWork) -> str:
    """What fails together: one kind of order on one repository."""
    return f"{KINDS[type(work.order)]} {work.order.repo or 'folders'}"


def _lane(work: GitWork) -> str:
    return f"{'target' if isinstance(work.order, Integrate) else 'worktrees'} {work.order.repo}"
