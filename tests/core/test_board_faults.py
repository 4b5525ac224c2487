"""Failures: which use up a retry, which do not, and how often the same one is forgiven."""

from __future__ import annotations

import pytest
from board_bench import W1, Bench
from board_doers import INFRA, OWN

from aidos_actors.core.orders import AttemptKey, AttemptOutcome, CallEnded, CallSpan, Integration, WorkerId
from aidos_actors.core.states import AttemptState, RequirementState, TaskState

RELEASED = AttemptOutcome(ok=False, fault="released")
STOPPED = AttemptOutcome(ok=False, fault="cancelled")
CONFLICT = Integration(None, "conflict", "both changed x")


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_task_fails_after_its_first_attempt_and_its_retries_have_failed(retries: int) -> None:
    bench = Bench({"a": {"retries": retries}, "b": {"needs": ["a"]}, "c": {"needs": ["b"]}, "d": {"priority": 1}})
    for failures in range(1, retries + 1):
        bench.end(bench.run(), OWN)
        bench.discard()
        task = bench.task()
        assert (task.state, task.own_failures) == (TaskState.BACKING_OFF, failures)
        assert task.not_before_at == bench.board.next_due_at()
        assert task.not_before_at is not None
        wait_s = task.not_before_at - bench.now
        assert 0 < wait_s <= 2.0 ** (failures - 1)
        bench.tick(after_s=wait_s * 0.9)
        assert bench.task().state is TaskState.BACKING_OFF
        bench.tick(after_s=wait_s * 0.1 + 1e-9)
        assert (bench.task().state, bench.task().not_before_at) == (TaskState.READY, None)
        assert bench.events().count("task_ready") == failures, "once for each retry"
    bench.end(bench.run(), OWN)
    bench.discard()
    task = bench.task()
    assert (task.state, task.own_failures, task.attempts) == (TaskState.FAILED, retries + 1, retries + 1)
    assert [bench.task(name).state for name in "bcd"] == [TaskState.SKIPPED, TaskState.SKIPPED, TaskState.READY]
    bench.finish(bench.run())
    assert bench.task("d").state is TaskState.DONE
    assert (bench.record().state, bench.record().error) == (RequirementState.FAILED, "task a failed: no")


@pytest.mark.parametrize(
    ("outcome", "state", "infra_faults"),
    [(INFRA, AttemptState.LOST, 1), (RELEASED, AttemptState.RELEASED, 0), (STOPPED, AttemptState.RELEASED, 0)],
)
@pytest.mark.parametrize("is_running", [True, False])
def test_what_is_not_the_task_s_fault_uses_up_no_retry(
    outcome: AttemptOutcome, state: AttemptState, infra_faults: int, is_running: bool
) -> None:
    bench = Bench({"a": {"retries": 0}})
    key = bench.end(bench.run() if is_running else bench.lease(), outcome)
    assert bench.attempt(key).state is state
    task = bench.task()
    assert (task.state, task.own_failures, task.infra_faults) == (TaskState.READY, 0, infra_faults)
    assert bench.lease().number == 2, "ready at once"


def test_an_infrastructure_that_stays_ill_is_asked_less_and_less_often() -> None:
    bench = Bench({"a": {"retries": 0}}, repo="/repo", settings={"infra_delay_max_s": 2.5})
    waits = []
    for _ in range(5):
        bench.take(bench.board.prepare_failed(bench.lease(), "disk full", bench.now))
        waits.append((bench.task().not_before_at or bench.now) - bench.now)
        assert bench.task().state is TaskState.READY
        assert not waits[-1] or not bench.dispatch().batch.attempts, "it waits"
        bench.tick(after_s=waits[-1])
    assert waits == [0.0, 1.0, 2.0, 2.5, 2.5]
    assert (bench.task().own_failures, bench.task().infra_faults) == (0, 5)


