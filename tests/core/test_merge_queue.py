"""The merge queue's judgement: exactly the guilty are blamed, soon, and whatever is published was seen by the gate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aidos_actors.core.errors import IllegalTransition
from aidos_actors.core.merge_queue import (
    BATCH_MAX,
    ITEM_TRANSITIONS,
    AskGate,
    Clashes,
    Ground,
    ItemState,
    Settle,
    Train,
    compose,
    gate_runs_max,
    next_item_state,
    next_move,
)

COLUMNS = st.lists(st.booleans(), min_size=1, max_size=40)


def settle(items: list[int], is_red, ground: Ground = Ground.GREEN) -> tuple[Settle, int]:
    """One stack judged to its end, and how often the gate ran."""
    train = Train(len(items), ground)
    while isinstance(move := next_move(train, has_gate=True), AskGate):
        train = train.judged(move.length, is_green=not is_red(items[: move.length]))
    return move, train.gate_runs


def integrate(count: int, is_red) -> tuple[list[int], list[int], int]:
    """(published, blamed, runs of the gate) when ``count`` results wait at once."""
    waiting, published, blamed, runs = list(range(count)), [], [], 0
    while waiting:
        stack = list(compose(waiting, Clashes(), lambda item: item, size_max=count))
        before = tuple(published)
        move, more = settle(stack, lambda prefix, before=before: is_red([*before, *prefix]))
        runs += more
        assert not is_red(published + stack[: move.publish]), "something red was published"
        published += stack[: move.publish]
        gone = set(stack[: move.publish])
        if move.blamed is not None:
            blamed.append(stack[move.blamed])
            gone.add(stack[move.blamed])
        assert gone, "a stack that changes nothing would come again for ever"
        waiting = [item for item in waiting if item not in gone]
    return published, blamed, runs


@given(COLUMNS)
def test_exactly_the_planted_culprits_are_blamed_and_the_others_published(guilty: list[bool]) -> None:
    culprits = {number for number, is_guilty in enumerate(guilty) if is_guilty}
    published, blamed, runs = integrate(len(guilty), lambda prefix: bool(culprits & set(prefix)))
    assert set(blamed) == culprits and len(blamed) == len(culprits)
    assert published == [number for number in range(len(guilty)) if number not in culprits]
    assert runs <= gate_runs_max(len(guilty), len(culprits))


@given(st.integers(2, 30), st.sets(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=6))
def test_of_two_that_are_red_only_together_the_later_one_is_blamed(count: int, pairs: set[tuple[int, int]]) -> None:
    """Each alone may be right: then the one that came second does not fit what is on the target."""
    pairs = {(one, other) for one, other in pairs if one < other < count}
    published, blamed, _ = integrate(count, lambda prefix: any({one, other} <= set(prefix) for one, other in pairs))
    assert sorted(published + blamed) == list(range(count))
    assert set(blamed) <= {other for _, other in pairs}


def test_without_a_gate_everything_is_published_at_once() -> None:
    assert next_move(Train(7), has_gate=False) == Settle(7)


def test_all_green_is_one_run() -> None:
    move, runs = settle(list(range(BATCH_MAX)), lambda prefix: False)
    assert (move, runs) == (Settle(BATCH_MAX), 1)


@pytest.mark.parametrize("size", [1, 2, 7])
def test_on_a_ground_that_is_red_itself_nobody_is_blamed(size: int) -> None:
    move, _ = settle(list(range(size)), lambda prefix: True, Ground.UNKNOWN)
    assert move == Settle(0, None, is_ground_red=True)


@pytest.mark.parametrize("ground", [Ground.GREEN, Ground.BASE])
def test_on_a_known_ground_the_first_is_blamed_without_another_run(ground: Ground) -> None:
    assert settle([0], lambda prefix: True, ground) == (Settle(0, 0), 1)


def test_an_unknown_ground_that_proves_green_is_asked_once() -> None:
    move, runs = settle([0, 1], bool, Ground.UNKNOWN)
    assert (move, runs) == (Settle(0, 0), 3)


@given(
    st.lists(st.integers(0, 60), unique=True, max_size=60),
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=60),
    st.sets(st.integers(0, 60), max_size=5),
    st.integers(1, 20),
)
def test_a_stack_is_limited_keeps_the_order_and_holds_no_serial_pair(
    waiting: list[int], noted: list[tuple[int, int]], alone: set[int], size_max: int
) -> None:
    clashes = Clashes()
    for one, other in noted:
        if one != other:
            clashes.note(one, other)
    chosen = list(compose(waiting, clashes, lambda item: item, alone=alone, size_max=size_max))
    assert len(chosen) <= size_max and chosen[:1] == waiting[:1]
    assert chosen == [item for item in waiting if item in chosen]
    assert not any(clashes.is_serial(one, other) for one in chosen for other in chosen if one != other)
    assert len(chosen) == 1 or not alone & set(chosen)


def test_a_pair_is_serial_after_its_second_conflict_in_either_order() -> None:
    clashes = Clashes()
    clashes.note("a", "b")
    assert list(compose("abc", clashes, str)) == ["a", "b", "c"]
    clashes.note("b", "a")
    assert list(compose("abc", clashes, str)) == ["a", "c"]


def test_every_change_of_an_item_is_a_row_and_others_are_refused() -> None:
    assert set(ITEM_TRANSITIONS) == set(ItemState)
    assert next_item_state(ItemState.STACKED, "go_back") is ItemState.WAITING
    for state, row in ITEM_TRANSITIONS.items():
        for event in {"stack", "publish", "blame", "go_back", "conflict"} - set(row):
            with pytest.raises(IllegalTransition):
                next_item_state(state, event)
