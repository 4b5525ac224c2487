"""Instances of a pool: in which order they are listed, how many there may be, and what is remembered of those that have
ended."""

from __future__ import annotations

from supervisors import Backoff, Restart, Strategy, SupervisorSpec
from supervisors import decisions as do
from tests.supervisors.family_driver import NORMAL, Driver, child, pool, tree


def test_instances_are_listed_by_id_in_the_order_of_their_start() -> None:
    """ADM-12, INTRO-02."""
    world = Driver(pool()).begin()
    world.add_instance("w-2", n=2)
    world.add_instance("w-1", n=1)
    assert world.ids() == ["w-2", "w-1"] and [row.spec.args for row in world.family.rows] == [{"n": 2}, {"n": 1}]
    inner = Driver(SupervisorSpec(id="sup", strategy=Strategy.DYNAMIC, children=[tree(child("x"))])).begin()
    inner.add_instance("one")
    assert inner.family.rows[0].spec.is_supervisor


def test_a_cap_counts_those_in_restart_too() -> None:
    """ADM-19, ADM-20, ADM-33."""
    empty = Driver(pool(max_children=0)).begin()
    assert empty.add_instance("w-1") == "max_children" and empty.take() == []
    world = Driver(pool(child("w", backoff=Backoff(initial_s=9)), max_children=1)).begin()
    world.add_instance("w-1")
    world.dies("w-1")
    assert world.add_instance("w-2") == "max_children"
    world.passes(9)
    assert world.active() == {"w-1"} and world.add_instance("w-2") == "max_children"
    world.ask(do.TerminateChild, "w-1")
    assert world.add_instance("w-2").life == "running"


def test_an_instance_that_answers_ignore_leaves_nothing() -> None:
    """ADM-16."""
    world = Driver(pool()).begin()
    world.plan["w-1"] = ["ignore"]
    assert world.add_instance("w-1") == "w-1 forgotten"
    world.add_instance("w-2")
    assert world.ids() == ["w-2"]


def test_five_instances_whose_restarts_come_out_differently() -> None:
    """ADM-24: up again, ignored and gone, or shown as restarting and not active."""
    world = Driver(pool(child("w", backoff=Backoff(initial_s=1)), initial=4, max_restarts=50)).begin()
    world.plan["w-2"], world.plan["w-3"], world.plan["w-4"] = ["ignore"], ["fail"], ["fail"]
    for name in list(world.living):
        world.dies(name)
    world.passes(1)
    assert world.active() == {"w-1"} and world.ids() == ["w-1", "w-3", "w-4"]
    assert world.state("w-3") == world.state("w-4") == "restarting"


def test_terminating_an_ended_instance_again_succeeds() -> None:
    """ADM-25, ADM-30: but an id that never was is not found."""
    world = Driver(pool(child("w", restart=Restart.TRANSIENT))).begin()
    world.add_instance("w-1")
    world.add_instance("w-2")
    world.ask(do.TerminateChild, "w-1")
    world.dies("w-2", NORMAL)
    for name in ("w-1", "w-2"):
        assert world.ask(do.TerminateChild, name) == f"{name} forgotten"
    assert world.ask(do.TerminateChild, "w-3") == "not_found"


def test_what_is_remembered_of_ended_instances_is_bounded() -> None:
    """INTRO-07, INTRO-08: their ids only, and not without end."""
    from supervisors.family import ENDED_MAX

    world = Driver(pool(child("w", restart=Restart.TEMPORARY))).begin()
    for number in range(ENDED_MAX + 5):
        world.add_instance(f"w-{number}", big="x")
        world.dies(f"w-{number}", NORMAL)
    assert len(world.family.ended_instances) == ENDED_MAX and world.family.rows == ()


def test_a_failed_instance_leaves_nothing() -> None:
    world = Driver(pool()).begin()
    world.plan["w-1"] = ["fail"]
    assert world.add_instance("w-1") == "start_failed" and world.ids() == []
