"""What is decided without any system: who belongs to which partition, which mail is kept, who comes back, and how long
that waits."""

from __future__ import annotations

from supervisors import Backoff, ChildInfo, Restart, Strategy, SupervisorSpec
from supervisors import decisions as do
from supervisors.backoff import restart_delay_s
from supervisors.guardian_policy import CALM_S, SLOW_DELAY_MAX_S, Revivals, revive
from supervisors.outbox import KEPT_MAX, WINDOW, Route
from supervisors.partitions import partition_of, partitioned
from tests.supervisors.family_driver import ABNORMAL, KILLED, NORMAL, Driver, child, pool, tree


def test_START_19_ESC_17_SHUT_11_SHUT_18_inner_supervisors_and_pools_are_children_like_any_other() -> None:
    inner = SupervisorSpec(id="in", children=[child("x")])
    world = Driver(tree(inner, child("a"), strategy=Strategy.ONE_FOR_ALL)).begin()
    world.dies("in", KILLED)
    assert world.active() == {"in", "a"} and world.living == {"in": 2, "a": 2}
    world = Driver(pool(initial=3)).begin()
    world.stops_slowly = True
    world.feed(do.StopAll())
    for name in ("w-1", "w-2", "w-3"):
        world.stopped(name, KILLED)
    assert world.end is not None and world.end.reason.kind == "shutdown"
    assert [row.last_exit for row in world.family.rows] == [KILLED] * 3


def running(count: int) -> list[ChildInfo]:
    return [ChildInfo(str(number), "worker", "running", 1, 0) for number in range(count)]


def test_PART_01_PART_02_keys_have_one_partition_always_the_same() -> None:
    """Fixed answers, so that a changed rule is noticed; whole numbers count around."""
    five = running(5)
    assert [partition_of(key, five).id for key in (0, 4, 5, -1)] == ["0", "4", "0", "4"]
    assert [partition_of(key, five).id for key in ("a", "b", ("c", 1))] == ["4", "0", "3"]
    assert len({partition_of(f"key-{number}", five).id for number in range(100)}) == 5
    assert [child.id for child in partitioned("p", child("w"), 3, lambda n: {"n": n}).children] == ["w-0", "w-1", "w-2"]


def test_PART_03_those_that_do_not_run_are_left_out() -> None:
    stopped = [ChildInfo("0", "worker", "stopped", None, 0), *running(2)[1:]]
    assert {partition_of(key, stopped).id for key in range(9)} == {"1"}


def cpu_s_of(count: int) -> float:
    """What deciding takes to start and to stop so many instances."""
    world = Driver(pool(initial=count)).begin()
    world.feed(do.StopAll())
    return world.deciding_s


def test_INTRO_09_starting_and_stopping_many_is_within_ten_times_of_linear() -> None:
    assert cpu_s_of(80) < 10 * 8 * max(cpu_s_of(10) for _ in range(3))


def test_INTRO_01_many_instances_are_listed_and_counted() -> None:
    world = Driver(pool(child("w", restart=Restart.TEMPORARY))).begin()
    for count in (40, 80):
        while len(world.ids()) < count:
            world.add_instance(f"w-{len(world.spawned)}")
        assert len(world.active()) == count == len(world.ids())
    for name in list(world.living):
        world.dies(name, NORMAL)
    assert world.ids() == []


# ---- mail


def test_BX_09_BX_11_what_was_not_begun_waits_for_the_next_incarnation_in_order() -> None:
    route = Route("a")
    for number in range(1, 4):
        assert route.add(number)
    assert route.take() == []
    route.moved("root/a", "first", "there")
    assert [(kept.seq, kept.payload) for kept in route.take()] == [(1, 1), (2, 2), (3, 3)]
    route.began("first", 1)
    route.moved("root/a", "second", "elsewhere")
    assert [(kept.seq, kept.payload) for kept in route.take()] == [(1, 2), (2, 3)]
    route.began("first", 2)
    assert [kept.payload for kept in route.unacknowledged()] == [2, 3], "a late word of the dead says nothing"


