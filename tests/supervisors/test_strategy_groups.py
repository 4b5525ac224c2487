"""Who is stopped and started with a child that ended, and in which order."""

from __future__ import annotations

import pytest

from supervisors import Backoff, Restart, Strategy
from supervisors import decisions as do
from tests.supervisors.family_driver import KILLED, NORMAL, Driver, child, tree

ALL, REST = Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE


def group(strategy: Strategy, names: str = "abc", **more: object) -> Driver:
    world = Driver(tree(*(child(name) for name in names), strategy=strategy, **{"max_restarts": 4, **more})).begin()
    world.take()
    return world


def test_one_for_all_stops_the_others_in_reverse_and_starts_all_in_order() -> None:
    """STRAT-02."""
    world = group(ALL)
    world.dies("b")
    assert world.take() == [("stop", "c"), ("stop", "a"), ("start", "a"), ("start", "b"), ("start", "c")]
    assert world.living == {"a": 2, "b": 2, "c": 2}


def test_rest_for_one_leaves_the_earlier_alone() -> None:
    """STRAT-03."""
    world = group(REST)
    world.dies("b")
    assert world.take() == [("stop", "c"), ("start", "b"), ("start", "c")]
    assert world.living == {"a": 1, "b": 2, "c": 2}


@pytest.mark.parametrize("strategy", [ALL, REST])
def test_no_two_generations_live_together(strategy: Strategy) -> None:
    """BX-14: nothing is started before the last of the old ones has ended; one is stopped at a time."""
    world = group(strategy)
    world.stops_slowly = True
    world.dies("a")
    assert world.take() == [("stop", "c")]
    world.stopped("c")
    assert world.take() == [("stop", "b")]
    world.stopped("b")
    assert world.take() == [("start", "a"), ("start", "b"), ("start", "c")]


def test_the_next_starts_only_when_the_one_before_is_up() -> None:
    world = group(ALL)
    world.plan["a"] = ["slow"]
    world.dies("b")
    assert world.take()[-1] == ("start", "a") and world.state("b") == "restarting"
    world.started("a")
    assert world.take() == [("start", "b"), ("start", "c")]


def test_after_a_failed_restart_rest_for_one_retries_only_from_there() -> None:
    """STRAT-08: the first, already restarted, is left alone."""
    world = group(REST, "ab")
    world.plan["b"] = ["fail"]
    world.dies("a")
    assert world.take() == [("stop", "b"), ("start", "a"), ("start", "b"), ("start", "b")]
    assert world.living == {"a": 2, "b": 3} and world.restarts() == 2


def test_after_a_failed_restart_one_for_all_begins_again_with_all() -> None:
    world = group(ALL, "ab")
    world.plan["b"] = ["fail"]
    world.dies("a")
    assert world.take() == [
        *(("stop", "b"), ("start", "a"), ("start", "b")),
        *(("stop", "a"), ("start", "a"), ("start", "b")),
    ]
    assert world.restarts() == 2


def test_a_temporary_sibling_is_stopped_and_not_brought_back() -> None:
    world = Driver(tree(child("a"), child("t", restart=Restart.TEMPORARY), child("c"), strategy=ALL)).begin()
    world.dies("a")
    assert world.ids() == ["a", "c"] and set(world.living) == {"a", "c"}


def test_a_stopped_sibling_comes_back_with_a_later_restart_of_all() -> None:
    """OTP forgets only temporary children: a transient one that ended well is listed, and starts with its group."""
    world = Driver(tree(child("a"), child("t", restart=Restart.TRANSIENT), strategy=ALL)).begin()
    world.dies("t", NORMAL)
    assert world.state("t") == "stopped"
    world.dies("a")
    assert world.active() == {"a", "t"}


def test_a_sibling_that_dies_by_itself_while_waiting_to_be_stopped_counts_once() -> None:
    world = group(ALL)
    world.stops_slowly = True
    world.dies("a")
    world.dies("b", KILLED)
    world.stopped("c")
    assert world.living == {"a": 2, "b": 2, "c": 2} and world.restarts() == 1
    row = world.family.find("b")
    assert row is not None and row.last_exit == KILLED


def test_a_start_under_way_is_called_off_with_its_group_and_answered_when_it_is_up() -> None:
    world = group(ALL, "a")
    world.plan["new"] = ["slow"]
    assert world.add(child("new")) is None
    world.dies("a")
    assert world.active() == {"a", "new"}
    assert world.answer("call-1").id == "new" and world.answer("call-1").life == "running"


def test_a_request_to_stop_within_a_restart_of_the_group_is_answered() -> None:
    world = group(ALL, "ab")
    world.stops_slowly = True
    assert world.ask(do.TerminateChild, "b") is None
    world.dies("a")
    world.stopped("b")
    assert world.answer("call-1") is not None


@pytest.mark.parametrize("strategy", [ALL, REST])
@pytest.mark.parametrize("is_under_way", [True, False])
def test_who_waits_behind_one_that_is_taken_out_of_its_failing_loop_stays_stopped(
    strategy: Strategy, is_under_way: bool
) -> None:
    """As hanging_restart_loop_rest_for_one of OTP has it: nobody goes on with the restart that did not come through."""
    cannot = child("b", backoff=Backoff(initial_s=0 if is_under_way else 9))
    world = Driver(tree(child("a"), cannot, child("c"), strategy=strategy, max_restarts=9)).begin()
    world.plan["b"] = ["fail", "slow"]
    world.dies("b")
    world.passes(9)
    assert [world.state(name) for name in "abc"] == ["running", "restarting", "restarting"]
    assert world.ask(do.TerminateChild, "b").life == "stopped"
    assert [world.state(name) for name in "abc"] == ["running", "stopped", "stopped"]
    assert world.ask(do.RestartChild, "c").life == "running"
    world.plan["b"] = []
    world.dies("a")
    assert world.active() == {"a", "b", "c"}, "the next restart of the group takes all along"


def test_who_is_taken_out_of_a_restart_that_has_not_failed_stops_nobody_else() -> None:
    """As OTP, which would have come through with the restart first."""
    world = group(REST)
    world.plan["b"] = ["slow"]
    world.dies("b")
    assert world.ask(do.TerminateChild, "b").life == "stopped"
    assert world.active() == {"a", "c"}


def test_the_group_waits_for_the_backoff_of_the_one_that_failed() -> None:
    slow = child("b", backoff=Backoff(initial_s=2.0))
    world = Driver(tree(child("a"), slow, child("c"), strategy=REST)).begin()
    world.take()
    world.dies("b")
    assert world.take() == [("stop", "c")] and world.wake_at == world.now + 2.0
    world.passes(1.9)
    assert world.take() == []
    world.passes(0.2)
    assert world.take() == [("start", "b"), ("start", "c")]
