"""What the Scheduler sends, and which word of a worker says how its orders go."""

from __future__ import annotations

from pathlib import Path

import pytest

from aidos_actors.actors.sending import Sending
from aidos_actors.actors.words import WorkerHello
from aidos_actors.core.orders import WorkerId
from aidos_actors.layout import Layout

WORKER = WorkerId("workers/1", "life")


def hello(number: int) -> WorkerHello:
    return WorkerHello(WORKER, 1, (), (), number, None)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ([1, 2, 3], [True, True, True]),
        ([1, 2, 1], [True, True, False]),
        ([2, 2], [True, False]),  # what it holds by now, it does not say
    ],
)
def test_each_greeting_is_heard_once_and_none_after_a_later_one(
    tmp_path: Path, said: list[int], heard: list[bool]
) -> None:
    sending = Sending(lambda *_: None, Layout(tmp_path), 1, "here", {})
    assert [sending.greeted(hello(number), by_mail=False) for number in said] == heard


def test_a_worker_that_died_is_forgotten(tmp_path: Path) -> None:
    sending = Sending(lambda *_: None, Layout(tmp_path), 1, "here", {})
    sending.greeted(hello(1), by_mail=False)
    sending.forget(WORKER)
    assert sending.greeted(hello(1), by_mail=False)
