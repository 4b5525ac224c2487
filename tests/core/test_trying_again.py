"""What people give a second chance: a task or a requirement that failed or was cancelled, with what it kept from
running, and none beside an attempt that still ends."""

from __future__ import annotations

import pytest
from board_desk import Desk
from board_doers import OWN

from aidos_actors.core.errors import Conflict, TryAgain
from aidos_actors.core.orders import Step
from aidos_actors.core.states import RequirementState, TaskState

pytestmark = pytest.mark.usefixtures("form")

R, T = RequirementState, TaskState


def test_a_failed_requirement_is_tried_again_with_what_was_skipped_and_what_is_done_stays() -> None:
    desk = Desk({"a": {}, "b": {"retries": 0}, "c": {"needs": ["b"]}, "d": {"needs": ["a", "c"]}})
    desk.finish(desk.run())
    desk.fail()
    assert desk.states() == {"a": "done", "b": "failed", "c": "skipped", "d": "skipped"}
    assert desk.record().state is R.FAILED
    with pytest.raises(Conflict, match="was skipped"):
        desk.steer("retry", "c")
    desk.steer("retry")
    assert desk.states() == {"a": "done", "b": "ready", "c": "waiting", "d": "waiting"}
    assert desk.steer("retry") == Step()
    record = desk.record()
    assert (record.state, record.error, record.finished_at) == (R.RUNNING, None, None)
    for _ in "bcd":
        desk.finish(desk.run())
    assert desk.record().state is R.DONE and desk.task("b").attempts == 2


def test_one_task_is_tried_again_and_only_what_it_alone_kept_from_running() -> None:
    tasks = {"a": {"retries": 0}, "b": {"retries": 0}, "c": {"needs": ["a"]}, "d": {"needs": ["a", "b"]}}
    desk = Desk(tasks)
    desk.fail()
    desk.fail()
    desk.steer("retry", "a")
    assert desk.states() == {"a": "ready", "b": "failed", "c": "waiting", "d": "skipped"}
    desk.steer("retry", "b")
    assert desk.states()["d"] == "waiting"


def test_a_retry_begins_the_time_anew_and_gives_all_retries_again() -> None:
    desk = Desk({"a": {"retries": 1}}, deadline_s=100.0)
    desk.fail()
    desk.tick(after_s=1.0)
    desk.fail()
    assert desk.record().state is R.FAILED
    desk.now += 1000.0
    desk.steer("retry")
    assert desk.record().deadline_at == desk.now + 100.0 and desk.task("a").own_failures == 0
    desk.fail()
    assert desk.task("a").state is T.BACKING_OFF
    desk.steer("retry", "a")
    assert desk.task("a").state is T.READY, "it waits no longer"


def test_a_cancelled_requirement_comes_back_and_one_that_is_being_ended_not_yet() -> None:
    desk = Desk({"a": {}})
    running = desk.run()
    desk.steer("cancel")
    with pytest.raises(TryAgain):
        desk.steer("retry")
    desk.end(running, OWN)
    desk.discard()
    assert desk.record().state is R.CANCELLED and desk.steer("cancel") == Step()
    desk.steer("retry")
    desk.finish(desk.run())
    assert desk.record().state is R.DONE


def test_a_task_whose_cancelled_attempt_still_runs_is_not_retried_beside_it() -> None:
    desk = Desk({"a": {}, "b": {}})
    running = desk.run()
    desk.steer("cancel", running.task)
    for task in (None, running.task):
        with pytest.raises(TryAgain, match="being ended"):
            desk.steer("retry", task)
    desk.end(running, OWN)
    desk.steer("retry")
    assert desk.task(running.task).state is T.READY
