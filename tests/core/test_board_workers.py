"""Workers that come, die, are replaced and report; schedulers that are born again and adopt what they find."""

from __future__ import annotations

import pytest
from board_bench import W1, W2, Bench
from board_doers import OK

from aidos_actors.core.board import crew
from aidos_actors.core.orders import Acknowledge, AttemptKey, AttemptReport, Discard, End, Start, Step, WorkerId
from aidos_actors.core.states import AttemptState, TaskState

A1 = AttemptKey("r", "a", 1)
REBORN = WorkerId("w/1", "second")


def test_a_dead_worker_s_attempts_are_lost_and_leased_anew_at_once() -> None:
    bench = Bench({"a": {}})
    bench.run()
    bench.take(bench.board.worker_gone("w/1", "first", bench.now))
    assert bench.attempt(A1).state is AttemptState.LOST and bench.task().state is TaskState.READY
    assert bench.orders == (Discard(A1, None, "/w/r/a.1", ((7, 77),)),), "with its minder, which may outlive it"
    assert bench.dispatch() == Step(), "nobody is there"
    bench.take(bench.board.worker_up(W2, 1, bench.now))
    bench.lease()
    (start,) = bench.orders
    assert isinstance(start, Start) and start.previous == ((7, 77),), "starts when that minder is gone"


def test_a_minder_known_to_be_gone_is_not_waited_for() -> None:
    bench = Bench({"a": {}})
    bench.run()
    bench.take(bench.board.worker_gone("w/1", "first", bench.now))
    bench.discard()
    bench.take(bench.board.worker_up(W2, 1, bench.now))
    bench.lease()
    assert [order.previous for order in bench.orders if isinstance(order, Start)] == [()]


@pytest.mark.parametrize(("group", "previous"), [("g", ((7, 77),)), (None, ())])
def test_a_task_waits_for_lost_minders_of_its_group_too(group: str | None, previous: tuple) -> None:
    bench = Bench({"a": {"group": group}, "b": {"group": group}}, slots=2)
    bench.run(A1) if bench.dispatch() else None
    bench.take(bench.board.worker_gone("w/1", "first", bench.now))
    bench.take(bench.board.steer("cancel", "r", "a", bench.now))
    bench.take(bench.board.worker_up(W2, 1, bench.now))
    assert bench.lease().task == "b"
    (start,) = bench.orders
    assert isinstance(start, Start) and start.previous == previous


def test_another_life_of_a_worker_means_that_the_one_before_is_over() -> None:
    bench = Bench({"a": {}})
    bench.run()
    bench.take(bench.board.worker_up(REBORN, 1, bench.now))
    assert bench.attempt(A1).state is AttemptState.LOST
    assert bench.worker(bench.lease()) == REBORN


def test_the_dead_do_not_come_back() -> None:
    bench = Bench({"a": {}})
    bench.take(bench.board.worker_gone("w/1", "first", bench.now))
    bench.take(bench.board.worker_up(W1, 1, bench.now))
    assert bench.dispatch() == Step()


def test_a_living_worker_pushed_out_by_a_late_word_comes_back_by_saying_so() -> None:
    bench = Bench({"a": {}})
    bench.take(bench.board.worker_up(REBORN, 1, bench.now))
    bench.take(bench.board.worker_up(W1, 1, bench.now))  # the older life's word was on its way for long
    bench.take(bench.board.worker_up(REBORN, 1, bench.now))
    assert bench.worker(bench.lease()) == REBORN


def test_the_memory_of_the_dead_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "GONE_MAX", 3)
    bench = Bench()
    for life in range(9):
        bench.take(bench.board.worker_gone("w/1", f"life-{life}", bench.now))
    assert [worker.incarnation for worker in bench.board._books.crew.gone] == ["life-6", "life-7", "life-8"]


