"""A Worker whose attempt is a callable of its own: what it is held to while it is called, in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from worker_bench import KEY, Mark, WorkerPlace, living_worker

from aidos_actors.actors.words import AttemptEnded, CallsEnded, MinderReady, WorkerHello
from aidos_actors.core.orders import (
    Acknowledge,
    AttemptOutcome,
    Call,
    Go,
    Start,
    StartCalls,
    WorkerId,
)
from aidos_actors.core.requirement import Task
from aidos_actors.executors.call_queue import CallMark, CallQueue
from aidos_actors.executors.checkpoints import CheckpointLimits
from aidos_actors.layout import Layout
from supervisors.testing import eventually

LOOK_S = 0.05
LIMIT_S = 200.0
VERIFIED: list[str] = []


class Hands:
    """A callable says ``words`` times that it goes on, every ``every_s`` seconds, and returns ``then_s`` after that."""

    def __init__(self, _layout: Layout, _env: Mapping[str, str], _checkpoints: CheckpointLimits) -> None:
        pass

    def begun_mark(self, _worker: WorkerId) -> CallMark:
        return Mark()

    def waiting(self) -> None:
        """No minder does."""

    def clear(self, _order: Start) -> Any:
        return None

    def wear(self) -> str:
        return ""

    def called(self, order: Start, progress: Callable[[], None]) -> Any:
        args = order.task.args
        for _ in range(args.get("words", 0)):
            yield args["every_s"]
            progress()
        yield args.get("then_s", 0.0)
        return AttemptOutcome(True, 0, None, "call", "1")

    def call_some(self, queue: CallQueue) -> Any:
        while queue.begin_next() is not None:
            yield 900.0

    def verified(self, order: Start, left_s: float, _began: object) -> Any:
        yield 0.5
        VERIFIED.append(f"{order.task.verify} within {left_s:.1f} s")
        if order.task.verify == "true":
            return AttemptOutcome(True, 0, None, "verify")
        return AttemptOutcome(False, 1, "verify ended with exit code 1", "verify", fault="own", causes=("verify", "1"))

    def close(self) -> None:
        pass


class Place(WorkerPlace):
    def outcome(self, **task: Any) -> tuple[AttemptOutcome, float]:
        """How the attempt ended, and after how many seconds."""
        model = Task.model_validate({"id": "a", "call": "some:thing", **task})
        self.order(Start(self.me, KEY, model, "/nowhere", None, ()))
        eventually(lambda: self.heard(MinderReady), clock=self.tree)
        self.order(Go(self.me, KEY))
        began_at = self.tree.now()
        while not (ended := self.heard(AttemptEnded)):
            self.tree.sleep(LOOK_S)
            assert self.tree.now() < began_at + LIMIT_S
        return ended[0].outcome, self.tree.now() - began_at


@pytest.fixture
def place(tmp_path: Path) -> Any:
    VERIFIED.clear()
    with living_worker(tmp_path, Hands) as tree:
        yield Place(tree)


def test_one_that_passes_its_time_limit_fails_and_ends_its_worker(place: Place) -> None:
    outcome, after_s = place.outcome(timeout_s=5.0, args={"then_s": 900.0})
    assert (outcome.ok, outcome.fault, outcome.causes) == (False, "own", ("timeout",)) and 5.0 <= after_s < 5.1
    place.order(Acknowledge(place.me, KEY))
    eventually(lambda: place.heard(WorkerHello)[-1].worker != place.me, clock=place.tree)


def test_one_in_a_batch_that_passes_its_time_limit_fails_of_that(place: Place) -> None:
    call = Call("a", 1, "some:thing", {}, {}, 2.0)
    place.order(StartCalls(place.me, 1, "r", (call, call._replace(task="b"))))
    place.tree.sleep(3.0)
    ended = {each.task: each.outcome for heard in place.heard(CallsEnded) for each in heard.results}
    assert (ended["a"].fault, ended["a"].causes, ended["b"].fault) == ("own", ("timeout",), "released")


def test_one_that_saves_no_checkpoint_for_too_long_fails_and_ends_its_worker(place: Place) -> None:
    outcome, after_s = place.outcome(stall_s=4.0, args={"words": 3, "every_s": 3.0, "then_s": 900.0})
    assert (outcome.ok, outcome.fault, outcome.causes) == (False, "own", ("stall",)) and 13.0 <= after_s < 13.1
    assert "no checkpoint for 4 s" in str(outcome.error)
    place.order(Acknowledge(place.me, KEY))
    eventually(lambda: place.heard(WorkerHello)[-1].worker != place.me, clock=place.tree)


def test_one_that_saves_checkpoints_often_enough_is_left_alone(place: Place) -> None:
    outcome, after_s = place.outcome(stall_s=4.0, args={"words": 30, "every_s": 3.9, "then_s": 3.9})
    assert outcome.ok and after_s > 100.0
    place.order(Acknowledge(place.me, KEY))
    place.tree.sleep(60.0)
    assert [each.worker for each in place.heard(WorkerHello)] == [place.me], "it ended though nothing was overdue"


def test_its_time_limit_holds_however_often_it_saves(place: Place) -> None:
    outcome, after_s = place.outcome(stall_s=4.0, timeout_s=10.0, args={"words": 900, "every_s": 1.0})
    assert outcome.causes == ("timeout",) and 10.0 <= after_s < 10.1


def test_its_result_is_kept_when_it_is_verified(place: Place) -> None:
    outcome, _after_s = place.outcome(verify="true")
    assert outcome.ok and outcome.result == "1"


def test_what_it_leaves_is_verified_within_what_is_left_of_its_time(place: Place) -> None:
    outcome, _after_s = place.outcome(verify="make check", timeout_s=30.0, stall_s=4.0, args={"then_s": 3.0})
    assert VERIFIED == ["make check within 27.0 s"]
    assert (outcome.stage, outcome.causes) == ("verify", ("verify", "1"))
    place.order(Acknowledge(place.me, KEY))
    place.tree.sleep(60.0)
    assert [each.worker for each in place.heard(WorkerHello)] == [place.me], "it ended though nothing was overdue"