def test_BX_10_what_is_too_much_is_dropped_and_counted() -> None:
    route = Route("a")
    assert all(route.add(number) for number in range(KEPT_MAX)) and not route.add("too much")
    assert route.dropped == 1
    route.moved("root/a", "first", "there")
    assert len(route.take()) == WINDOW and route.take() == []


# ---- limits and delays


def test_BX_07_BX_08_the_cap_holds_within_its_window_only() -> None:
    world = Driver(tree(child("a"), max_restarts=2, within_s=10.0)).begin()
    for _ in range(9):
        world.dies("a", ABNORMAL)
        world.passes(5.1)
    assert world.end is None
    for _ in range(2):
        world.dies("a", ABNORMAL)
    assert world.end is not None and world.end.reason.kind == "shutdown"


def test_BX_19_a_system_that_must_not_end_is_slowed_down_and_forgiven_after_calm() -> None:
    state, now = Revivals(), 0.0
    for number in range(12):
        verdict = revive(state, up_since=now, now=now, never_give_up=True)
        state = verdict.revivals
        assert verdict.delay_s is not None and (verdict.delay_s == SLOW_DELAY_MAX_S) == (number >= 10)
    calm = revive(state, up_since=now, now=now + CALM_S + 61, never_give_up=True)
    assert calm.delay_s == 0.0 and calm.revivals.streak == 1


def test_BX_21_a_child_that_ends_by_shutdown_is_not_restarted_and_may_end_all() -> None:
    for mode, over in (("never", False), ("any_significant", True)):
        last = child("a", restart=Restart.TRANSIENT, significant=over)
        world = Driver(tree(last, child("b"), auto_shutdown=mode)).begin()
        world.dies("a", do.SHUTDOWN)
        assert (world.end is not None) == over and "a" not in world.living


def test_BX_22_there_is_never_a_second_process_of_one_child() -> None:
    """The driver refuses a start over a living one at each step."""
    world = Driver(tree(*(child(name) for name in "abc"), strategy=Strategy.REST_FOR_ONE, max_restarts=1000)).begin()
    for number in range(100):
        world.plan["abc"[number % 3]] = ["fail"] * (number % 4)
        world.dies("abc"[number % 3], ABNORMAL)
    assert set(world.living) == set("abc")


def test_BX_23_each_failed_attempt_waits_longer_and_a_success_ends_the_loop() -> None:
    world = Driver(
        tree(child("a", backoff=Backoff(initial_s=1, factor=2, max_s=9)), max_restarts=9, within_s=99)
    ).begin()
    world.plan["a"] = ["fail", "fail"]
    world.dies("a")
    assert world.state("a") == "restarting"
    world.passes(1)
    world.passes(2)
    assert world.state("a") == "restarting"
    world.passes(4)
    assert world.state("a") == "running"


def test_BX_24_only_differences_of_a_monotonic_clock_matter() -> None:
    for start_s in (0.0, 1e9):
        world = Driver(tree(child("a", backoff=Backoff(initial_s=2.0))), now=start_s).begin()
        world.dies("a")
        world.passes(1.0)
        assert world.living == {}
        world.passes(1.5)
        assert world.active() == {"a"}


def test_BX_28_an_expected_end_is_final_for_a_transient_child() -> None:
    for reason in (NORMAL, do.SHUTDOWN):
        world = Driver(tree(child("a", restart=Restart.TRANSIENT))).begin()
        world.dies("a", reason)
        assert world.state("a") == "stopped" and world.restarts() == 0


def test_BX_29_the_curve_of_ten_seconds_to_five_minutes() -> None:
    curve = Backoff(initial_s=10, factor=2, max_s=300)
    assert [restart_delay_s(curve, tries, 1.0) for tries in range(7)] == [10, 20, 40, 80, 160, 300, 300]
    assert restart_delay_s(curve, 10**6, 1.0) == 300
