"""The supervisor's own start, and its end with all of its children."""

from __future__ import annotations

import pytest

from supervisors import Restart, Strategy
from supervisors import decisions as do
from supervisors.family import Phase
from tests.supervisors.family_driver import ABNORMAL, KILLED, NORMAL, Driver, child, pool, tree


def test_a_supervisor_without_children_is_up_at_once_and_ends_with_shutdown() -> None:
    """START-01, INTRO-12, ADM-11."""
    for spec in (tree(), pool()):
        world = Driver(spec).begin()
        assert world.is_ready and world.ids() == []
        world.feed(do.StopAll())
        assert world.end is not None and world.end.reason.kind == "shutdown"


def test_children_start_left_to_right_each_after_the_one_before_is_up() -> None:
    """START-14."""
    world = Driver(tree(*(child(name) for name in "dacbe")))
    world.plan["a"] = ["slow"]
    world.begin()
    assert world.take() == [("start", "d"), ("start", "a")] and not world.is_ready
    world.started("a")
    assert world.take() == [("start", "c"), ("start", "b"), ("start", "e")] and world.is_ready
    assert world.ids() == list("dacbe")


@pytest.mark.parametrize("mode", ["any_significant", "all_significant"])
def test_who_is_done_before_the_others_are_up_fails_no_start(mode: str) -> None:
    """As OTP, which hears of it when the start has come through: then all is over, in good order."""
    done = child("done", restart=Restart.TEMPORARY, significant=True)
    world = Driver(tree(done, child("slow"), child("last"), auto_shutdown=mode))
    world.plan["slow"] = ["slow"]
    world.begin()
    world.dies("done", NORMAL)
    assert not world.is_ready and world.end is None
    world.take()
    world.started("slow")
    assert world.is_ready and world.take() == [("start", "last"), ("stop", "last"), ("stop", "slow")]
    assert world.end is not None and world.end.failure is None and mode in world.end.reason.detail


def test_children_stop_right_to_left_one_at_a_time() -> None:
    """SHUT-09."""
    world = Driver(tree(*(child(name) for name in "dacbe"))).begin()
    world.take()
    world.stops_slowly = True
    world.feed(do.StopAll())
    for name in reversed("dacbe"):
        assert world.take() == [("stop", name)]
        world.stopped(name)
    assert world.end is not None


def test_instances_stop_all_at_once() -> None:
    """SHUT-03, SHUT-05: a pool of ten is not ten times as slow to stop."""
    world = Driver(pool(initial=10)).begin()
    world.take()
    world.stops_slowly = True
    world.feed(do.StopAll())
    assert len(world.take()) == 10
    for name in list(world.living):
        world.stopped(name, KILLED)
    assert world.end is not None and world.end.reason.kind == "shutdown"


def test_each_child_keeps_its_own_last_word_of_a_stop() -> None:
    """SHUT-12, SHUT-13, SHUT-04, SHUT-16."""
    world = Driver(tree(child("a"), child("b"), child("c"))).begin()
    world.stops_slowly = True
    world.feed(do.StopAll())
    for name, reason in (("c", KILLED), ("b", NORMAL), ("a", ABNORMAL)):
        world.stopped(name, reason)
    assert [row.last_exit for row in world.family.rows] == [ABNORMAL, NORMAL, KILLED]
    assert world.restarts() == 0


def test_a_first_start_that_fails_stops_the_others_in_reverse_and_says_whose_it_was() -> None:
    """START-06."""
    world = Driver(tree(*(child(name) for name in "abcd")))
    world.plan["c"] = ["fail"]
    world.begin()
    assert world.take() == [("start", "a"), ("start", "b"), ("start", "c"), ("stop", "b"), ("stop", "a")]
    assert not world.is_ready and world.end is not None and world.end.failure is not None
    assert world.end.failure.code == "start_failed" and world.end.failure.child == "c"
    assert world.end.failure.cause == ABNORMAL.detail


