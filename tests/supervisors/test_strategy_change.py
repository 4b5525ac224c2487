"""A running supervisor becomes another: what is started, stopped, kept and refused by that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from supervisors import Restart, SupervisorError, SupervisorSpec
from supervisors import decisions as do
from tests.supervisors.family_driver import ABNORMAL, NORMAL, Driver, child, pool, tree

AB = (child("a"), child("b"))


def changed(world: Driver, new: SupervisorSpec | None) -> None:
    world.take()
    assert world.ask(do.ChangeSpec, new) == " forgotten"
    assert world.take() == [], "a change starts and stops nobody"


def refused(world: Driver, new: SupervisorSpec) -> str:
    before = (world.spec, world.family)
    call = "call-refused"
    world.feed(do.ChangeSpec(call, new))
    error = world.answers.pop(call)
    assert isinstance(error, SupervisorError) and (world.spec, world.family) == before
    return f"{error.code}: {error.message}"


def test_HOT_01_new_limits_hold_at_once() -> None:
    world = Driver(tree(*AB, max_restarts=0)).begin()
    changed(world, tree(*AB, max_restarts=2))
    world.dies("a")
    world.dies("a")
    assert world.end is None and world.restarts() == 2
    changed(world, tree(*AB, max_restarts=1))
    world.dies("a")
    assert world.end is not None


def test_the_strategy_in_force_decides() -> None:
    world = Driver(tree(*AB)).begin()
    changed(world, tree(*AB, strategy="one_for_all"))
    world.dies("a")
    assert world.living == {"a": 2, "b": 2}


def test_added_are_listed_and_left_out_go_on_behind_the_others() -> None:
    world = Driver(tree(*AB)).begin()
    changed(world, tree(child("c"), child("b")))
    assert world.ids() == ["c", "b", "a"] and world.active() == {"a", "b"} and world.state("c") == "stopped"
    world.dies("a")
    assert world.active() == {"a", "b"}
    assert world.ask(do.RestartChild, "c").life == "running"
    world.take()
    world.feed(do.StopAll())
    assert world.take() == [("stop", "a"), ("stop", "b"), ("stop", "c")]


def test_changed_fields_hold_for_the_same_process() -> None:
    world = Driver(tree(*AB)).begin()
    changed(world, tree(child("a", restart="temporary"), child("b", restart="transient")))
    world.dies("a")
    world.dies("b", NORMAL)
    assert world.ids() == ["b"] and world.living == {}


def test_a_child_in_its_restart_loop_stays_in_it() -> None:
    world = Driver(tree(*AB)).begin()
    world.plan["a"] = ["slow"]
    world.dies("a")
    changed(world, tree(child("a", args={"n": 2}), child("b")))
    assert world.state("a") == "restarting"
    world.started("a")
    assert world.active() == {"a", "b"}


@pytest.mark.parametrize("mode", ["any_significant", "all_significant"])
def test_HOT_07_HOT_08_the_mode_in_force_decides(mode: str) -> None:
    s = child("s", restart="transient", significant=True)
    world = Driver(tree(child("a"))).begin()
    assert world.add(s) == "bad_spec"
    changed(world, tree(child("a"), auto_shutdown=mode))
    assert world.add(s).life == "running"
    changed(world, tree(child("a")))
    world.dies("s", NORMAL)
    assert world.end is None and world.ask(do.RestartChild, "s").life == "running"
    changed(world, tree(child("a"), auto_shutdown=mode))
    world.dies("s", NORMAL)
    assert world.end is not None and world.end.reason.kind == "shutdown"


def test_HOT_08_from_all_to_any_with_one_gone_already() -> None:
    s, t = (child(name, restart="transient", significant=True) for name in "st")
    world = Driver(tree(s, t, child("a"), auto_shutdown="all_significant")).begin()
    world.dies("s", NORMAL)
    changed(world, tree(s, t, child("a"), auto_shutdown="any_significant"))
    assert world.end is None, "who ended under the old mode has been judged"
    world.dies("t", NORMAL)
    assert world.end is not None


def test_HOT_10_a_new_cap_keeps_who_is_there() -> None:
    world = Driver(pool(initial=2)).begin()
    changed(world, pool(max_children=1))
    assert len(world.active()) == 2 and world.add_instance("w-3") == "max_children"


def test_a_new_template_counts_for_later_instances() -> None:
    world = Driver(pool(initial=1)).begin()
    changed(world, pool(child("w", restart=Restart.TEMPORARY)))
    world.add_instance("late")
    world.dies("w-1")
    world.dies("late", ABNORMAL)
    assert world.ids() == ["w-1"] and world.living == {"w-1": 2}


def test_HOT_02_refusals_name_the_field_and_change_nothing() -> None:
    static, dynamic = Driver(tree(*AB)).begin(), Driver(pool()).begin()
    assert refused(static, replace(tree(*AB), id="other")).startswith("bad_spec: sup: id='other'")
    assert "strategy='dynamic'" in refused(static, pool())
    assert "strategy='one_for_one'" in refused(dynamic, tree(*AB))
    assert "children='a' runs as a worker" in refused(static, tree(SupervisorSpec(id="a"), child("b")))


def test_HOT_05_nothing_new_changes_nothing() -> None:
    world = Driver(tree(*AB)).begin()
    before = (world.spec, world.family)
    changed(world, None)
    assert (world.spec, world.family) == before


def test_a_supervisor_that_is_ending_is_not_changed() -> None:
    world = Driver(tree(*AB), stops_slowly=True).begin()
    world.feed(do.StopAll())
    assert refused(world, tree(*AB, max_restarts=9)).startswith("stopped")
