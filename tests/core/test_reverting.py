"""A red target: the guilty task is undone and done again, what needs it waits, and no other task notices."""

from __future__ import annotations

import pytest
from board_bench import INTEGRATED, W1, Bench

from aidos_actors.core.orders import AttemptKey
from aidos_actors.core.states import RequirementState, TaskState
from aidos_actors.core.target_orders import Reversal, Revert, Sighting, Sweep, Unwatch, Watch

pytestmark = pytest.mark.usefixtures("form")

KEY = AttemptKey("r", "a", 1)
THE_WHOLE = AttemptKey("r", "", 0)
RED = Sighting("head", True, "c0ffee", KEY, "somebody", "2 tests failed")
TASKS = {"a": {"retries": 1}, "b": {"needs": ["a"]}, "c": {}}


def done(tasks=TASKS, **more) -> Bench:
    """The first task is on the target, the requirement goes on."""
    bench = Bench(tasks, repo="/repo", verify="pytest", slots=2, **more)
    bench.finish(bench.run(lease_of(bench, "a")))
    return bench


def lease_of(bench: Bench, task: str) -> AttemptKey:
    bench.dispatch()
    (found,) = [key for key, attempt in bench.ledger.attempts.items() if key.task == task and attempt.ended_at is None]
    return found


def see(bench: Bench, seen: Sighting = RED) -> None:
    bench.take(bench.board.target_seen("r", seen, bench.now))


def test_the_guilty_task_is_reverted_and_done_again() -> None:
    bench = done()
    see(bench)
    assert bench.task("a").state is TaskState.REVERTING and bench.task("a").commit is None
    assert bench.orders == (Revert(KEY, "/repo", "aidos/r", "base", "2 tests failed"),)
    bench.take(bench.board.reverted(KEY, Reversal("fade"), bench.now))
    row = bench.task("a")
    assert (row.state, row.own_failures, row.error) == (
        TaskState.BACKING_OFF, 1, "its commit was reverted: 2 tests failed",
    )  # fmt: skip
    assert bench.record().commit == "fade"
    bench.tick(30)
    again = lease_of(bench, "a")
    assert again == AttemptKey("r", "a", 2)
    bench.finish(bench.run(again))
    assert bench.task("a").state is TaskState.DONE


def test_what_needs_it_waits_again_until_it_is_done_again() -> None:
    bench = done()
    see(bench)
    bench.dispatch()
    assert bench.task("b").state is TaskState.READY, "it was unblocked before"
    assert not any(key.task == "b" for key in bench.ledger.attempts), "it needs what is being reverted"
    bench.restart()
    bench.take(bench.board.worker_up(W1, 9, bench.now))
    bench.dispatch()
    assert not any(key.task == "b" for key in bench.ledger.attempts)


def test_without_a_retry_left_the_task_has_failed_and_what_needs_it_is_skipped() -> None:
    bench = done({**TASKS, "a": {"retries": 0}})
    see(bench)
    bench.take(bench.board.reverted(KEY, Reversal("fade"), bench.now))
    assert (bench.task("a").state, bench.task("b").state) == (TaskState.FAILED, TaskState.SKIPPED)
    bench.finish(bench.run(lease_of(bench, "c")))
    assert bench.record().state is RequirementState.FAILED


def test_what_already_runs_goes_on_and_is_skipped_only_when_it_comes_back_without_success() -> None:
    bench = done({"a": {"retries": 0}, "b": {"needs": ["a"], "retries": 3}})
    running = bench.run(lease_of(bench, "b"))
    see(bench)
    bench.take(bench.board.reverted(KEY, Reversal("fade"), bench.now))
    assert bench.task("b").state is TaskState.RUNNING
    bench.take(bench.board.worker_gone("w/1", "first", bench.now))
    assert bench.attempt(running).ended_at is not None
    assert bench.task("b").state is TaskState.SKIPPED


def test_what_cannot_be_taken_back_stays_done() -> None:
    bench = done()
    see(bench)
    bench.take(bench.board.reverted(KEY, Reversal(None, "c0ffee", "it conflicts"), bench.now))
    assert (bench.task("a").state, bench.task("a").commit) == (TaskState.DONE, "c0ffee")
    assert lease_of(bench, "b")


def test_what_waited_meanwhile_goes_on_when_it_stays_done() -> None:
    """The other that it needs was done while this one was not."""
    bench = done({"a": {}, "b": {}, "both": {"needs": ["a", "b"]}})
    see(bench)
    bench.finish(bench.run(lease_of(bench, "b")))
    assert bench.task("both").state is TaskState.WAITING
    bench.take(bench.board.reverted(KEY, Reversal(None, "c0ffee", "it conflicts"), bench.now))
    assert lease_of(bench, "both")


def test_seeing_the_same_again_and_late_words_change_nothing() -> None:
    bench = done()
    see(bench)
    see(bench)
    assert bench.orders == () and bench.events().count("target_red") == 1
    bench.take(bench.board.reverted(KEY, Reversal("fade"), bench.now))
    see(bench)
    bench.take(bench.board.reverted(KEY, Reversal("fade"), bench.now))
    assert bench.task("a").own_failures == 1
    see(bench, Sighting("other", False))
    assert bench.events().count("target_green") == 1


def test_only_that_very_commit_of_a_task_that_is_done_is_condemned() -> None:
    bench = done()
    for seen in (
        Sighting("head", True, "another", KEY),
        Sighting("head", True, "c0ffee", AttemptKey("r", "a", 2)),
        Sighting("head", True, "c0ffee", AttemptKey("r", "c", 1)),
        Sighting("head", True, "c0ffee", AttemptKey("nobody", "a", 1)),
        Sighting("head", True, "foreign", None, "Eve <eve@example.org>"),
    ):
        see(bench, seen)
    assert bench.task("a").state is TaskState.DONE and bench.orders == ()


def test_a_revert_is_owed_until_it_is_answered_and_every_gate_is_watched() -> None:
    bench = done()
    watch = Watch(THE_WHOLE, "/repo", "aidos/r", "base", "pytest")
    assert watch in bench.board.owed("gitops")
    see(bench)
    bench.restart()
    owed = bench.board.owed("gitops")
    assert Revert(KEY, "/repo", "aidos/r", "base", "2 tests failed") in owed and watch in owed


def test_a_requirement_that_ends_is_watched_no_more_and_leaves_no_worktree() -> None:
    bench = Bench({"a": {}}, repo="/repo", verify="pytest")
    key = bench.run()
    bench.end(key)
    bench.take(bench.board.integrated(key, INTEGRATED, bench.now))
    bench.take(bench.board.discarded(key, bench.now))
    assert bench.record().state is RequirementState.DONE
    assert bench.orders[-2:] == (Unwatch(THE_WHOLE, "/repo"), Sweep(THE_WHOLE, "/repo", ()))
