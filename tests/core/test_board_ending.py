"""Cancelling, deadlines and drains: how work is ended from outside, and that its worktree goes last."""

from __future__ import annotations

import pytest
from board_bench import INTEGRATED, W1, Bench
from board_doers import OK

from aidos_actors.core.orders import Acknowledge, AttemptKey, AttemptOutcome, AttemptReport, Discard, End, Start, Step
from aidos_actors.core.states import AttemptState, RequirementState, TaskState
from aidos_actors.core.target_orders import Reversal, Sighting

A1 = AttemptKey("r", "a", 1)
STOPPED = AttemptOutcome(ok=False, fault="cancelled")
RELEASED = AttemptOutcome(ok=False, fault="released")
DISCARD = Discard(A1, None, "/w/r/a.1", ((7, 77),))


@pytest.mark.parametrize("last_word", [STOPPED, OK])
def test_a_cancelled_requirement_ends_when_its_worker_has_let_go_and_its_folder_is_gone(last_word) -> None:
    bench = Bench({"a": {}, "b": {}})
    bench.run()
    bench.take(bench.board.steer("cancel", "r", None, bench.now))
    assert bench.orders == (End(W1, A1, "cancel"),), "nothing is discarded under a living command"
    assert [task.state for task in bench.ledger.tasks.values()] == [TaskState.CANCELLED] * 2
    assert bench.dispatch() == Step() and bench.board.steer("cancel", "r", None, bench.now) == Step()
    bench.end(A1, last_word)
    assert bench.orders == (Acknowledge(W1, A1), DISCARD)
    assert bench.record().state is RequirementState.RUNNING
    bench.discard()
    assert (bench.record().state, bench.record().error) == (RequirementState.CANCELLED, "cancelled")
    assert bench.task().state is TaskState.CANCELLED


def test_a_cancelled_attempt_still_fills_its_slot_and_its_group() -> None:
    bench = Bench({"a": {"group": "g"}, "b": {"group": "g"}, "c": {}, "d": {"priority": 1}}, slots=2)
    bench.dispatch()
    bench.run(A1)
    bench.take(bench.board.steer("cancel", "r", "a", bench.now))
    assert bench.dispatch() == Step(), "both slots are filled, by a and c"
    bench.finish(bench.run(AttemptKey("r", "c", 1)))
    assert bench.lease().task == "d", "b waits for the end of a"
    bench.end(A1, STOPPED)
    assert bench.lease().task == "b"


def test_a_cancelled_attempt_whose_worker_is_gone_is_over() -> None:
    bench = Bench({"a": {}})
    bench.run()
    bench.take(bench.board.steer("cancel", "r", None, bench.now))
    bench.take(bench.board.worker_gone("w/1", "first", bench.now))
    assert bench.orders == (DISCARD,)
    bench.discard()
    assert bench.record().state is RequirementState.CANCELLED


@pytest.mark.parametrize("has_run", [True, False])
def test_a_cancelled_attempt_that_the_worker_does_not_report(has_run: bool) -> None:
    bench = Bench({"a": {}})
    bench.run() if has_run else bench.lease()
    bench.take(bench.board.steer("cancel", "r", None, bench.now))
    bench.restart()
    bench.take(bench.board.worker_report(W1, [], bench.now))
    assert bench.orders == (End(W1, A1, "cancel"),), "the order to start it may still be on its way"


@pytest.mark.parametrize("phase", ["starting", "minded", "running"])
def test_a_cancelled_attempt_is_ended_whatever_the_worker_does_with_it(phase) -> None:
    bench = Bench({"a": {}})
    bench.lease()
    bench.take(bench.board.steer("cancel", "r", None, bench.now))
    minder = (None, None) if phase == "starting" else (7, 77)
    bench.take(bench.board.worker_report(W1, [AttemptReport(A1, phase, *minder)], bench.now))
    assert bench.orders == (End(W1, A1, "cancel"),)
    bench.take(bench.board.minded(W1, A1, 7, 77, bench.now))
    assert bench.orders == (End(W1, A1, "cancel"),)


