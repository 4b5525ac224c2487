"""What finds no room in the Analyzer's mail is asked for again, once for all of it; and what one of them owes is told
again when it has said nothing for a window."""

from __future__ import annotations

from typing import Any

import pytest

from aidos_actors.actors import reminding
from aidos_actors.actors.delivery_watch import (
    END_LIMIT_S,
    NO_ROOM_S,
    PIECE_S,
    WINDOW_S,
    DeliveryWatch,
    LookAtDelivery,
    LookForRoom,
    LookWhetherBack,
    LookWhetherEnded,
)
from aidos_actors.actors.reminding import Reminding
from aidos_actors.actors.words import ANALYZER, GITOPS, AnalysisDue, TargetSeen
from aidos_actors.core.board.board import Board, Settings
from aidos_actors.core.orders import Analyse, AttemptKey, Discard, End, WorkerId
from aidos_actors.core.target_orders import Sweep

KEY = AttemptKey("shop", "left", 1)
OWED = {GITOPS: (Sweep(KEY, "/repo", ()), Discard(KEY, "/repo", "/tree", ())), ANALYZER: (Analyse("shop", "text"),)}
WORD = {GITOPS: TargetSeen(KEY, None), ANALYZER: AnalysisDue("shop")}


class Timers(list[tuple[float, Any]]):
    def __call__(self, span_s: float, word: Any) -> None:
        self.append((span_s, word))


def test_an_order_without_room_is_looked_after_a_moment_later() -> None:
    timers = Timers()
    room = [True, False, False, True, False]
    watch = DeliveryWatch(timers, lambda _target, _message: room.pop(0))
    watch.send(ANALYZER, "a")
    assert timers == [(WINDOW_S, LookAtDelivery(ANALYZER))]
    watch.send(ANALYZER, "b")
    watch.send(ANALYZER, "c")
    assert timers[1:] == [(NO_ROOM_S, LookForRoom())]
    watch.hear(LookForRoom())
    watch.send(ANALYZER, "b")
    watch.send(ANALYZER, "c")
    assert timers[1:] == [(NO_ROOM_S, LookForRoom())] * 2, "as long as there is no room for all"


def test_others_are_not_looked_after() -> None:
    watch = DeliveryWatch(lambda *_: 1 / 0, lambda _target, _message: False)
    watch.send("root/workers/worker-1", "a")


def test_a_worker_that_is_to_end_something_is_looked_at_after_a_while() -> None:
    timers, worker = Timers(), WorkerId("root/workers/worker-1", "7-a")
    watch = DeliveryWatch(timers)
    watch.end_ordered(End(worker, KEY, "cancel"))
    while timers[-1][1].left_s > 0:
        watch.wait(timers[-1][1])
    assert timers[-1][1] == LookWhetherEnded(worker, KEY, 0.0)
    assert sum(span_s for span_s, _word in timers) == END_LIMIT_S
    assert max(span_s for span_s, _word in timers) <= PIECE_S, "a scheduler that is stopped counts one at most"


@pytest.mark.parametrize(("target", "other"), [(GITOPS, ANALYZER), (ANALYZER, GITOPS)])
def test_what_is_owed_is_told_again_after_a_window_without_a_word(target: str, other: str) -> None:
    timers = Timers()
    watch = DeliveryWatch(timers)
    watch.send(target, "a")
    watch.send(target, "b")
    assert timers == [(WINDOW_S, LookAtDelivery(target))], "one window for all"
    watch.hear(WORD[other])
    assert watch.remind(target, OWED[target]) == OWED[target][-1:], "rows go on beside a sweep: it is told once"
    assert len(timers) == 2, "another window, for it may be lost again"
    watch.hear(WORD[target])
    assert watch.remind(target, OWED[target]) == (), "it gets on"
    assert len(timers) == 3
    assert watch.remind(target, ()) == ()
    assert len(timers) == 3, "nothing is owed, so nothing is waited for"


@pytest.mark.parametrize(
    ("greeting", "left_s", "waits", "is_ended"),
    [(3, 2.0, True, False), (3, 0.0, False, True), (4, 0.0, False, False), (0, 0.0, False, False)],
)
def test_a_worker_that_does_not_come_back_is_ended(
    monkeypatch: pytest.MonkeyPatch, greeting: int, left_s: float, waits: bool, is_ended: bool
) -> None:
    """It has greeted again, or is dead: then nothing is to be done."""
    ended: list[tuple[str, str]] = []
    monkeypatch.setattr(reminding, "end_worker", lambda *life: ended.append(life))
    timers, worker = Timers(), WorkerId("root/workers/worker-1", "7-a")
    board = Board(epoch=1, settings=Settings(1), worktree_root="/w")
    mind = Reminding(board, DeliveryWatch(timers), lambda _step: None, lambda _worker: greeting)
    assert mind.take(LookWhetherBack(worker, 3, left_s))
    assert (bool(timers), ended) == (waits, [("root/workers/worker-1", "7-a")] if is_ended else [])
