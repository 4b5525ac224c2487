"""The merge queue's judgement, pure: who is stacked together, what the gate sees next, and who is to blame.

Results that wait for one target and one gate are stacked: one commit a task, each on the one before. The gate is run
once, on the top. Green: all are published, by one move of the target, so that it never shows what the gate has not
seen. Red: the shortest red part of the stack is searched by halving; what lies under its last commit is green and
published, that last one is to blame, and those above it wait for the next stack. With k to blame among n results the
gate runs at most ``(k + 1) * (1 + ceil(log2(n)))`` times, and once more for each head whose colour nobody knows.

| an item is | until |
|---|---|
| waiting | it is stacked, or needs no gate: it adds nothing, is on the target already, conflicts, is gone |
| stacked | its stack is published, or it is blamed, or it goes back because another one was |
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from aidos_actors.core.errors import IllegalTransition

BATCH_MAX = 16
CLASHES_BEFORE_SERIAL = 2
CLASHES_KEPT_MAX = 10_000


class ItemState(StrEnum):
    WAITING = "waiting"
    STACKED = "stacked"
    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    CONFLICTED = "conflicted"
    GUILTY = "guilty"
    REFUSED = "refused"


S = ItemState
ITEM_TRANSITIONS: Mapping[ItemState, Mapping[str, ItemState]] = {
    S.WAITING: {
        "stack": S.STACKED,
        "find": S.PUBLISHED,
        "add_nothing": S.UNCHANGED,
        "conflict": S.CONFLICTED,
        "refuse": S.REFUSED,
    },
    S.STACKED: {"publish": S.PUBLISHED, "blame": S.GUILTY, "go_back": S.WAITING},
    S.PUBLISHED: {},
    S.UNCHANGED: {},
    S.CONFLICTED: {},
    S.GUILTY: {},
    S.REFUSED: {},
}


def next_item_state(state: ItemState, event: str) -> ItemState:
    """The state after ``event``. Raises ``IllegalTransition`` when the table has no such row."""
    row = ITEM_TRANSITIONS[state]
    if event not in row:
        raise IllegalTransition(f"an item of the merge queue that is {state.value} has no event {event!r}")
    return row[event]


class Ground(StrEnum):
    """What is known of the head that a stack stands on."""

    GREEN = "green"
    RED = "red"
    UNKNOWN = "unknown"
    BASE = "base"  # nothing was published on it yet: what the gate says of it is the requirement's own affair


class Train(Struct, frozen=True):
    """A stack of ``size`` commits under judgement: its first ``green`` are known to pass together, its first ``red``
    not to. ``gate_runs`` counts what was asked."""

    size: int
    ground: Ground = Ground.UNKNOWN
    green: int = 0
    red: int | None = None
    gate_runs: int = 0

    def judged(self, length: int, *, is_green: bool) -> Train:
        """What is known after the gate has seen the first ``length`` (0: the ground alone)."""
        runs = self.gate_runs + 1
        if length == 0:
            return replace(self, ground=Ground.GREEN if is_green else Ground.RED, gate_runs=runs)
        if is_green:
            return replace(self, green=length, gate_runs=runs)
        return replace(self, red=length, gate_runs=runs)


class AskGate(Struct, frozen=True):
    """The gate is to see the first ``length`` commits of the stack; 0: the ground alone."""

    length: int


class Settle(Struct, frozen=True):
    """The first ``publish`` commits go onto the target, the one at index ``blamed`` is to blame, the rest waits. With
    ``is_ground_red`` nobody is to blame: the target was red before."""

    publish: int
    blamed: int | None = None
    is_ground_red: bool = False


def next_move(train: Train, *, has_gate: bool) -> AskGate | Settle:
    """What to do with the stack as far as it is known."""
    if train.red is None:
        is_through = not has_gate or train.green == train.size
        return Settle(train.size) if is_through else AskGate(train.size)
    if train.ground is Ground.UNKNOWN:
        return AskGate(0)
    if train.ground is Ground.RED:
        return Settle(0, None, is_ground_red=True)
    if train.red - train.green > 1:
        return AskGate((train.green + train.red) // 2)
    return Settle(train.green, train.green)


def gate_runs_max(size: int, guilty: int) -> int:
    """The most that ``size`` results, ``guilty`` of them to blame, cost in runs of the gate, on a ground that is
    known."""
    return (guilty + 1) * (1 + max(0, size - 1).bit_length())


class Clashes:
    """Which pairs of tasks have conflicted how often; those that did so twice are never in one stack again. Memory
    only: what is forgotten costs a merge that is tried in vain. The oldest are forgotten first."""

    def __init__(self) -> None:
        self._counts: dict[frozenset[Hashable], int] = {}

    def note(self, one: Hashable, other: Hashable) -> None:
        pair = frozenset((one, other))
        self._counts[pair] = self._counts.pop(pair, 0) + 1
        while len(self._counts) > CLASHES_KEPT_MAX:
            del self._counts[next(iter(self._counts))]

    def is_serial(self, one: Hashable, other: Hashable) -> bool:
        return self._counts.get(frozenset((one, other)), 0) >= CLASHES_BEFORE_SERIAL


Item = TypeVar("Item")


def compose(
    waiting: Iterable[Item],
    clashes: Clashes,
    task_of: Callable[[Item], Hashable],
    *,
    alone: Collection[Item] = (),
    size_max: int = BATCH_MAX,
) -> Sequence[Item]:
    """Who is stacked next, in the order of arrival: at most ``size_max``, no pair that is serial. The first that waits
    is always among them. One of ``alone``, whose stack failed for reasons of the machine, goes by itself, so that it
    holds up nobody else."""
    chosen: list[Item] = []
    for item in waiting:
        if len(chosen) == size_max:
            break
        if item in alone:
            if not chosen:
                return [item]
            continue
        if not any(clashes.is_serial(task_of(item), task_of(other)) for other in chosen):
            chosen.append(item)
    return chosen