@pytest.mark.parametrize(
    ("phase", "minder", "outcome", "state", "orders"),
    [
        ("starting", None, None, AttemptState.LEASED, [Start]),
        ("minded", 7, None, AttemptState.RUNNING, [Start]),
        ("ended", 7, OK, AttemptState.ACCEPTED, [Acknowledge, Discard]),
        ("ended", None, None, AttemptState.LOST, [Acknowledge, Discard]),
    ],
)
def test_a_leased_attempt_is_adopted_and_caught_up_with(phase, minder, outcome, state, orders) -> None:
    bench = Bench({"a": {}})
    bench.lease()
    bench.restart()
    report = AttemptReport(A1, phase, minder, minder and minder * 11, outcome)
    bench.take(bench.board.worker_report(W1, [report], bench.now))
    assert [type(order) for order in bench.orders] == orders
    assert (bench.attempt(A1).state, bench.attempt(A1).epoch) == (state, 2)
    assert bench.attempt(A1).minder_pid == minder and "attempt_adopted" in bench.events()
    assert bench.board.next_due_at() is None, "the adoption window is over for that worker"


@pytest.mark.parametrize(
    ("phase", "outcome", "state", "orders"),
    [
        ("minded", None, AttemptState.RUNNING, [Start]),
        ("running", None, AttemptState.RUNNING, [Start]),
        ("ended", OK, AttemptState.ACCEPTED, [Acknowledge, Discard]),
    ],
)
def test_a_running_attempt_is_adopted(phase, outcome, state, orders) -> None:
    bench = Bench({"a": {}})
    bench.run()
    bench.restart()
    bench.take(bench.board.worker_report(W1, [AttemptReport(A1, phase, 7, 77, outcome)], bench.now))
    assert [type(order) for order in bench.orders] == orders
    assert (bench.attempt(A1).state, bench.attempt(A1).epoch) == (state, 2)
    assert bench.events().count("attempt_started") == 1


def test_a_report_of_nothing_new_orders_nothing() -> None:
    bench = Bench({"a": {}})
    bench.run()
    assert bench.board.worker_report(W1, [AttemptReport(A1, "running", 7, 77)], bench.now) == Step()


def test_what_is_not_reported_is_ordered_again_where_the_order_may_not_have_arrived() -> None:
    """A command and its minder come with one word; a call and its folder with two, so the worker has had it."""
    bench = Bench({"a": {}, "b": {}, "c": {"call": "x:y", "verify": "true"}}, slots=3)
    bench.dispatch()
    bench.run(A1)
    bench.run(AttemptKey("r", "c", 1))
    bench.restart()
    bench.take(bench.board.worker_report(W1, [], bench.now))
    assert bench.attempt(AttemptKey("r", "c", 1)).state is AttemptState.LOST
    assert (bench.task("a").state, bench.task("b").state) == (TaskState.RUNNING, TaskState.LEASED)
    assert bench.starts() == ["a", "b"]


def test_what_nobody_reports_in_time_is_lost() -> None:
    bench = Bench({"a": {}})
    bench.run()
    bench.restart()
    assert bench.board.next_due_at() == bench.now + 5.0
    assert bench.tick(after_s=4.9) == Step()
    bench.tick(after_s=0.1)
    assert bench.attempt(A1).state is AttemptState.LOST
    bench.take(bench.board.worker_report(W1, [AttemptReport(A1, "running", 7, 77)], bench.now))
    assert bench.orders == (End(W1, A1, "cancel"),), "it was too late"


def test_a_new_life_ends_the_wait_for_the_one_before() -> None:
    bench = Bench({"a": {}})
    bench.run()
    bench.restart()
    bench.take(bench.board.worker_up(REBORN, 1, bench.now))
    assert bench.attempt(A1).state is AttemptState.LOST and bench.board.next_due_at() is None


def test_integrating_needs_no_worker() -> None:
    bench = Bench({"a": {}}, repo="/repo")
    bench.end(bench.run())
    bench.restart()
    assert bench.board.next_due_at() is None
    bench.take(bench.board.worker_gone("w/1", "first", bench.now))
    assert bench.attempt(A1).state is AttemptState.INTEGRATING
    assert [type(order).__name__ for order in bench.board.owed("gitops")] == ["Sweep", "Integrate"]


def test_orders_are_owed_to_the_worker_that_holds_the_attempt() -> None:
    bench = Bench({"a": {}, "b": {}, "c": {}})
    bench.take(bench.board.worker_up(W2, 2, bench.now))
    bench.dispatch()
    owed = bench.board.owed("worker")
    assert [order.key.task for order in owed if isinstance(order, Start)] == ["a", "b", "c"]
    for worker in (W1, W2):
        assert bench.board.owed("worker", worker) == tuple(order for order in owed if order.worker == worker)
