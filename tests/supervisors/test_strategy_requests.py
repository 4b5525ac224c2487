"""Children that are added, terminated, restarted and deleted while the supervisor runs."""

from __future__ import annotations

from supervisors import Backoff, Restart
from supervisors import decisions as do
from tests.supervisors.family_driver import ABNORMAL, Driver, child, pool, tree


def test_one_child_through_its_whole_life() -> None:
    """ADM-18, ADM-03, ADM-07, ADM-08."""
    world = Driver(tree()).begin()
    assert world.add(child("a")).life == "running"
    assert world.ask(do.DeleteChild, "a") == "running"
    assert world.ask(do.TerminateChild, "a").life == "stopped" and world.ids() == ["a"] and world.living == {}
    assert world.ask(do.TerminateChild, "a").life == "stopped"
    assert world.ask(do.RestartChild, "a").life == "running" and world.living == {"a": 2}
    assert world.ask(do.RestartChild, "a") == "running"
    world.ask(do.TerminateChild, "a")
    assert world.ask(do.DeleteChild, "a") == "a forgotten"
    assert world.ask(do.RestartChild, "a") == "not_found" and world.ids() == []


def test_a_child_added_again_under_its_old_id_starts_last() -> None:
    """Found at random: the start order is the order in which children came, also for an id that was there before."""
    world = Driver(tree(child("a"), child("b"))).begin()
    world.ask(do.TerminateChild, "a")
    world.ask(do.DeleteChild, "a")
    assert world.add(child("a")).life == "running" and world.ids() == ["b", "a"]


def test_two_ends_at_once_over_the_limit() -> None:
    """Found at random: told to stop while its end is on the way, a process is not counted or waited for twice."""
    world = Driver(pool(initial=3, max_restarts=0))
    world.plan["w-2"] = world.plan["w-3"] = ["fail"]
    world.begin()
    assert world.end is not None and world.living == {}


def test_a_child_that_is_listed_is_not_added_again() -> None:
    """ADM-01, ADM-28: running: already_started; stopped or restarting: already_present; nothing changes."""
    world = Driver(tree(child("a", backoff=Backoff(initial_s=5)), child("b"))).begin()
    world.ask(do.TerminateChild, "b")
    before = world.family
    assert world.add(child("a")) == "already_started" and "pid" in str(world.answers["call-2"])
    assert world.add(child("b")) == "already_present"
    assert world.family == before
    world.dies("a")
    assert world.state("a") == "restarting" and world.add(child("a")) == "already_present"


def test_unknown_ids_are_not_found() -> None:
    """ADM-05, ADM-15: a pid is no handle."""
    for spec in (tree(child("a")), pool(initial=1)):
        world = Driver(spec).begin()
        for verb in (do.TerminateChild, do.DeleteChild, do.RestartChild):
            assert world.ask(verb, "nobody") == "not_found"
            assert world.ask(verb, str(world.pid(world.ids()[0]))) == "not_found"


def test_an_addition_that_fails_leaves_no_trace() -> None:
    """START-09, ADM-22."""
    world = Driver(tree(child("a"))).begin()
    world.plan["bad"] = ["fail"]
    assert world.add(child("bad")) == "start_failed"
    error = world.answers["call-1"]
    assert error.child == "bad" and error.cause == ABNORMAL.detail
    assert world.ids() == ["a"] and world.restarts() == 0
    world.plan["bad"] = ["ignore"]
    assert world.add(child("bad")).pid is None and world.state("bad") == "stopped"


def test_a_failed_restart_by_hand_starts_no_loop() -> None:
    world = Driver(tree(child("a"))).begin()
    world.ask(do.TerminateChild, "a")
    world.plan["a"] = ["fail"]
    assert world.ask(do.RestartChild, "a") == "start_failed"
    assert world.state("a") == "stopped" and world.restarts() == 0
    assert world.ask(do.RestartChild, "a").life == "running"


def test_an_ignored_child_can_be_started_later() -> None:
    """START-20."""
    world = Driver(tree(child("a")))
    world.plan["a"] = ["ignore", "fail"]
    world.begin()
    assert world.ask(do.RestartChild, "a") == "start_failed" and world.ids() == ["a"]
    assert world.ask(do.RestartChild, "a").life == "running"


def test_in_a_restart_loop_every_request_has_its_answer() -> None:
    """The child is shown as restarting during the attempts too, and is not active."""
    world = Driver(tree(child("a"), max_restarts=50)).begin()
    world.plan["a"] = ["fail", "fail", "slow"]
    world.dies("a")
    assert world.state("a") == "restarting" and world.active() == set()
    assert world.add(child("a")) == "already_present"
    assert world.ask(do.RestartChild, "a") == "restarting"
    assert world.ask(do.DeleteChild, "a") == "restarting"
    assert world.ask(do.TerminateChild, "a").life == "stopped"
    assert world.living == {} and world.ids() == ["a"]
    assert world.ask(do.RestartChild, "a").life == "running"


def test_terminating_between_two_attempts_ends_the_loop() -> None:
    world = Driver(tree(child("a", backoff=Backoff(initial_s=60)))).begin()
    world.dies("a")
    assert world.ask(do.TerminateChild, "a").life == "stopped"
    world.passes(100)
    assert world.living == {}


def test_an_instance_in_a_failing_loop_can_be_terminated() -> None:
    """ESC-15."""
    world = Driver(pool(initial=1, max_restarts=50)).begin()
    world.plan["w-1"] = ["fail", "slow"]
    world.dies("w-1")
    assert world.ask(do.TerminateChild, "w-1") == "w-1 forgotten" and world.ids() == []


def test_terminating_a_start_under_way_refuses_who_waits_for_it() -> None:
    world = Driver(tree()).begin()
    world.plan["a"] = ["slow"]
    assert world.add(child("a")) is None and world.state("a") == "starting"
    assert world.ask(do.TerminateChild, "a").life == "stopped"
    assert world.answer("call-1") == "stopped" and world.ids() == ["a"]


def test_a_termination_is_answered_when_it_has_happened_and_to_all_who_asked() -> None:
    world = Driver(tree(child("a"))).begin()
    world.stops_slowly = True
    assert world.ask(do.TerminateChild, "a") is None
    assert world.ask(do.TerminateChild, "a") is None
    world.stopped("a")
    assert world.answer("call-1").life == world.answer("call-2").life == "stopped"


def test_a_child_that_comes_up_while_it_is_to_stop_is_stopped_all_the_same() -> None:
    world = Driver(tree(child("a"), child("b"))).begin()
    world.stops_slowly = True
    world.plan["c"] = ["slow"]
    world.add(child("c"))
    world.ask(do.TerminateChild, "c")
    world.started("c")
    world.stopped("c")
    assert world.state("c") == "stopped" and world.answer("call-1") == "stopped"


def test_a_terminated_temporary_child_is_forgotten() -> None:
    world = Driver(tree(child("a", restart=Restart.TEMPORARY))).begin()
    world.ask(do.TerminateChild, "a")
    assert world.ids() == []
