"""Cancelled, or past its deadline, while its result is integrated: it ends as GitOps says, and not before."""

from __future__ import annotations

import pytest
from board_bench import INTEGRATED, WITHDRAWN
from board_desk import Desk

from aidos_actors.core.errors import TryAgain
from aidos_actors.core.orders import AttemptKey, Discard, Integrate, Integration, Step
from aidos_actors.core.states import AttemptState, RequirementState

A1 = AttemptKey("r", "a", 1)
UNWANTED = Integrate(A1, "/repo", "/w/r/a.1", "head", "aidos/r", "a", None, "base", is_wanted=False)
DISCARD = Discard(A1, "/repo", "/w/r/a.1", ((7, 77),))


def integrating(tasks: dict | None = None, **more) -> Desk:
    """Its task ``a`` has ended well and waits for its commit; nothing else has begun."""
    desk = Desk(tasks or {"a": {}}, repo="/repo", **more)
    desk.end(desk.run(A1 if len(desk.dispatch().batch.attempts) else None))
    return desk


def answer(desk: Desk, said: Integration) -> None:
    desk.take(desk.board.integrated(A1, said, desk.now))


def cancel(desk: Desk, task: str | None = None) -> None:
    desk.steer("cancel", task)
    assert desk.orders == (UNWANTED,), "nothing is discarded while it may be judged"
    assert (desk.states()["a"], desk.attempt(A1).state) == ("withdrawing", AttemptState.WITHDRAWING)


@pytest.mark.parametrize("verdict", ["withdrawn", "conflict", "gate_failed", "refused"])
def test_what_was_not_published_is_cancelled_and_nobody_is_to_blame(verdict) -> None:
    desk = integrating()
    cancel(desk)
    assert desk.record().state is RequirementState.RUNNING
    answer(desk, Integration(None, verdict, "red", 1))
    assert desk.orders == (DISCARD,)
    task = desk.task()
    assert (task.state, task.error, task.own_failures, task.conflicts) == ("cancelled", "cancelled", 0, 0)
    assert task.result is None and task.finished_at == desk.now
    desk.discard()
    assert (desk.record().state, desk.record().commit) == (RequirementState.CANCELLED, None)


def test_what_was_published_before_is_done_and_its_commit_is_told() -> None:
    desk = integrating()
    cancel(desk)
    answer(desk, INTEGRATED)
    desk.discard()
    task = desk.task()
    assert (task.state, task.commit, task.error, task.result) == ("done", "c0ffee", None, "1")
    assert (desk.record().state, desk.record().commit) == (RequirementState.CANCELLED, "c0ffee")
    assert "task_done" in desk.events() and "task_cancelled" not in desk.events()
    desk.steer("retry")
    assert desk.record().state is RequirementState.DONE, "there is nothing to do again"


@pytest.mark.parametrize(("said", "after"), [(WITHDRAWN, "skipped"), (INTEGRATED, "ready")])
def test_what_needs_it_waits_for_the_answer(said: Integration, after: str) -> None:
    desk = integrating({"a": {}, "b": {"needs": ["a"]}})
    cancel(desk, "a")
    assert desk.states() == {"a": "withdrawing", "b": "waiting"}
    answer(desk, said)
    assert desk.states()["b"] == after


def test_past_its_deadline_it_has_failed_when_the_answer_has_come() -> None:
    desk = integrating(deadline_s=60)
    desk.tick(after_s=60.0)
    assert desk.orders == (UNWANTED,) and desk.task().error == "deadline"
    answer(desk, WITHDRAWN)
    desk.discard()
    assert desk.record().error == "deadline: not finished within 60 s; 0 of 1 tasks were done"
    assert (desk.record().state, desk.states()) == (RequirementState.FAILED, {"a": "cancelled"})


def test_asked_again_it_changes_nothing_and_a_new_scheduler_asks_git_again() -> None:
    desk = integrating({"a": {}, "b": {}})
    cancel(desk, "a")
    assert desk.steer("cancel", "a") == Step()
    desk.restart()
    assert UNWANTED in desk.board.owed("gitops") and desk.reasons("a") == ["withdrawing"]
    desk.steer("cancel")
    assert desk.states() == {"a": "withdrawing", "b": "cancelled"} and desk.orders == ()
    answer(desk, WITHDRAWN)
    answer(desk, WITHDRAWN)
    assert desk.orders == () and desk.states() == {"a": "cancelled", "b": "cancelled"}


def test_it_is_not_tried_again_before_the_answer() -> None:
    desk = integrating({"a": {}, "b": {}})
    cancel(desk, "a")
    for task in ("a", None):
        with pytest.raises(TryAgain, match="being ended"):
            desk.steer("retry", task)
    answer(desk, WITHDRAWN)
    desk.steer("retry", "a")
    assert desk.states()["a"] == "ready"


def test_a_pause_leaves_it_alone() -> None:
    desk = integrating()
    assert not desk.steer("pause").orders
    answer(desk, INTEGRATED)
    assert desk.states() == {"a": "done"}


def test_a_drain_leaves_it_alone() -> None:
    desk = integrating()
    assert not desk.take(desk.board.drain(desk.now, desk.now + 10)).orders and desk.board.held_count == 0
    cancel(desk)