def lose_worker(bench: Bench, times: int) -> None:
    """The task runs and its worker dies, so many times; each time another life of it comes up."""
    for _ in range(times):
        key = bench.run()
        worker = bench.worker(key)
        bench.take(bench.board.worker_gone(worker.path, worker.incarnation, bench.now))
        bench.discard()
        life = type(worker)(worker.path, f"{worker.incarnation}+")
        bench.take(bench.board.worker_up(life, 1, bench.now))


def test_a_command_may_lose_any_number_of_workers() -> None:
    bench = Bench({"a": {"retries": 0}})
    lose_worker(bench, 12)
    assert (bench.task().state, bench.task().own_failures, bench.task().infra_faults) == (TaskState.READY, 0, 12)


def test_every_fifth_worker_in_a_row_that_a_callable_takes_down_is_its_own_failure() -> None:
    bench = Bench({"a": {"call": "m:f", "retries": 1}})
    lose_worker(bench, 4)
    assert bench.task().own_failures == 0
    bench.restart()  # the row of deaths is in the ledger, not in the board
    bench.take(bench.board.worker_up(W1, 1, bench.now))
    lose_worker(bench, 1)
    task = bench.task()
    assert (task.own_failures, task.infra_faults, task.state) == (1, 4, TaskState.BACKING_OFF)
    assert "5 times in a row" in (task.error or "")


@pytest.mark.parametrize("verify", [None, "true"], ids=["in a batch", "alone"])
def test_a_worker_that_dies_of_an_overdue_callable_says_which_task_has_failed(verify: str | None) -> None:
    mates = {name: {"call": "m:f"} for name in ("b", "c")}
    bench = Bench({"a": {"call": "m:f", "retries": 1, "timeout_s": 2.0, "verify": verify}, **mates})
    key = AttemptKey("r", "a", 1)
    batch = bench.dispatch().batch
    if verify:
        bench.take(bench.board.minded(W1, key, 0, 0, bench.now))
    assert bench.board.is_calling(W1, key)
    bench.take(bench.board.worker_gone(W1.path, W1.incarnation, bench.now, (key,), "jobs.py, line 3, in f"))
    assert not bench.board.is_calling(W1, key)
    task = bench.task()
    assert (task.state, task.own_failures, task.infra_faults) == (TaskState.BACKING_OFF, 1, 0)
    assert "time limit of 2 s" in (task.error or "") and "jobs.py, line 3" in (task.error or "")
    in_batch = {name for calls in batch.calls for name, _number in calls.members} - {"a"}
    assert {bench.task(name).state for name in in_batch} <= {TaskState.READY}, "they had not begun"
    assert {bench.task(name).infra_faults for name in mates} == {0}


def test_one_that_may_have_taken_its_worker_down_after_it_returned_is_called_alone_and_counts() -> None:
    """Of a dead worker it is known which callable it had begun last. Those before that one had ended, and nobody heard
    how: they go back unharmed, and under suspicion; those behind it go back as they are."""
    bench = Bench({name: {"call": "m:f", "retries": 0} for name in ("a", "b", "c")})
    bench.board._books.paces.learn([CallSpan("m:f", 100, 0.001)])
    calls: list[list[str]] = []
    for life in range(5):
        me = WorkerId(W1.path, f"life-{life}")
        bench.take(bench.board.worker_up(me, 1, bench.now))
        if life == 3:  # what is known of earlier attempts is in the ledger
            bench.restart()
            bench.take(bench.board.worker_up(me, 1, bench.now))
        while "b" not in (members := dict(bench.dispatch().batch.calls[0].members)):
            calls.append([*members])
            ended = [CallEnded(*member, "null") for member in members.items()]
            bench.take(bench.board.calls_ended(me, 1, "r", ended, [], bench.now))
        calls.append([*members])
        bench.take(bench.board.worker_gone(me.path, me.incarnation, bench.now, (AttemptKey("r", "b", members["b"]),)))
        bench.discard()
        if life == 0:
            assert [bench.task(name).infra_faults for name in "abc"] == [0, 1, 0]
            assert {bench.task(name).state for name in "abc"} == {TaskState.READY}
    assert calls == [["a", "b", "c"], ["a", "b", "c"], ["c"], ["a"], ["b"], ["b"], ["b"]]
    assert [bench.task(name).state for name in "abc"] == [TaskState.DONE, TaskState.FAILED, TaskState.DONE]


