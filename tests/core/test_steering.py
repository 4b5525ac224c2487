"""What people ask of work that was handed in: it is paused, resumed or bumped; and why a task is not running."""

from __future__ import annotations

import pytest
from board_bench import requirement
from board_desk import Desk
from board_doers import OWN

from aidos_actors.core.errors import Conflict, NotFound, TryAgain
from aidos_actors.core.orders import Step
from aidos_actors.core.states import RequirementState, TaskState

pytestmark = pytest.mark.usefixtures("form")

R, T = RequirementState, TaskState


def test_a_paused_requirement_starts_nothing_and_what_runs_goes_on() -> None:
    desk = Desk({"a": {}, "b": {}})
    running = desk.run()
    desk.steer("pause")
    assert desk.steer("pause") == Step(), "said twice"
    assert desk.record().state is R.PAUSED and desk.dispatch() == Step()
    desk.finish(running)
    assert desk.dispatch() == Step() and desk.reasons("b") == ["requirement_paused"]
    desk.steer("resume")
    assert desk.steer("resume") == Step()
    desk.finish(desk.run())
    assert desk.record().state is R.DONE


def test_all_done_while_paused_is_done_when_resumed() -> None:
    desk = Desk({"a": {}})
    running = desk.run()
    desk.steer("pause")
    desk.finish(running)
    assert desk.record().state is R.PAUSED
    desk.steer("resume")
    assert desk.record().state is R.DONE


@pytest.mark.parametrize("is_analysing", [False, True])
def test_paused_before_it_was_planned_it_is_analysed_when_resumed(is_analysing: bool) -> None:
    desk = Desk()
    desk.submit(requirement({"a": {}, "b": {"needs": ["a"]}}))
    if is_analysing:
        desk.dispatch()
    desk.steer("pause")
    desk.dispatch()
    desk.take(desk.board.analysed("r", desk.now))
    assert (desk.record().state, desk.ledger.tasks) == (R.PAUSED, {})
    assert desk.reasons("a") == ["requirement_paused"]
    desk.steer("resume")
    assert desk.record().state is R.WAITING
    desk.dispatch()
    desk.take(desk.board.analysed("r", desk.now))
    assert desk.record().state is R.RUNNING


@pytest.mark.parametrize("verb", ["cancel", "deadline"])
def test_paused_before_it_was_planned_it_can_still_end(verb: str) -> None:
    desk = Desk()
    desk.submit(requirement({"a": {}, "b": {"needs": ["a"]}}, deadline_s=10.0))
    desk.steer("pause")
    if verb == "cancel":
        desk.steer("cancel")
    else:
        desk.tick(after_s=10.0)
    assert desk.record().state is (R.CANCELLED if verb == "cancel" else R.FAILED)


def test_a_paused_task_is_passed_over_until_it_is_resumed() -> None:
    desk = Desk({"a": {}, "b": {"needs": ["a"]}, "c": {}}, slots=3, mode="serial")
    desk.steer("pause", "a")
    assert desk.reasons("a") == ["paused"] and desk.reasons("b") == ["needs"]
    desk.finish(desk.run())
    assert desk.states() == {"a": "ready", "b": "waiting", "c": "done"} and desk.dispatch() == Step()
    desk.steer("resume", "a")
    desk.finish(desk.run())
    desk.finish(desk.run())
    assert desk.record().state is R.DONE


def test_a_task_that_is_paused_while_it_runs_is_not_tried_again() -> None:
    desk = Desk({"a": {"retries": 1}})
    running = desk.run()
    desk.steer("pause", "a")
    desk.end(running, OWN)
    desk.discard()
    desk.tick(after_s=1.0)
    assert desk.task("a").state is T.READY and desk.dispatch() == Step()
    desk.restart()
    desk.take(desk.board.worker_up(desk.worker(running), 1, desk.now))
    assert desk.dispatch() == Step(), "forgotten by the next scheduler"
    desk.steer("resume", "a")
    desk.finish(desk.run())
    assert desk.record().state is R.DONE