def test_what_no_worker_has_heard_of_is_discarded_at_once() -> None:
    bench = Bench({"a": {}}, repo="/repo")
    bench.lease()
    bench.take(bench.board.steer("cancel", "r", None, bench.now))
    assert bench.orders == (Discard(A1, "/repo", "/w/r/a.1", ()),)


def test_a_cancelled_task_skips_what_needs_it_and_the_rest_goes_on() -> None:
    bench = Bench({"a": {}, "b": {"needs": ["a"]}, "c": {}})
    bench.take(bench.board.steer("cancel", "r", "a", bench.now))
    assert [bench.task(name).state for name in "abc"] == [TaskState.CANCELLED, TaskState.SKIPPED, TaskState.READY]
    assert bench.board.steer("cancel", "r", "a", bench.now) == Step()
    bench.finish(bench.run())
    assert (bench.record().state, bench.record().error) == (RequirementState.FAILED, "task a was cancelled")


def test_a_task_that_waits_for_its_retry_can_be_cancelled() -> None:
    bench = Bench({"a": {}})
    bench.end(bench.run(), AttemptOutcome(ok=False, exit_code=1, fault="own"))
    bench.discard()
    bench.take(bench.board.steer("cancel", "r", None, bench.now))
    assert bench.record().state is RequirementState.CANCELLED and bench.board.next_due_at() is None


def test_cancelling_comes_too_late_when_all_tasks_have_ended() -> None:
    bench = Bench({"a": {}})
    bench.end(bench.run())
    orders = bench.orders
    assert bench.board.steer("cancel", "r", None, bench.now) == Step()
    bench.orders = orders
    bench.discard()
    assert bench.record().state is RequirementState.DONE


def test_paused_when_all_tasks_have_ended_it_is_not_too_late_to_cancel() -> None:
    """It is not over: it would wait for its ``resume`` for ever."""
    bench = Bench({"a": {}})
    bench.run()
    bench.take(bench.board.steer("pause", "r", None, bench.now))
    bench.end(A1)
    bench.discard()
    assert bench.record().state is RequirementState.PAUSED
    bench.take(bench.board.steer("cancel", "r", None, bench.now))
    assert bench.record().state is RequirementState.CANCELLED and bench.task().state is TaskState.DONE


def test_while_its_last_task_is_being_ended_it_is_not_too_late_to_cancel() -> None:
    bench = Bench({"a": {}, "b": {"needs": ["a"]}})
    bench.run()
    bench.take(bench.board.steer("cancel", "r", "a", bench.now))
    bench.take(bench.board.steer("cancel", "r", None, bench.now))
    bench.end(A1, STOPPED)
    bench.discard()
    assert (bench.record().state, bench.record().error) == (RequirementState.CANCELLED, "cancelled")


@pytest.mark.parametrize("is_analysed", [True, False])
def test_before_its_plan_a_requirement_is_cancelled_at_once(is_analysed: bool) -> None:
    bench = Bench()
    bench.submit(Bench({"a": {}}).board._books.open["r"].model)
    if is_analysed:
        bench.dispatch()
    bench.take(bench.board.steer("cancel", "r", None, bench.now))
    assert bench.record().state is RequirementState.CANCELLED and bench.board.open_requirements == ()


def test_past_its_deadline_a_requirement_is_ended_and_has_failed() -> None:
    bench = Bench({"a": {}, "b": {"needs": ["a"]}, "c": {"priority": 99}}, deadline_s=60)
    bench.finish(bench.run())
    bench.run()
    assert bench.board.next_due_at() == 160.0
    assert bench.tick(after_s=59.9) == Step()
    bench.tick(after_s=0.1)
    assert bench.orders == (End(W1, A1, "deadline"),) == bench.board.owed("worker")
    assert [bench.task(name).state for name in "abc"] == [TaskState.CANCELLED, TaskState.CANCELLED, TaskState.DONE]
    assert bench.task("b").error == "deadline" and bench.board.next_due_at() is None
    bench.end(A1, STOPPED)
    bench.discard()
    assert bench.record().state is RequirementState.FAILED
    assert bench.record().error == "deadline: not finished within 60 s; 1 of 3 tasks were done"


