"""Cancelled, or past its deadline, while its commit is taken back: it ends as GitOps says, not before, and for good."""

from __future__ import annotations

from random import Random

import pytest
from board_bench import requirement
from board_desk import Desk
from board_world import KINDS, World

from aidos_actors.core.errors import Conflict, TryAgain
from aidos_actors.core.orders import AttemptKey, Step
from aidos_actors.core.states import RequirementState, TaskState
from aidos_actors.core.target_orders import Reversal, Revert, Sighting

pytestmark = pytest.mark.usefixtures("form")

A1 = AttemptKey("r", "a", 1)
IS_RED = Sighting("head", True, "c0ffee", A1, "somebody", "2 tests failed")
REVERT = Revert(A1, "/repo", "aidos/r", "base", "2 tests failed")
TAKEN_BACK, GONE = Reversal("fade"), Reversal(None)
KEPT = Reversal(None, "c0ffee", "it does not come off cleanly")
TASKS = {"a": {}, "b": {"needs": ["a"]}, "c": {}}


def reverting(tasks: dict | None = None, **more) -> Desk:
    """The commit of ``a`` turned the target red, and is being taken back; nothing else has begun."""
    desk = Desk(tasks or TASKS, repo="/repo", verify="pytest", **more)
    desk.dispatch()
    desk.finish(desk.run(A1))
    desk.take(desk.board.target_seen("r", IS_RED, desk.now))
    assert desk.orders == (REVERT,)
    return desk


def cancelled(task: str | None = None, tasks: dict | None = None, **more) -> Desk:
    """The same, and it has been cancelled, or all has."""
    desk = reverting(tasks, **more)
    desk.steer("cancel", task)
    assert desk.states()["a"] == "retracting" and desk.orders == ()
    return desk


def answer(desk: Desk, said: Reversal) -> None:
    desk.take(desk.board.reverted(A1, said, desk.now))


@pytest.mark.parametrize("said", [TAKEN_BACK, GONE])
def test_taken_back_it_is_cancelled_and_not_tried_again(said: Reversal) -> None:
    desk = cancelled("a")
    assert desk.states()["b"] == "ready", "what needs it waits for the answer"
    answer(desk, said)
    task = desk.task()
    assert (task.state, task.error, task.commit, task.own_failures) == ("cancelled", "cancelled", None, 0)
    assert task.finished_at == desk.now and desk.states()["b"] == "skipped"
    reverted, ended = [event for event in desk.ledger.events if event.task == "a"][-2:]
    assert (reverted.type, reverted.data) == ("task_reverted", {"commit": said.commit})
    assert (ended.type, ended.data) == ("task_cancelled", {"reason": "cancelled"})
    desk.tick(3600)
    assert "a" not in [attempt.task for attempt in desk.dispatch().batch.attempts]


def test_what_cannot_be_taken_back_is_done_and_what_needs_it_goes_on() -> None:
    desk = cancelled("a")
    answer(desk, KEPT)
    task = desk.task()
    assert (task.state, task.commit, task.error) == ("done", "c0ffee", None)
    assert desk.states()["b"] == "ready" and "task_cancelled" not in desk.events()


@pytest.mark.parametrize(("said", "after", "commit"), [(TAKEN_BACK, "cancelled", "fade"), (KEPT, "done", "c0ffee")])
def test_its_requirement_ends_when_the_answer_has_come(said: Reversal, after: str, commit: str) -> None:
    desk = cancelled(None)
    assert desk.record().state is RequirementState.RUNNING and desk.states()["b"] == "cancelled"
    answer(desk, said)
    assert desk.states()["a"] == after
    assert (desk.record().state, desk.record().commit) == (RequirementState.CANCELLED, commit)


def test_a_requirement_that_was_cancelled_ends_so_though_all_its_tasks_are_done() -> None:
    desk = reverting({"a": {}, "c": {}})
    desk.finish(desk.run())
    desk.steer("cancel")
    answer(desk, KEPT)
    assert desk.states() == {"a": "done", "c": "done"} and desk.record().state is RequirementState.CANCELLED


@pytest.mark.parametrize("said", [TAKEN_BACK, KEPT])
def test_past_its_deadline_it_has_failed_when_the_answer_has_come(said: Reversal) -> None:
    desk = reverting(deadline_s=60)
    desk.tick(after_s=60.0)
    assert (desk.states()["a"], desk.orders) == ("retracting", ())
    assert desk.record().state is RequirementState.RUNNING and desk.board.next_due_at() is None
    answer(desk, said)
    assert desk.record().state is RequirementState.FAILED
    assert desk.record().error == "deadline: not finished within 60 s; 0 of 3 tasks were done"
    assert (desk.states()["a"], desk.task().error) == (
        ("cancelled", "deadline") if said is TAKEN_BACK else ("done", None)
    )