@pytest.mark.parametrize("verb", ["pause", "resume", "bump", "cancel"])
def test_what_is_done_cannot_be_steered_and_a_retry_of_it_does_nothing(verb: str) -> None:
    desk = Desk({"a": {}})
    desk.finish(desk.run())
    with pytest.raises(Conflict, match="ended"):
        desk.steer(verb)
    assert desk.steer("retry") == Step() and desk.steer("retry", "a") == Step()
    assert desk.record().state is R.DONE and desk.board.open_requirements == ()


def test_unknown_names() -> None:
    desk = Desk({"a": {}})
    with pytest.raises(NotFound, match="no task 'zzz'"):
        desk.steer("pause", "zzz")
    with pytest.raises(NotFound, match="no requirement"):
        desk.board.steer("pause", "nobody", None, desk.now)
    with pytest.raises(NotFound):
        desk.board.explain("nobody", "a", desk.now)


def test_a_task_can_be_named_when_its_requirement_is_planned() -> None:
    """At rest nobody plans: that there is no such task would be untrue."""
    desk = Desk()
    desk.submit(requirement({"a": {}, "b": {"needs": ["a"]}}))
    with pytest.raises(TryAgain, match="not planned yet"):
        desk.steer("pause", "b")
    with pytest.raises(NotFound, match="no task 'zzz'"):
        desk.steer("pause", "zzz")


def test_a_bumped_task_goes_first_in_every_mode() -> None:
    for mode in ("serial", "parallel", "mixed"):
        desk = Desk({"a": {"priority": 90}, "b": {}, "c": {}}, mode=mode)
        desk.steer("bump", "b")
        desk.now += 1.0
        desk.steer("bump", "c")
        order = []
        for _ in range(3):
            key = desk.run()
            order.append(key.task)
            desk.finish(key)
        assert order == ["c", "b", "a"], mode


def test_between_requirements_priority_counts_as_waiting_and_a_bump_before_all() -> None:
    def served(desk: Desk) -> list[str]:
        return [candidate.requirement for candidate in desk.board._books.candidates()]

    desk = Desk({"a": {}, "b": {}}, priority=10)
    desk.submit(requirement({"a": {}, "b": {}}, id="urgent", priority=20), position=1)
    desk.now += 1000.0
    desk.submit(requirement({"a": {}, "b": {}}, id="late", priority=20), position=2)
    assert served(desk) == ["urgent", "late", "r"]
    desk.take(desk.board.steer("cancel", "urgent", None, desk.now))
    assert served(desk) == ["r", "late"], "ten points are worth ten minutes, not a thousand seconds"
    desk.take(desk.board.steer("bump", "late", None, desk.now))
    assert served(desk) == ["late", "r"]


def test_every_reason_why_a_task_is_not_running() -> None:
    tasks = {"a": {"group": "g"}, "b": {"group": "g"}, "c": {"retries": 1, "priority": 90}, "d": {"needs": ["a"]}}
    desk = Desk(tasks, workers=1)
    assert desk.reasons("c") == ["next"] and desk.reasons("a") == ["order"]
    failing = desk.lease()
    assert desk.reasons("c") == ["leased"]
    desk.run(failing)
    assert desk.reasons("c") == ["running"]
    assert desk.reasons("a") == ["workers", "all_busy"] and desk.reasons("d") == ["needs", "workers", "all_busy"]
    desk.end(failing, OWN)
    assert desk.reasons("c") == ["backing_off"]
    desk.run()
    assert desk.reasons("b") == ["group", "workers", "all_busy"]
    desk.take(desk.board.drain(desk.now, desk.now + 10))
    assert "draining" in desk.reasons("b")
    desk.steer("cancel", "b")
    assert desk.reasons("b") == ["cancelled"]
