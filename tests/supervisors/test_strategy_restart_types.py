"""Who comes back after which end, and what stays listed: OTP's restart types, decided without a process."""

from __future__ import annotations

import pytest

from supervisors import ExitReason, Restart, Strategy
from tests.supervisors.family_driver import ABNORMAL, KILLED, NORMAL, SHUTDOWN, Driver, child, pool, tree

DETAILED = ExitReason("shutdown", "moved elsewhere")


@pytest.mark.parametrize("reason", [NORMAL, SHUTDOWN, DETAILED, ABNORMAL, KILLED], ids=str)
def test_a_permanent_child_always_comes_back(reason: ExitReason) -> None:
    """TYPE-01, TYPE-07, START-12, START-16: counts 1/1/0/1 afterwards, in a new process."""
    world = Driver(tree(child("a"))).begin()
    world.dies("a", reason)
    assert world.active() == {"a"} and world.living == {"a": 2}
    row = world.family.rows[0]
    assert row.restarts == 1 and row.last_exit == reason


@pytest.mark.parametrize("reason", [NORMAL, SHUTDOWN, DETAILED], ids=str)
def test_a_transient_child_that_ended_well_stays_listed_and_down(reason: ExitReason) -> None:
    """TYPE-02: its spec stays, without a process."""
    world = Driver(tree(child("a", restart=Restart.TRANSIENT))).begin()
    world.dies("a", reason)
    assert world.ids() == ["a"] and world.state("a") == "stopped" and world.living == {}
    assert world.family.rows[0].last_exit == reason and world.restarts() == 0


@pytest.mark.parametrize("reason", [ABNORMAL, KILLED], ids=str)
def test_a_transient_child_that_failed_comes_back(reason: ExitReason) -> None:
    """TYPE-08, ESC-09: a kill and an exception are both abnormal."""
    world = Driver(tree(child("a", restart=Restart.TRANSIENT))).begin()
    world.dies("a", reason)
    assert world.living == {"a": 2}


@pytest.mark.parametrize("reason", [NORMAL, SHUTDOWN, ABNORMAL, KILLED], ids=str)
def test_a_temporary_child_is_forgotten_however_it_ends(reason: ExitReason) -> None:
    """TYPE-03, TYPE-09: not restarted, and its spec is gone."""
    world = Driver(tree(child("a", restart=Restart.TEMPORARY))).begin()
    world.dies("a", reason)
    assert world.ids() == [] and world.living == {} and world.restarts() == 0


@pytest.mark.parametrize(
    ("restart", "back_after"),
    [
        (Restart.TEMPORARY, set()),
        (Restart.TRANSIENT, {"abnormal"}),
        (Restart.PERMANENT, {"shutdown", "shutdown (moved elsewhere)", "abnormal"}),
    ],
)
def test_instances_follow_the_restart_type_of_their_template(restart: Restart, back_after: set[str]) -> None:
    """ADM-27, ADM-29: temporary never; transient after neither shutdown; permanent always."""
    for reason in (ExitReason("shutdown"), DETAILED, ExitReason("abnormal")):
        world = Driver(pool(child("w", restart=restart))).begin()
        world.add_instance("w-1")
        world.dies("w-1", reason)
        assert (world.living == {"w-1": 2}) is (str(reason) in back_after)
        assert world.ids() == (["w-1"] if str(reason) in back_after else [])


def test_an_end_of_an_older_process_changes_nothing() -> None:
    from supervisors import decisions as do

    world = Driver(tree(child("a"))).begin()
    world.dies("a")
    before = world.family
    for late in (do.Ended("a", 1, KILLED), do.Started("a", 1, 5), do.Ignored("a", 1), do.Ended("nobody", 1, KILLED)):
        world.feed(late)
        assert world.family == before
    assert world.living == {"a": 2}


def test_a_sibling_keeps_its_process() -> None:
    """STRAT-01, ESC-05."""
    world = Driver(tree(child("a"), child("b"))).begin()
    world.take()
    world.dies("a")
    assert world.living == {"a": 2, "b": 1} and world.take() == [("start", "a")] and world.ids() == ["a", "b"]


def test_only_the_instance_that_died_is_replaced() -> None:
    """STRAT-04, STRAT-05."""
    world = Driver(pool(initial=2)).begin()
    world.dies("w-1")
    assert world.living == {"w-1": 2, "w-2": 1}


def test_a_supervisor_without_a_strategy_named_is_one_for_one_with_three_restarts_in_five_seconds() -> None:
    """STRAT-09."""
    spec = tree(child("a"))
    assert (spec.strategy, spec.max_restarts, spec.within_s) == (Strategy.ONE_FOR_ONE, 3, 5.0)
    assert tree(child("a"), max_restarts=7, within_s=9).max_restarts == 7
