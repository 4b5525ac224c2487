"""What finds no room in the Analyzer's mail is asked for again, once for all of it."""

from __future__ import annotations

from typing import Any

from aidos_actors.actors.delivery_watch import NO_ROOM_S, DeliveryWatch, LookAtAnalysis
from aidos_actors.actors.words import ANALYZER


def test_an_order_without_room_is_looked_after_a_moment_later() -> None:
    timers: list[tuple[float, Any]] = []
    room = [True, False, False, True, False]
    watch = DeliveryWatch(lambda span_s, word: timers.append((span_s, word)), lambda _target, _message: room.pop(0))
    watch.send(ANALYZER, "a")
    assert not timers
    watch.send(ANALYZER, "b")
    watch.send(ANALYZER, "c")
    assert timers == [(NO_ROOM_S, LookAtAnalysis())]
    watch.hear(LookAtAnalysis())
    watch.send(ANALYZER, "b")
    watch.send(ANALYZER, "c")
    assert timers == [(NO_ROOM_S, LookAtAnalysis())] * 2, "as long as there is no room for all"


def test_others_are_not_looked_after() -> None:
    watch = DeliveryWatch(lambda *_: 1 / 0, lambda _target, _message: False)
    watch.send("root/workers/worker-1", "a")
