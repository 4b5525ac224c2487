"""Restart intensity, escalation and backoff."""

from __future__ import annotations

import pytest

from supervisors import Backoff, Restart, Strategy
from supervisors import decisions as do
from supervisors.backoff import restart_delay_s
from tests.supervisors.family_driver import ABNORMAL, Driver, child, pool, tree


def test_the_window_slides() -> None:
    """INT-01: four failures 2.1 s apart under 1 in 1 s."""
    world = Driver(tree(child("a"), max_restarts=1, within_s=1.0)).begin()
    for _ in range(4):
        world.dies("a")
        world.passes(2.1)
    assert world.end is None and world.active() == {"a"}


def test_the_limit_belongs_to_the_supervisor_not_to_one_child() -> None:
    """INT-02, ESC-01."""
    world = Driver(tree(child("a"), child("b"), max_restarts=2, within_s=3600)).begin()
    world.dies("a")
    world.dies("b")
    assert world.end is None
    world.dies("a")
    assert world.end is not None and world.end.reason.kind == "shutdown" and world.end.failure is None
    assert "more than 2 restarts in 3600 s" in world.end.reason.detail and world.living == {}


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_over_the_limit_everybody_goes(strategy: Strategy) -> None:
    """INT-03, ESC-02, ESC-03: the rest is stopped in reverse order, and nothing is started."""
    world = Driver(tree(child("a"), child("b"), child("c"), strategy=strategy, max_restarts=2)).begin()
    world.dies("a")
    world.dies("a")
    world.take()
    world.dies("a")
    assert world.take() == [("stop", "c"), ("stop", "b")]
    assert world.end is not None and world.end.reason.kind == "shutdown"


def test_one_activation_counts_one_however_many_it_replaces() -> None:
    """INT-10."""
    world = Driver(tree(*(child(name) for name in "abc"), strategy=Strategy.ONE_FOR_ALL, max_restarts=1)).begin()
    world.dies("b")
    assert world.living == {"a": 2, "b": 2, "c": 2} and world.restarts() == 1
    world.dies("c")
    assert world.end is not None


@pytest.mark.parametrize("limit", [0, 1, 10])
def test_failed_start_attempts_use_the_limit_up(limit: int) -> None:
    """INT-06, INT-07: retried until the limit, then shutdown; limit + 1 activations are seen, the last one ends it."""
    world = Driver(pool(max_restarts=limit)).begin()
    world.add_instance("w-1")
    world.take()
    world.plan["w-1"] = ["fail"] * 100
    world.dies("w-1")
    assert world.end is not None and world.end.reason.kind == "shutdown"
    assert world.take() == [("start", "w-1")] * limit


def test_one_failed_attempt_is_not_final() -> None:
    """INT-08."""
    world = Driver(tree(child("a"), max_restarts=2)).begin()
    world.plan["a"] = ["fail"]
    world.dies("a")
    assert world.active() == {"a"} and world.restarts() == 2


def test_what_is_restarted_by_hand_does_not_count() -> None:
    """INT-12."""
    world = Driver(tree(child("a"), max_restarts=1, within_s=3600)).begin()
    world.dies("a")
    for _ in range(2):
        world.ask(do.TerminateChild, "a")
        assert world.ask(do.RestartChild, "a").life == "running"
    assert world.end is None and world.restarts() == 1


def test_an_instance_that_cannot_come_back_ends_the_pool() -> None:
    """ESC-04."""
    world = Driver(pool(initial=3, max_restarts=4)).begin()
    world.plan["w-2"] = ["fail"] * 9
    world.dies("w-2")
    assert world.end is not None and world.living == {}


def test_a_limit_of_zero_ends_at_the_first_failure() -> None:
    world = Driver(tree(child("a"), child("b"), max_restarts=0)).begin()
    world.dies("b")
    assert world.end is not None


def test_only_failures_count() -> None:
    world = Driver(tree(child("t", restart=Restart.TRANSIENT), child("m", restart=Restart.TEMPORARY), max_restarts=0))
    world.begin()
    world.dies("m", ABNORMAL)
    assert world.end is None and world.restarts() == 0


def test_between_attempts_the_supervisor_goes_back_to_its_mailbox() -> None:
    """Each failed attempt is one decision: a stop that waits comes between two of them."""
    world = Driver(tree(child("a"), max_restarts=100)).begin()
    world.plan["a"] = ["slow"]
    world.dies("a")
    assert world.state("a") == "restarting"
    world.feed(do.StopAll())
    assert world.end is not None and world.end.reason.kind == "shutdown"


def test_the_delay_doubles_up_to_its_cap_and_never_overflows() -> None:
    """BX-01, BX-02, BX-03."""
    backoff = Backoff(initial_s=0.5, factor=2, max_s=3)
    assert [restart_delay_s(backoff, tries) for tries in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert restart_delay_s(backoff, 10**9) == 3
    assert restart_delay_s(Backoff(initial_s=0), 7) == 0.0


def test_the_delay_grows_while_starts_fail_even_after_a_long_calm() -> None:
    """The calm before the first failure counts once: it must not reset the delay at each attempt of one loop."""
    world = Driver(tree(child("a", backoff=Backoff(initial_s=1, factor=2, max_s=60)), max_restarts=99)).begin()
    world.passes(1000)
    world.plan["a"] = ["fail"] * 3
    delays = []
    world.dies("a")
    for _ in range(4):
        assert world.wake_at is not None
        delays.append(world.wake_at - world.now)
        world.passes(delays[-1])
    assert delays == [1, 2, 4, 8] and world.active() == {"a"}


def test_the_delay_is_small_again_after_calm_and_work() -> None:
    """BX-04, BX-05."""
    world = Driver(tree(child("a", backoff=Backoff(initial_s=1, factor=2, max_s=60)), max_restarts=99)).begin()

    def fail() -> float:
        world.dies("a")
        assert world.wake_at is not None
        delay_s = world.wake_at - world.now
        world.passes(delay_s)
        return delay_s

    assert [fail(), fail(), fail()] == [1, 2, 4]
    world.passes(4.9)
    assert fail() == 8
    world.passes(5.1)
    assert fail() == 1


def test_nested_limits_multiply() -> None:
    """At most (m + 1)(n + 1) starts: each end of the inner one is a failure of the outer."""
    inner_limit, outer_limit, starts = 2, 3, 0
    outer = Driver(tree(child("inner"), max_restarts=outer_limit)).begin()
    while outer.end is None:
        inner = Driver(tree(child("a"), max_restarts=inner_limit)).begin()
        while inner.end is None:
            inner.dies("a")
        starts += sum(1 for what, _ in inner.told if what == "start")
        outer.dies("inner", inner.end.reason)
    assert starts == (inner_limit + 1) * (outer_limit + 1)