def test_one_that_ended_before_its_worker_died_is_not_overdue() -> None:
    bench = Bench({"a": {"call": "m:f"}})
    key = bench.end(bench.run())
    bench.take(bench.board.worker_gone(W1.path, W1.incarnation, bench.now, (key,), "somewhere"))
    assert bench.record().state is RequirementState.DONE


def test_every_fifth_minder_in_a_row_that_a_command_takes_down_is_its_own_failure() -> None:
    bench = Bench({"a": {"retries": 1}})
    for number in range(1, 11):
        bench.end(bench.run(), INFRA)
        assert bench.task().own_failures == number // 5
        bench.discard()
        bench.tick(after_s=60.0)
    assert (bench.task().state, bench.task().infra_faults) == (TaskState.FAILED, 8)
    assert "10 times in a row" in (bench.task().error or "")


def test_a_row_of_deaths_ends_when_an_attempt_ends_by_itself() -> None:
    bench = Bench({"a": {"call": "m:f", "retries": 9}})
    lose_worker(bench, 4)
    bench.end(bench.run(), OWN)
    bench.tick(after_s=1.0)
    lose_worker(bench, 4)
    assert bench.task().own_failures == 1


def test_conflicts_are_done_again_up_to_a_limit() -> None:
    bench = Bench({"a": {"retries": 1}}, repo="/repo", settings={"conflicts_max": 2})
    for number in (1, 2):
        bench.finish(bench.run(), CONFLICT)
        assert (bench.task().state, bench.task().conflicts) == (TaskState.READY, number)
    key = bench.run()
    bench.finish(key, CONFLICT)
    assert bench.attempt(key).state is AttemptState.CONFLICTED
    assert (bench.task().state, bench.task().own_failures) == (TaskState.BACKING_OFF, 1)


@pytest.mark.parametrize("verdict", ["gate_failed", "refused"])
def test_what_must_not_be_published_is_the_task_s_own_failure(verdict: str) -> None:
    bench = Bench({"a": {"retries": 0}}, repo="/repo")
    key = bench.run()
    bench.finish(key, Integration(None, verdict, "the reason", 3))  # type: ignore[arg-type]
    assert (bench.task().state, bench.task().error) == (TaskState.FAILED, "the reason")
    assert (bench.attempt(key).state, bench.attempt(key).exit_code) == (AttemptState.FAILED, 3)
    (event,) = [each for each in bench.ledger.events if each.type == "attempt_ended" and each.data["fault"] == "own"]
    assert event.data == {"fault": "own", "exit_code": 3, "stage": verdict, "error": "the reason"}


def test_tasks_that_conflict_again_and_again_take_turns() -> None:
    """Else all of them would be done again for each one that is published."""

    def leased() -> list[AttemptKey]:
        return [AttemptKey(each.requirement, each.task, each.number) for each in bench.dispatch().batch.attempts]

    bench = Bench({name: {} for name in "abc"}, slots=3, repo="/repo")
    for conflicts in (1, 2):
        keys = leased()
        assert len(keys) == 3
        for key in keys:
            bench.finish(bench.run(key), CONFLICT)
            assert bench.task(key.task).conflicts == conflicts
    (first,) = leased()
    bench.run(first)
    (reason,) = bench.board.explain("r", "b", bench.now, None)
    assert "take turns" in reason.text and first.task in reason.text
    bench.finish(first, CONFLICT)
    (second,) = leased()
    bench.finish(bench.run(second))
    assert len(leased()) == 1