def test_asked_again_it_changes_nothing_and_a_new_scheduler_has_it_taken_back_for_the_same_reason() -> None:
    desk = cancelled("a")
    assert desk.steer("cancel", "a") == Step()
    desk.restart()
    assert REVERT in desk.board.owed("gitops") and desk.reasons("a") == ["retracting"]
    desk.steer("cancel")
    assert desk.states() == {"a": "retracting", "b": "cancelled", "c": "cancelled"} and desk.orders == ()
    answer(desk, TAKEN_BACK)
    assert desk.record().state is RequirementState.CANCELLED
    answer(desk, TAKEN_BACK)
    assert desk.record().state is RequirementState.CANCELLED


def test_people_are_told_why_it_has_not_ended() -> None:
    desk = cancelled("a")
    desk.board.orders_held_up([A1], "the target branch aidos/r is checked out")
    taken_back, held_up = desk.board.explain("r", "a", desk.now, None)
    assert "2 tests failed" in taken_back.text and "cancelled" in taken_back.text
    assert "checked out" in held_up.text


def test_it_is_not_tried_again_before_the_answer() -> None:
    desk = cancelled("a")
    for task in ("a", None):
        with pytest.raises(TryAgain, match="being ended"):
            desk.steer("retry", task)
    answer(desk, TAKEN_BACK)
    desk.steer("retry", "a")
    assert desk.states()["a"] == "ready"


def test_another_document_waits_for_the_answer() -> None:
    desk = cancelled("a")
    desk.steer("pause")
    model = requirement({**TASKS, "d": {}}, repo="/repo", verify="pytest")
    with pytest.raises(Conflict, match="being reverted: a"):
        desk.board.revise(
            model,
            base_commit="base",
            document=model.model_dump_json(),
            known=desk.record(),
            tasks=list(desk.ledger.tasks.values()),
            now=desk.now,
        )


@pytest.mark.parametrize("verb", ["pause", "bump"])
def test_held_back_or_put_first_it_ends_all_the_same(verb: str) -> None:
    desk = cancelled("a")
    desk.steer(verb, "a")
    desk.steer("pause")
    answer(desk, TAKEN_BACK)
    assert desk.states()["a"] == "cancelled" and desk.record().state is RequirementState.PAUSED


def test_cancelled_while_it_is_paused_its_requirement_ends_with_the_answer() -> None:
    desk = reverting()
    desk.steer("pause")
    desk.steer("cancel")
    assert desk.record().state is RequirementState.PAUSED and REVERT in desk.board.owed("gitops")
    answer(desk, TAKEN_BACK)
    assert desk.record().state is RequirementState.CANCELLED


def test_a_drain_leaves_it_alone() -> None:
    desk = cancelled("a")
    assert not desk.take(desk.board.drain(desk.now, desk.now + 10)).orders and desk.board.held_count == 0
    answer(desk, TAKEN_BACK)
    assert desk.states()["a"] == "cancelled"


RED, CALM_KINDS = 61, 51  # what lets a target turn red in a world, and below which nothing breaks
ACTS, WORLDS, GROUPS = 250, 40, 4
TWO_NEED_TWO = {"a": {"retries": 1}, "b": {"needs": ["a"]}, "c": {"retries": 2}, "d": {"needs": ["b", "c"]}}


class Cancelling(World):
    """Its targets turn red often, and what is taken back then is often cancelled: by itself, or with all the others."""

    def act_by(self, chance: Random) -> None:
        kind = chance.choices((RED, chance.randrange(CALM_KINDS), chance.randrange(KINDS)), (10, 70, 20))[0]
        self.act(kind + KINDS * chance.randrange(64))
        reverting = [task for task in self.ledger.tasks.values() if task.state is TaskState.REVERTING]
        if reverting and chance.random() < 0.1:
            task = chance.choice(reverting)
            step = self.board.steer("cancel", task.requirement, chance.choice((task.id, None)), self.now)
            self.take(step, is_sent=chance.random() < 0.8)
        self.take(self.board.dispatch(self.now))


@pytest.mark.parametrize("group", range(GROUPS))
def test_in_random_worlds_nothing_ends_while_it_is_taken_back(group: int) -> None:
    """At each write the laws of the worlds say so."""
    seen: set[str] = set()
    for seed in range(group, WORLDS, GROUPS):
        chance = Random(seed)
        limits = {"deadline_s": chance.choice((None, 60.0)), "mode": chance.choice(("mixed", "serial"))}
        world = Cancelling([requirement(TWO_NEED_TWO, repo="/repo", id=name, **limits) for name in ("x", "y")])
        for _ in range(ACTS):
            world.act_by(chance)
        world.calm()
        seen |= {event.type for event in world.ledger.events}
    assert {"task_withdrawn", "task_reverted", "task_kept"} <= seen
