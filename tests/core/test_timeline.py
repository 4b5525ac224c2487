"""Clocks that are set: no deadline comes too early, none too late, and time goes on."""

from __future__ import annotations

import pytest
from board_bench import W1, Bench
from board_doers import OWN
from hypothesis import given
from hypothesis import strategies as st

from aidos_actors.core.board.timeline import JUMP_S, Timeline
from aidos_actors.core.states import RequirementState, TaskState

HOURS = [5 * 3600.0, -5 * 3600.0]


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(-1e6, 1e6))))
def test_it_never_goes_back_and_never_stands_still(steps: list[tuple[float, float]]) -> None:
    line, steady_s, wall, now = Timeline(1e9, 0.0), 0.0, 1e9, 1e9
    for passed_s, set_by_s in steps:
        steady_s += passed_s
        wall += passed_s + set_by_s
        line = line.following(wall, steady_s)
        assert line.now(steady_s) >= now + passed_s - 1e-6
        assert line.now(steady_s) >= wall - 1e-6
        now = line.now(steady_s)


def test_a_clock_that_is_kept_right_does_not_jump() -> None:
    line = Timeline(1000.0, 50.0)
    assert line.jump_s(1010.0 + JUMP_S / 2, 60.0) == 0.0 == line.jump_s(1010.0 - JUMP_S / 2, 60.0)
    assert line.jump_s(4610.0, 60.0) == 3600.0 and line.jump_s(10.0, 60.0) == -1000.0


@pytest.mark.parametrize("by_s", HOURS)
@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_deadline_and_a_retry_last_as_long_as_they_were_to_last(by_s: float, is_restarted: bool) -> None:
    bench = Bench({"a": {"retry": {"jitter": 0, "delay_s": 20.0}}, "b": {}}, deadline_s=60)
    bench.end(bench.run(), OWN)
    bench.discard()
    bench.run()
    bench.now += 10
    if is_restarted:
        bench.restart()
    bench.now += by_s
    bench.take(bench.board.clock_set(by_s, bench.now))
    assert "clock_set" in bench.events()
    assert bench.board.next_due_at() == pytest.approx(bench.now + (5 if is_restarted else 10))
    if is_restarted:
        bench.take(bench.board.worker_up(W1, 1, bench.now))
        bench.take(bench.board.worker_report(W1, (), bench.now))
    bench.tick(after_s=9.9)
    assert (bench.task().state, bench.record().error) == (TaskState.BACKING_OFF, None)
    bench.tick(after_s=0.2)
    assert bench.task().state is TaskState.READY
    bench.tick(after_s=39.8)
    assert bench.record().error is None
    bench.tick(after_s=0.2)
    assert str(bench.record().error).startswith("deadline")


@pytest.mark.parametrize("by_s", HOURS)
def test_the_time_to_report_and_the_time_to_drain_are_kept(by_s: float) -> None:
    bench = Bench({"a": {}})
    key = bench.run()
    bench.restart()
    bench.take(bench.board.drain(bench.now, bench.now + 8))
    bench.now += by_s
    bench.take(bench.board.clock_set(by_s, bench.now))
    bench.tick(after_s=4.9)
    assert bench.attempt(key).ended_at is None
    bench.tick(after_s=0.2)
    assert bench.attempt(key).ended_at is not None, "nobody reported it"
    assert bench.board.next_due_at() == pytest.approx(bench.now + 2.9)


def test_an_ended_requirement_is_not_touched() -> None:
    bench = Bench({"a": {}}, deadline_s=60)
    bench.finish(bench.run())
    before = bench.record()
    assert before.state is RequirementState.DONE
    bench.take(bench.board.clock_set(3600.0, bench.now))
    assert bench.record() == before
