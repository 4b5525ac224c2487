"""Which git order is carried out when: one at a time per repository and kind, and per attempt. Pure.

Work on worktrees and work on targets are two lanes, so that a long gate does not hold up the start of other tasks. What
waits for one target and one gate is taken together, as the merge queue says. The same order again, while the first
waits or is under way, is the same order; one of a newer epoch lends it its authority. To integrate a result and to say
that it is not wanted are the same order, too: what was said last counts.

Every order that is wanted waits, is under way, or is put off until a moment that somebody keeps. One that is in none of
these places would wait for ever: ``strays`` finds it, and hearing of it again brings it back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from aidos_actors.actors.words import GitWork
from aidos_actors.core.merge_queue import Clashes, compose
from aidos_actors.core.orders import AttemptKey, Discard, Integrate, Prepare
from aidos_actors.core.target_orders import Push, Revert, Sweep, Watch

KINDS: dict[type, str] = {
    Prepare: "prepare",
    Integrate: "integrate",
    Discard: "discard",
    Watch: "watch",
    Revert: "revert",
    Push: "push",
    Sweep: "sweep",
}
ON_TARGETS = (Integrate, Watch, Revert)


class Lanes:
    def __init__(self) -> None:
        self._wanted: dict[str, GitWork] = {}
        self._waiting: dict[str, deque[str]] = {}
        self._busy: dict[str, tuple[GitWork, ...]] = {}
        self._put_off: set[str] = set()
        self._alone: set[str] = set()
        self._once_more: set[str] = set()
        self._clashes = Clashes()
        self.newest_epoch = 0

    def take(self, work: GitWork) -> None:
        """``work`` waits its turn; one of an epoch that is over is forgotten."""
        self.newest_epoch = max(self.newest_epoch, work.epoch)
        if work.epoch < self.newest_epoch:
            return
        name = name_of(work)
        if isinstance(work.order, Prepare):
            self._drop_sweep(work.order)
        if self._lane_of(name) != _lane(work):
            self._leave(name)
        self._wanted[name] = work
        if not self._has_place(name):
            self.again(name)
        elif isinstance(work.order, Push) and self._is_under_way(name):
            self._once_more.add(name)  # what was published meanwhile it may not have seen

    def _drop_sweep(self, order: Prepare) -> None:
        """A worktree is to be made of which a sweep that waits does not know."""
        for name, work in tuple(self._wanted.items()):
            sweep = work.order
            is_blind = isinstance(sweep, Sweep) and sweep.repo == order.repo and order.path not in sweep.live
            if is_blind and sweep.key.requirement in ("", order.key.requirement) and not self._is_under_way(name):
                self.drop(work)

    def drop(self, work: GitWork) -> None:
        """Nobody wants it any more: it does not wait, nor does it again when what is under way of it has ended."""
        self._leave(name_of(work))
        self.forget(work)

    def _leave(self, name: str) -> None:
        """It has no place but where it is under way."""
        self._put_off.discard(name)
        waiting = self._waiting.get(self._lane_of(name), deque())
        if name in waiting:
            waiting.remove(name)

    def _lane_of(self, name: str) -> str:
        """Where it belongs as it is wanted; nowhere when it is not."""
        return _lane(self._wanted[name]) if name in self._wanted else ""

    def again(self, name: str) -> None:
        """The order ``name``, taken before and not forgotten, waits its turn once more."""
        self._put_off.discard(name)
        if name not in self._wanted or self._has_place(name):
            return
        waiting = self._waiting.setdefault(self._lane_of(name), deque())
        is_urgent = isinstance(self._wanted[name].order, Revert)  # until then everybody else works on a red target
        (waiting.appendleft if is_urgent else waiting.append)(name)

    def back(self, works: Sequence[GitWork]) -> None:
        """They were under way and nothing is wrong with them: they wait before all others, in their order."""
        for work in reversed(works):
            if lane := self._lane_of(name_of(work)):
                self._waiting.setdefault(lane, deque()).appendleft(name_of(work))

    def put_off(self, work: GitWork) -> None:
        """It failed for reasons of the machine: ``again`` will be called, and then it goes without company. What is
        wanted in its place has not failed, and does not wait."""
        name = name_of(work)
        self._alone.add(name)
        if self._lane_of(name) == _lane(work):
            self._put_off.add(name)
        else:
            self.again(name)

    def next(self, may_begin: Callable[[str], bool] = lambda _operation: True) -> list[tuple[str, tuple[GitWork, ...]]]:
        """What may start now, as (lane, orders that are carried out together); each is under way from here on.
        ``may_begin`` is asked for the operation of an order that would start, and has it wait by saying no."""
        starts = []
        for lane, names in self._waiting.items():
            first = None if lane in self._busy else self._first(names, may_begin)
            if first is None:
                continue
            works = tuple(self._wanted[name] for name in self._together(first, names))
            for work in works:
                names.remove(name_of(work))
            self._busy[lane] = works
            starts.append((lane, works))
        return starts

    def _first(self, names: deque[str], may_begin: Callable[[str], bool]) -> str | None:
        under_way = self._keys_under_way()
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

    def _together(self, first: str, names: deque[str]) -> Sequence[str]:
        work = self._wanted[first]
        if not isinstance(work.order, Integrate):
            return [first]
        under_way, company = self._keys_under_way(), company_of(work)
        works = [self._wanted[name] for name in names]
        fit = [name_of(each) for each in works if company_of(each) == company and each.order.key not in under_way]
        fit = fit[fit.index(first) :]
        return compose(fit, self._clashes, lambda name: _task_of(self._wanted[name].order.key), alone=self._alone)

    def _keys_under_way(self) -> set[AttemptKey]:
        return {work.order.key for works in self._busy.values() for work in works}

    def in_vain(self) -> list[str]:
        """Lanes in which something is under way that is not wanted any more."""
        busy = self._busy.items()
        return [lane for lane, works in busy if any(self._lane_of(name_of(each)) != lane for each in works)]

    @property
    def is_busy(self) -> bool:
        """Whether any order is under way."""
        return bool(self._busy)

    def knows(self, work: GitWork) -> bool:
        """Whether this very order was taken before and waits still, or is under way."""
        return self._wanted.get(name_of(work)) == work

    @property
    def has_waiting(self) -> bool:
        """Whether an order could be under way and is not."""
        return any(self._waiting.values())

    def about(self, operation: str) -> tuple[AttemptKey, ...]:
        """Whose orders stand or fall with ``operation``, whether they were begun or not."""
        return tuple(work.order.key for work in self._wanted.values() if operation_of(work) == operation)

    @property
    def is_idle(self) -> bool:
        """Whether nobody wants anything."""
        return not self._wanted

    def ended(self, lane: str) -> tuple[GitWork, ...]:
        """The orders that were under way in ``lane``, which is free now."""
        return self._busy.pop(lane)

    def forget(self, work: GitWork) -> None:
        """The order was answered, or needs none."""
        name = name_of(work)
        self._wanted.pop(name, None)
        self._put_off.discard(name)
        self._alone.discard(name)
        if name in self._once_more:
            self._once_more.discard(name)
            self.take(work)

    def fenced(self, work: GitWork) -> None:
        """Its epoch is over: it waits again if a newer scheduler wants the same, else it is forgotten."""
        if self._wanted.get(name_of(work), work).epoch > work.epoch:
            self.again(name_of(work))
        else:
            self.forget(work)

    def clashed(self, one: AttemptKey, other: AttemptKey) -> None:
        """They did not merge with each other."""
        self._clashes.note(_task_of(one), _task_of(other))

    def strays(self) -> list[str]:
        """Orders that are wanted and have no place: they would wait for ever."""
        return [name for name in self._wanted if not self._has_place(name)]

    def _is_under_way(self, name: str) -> bool:
        return any(name_of(work) == name for works in self._busy.values() for work in works)

    def _has_place(self, name: str) -> bool:
        waiting = self._waiting.get(self._lane_of(name), ())
        return self._is_under_way(name) or name in self._put_off or name in waiting


def name_of(work: GitWork) -> str:
    """What makes two orders the same."""
    key = work.order.key
    if isinstance(work.order, Push | Sweep):
        return f"{operation_of(work)} {key.requirement}"
    return f"{KINDS[type(work.order)]} {key.requirement}/{key.task}/{key.number}"


def operation_of(work: GitWork) -> str:
    """What fails together: one kind of order on one repository."""
    return f"{KINDS[type(work.order)] if _is_wanted(work) else 'withdraw'} {work.order.repo or 'folders'}"


def company_of(work: GitWork) -> tuple[object, ...]:
    """Orders for which this is the same may be carried out together: one target, one gate, one authority."""
    order = work.order
    if not isinstance(order, Integrate) or not order.is_wanted:
        return (name_of(work),)
    return order.repo, order.target, order.verify, work.epoch, work.installation


def _task_of(key: AttemptKey) -> tuple[str, str]:
    return key.requirement, key.task


def _is_wanted(work: GitWork) -> bool:
    return not isinstance(work.order, Integrate) or work.order.is_wanted


def _lane(work: GitWork) -> str:
    if isinstance(work.order, Push):
        return f"remote {work.order.repo}"
    if not _is_wanted(work):
        return f"withdrawn {work.order.repo}"  # it only looks at the target, and waits for nobody's gate
    return f"{'target' if isinstance(work.order, ON_TARGETS) else 'worktrees'} {work.order.repo}"
