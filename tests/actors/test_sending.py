"""What the Scheduler sends, and which word of a worker says how its orders go."""

from __future__ import annotations

from pathlib import Path

import pytest

from aidos_actors.actors.sending import Sending
from aidos_actors.actors.words import WorkerHello
from aidos_actors.core.orders import WorkerId
from aidos_actors.layout import Layout

WORKER = WorkerId("workers/1", "life")
BEFORE = WorkerId("workers/1", "life before")


@pytest.fixture
def living() -> dict[str, str]:
    return {"workers/1": "life"}


@pytest.fixture
def sending(tmp_path: Path, living: dict[str, str]) -> Sending:
    return Sending(lambda *_: None, Layout(tmp_path), 1, "here", living)


def hello(number: int, worker: WorkerId = WORKER) -> WorkerHello:
    return WorkerHello(worker, 1, (), (), number, None)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ([1, 2, 3], [True, True, True]),
        ([1, 2, 1], [True, True, False]),
        ([2, 2], [True, False]),  # what it holds by now, it does not say
    ],
)
def test_each_greeting_is_heard_once_and_none_after_a_later_one(
    sending: Sending, said: list[int], heard: list[bool]
) -> None:
    assert [sending.greeted(hello(number), by_mail=False) for number in said] == heard


def test_a_worker_that_died_is_forgotten(sending: Sending) -> None:
    sending.greeted(hello(1), by_mail=False)
    sending.forget(WORKER)
    assert sending.greeted(hello(1), by_mail=False)


@pytest.mark.parametrize("known", [{}, {"workers/1": "life before"}])
def test_a_greeting_waits_until_its_life_is_told_of(
    sending: Sending, living: dict[str, str], known: dict[str, str]
) -> None:
    living.clear()
    living.update(known)
    assert [sending.greeted(hello(number), by_mail=number == 2) for number in (1, 2, 1)] == [False] * 3
    living["workers/1"] = "life"
    assert sending.early(WORKER) == (hello(2), True)
    assert sending.early(WORKER) is None
    assert sending.greeted(hello(2), by_mail=True)


def test_what_the_dead_have_said_is_thrown_away(sending: Sending) -> None:
    assert not sending.greeted(hello(9, BEFORE), by_mail=True)
    assert sending.early(WORKER) is None
    assert sending.early(BEFORE) is None
