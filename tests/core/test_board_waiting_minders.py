"""A minder that waits at its worker: a command is leased and started with one step, and nobody waits for the minder."""

from __future__ import annotations

import pytest
from board_bench import W1, Bench
from board_doers import OK
from msgspec.structs import replace

from aidos_actors.core.orders import (
    Acknowledge,
    AttemptKey,
    AttemptOutcome,
    AttemptReport,
    Discard,
    End,
    Prepare,
    Start,
)
from aidos_actors.core.states import AttemptState, TaskState

A1, A2 = AttemptKey("r", "a", 1), AttemptKey("r", "a", 2)
WAITING = (7, 77)
FREE = replace(OK, is_minder_free=True)
GONE = AttemptOutcome(False, None, "it has gone", "clear", fault="infra", is_minder_free=True)


def bench_with_one(tasks: dict | None = None, **more) -> Bench:
    bench = Bench(tasks or {"a": {}}, **more)
    bench.take(bench.board.worker_up(W1, 1, bench.now, WAITING))
    return bench


def test_lease_and_start_are_one_step_and_one_order() -> None:
    bench = bench_with_one()
    assert bench.lease() == A1
    attempt, task = bench.attempt(A1), bench.task()
    assert (attempt.state, task.state) == (AttemptState.RUNNING, TaskState.RUNNING)
    assert (attempt.minder_pid, attempt.minder_started) == WAITING and attempt.started_at == attempt.leased_at
    (start,) = bench.orders
    assert isinstance(start, Start) and (start.key, start.minder) == (A1, WAITING)
    assert bench.events()[-2:] == ["attempt_leased", "attempt_started"]


def test_it_is_promised_once() -> None:
    bench = Bench({"a": {}, "b": {}}, slots=2)
    bench.take(bench.board.worker_up(W1, 2, bench.now, WAITING))
    bench.dispatch()
    assert [(order.key.task, order.minder) for order in bench.orders if isinstance(order, Start)] == [
        ("a", WAITING),
        ("b", None),
    ]


def test_whoever_says_that_it_is_free_again_gives_it_to_the_next() -> None:
    bench = bench_with_one({"a": {}, "b": {}})
    bench.dispatch()
    bench.take(bench.board.ended(W1, A1, FREE, bench.now, WAITING))
    assert bench.orders == (Acknowledge(W1, A1), Discard(A1, None, "/w/r/a.1", ())), "nobody waits for who goes on"
    assert bench.attempt(A1).minder_pid is None
    assert bench.lease() == AttemptKey("r", "b", 1) and bench.orders[0].minder == WAITING
    bench.take(bench.board.ended(W1, AttemptKey("r", "b", 1), OK, bench.now, None))
    assert bench.attempt(AttemptKey("r", "b", 1)).minder_pid == 7, "this one may not have gone yet"


@pytest.mark.parametrize(
    ("task", "more", "first"),
    [
        ({"call": "x:y", "verify": "true"}, {}, Start),
        ({}, {"repo": "/repo"}, Prepare),
    ],
)
def test_what_has_something_to_wait_for_is_leased_first(task, more, first) -> None:
    bench = bench_with_one({"a": task}, **more)
    bench.dispatch()
    (order,) = bench.orders
    assert type(order) is first and bench.attempt(A1).state is AttemptState.LEASED
    assert getattr(order, "minder", None) is None


def test_a_second_attempt_waits_until_nothing_of_the_first_lives() -> None:
    bench = bench_with_one({"a": {"retries": 1}})
    bench.dispatch()
    failed = AttemptOutcome(False, 1, fault="own", is_minder_free=True)
    bench.take(bench.board.ended(W1, A1, failed, bench.now, WAITING))
    bench.tick(after_s=1000.0)
    bench.dispatch()
    (order,) = bench.orders
    assert (order.key, order.minder, order.previous) == (A2, None, ())
    bench.take(bench.board.minded(W1, A2, 7, 77, bench.now))
    assert bench.orders == (replace(order, minder=WAITING),)


def test_one_that_has_gone_costs_nothing() -> None:
    bench = bench_with_one()
    bench.dispatch()
    bench.take(bench.board.ended(W1, A1, GONE, bench.now, None))
    attempt = bench.attempt(A1)
    assert (attempt.state, attempt.started_at, attempt.minder_pid) == (AttemptState.LOST, None, None)
    assert (bench.task().state, bench.task().own_failures) == (TaskState.READY, 0)
    assert bench.lease() == A2 and bench.attempt(A2).state is AttemptState.LEASED


def test_the_order_is_sent_again_until_the_worker_says_that_it_has_it() -> None:
    bench = bench_with_one()
    bench.dispatch()
    (start,) = bench.orders
    bench.restart()
    bench.take(bench.board.worker_up(W1, 1, bench.now, WAITING))
    bench.take(bench.board.worker_report(W1, [], bench.now))
    assert bench.orders == (start,)
    assert bench.dispatch().orders == ()
    bench.take(bench.board.worker_report(W1, [AttemptReport(A1, "running", *WAITING)], bench.now))
    assert bench.orders == (start,), "whoever has it lets that pass"
    bench.take(bench.board.worker_report(W1, [AttemptReport(A1, "running", *WAITING)], bench.now))
    assert bench.orders == ()


def test_nothing_starts_in_a_drain() -> None:
    bench = bench_with_one()
    bench.dispatch()
    bench.take(bench.board.drain(bench.now, bench.now + 10))
    assert bench.orders == (), "it may run already"
    bench.take(bench.board.worker_report(W1, [], bench.now))
    assert bench.orders == (End(W1, A1, "drain"),)
    released = AttemptOutcome(False, fault="released", is_minder_free=True)
    bench.take(bench.board.ended(W1, A1, released, bench.now, WAITING))
    assert bench.attempt(A1).state is AttemptState.RELEASED and bench.attempt(A1).minder_pid is None


def test_of_a_cancelled_one_the_worker_says_that_nothing_of_it_lives() -> None:
    bench = bench_with_one()
    bench.dispatch()
    bench.take(bench.board.steer("cancel", "r", None, bench.now))
    assert bench.orders == (End(W1, A1, "cancel"),)
    stopped = AttemptOutcome(False, fault="cancelled", is_minder_free=True)
    bench.take(bench.board.ended(W1, A1, stopped, bench.now, WAITING))
    assert bench.orders == (Acknowledge(W1, A1), Discard(A1, None, "/w/r/a.1", ()))


def test_that_of_a_dead_worker_is_promised_to_nobody() -> None:
    bench = bench_with_one()
    bench.take(bench.board.worker_gone("w/1", "first", bench.now))
    bench.take(bench.board.worker_up(replace(W1, incarnation="second"), 1, bench.now))
    bench.dispatch()
    assert bench.attempt(A1).state is AttemptState.LEASED
