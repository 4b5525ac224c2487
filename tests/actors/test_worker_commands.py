"""A Worker whose attempt is a command that starts with the order for it, in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from worker_bench import KEY, Mark, WorkerPlace, living_worker

from aidos_actors.actors.words import AttemptEnded, MinderReady, WorkerHello
from aidos_actors.core.orders import Acknowledge, AttemptOutcome, End, EndReason, Minder, Start, WorkerId
from aidos_actors.core.requirement import Task
from aidos_actors.executors.call_queue import CallMark
from aidos_actors.executors.checkpoints import CheckpointLimits
from aidos_actors.executors.orders import NurseryLost
from aidos_actors.layout import Layout
from aidos_actors.ports import Minding
from supervisors.testing import eventually

WAITING = (7, 77)


class Minded:
    """Runs for five seconds, or until it is told to end."""

    pid, started = WAITING

    def __init__(self) -> None:
        self.has_begun = False
        self.reason: EndReason | None = None

    def go(self) -> None:
        self.has_begun = True

    def end(self, reason: EndReason) -> None:
        self.reason = reason


class Hands:
    """A minder waits, unless it ``has_gone``. It takes a second to clear the place."""

    has_gone: ClassVar[bool] = False
    begun: ClassVar[list[bool]] = []

    def __init__(self, _layout: Layout, _env: Mapping[str, str], _checkpoints: CheckpointLimits) -> None:
        self._waiting: Minder | None = WAITING

    def begun_mark(self, _worker: WorkerId) -> CallMark:
        return Mark()

    def waiting(self) -> Minder | None:
        return None if self.has_gone else self._waiting

    def clear(self, _order: Start) -> Any:
        self._waiting = None
        yield 1.0
        return Minded()

    def run(self, order: Start, given: Callable[[Minding], None]) -> Any:
        yield 1.0
        if self.waiting() != order.minder:
            raise NurseryLost("it has gone")
        self._waiting, minded = None, Minded()
        given(minded)  # type: ignore[arg-type]
        return (yield from self.ran(order, minded))

    def ran(self, _order: Start, minded: Minded) -> Any:
        for _ in range(5):
            yield 1.0 if minded.reason is None else 0.0
        self.begun.append(minded.has_begun)
        if minded.reason is not None:
            return AttemptOutcome(False, None, minded.reason, "run", fault="cancelled")
        self._waiting = WAITING
        return AttemptOutcome(True, 0)

    def close(self) -> None:
        pass


class Place(WorkerPlace):
    def start(self, minder: Minder | None = WAITING) -> Start:
        task = Task.model_validate({"id": "a", "run": "true"})
        return Start(self.me, KEY, task, "/nowhere", None, (), None, minder)

    def ended(self) -> AttemptEnded:
        return eventually(lambda: self.heard(AttemptEnded), clock=self.tree)[0]  # type: ignore[no-any-return]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(Hands, "has_gone", False)
    monkeypatch.setattr(Hands, "begun", [])
    with living_worker(tmp_path, Hands) as tree:
        yield Place(tree)


def test_it_runs_at_once_by_the_minder_on_record_which_waits_again_afterwards(place: Place) -> None:
    assert place.heard(WorkerHello)[-1].waiting == WAITING
    place.order(place.start(), place.start())
    ended = place.ended()
    assert (ended.outcome, ended.waiting) == (AttemptOutcome(True, 0, is_minder_free=True), WAITING)
    assert Hands.begun == [True] and not place.heard(MinderReady)


def test_an_order_that_comes_late_by_another_way_starts_nothing_again(place: Place) -> None:
    """A worker greets by mail while a new Scheduler begins, and by the short way when it is there. What the first
    greeting is answered is in the mail when all of it is over."""
    place.order(place.start())
    place.ended()
    place.order(Acknowledge(place.me, KEY))
    place.order(place.start(), greeting=place.greeting - 1)
    place.tree.sleep(10.0)
    assert Hands.begun == [True]


def test_one_whose_minder_has_gone_has_not_started(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Hands, "has_gone", True)
    place.order(place.start())
    outcome = place.ended().outcome
    assert (outcome.fault, outcome.stage, outcome.is_minder_free) == ("infra", "clear", True)
    assert Hands.begun == []


@pytest.mark.parametrize("after_s", [0.0, 0.5, 3.0])
def test_one_that_is_to_end_does_whenever_that_is_said(place: Place, after_s: float) -> None:
    place.order(place.start())
    place.tree.sleep(after_s)
    place.order(End(place.me, KEY, "cancel"))
    ended = place.ended()
    assert (ended.outcome.fault, ended.outcome.is_minder_free, ended.waiting) == ("cancelled", False, None)
    assert Hands.begun == [after_s > 1.0], "before the minder had it, it never starts"


def test_what_it_does_not_hold_has_no_minder_here(place: Place) -> None:
    place.order(End(place.me, KEY, "drain"))
    ended = place.ended()
    assert (ended.outcome.fault, ended.outcome.is_minder_free, ended.waiting) == ("released", True, WAITING)


def test_one_that_was_ordered_first_goes_when_its_own_minder_is_on_record(place: Place) -> None:
    place.order(place.start(minder=None))
    ready = eventually(lambda: place.heard(MinderReady), clock=place.tree)[0]
    place.order(place.start(minder=(8, 88)))
    place.tree.sleep(1.0)
    assert len(place.heard(MinderReady)) == 2, "that was about another one"
    place.order(place.start(minder=(ready.pid, ready.started)))
    assert place.ended().outcome.ok and Hands.begun == [True]
