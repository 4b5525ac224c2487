"""Significant children: whose end shuts the supervisor down, and where they are refused."""

from __future__ import annotations

from supervisors import Backoff, Restart
from supervisors import decisions as do
from tests.supervisors.family_driver import ABNORMAL, NORMAL, Driver, child, pool, tree


def test_only_significant_children_can_shut_a_supervisor_down() -> None:
    """SIG-01, SIG-02."""
    for mode in ("never", "any_significant", "all_significant"):
        for restart in (Restart.TEMPORARY, Restart.TRANSIENT):
            world = Driver(tree(child("a", restart=restart), auto_shutdown=mode)).begin()
            world.dies("a", NORMAL)
            assert world.end is None


def test_any_or_all_significant_temporary_children() -> None:
    """SIG-04."""
    for reason in (NORMAL, ABNORMAL):
        both = [child(name, restart=Restart.TEMPORARY, significant=True) for name in "ab"]
        world = Driver(tree(*both, child("c"), auto_shutdown="any_significant")).begin()
        world.dies("a", reason)
        assert world.end is not None and world.end.reason.kind == "shutdown" and world.living == {}
        world = Driver(tree(*both, child("c"), auto_shutdown="all_significant")).begin()
        world.dies("a", reason)
        assert world.end is None
        world.dies("b", reason)
        assert world.end is not None


def test_a_significant_transient_child_that_fails_is_restarted() -> None:
    """SIG-06, SIG-07."""
    both = [child(name, restart=Restart.TRANSIENT, significant=True) for name in "ab"]
    world = Driver(tree(*both, auto_shutdown="any_significant")).begin()
    world.dies("a", ABNORMAL)
    assert world.end is None and world.active() == {"a", "b"}
    world.dies("a", NORMAL)
    assert world.end is not None


def test_a_significant_child_on_its_way_back_is_not_gone() -> None:
    waiting = child("b", restart=Restart.TRANSIENT, significant=True, backoff=Backoff(initial_s=60))
    other = child("a", restart=Restart.TRANSIENT, significant=True)
    world = Driver(tree(other, waiting, auto_shutdown="all_significant")).begin()
    world.dies("b", ABNORMAL)
    world.dies("a", NORMAL)
    assert world.end is None
    world.passes(60)
    world.dies("b", NORMAL)
    assert world.end is not None


def test_significant_instances() -> None:
    """SIG-08."""
    template = child("w", restart=Restart.TRANSIENT, significant=True)
    world = Driver(pool(template, initial=2, auto_shutdown="all_significant")).begin()
    world.dies("w-1", NORMAL)
    assert world.end is None
    world.dies("w-2", NORMAL)
    assert world.end is not None


def test_what_is_stopped_on_request_shuts_nothing_down() -> None:
    significant = child("a", restart=Restart.TRANSIENT, significant=True)
    world = Driver(tree(significant, auto_shutdown="any_significant")).begin()
    world.ask(do.TerminateChild, "a")
    assert world.end is None


def test_a_significant_child_is_refused_where_it_could_shut_nothing_down() -> None:
    """SPEC-05, HOT-07 (first part)."""
    world = Driver(tree()).begin()
    assert world.add(child("a", restart=Restart.TRANSIENT, significant=True)) == "bad_spec"
    assert world.ids() == []
    assert world.add(child("a")).life == "running"
    assert world.add(child("a", restart=Restart.TRANSIENT, significant=True)) == "bad_spec", "before who is there"
