"""The folders of coding agents: who goes on in the one of the attempt before, when it is given up, and that none is
left behind."""

from __future__ import annotations

import pytest
from agent_bench import RULES, bench, limit, own
from board_bench import W1, Bench, requirement

from aidos_actors.core.errors import Conflict
from aidos_actors.core.orders import AttemptKey, AttemptOutcome, Discard, Prepare
from aidos_actors.core.states import RequirementState, TaskState
from aidos_actors.core.target_orders import Reversal, Sighting


def test_a_late_word_of_the_first_does_not_take_the_folder_from_the_second() -> None:
    found = bench({"a": {}})
    first = found.run()
    found.take(found.board.worker_gone(W1.path, W1.incarnation, found.now))
    after = type(W1)(W1.path, "life-2")
    found.take(found.board.worker_up(after, 1, found.now))
    second = found.lease()
    found.take(found.board.minded(after, second, 8, 80, found.now))
    found.take(found.board.ended(W1, first, own(), found.now))
    assert not [order for order in found.orders if isinstance(order, Discard)]


@pytest.mark.parametrize(
    ("outcome", "is_kept"),
    [
        (own("verify"), True),
        (own("timeout"), True),
        (own("stall"), True),
        (own("loop"), False),
        (own("output_limit"), False),
        (limit(900.0, sound=False), False),
        (AttemptOutcome(False, None, "lost", "agent", fault="infra"), True),
        (AttemptOutcome(False, None, "drain", "agent", fault="released"), True),
    ],
)
def test_whose_folder_is_gone_on_in(outcome: AttemptOutcome, is_kept: bool) -> None:
    found = bench({"a": {"retries": 5}})
    key = found.run()
    found.end(key, outcome)
    assert (found.attempt(key).kept_at is not None) is is_kept
    assert any(isinstance(order, Discard) for order in found.orders) is not is_kept


def test_a_folder_in_which_nothing_comes_right_is_given_up() -> None:
    found = bench({"a": {"retries": 9}})
    fresh = []
    for _ in range(7):
        key = found.lease()
        fresh.append(any(isinstance(order, Prepare) for order in found.orders))
        if fresh[-1]:
            found.take(found.board.prepared(key, "head", "/repo", found.now))
        found.take(found.board.minded(W1, key, 7, 70, found.now))
        found.end(key, own())
        found.discard()
        found.tick(1000.0)
    assert fresh == [True, False, False, True, False, False, True]


@pytest.mark.parametrize("verb", ["cancel", "deadline"])
def test_a_task_that_ends_while_it_waits_leaves_nothing(verb: str) -> None:
    found = bench({"a": {}}, deadline_s=50.0)
    found.end(found.run(), limit(found.now + 100.0))
    if verb == "cancel":
        found.take(found.board.steer("cancel", "r", None, found.now))
    else:
        found.tick(60.0)
    found.discard()
    assert found.record().state in (RequirementState.CANCELLED, RequirementState.FAILED)
    assert not any(attempt.worktree for attempt in found.ledger.attempts.values())


def test_what_is_kept_of_a_task_that_will_never_run_again_is_discarded() -> None:
    """It was tried, and the task that it needs was taken back meanwhile for good."""
    tasks = {"a": {"retries": 0}, "b": {"agent": "fast", "needs": ["a"], "retries": 3}}
    found = Bench(tasks, settings={"agents": RULES}, repo="/repo", verify="pytest")
    found.finish(found.run())
    found.end(found.run(), own())
    key = AttemptKey("r", "a", 1)
    found.take(found.board.target_seen("r", Sighting("head", True, "c0ffee", key, "somebody", "red"), found.now))
    found.take(found.board.reverted(key, Reversal("fade"), found.now))
    assert found.task("b").state is TaskState.SKIPPED
    found.discard()
    assert not any(attempt.worktree for attempt in found.ledger.attempts.values())
    assert found.record().state is RequirementState.FAILED


def test_what_is_kept_leaves_room_for_others() -> None:
    names = [f"t{number}" for number in range(6)]
    found = Bench(
        {name: {"agent": "fast", "retries": 0} for name in names},
        settings={"agents": RULES, "worktrees_max": 4},
        repo="/repo",
    )
    for name in names:
        found.now += 1.0
        found.take(found.board.steer("bump", "r", name, found.now))
        found.end(found.run(), limit(found.now + 1.0))
        found.discard()
        found.dispatch()
        found.now = found.board.next_due_at() or 0.0
        found.tick()
    kept = [each for each in found.ledger.attempts.values() if each.kept_at is not None]
    assert len(kept) <= 2
    while found.record().state is RequirementState.RUNNING:
        key = found.lease()
        if found.attempt(key).base_commit is None:
            found.take(found.board.prepared(key, "head", "/repo", found.now))
        found.take(found.board.minded(W1, key, 7, 70, found.now))
        found.finish(key)
    assert found.record().state is RequirementState.DONE


def test_who_revises_what_waits_is_told_what_is_kept() -> None:
    found = bench({"a": {}})
    found.end(found.run(), limit(found.now + 100.0))
    found.take(found.board.steer("pause", "r", None, found.now))
    other = requirement({"a": {"run": "true"}}, repo="/repo")
    rows = list(found.ledger.tasks.values())
    with pytest.raises(Conflict, match="work is kept for the next attempt of a"):
        found.board.revise(
            other, base_commit="base", document=other.model_dump_json(), known=found.record(), tasks=rows, now=found.now
        )
