"""Whether what was sent to GitOps and the Analyzer gets there. Kept by the Scheduler.

Whether GitOps gets on with what it was given is told by its progress and not by its word.

A queue can stand still while everybody in it is well: a message was lost, an order has lost its place, a loop looks in
the wrong spot and finds nothing to do. So what counts is that words come. When orders are owed and none has come for a
whole window, everything owed is sent again: an order that GitOps has is the same order, one that it lost is found.

The Analyzer takes orders one after the other, and the mail keeps a thousand for it. What finds no room there is sent
again a moment later, as long as it is owed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from aidos_actors.actors.words import ANALYZER, GITOPS, GitWord
from aidos_actors.core.orders import Order
from aidos_actors.core.target_orders import Sweep, Watch

WINDOW_S = 60.0
NO_ROOM_S = 1.0


class LookAtDelivery(Struct, frozen=True):
    """Timer: a window is over."""


class LookAtAnalysis(Struct, frozen=True):
    """Timer: there may be room for the Analyzer's orders."""


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
        self._has_heard = self._is_set = self._lacks_room = False

    def send(self, target: str, message: Any) -> None:
        """It is on its way; when to GitOps, something must be heard of that within a window. When there is no room for
        one to the Analyzer, a ``LookAtAnalysis`` comes a moment later."""
        if target == GITOPS:
            self._begin_window()
        if self._mail(target, message) is False and target == ANALYZER and not self._lacks_room:
            self._lacks_room = True
            self._after(NO_ROOM_S, LookAtAnalysis())

    def _begin_window(self) -> None:
        if not self._is_set:
            self._is_set, self._has_heard = True, False
            self._after(self._window_s, LookAtDelivery())

    def hear(self, message: Any) -> None:
        """The Scheduler has got this word."""
        self._has_heard = self._has_heard or isinstance(message, GitWord)
        self._lacks_room = self._lacks_room and not isinstance(message, LookAtAnalysis)

    def remind(self, owed: tuple[Order, ...]) -> tuple[Order, ...]:
        """A window is over. What must be sent once more of all that is ``owed``; another begins if anything is."""
        self._is_set = False
        waiting = tuple(order for order in owed if not isinstance(order, Watch | Sweep))
        was_quiet = not self._has_heard
        if waiting:
            self._begin_window()
        return waiting if was_quiet else ()