def test_an_initial_instance_that_fails_fails_the_start_of_its_pool() -> None:
    world = Driver(pool(initial=2))
    world.plan["w-2"] = ["fail"]
    world.begin()
    assert world.end is not None and world.end.failure is not None and world.living == {}


def test_an_ignored_child_is_kept_and_a_temporary_one_is_not() -> None:
    """START-04."""
    world = Driver(tree(child("t", restart=Restart.TEMPORARY), child("i"), child("a")))
    world.plan["t"] = world.plan["i"] = ["ignore"]
    world.plan["t"] = ["ignore"]
    world.begin()
    assert world.is_ready and world.ids() == ["i", "a"] and world.active() == {"a"}
    assert world.state("i") == "stopped"


def test_a_child_that_dies_while_later_ones_still_start_is_restarted() -> None:
    """Its death counts as one restart; the supervisor is up only when all are."""
    world = Driver(tree(child("a"), child("b")))
    world.plan["b"] = ["slow"]
    world.begin()
    world.plan["a"] = ["fail"]
    world.dies("a")
    assert world.end is None and world.restarts() == 2 and "a" in world.active() and not world.is_ready
    world.started("b")
    assert world.is_ready


def test_a_request_that_fails_while_the_supervisor_starts_does_not_end_it() -> None:
    world = Driver(tree(child("a")))
    world.plan["a"], world.plan["new"] = ["slow"], ["fail"]
    world.begin()
    assert world.add(child("new")) == "start_failed"
    world.started("a")
    assert world.is_ready and world.ids() == ["a"]


def test_a_stop_before_the_start_is_over() -> None:
    world = Driver(tree(child("a"), child("b")))
    world.plan["b"] = ["slow"]
    world.begin()
    world.feed(do.StopAll())
    assert world.take()[-2:] == [("stop", "b"), ("stop", "a")] and world.end is not None and not world.is_ready


def test_while_ending_nothing_starts_and_everybody_is_answered() -> None:
    world = Driver(tree(child("a"), child("b"))).begin()
    world.ask(do.TerminateChild, "b")
    world.stops_slowly = True
    world.feed(do.StopAll())
    assert world.add(child("new")) == "stopped"
    assert world.ask(do.RestartChild, "b") == "stopped"
    assert world.ask(do.TerminateChild, "a") is None
    world.dies("a")
    assert world.end is not None and set(world.answers) == {"call-1", "call-2", "call-3", "call-4"}


def test_who_waits_for_a_start_is_refused_when_all_ends() -> None:
    world = Driver(tree(child("a"))).begin()
    world.plan["new"] = ["slow"]
    assert world.add(child("new")) is None
    world.feed(do.StopAll())
    assert world.answer("call-1") == "stopped" and world.end is not None


def test_a_stop_cuts_a_restart_loop_short() -> None:
    """ESC-15 (second half)."""
    for spec, name in ((pool(initial=1, max_restarts=99), "w-1"), (tree(child("w-1"), max_restarts=99), "w-1")):
        world = Driver(spec).begin()
        world.plan[name] = ["fail", "fail", "slow"]
        world.dies(name)
        world.feed(do.StopAll())
        assert world.end is not None and world.family.phase is Phase.ENDING and world.living == {}


def test_the_first_reason_to_end_is_the_one_that_is_told() -> None:
    world = Driver(tree(child("a"), child("b"), max_restarts=0)).begin()
    world.stops_slowly = True
    world.dies("b")
    world.feed(do.StopAll())
    world.stopped("a")
    assert world.end is not None and "more than 0 restarts" in world.end.reason.detail


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ONE, Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_a_death_during_the_end_is_no_failure(strategy: Strategy) -> None:
    world = Driver(tree(child("a"), child("b"), strategy=strategy)).begin()
    world.stops_slowly = True
    world.feed(do.StopAll())
    world.dies("a", KILLED)
    world.stopped("b")
    assert world.end is not None and world.restarts() == 0
