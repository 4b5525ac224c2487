"""Whether what was sent gets there. Kept by the Scheduler.

Whether one gets on with what it was given is told by its progress and not by its life. A queue can stand still while
everybody in it is well: a message was lost, an order has lost its place or was displaced by a stale one, a loop looks
in the wrong spot and finds nothing to do. So what counts is that words come. When orders are owed to one of them and
no word of it has come for a whole window, everything owed is sent again: an order that it has is the same order, one
that it lost is found.

A worker is told to end a callable by ending itself, which takes no time. One that does not say so within ten seconds
does not hear: its callable keeps the interpreter's lock. (Of commands it is told how they end when they have, and that
may take as long as their grace.) One whose link has ended and who does not come back is a process that lives and is no
worker any more: its callable has put another program in its place, or broken what it works with.

The mail keeps a thousand orders for one of them. What finds no room there is sent again a moment later, as long as it
is owed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from aidos_actors.actors.words import ANALYZER, GITOPS, AnalyzerWord, GitWord
from aidos_actors.core.orders import AttemptKey, End, Order, WorkerId
from aidos_actors.core.target_orders import Sweep, Watch

WINDOW_S = 60.0
NO_ROOM_S = 1.0
END_LIMIT_S = 10.0
BACK_LIMIT_S = 10.0
PIECE_S = 1.0
WORDS = {GITOPS: GitWord, ANALYZER: AnalyzerWord}


class LookAtDelivery(Struct, frozen=True):
    """Timer: a window of ``target`` is over."""

    target: str


class LookForRoom(Struct, frozen=True):
    """Timer: there may be room in the Analyzer's mail."""


class LookWhetherEnded(Struct, frozen=True):
    """Timer: the worker was told a while ago to end that attempt, and has ``left_s`` more for it."""

    worker: WorkerId
    key: AttemptKey
    left_s: float = END_LIMIT_S


class LookWhetherBack(Struct, frozen=True):
    """Timer: the link of that worker has ended a while ago, and this was its last greeting by it. A worker that is well
    opens another at once, or greets by mail; it has ``left_s`` more for that."""

    worker: WorkerId
    greeting: int
    left_s: float = BACK_LIMIT_S


class DeliveryWatch:
    """Thread: the Scheduler's. ``after`` sets a timer, which brings a ``LookAtDelivery``; with nothing owed, none
    runs. ``send`` is the Scheduler's mail."""

    def __init__(
        self,
        after: Callable[[float, Any], object],
        send: Callable[[str, Any], object] = lambda _target, _message: None,
        window_s: float = WINDOW_S,
    ) -> None:
        self._after = after
        self._mail = send
        self._window_s = window_s
        self._has_heard: dict[str, bool] = {}
        self._lacks_room = False

    def send(self, target: str, message: Any) -> None:
        """It is on its way; when to GitOps or the Analyzer, something must be heard of that one within a window. When
        there is no room for one to the Analyzer, a ``LookForRoom`` comes a moment later."""
        if target in WORDS:
            self._begin_window(target)
        if self._mail(target, message) is False and target == ANALYZER and not self._lacks_room:
            self._lacks_room = True
            self._after(NO_ROOM_S, LookForRoom())

    def end_ordered(self, order: End) -> None:
        """A worker that is to end an attempt has some time for it, and then a ``LookWhetherEnded`` comes."""
        self.wait(LookWhetherEnded(order.worker, order.key))

    def wait(self, word: LookWhetherEnded | LookWhetherBack) -> None:
        """It comes again, with less left. In pieces, so that while all are stopped not much of it passes."""
        piece_s = min(PIECE_S, word.left_s)
        self._after(piece_s, replace(word, left_s=word.left_s - piece_s))

    def _begin_window(self, target: str) -> None:
        if target not in self._has_heard:
            self._has_heard[target] = False
            self._after(self._window_s, LookAtDelivery(target))

    def hear(self, message: Any) -> None:
        """The Scheduler has got this word."""
        if isinstance(message, LookForRoom):
            self._lacks_room = False
        for target, words in WORDS.items():
            if target in self._has_heard and isinstance(message, words):
                self._has_heard[target] = True

    def remind(self, target: str, owed: tuple[Order, ...]) -> tuple[Order, ...]:
        """A window is over. What must be sent once more of all that is ``owed``; another begins if anything is."""
        was_quiet = not self._has_heard.pop(target, True)
        waiting = tuple(order for order in owed if not isinstance(order, Watch | Sweep))
        if waiting:
            self._begin_window(target)
        return waiting if was_quiet else ()
