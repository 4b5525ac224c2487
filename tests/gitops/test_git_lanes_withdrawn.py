"""What nobody wants any more leaves its lane, at once when it only waits, and asks to be ended when it is under way."""

from __future__ import annotations

import pytest
from test_git_lanes import names, work

from aidos_actors.actors.words import GitWork
from aidos_actors.core.orders import AttemptKey
from aidos_actors.core.target_orders import Watch
from aidos_actors.gitops.lanes import Lanes, operation_of

LOOK = GitWork(1, "home", Watch(AttemptKey("shop", "", 0), "/shop", "aidos/shop", "base", "pytest"))


def busy(*kinds_and_tasks: tuple[str, str]) -> tuple[Lanes, str]:
    """These orders, and the lane of what is under way."""
    lanes = Lanes()
    for kind, task in kinds_and_tasks:
        lanes.take(work(kind, task))
    [(lane, _)] = lanes.next()
    return lanes, lane


def test_one_that_waits_is_looked_for_at_once_and_beside_the_gate_of_others() -> None:
    lanes, _ = busy(("integrate", "a"))
    lanes.take(work("integrate", "b"))
    lanes.take(work("withdraw", "b"))
    [(lane, (alone,))] = lanes.next()
    assert alone == work("withdraw", "b") and lanes.in_vain() == []
    lanes.forget(*lanes.ended(lane))
    assert lanes.next() == [], "its own order to integrate is gone with it"


def test_one_that_is_under_way_is_looked_for_when_that_has_ended_and_the_others_go_on() -> None:
    lanes, lane = busy(("integrate", "a"), ("integrate", "b"), ("integrate", "c"))
    assert lanes.in_vain() == []
    lanes.take(work("withdraw", "b"))
    assert lanes.in_vain() == [lane] and lanes.next() == [], "not while it may be published"
    lanes.back(lanes.ended(lane))
    assert lanes.in_vain() == []
    starts = lanes.next()
    assert sorted(names(starts)) == [f"integrate shop/{task}/1" for task in "abc"]
    assert [works for _, works in starts if len(works) == 1] == [(work("withdraw", "b"),)]


def test_what_was_answered_before_it_heard_is_answered() -> None:
    lanes, lane = busy(("integrate", "a"))
    lanes.take(work("withdraw", "a"))
    lanes.forget(*lanes.ended(lane))
    assert lanes.next() == [] and lanes.is_idle


@pytest.mark.parametrize("fails_first", [True, False])
def test_it_waits_for_no_other_try_of_what_nobody_wants(fails_first: bool) -> None:
    lanes, lane = busy(("integrate", "a"))
    if not fails_first:
        lanes.take(work("withdraw", "a"))
    lanes.put_off(*lanes.ended(lane))
    if fails_first:
        assert lanes.next() == []
        lanes.take(work("withdraw", "a"))
    assert [works for _, works in lanes.next()] == [(work("withdraw", "a"),)] and lanes.strays() == []


def test_one_that_fails_itself_is_put_off_however_often_it_is_told() -> None:
    lanes, lane = busy(("withdraw", "a"))
    lanes.put_off(*lanes.ended(lane))
    lanes.take(work("withdraw", "a"))
    assert lanes.next() == [] and lanes.strays() == []


def test_its_failures_and_those_of_what_is_wanted_are_not_counted_together() -> None:
    """A probe of the one may take an hour."""
    assert operation_of(work("withdraw", "a")) == "withdraw /shop" != operation_of(work("integrate", "a"))


def test_a_look_for_a_requirement_that_has_ended_is_not_begun_or_is_in_vain() -> None:
    lanes, lane = busy(("integrate", "a"))
    lanes.take(LOOK)
    lanes.drop(LOOK)
    lanes.forget(*lanes.ended(lane))
    assert lanes.next() == [] and lanes.is_idle
    lanes.take(LOOK)
    [(lane, _)] = lanes.next()
    lanes.drop(LOOK)
    assert lanes.in_vain() == [lane]
    lanes.back(lanes.ended(lane))
    assert lanes.next() == [] and lanes.is_idle
