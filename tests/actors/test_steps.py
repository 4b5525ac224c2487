"""What was decided in one turn is written together; then doers with something to do hear of it, then whoever asked, and
last the doers whose words were only noted."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from aidos_actors.actors.inputs import Inputs
from aidos_actors.actors.steps import Steps
from aidos_actors.core.orders import Acknowledge, AttemptKey, CallsNoted, Go, Order, Step, WorkerId
from aidos_actors.core.records import Batch, NewEvent
from aidos_actors.ledger.errors import LedgerUnavailable

WORKER = WorkerId("root/workers/worker-1", "1-a")
KEY = AttemptKey("shop", "left", 1)
GO, NOTED, ACKNOWLEDGE = Go(WORKER, KEY), CallsNoted(WORKER, 1), Acknowledge(WORKER, KEY)


class Ledger:
    """Takes what is written, or refuses it."""

    is_full = False

    def __init__(self, said: list[Any]) -> None:
        self._said = said

    def last_seq(self) -> int:
        return 0

    def apply(self, _epoch: int, batch: Batch) -> int:
        if self.is_full:
            raise LedgerUnavailable("no room")
        self._said.append(("written", len(batch.events)))
        return len(batch.events)


class World:
    def __init__(self) -> None:
        self.said: list[Any] = []
        self.ledger = Ledger(self.said)
        self.steps = Steps(self.ledger, 1, self._send, self._answer)  # type: ignore[arg-type]

    def _send(self, orders: Sequence[Order]) -> None:
        self.said.append(tuple(orders))

    def _answer(self, answer: dict[str, Any], asked: Any) -> None:
        self.said.append((asked, answer["value"]))

    def take(self, *orders: Order) -> None:
        self.steps.take(Step(Batch(events=(NewEvent(1.0, "task_done"),)), orders))

    def commit(self) -> list[Any]:
        """What was said from the beginning of the turn to its end, with the place where waiters hear of ends."""
        self.said.clear()
        self.steps.commit(lambda _batch: None)
        self.said.append("ends told")
        self.steps.send()
        return self.said


def test_who_has_something_to_do_hears_first_and_whose_word_was_noted_last() -> None:
    world = World()
    world.take(NOTED)
    world.take(ACKNOWLEDGE)
    assert world.commit() == [("written", 2), "ends told", (NOTED, ACKNOWLEDGE)]
    world.take(NOTED)
    world.take(GO)
    world.steps.answer_after({"value": 7}, "me")  # type: ignore[arg-type]
    assert world.commit() == [("written", 2), (NOTED, GO), ("me", 7), "ends told"], "in the order in which they came"


def test_what_was_noted_is_not_overtaken_by_a_later_order() -> None:
    world = World()
    world.take(ACKNOWLEDGE)
    world.steps.commit(lambda _batch: None)
    world.take(GO)
    assert world.commit() == [("written", 1), (ACKNOWLEDGE, GO), "ends told"]


def test_nothing_is_sent_of_what_could_not_be_written() -> None:
    world = World()
    world.take(NOTED)
    world.ledger.is_full = True
    with pytest.raises(LedgerUnavailable):
        world.commit()
    world.steps.send()
    assert world.said == []
    world.ledger.is_full = False
    assert world.commit() == [("written", 1), "ends told", (NOTED,)]


@pytest.mark.parametrize(
    ("orders", "asked", "may_wait"),
    [((), None, True), ((NOTED, ACKNOWLEDGE), None, True), ((NOTED, GO), None, False), ((NOTED,), "me", False)],
)
def test_what_may_wait_for_company(orders: tuple[Order, ...], asked: Any, may_wait: bool) -> None:
    world = World()
    assert not world.steps.may_wait, "nothing to write"
    world.take(*orders)
    if asked:
        world.steps.answer_after({"value": 1}, asked)
    assert world.steps.may_wait == may_wait
    world.commit()
    assert not world.steps.may_wait


def test_company_is_taken_when_it_comes_and_not_waited_for_longer() -> None:
    taken: list[bytes] = []
    watched: dict[int, Callable[[], None]] = {}
    inputs = Inputs(watched.__setitem__, lambda: taken.append(b"turn"))
    here, there = os.pipe()
    inputs.watch(here, lambda: taken.append(os.read(here, 10)))
    assert not inputs.linger(0.001)
    os.write(there, b"more")
    assert inputs.linger(60), "it does not sit out its time"
    assert taken == [b"more"], "within the turn of somebody else"
    inputs.ignore(here)
    for fd in (here, there, *watched):
        os.close(fd)