def test_the_deadline_counts_before_the_plan_and_not_after_the_work() -> None:
    bench = Bench()
    bench.submit(replace_deadline(10))
    bench.tick(after_s=10)
    assert bench.record().state is RequirementState.FAILED
    bench = Bench({"a": {}}, deadline_s=10)
    bench.end(bench.run())
    assert bench.board.next_due_at() is None and bench.tick(after_s=99) == Step()


def test_the_deadline_counts_again_when_the_last_task_is_to_be_done_again() -> None:
    """Between its end and the removal of its worktree there was nothing to be late with."""
    bench = Bench({"a": {}}, repo="/repo", deadline_s=60)
    deadline_at = bench.now + 60
    bench.end(bench.run())
    bench.take(bench.board.integrated(A1, INTEGRATED, bench.now))
    assert bench.board.next_due_at() is None
    bench.take(bench.board.target_seen("r", Sighting("head", True, "c0ffee", A1, "a", "red"), bench.now))
    assert bench.task().state is TaskState.REVERTING
    assert bench.board.next_due_at() == deadline_at
    bench.take(bench.board.reverted(A1, Reversal(None, kept="c0ffee"), bench.now))
    assert bench.board.next_due_at() is None


def replace_deadline(deadline_s: float):
    return Bench({"a": {}}).board._books.open["r"].model.model_copy(update={"deadline_s": deadline_s})


def test_a_drain_lets_running_commands_go_on_and_takes_back_what_has_not_started() -> None:
    bench = Bench({"a": {}, "b": {}, "c": {}}, slots=2)
    bench.dispatch()
    b1 = AttemptKey("r", "b", 1)
    bench.run(A1)
    bench.take(bench.board.drain(bench.now, bench.now + 10))
    assert bench.orders == (End(W1, b1, "drain"),)
    bench.take(bench.board.minded(W1, b1, 8, 88, bench.now))
    assert bench.orders == (End(W1, b1, "drain"),), "its minder was on its way already"
    bench.end(b1, RELEASED)
    assert (bench.task("b").state, bench.attempt(b1).state) == (TaskState.READY, AttemptState.RELEASED)
    assert bench.dispatch() == Step() and bench.board.drain(bench.now, 0.0) == Step()
    (start,) = bench.board.owed("worker")
    assert isinstance(start, Start) and (start.key, start.minder) == (A1, (7, 77))
    assert bench.board.next_due_at() == bench.now + 10
    bench.tick(after_s=10)
    assert bench.orders == (End(W1, A1, "drain"),) == bench.board.owed("worker")
    assert bench.board.next_due_at() is None and bench.board.held_count == 1
    bench.end(A1, RELEASED)
    assert bench.board.held_count == 0
    assert {task.own_failures + task.infra_faults for task in bench.ledger.tasks.values()} == {0}


def test_a_drain_takes_back_what_git_is_still_preparing() -> None:
    bench = Bench({"a": {}}, repo="/repo")
    bench.lease()
    bench.take(bench.board.drain(bench.now, bench.now + 10))
    assert bench.attempt(A1).state is AttemptState.RELEASED and bench.board.held_count == 0
    assert bench.orders == (Discard(A1, "/repo", "/w/r/a.1", ()),)


def test_a_command_that_ends_well_during_the_drain_counts() -> None:
    bench = Bench({"a": {}})
    bench.run()
    bench.take(bench.board.end_running(bench.now))
    assert bench.orders == (End(W1, A1, "drain"),) and bench.board.end_running(bench.now) == Step()
    bench.end(A1, OK)
    assert bench.task().state is TaskState.DONE


def test_a_paused_requirement_starts_nothing_and_ends_after_it_was_resumed() -> None:
    bench = Bench({"a": {}})
    bench.run()
    bench.take(bench.board.steer("pause", "r", None, bench.now))
    bench.restart()
    bench.take(bench.board.worker_up(W1, 2, bench.now))
    bench.end(A1)
    bench.discard()
    assert bench.task().state is TaskState.DONE and bench.record().state is RequirementState.PAUSED
