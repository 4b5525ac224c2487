"""Callers who wait at the Scheduler's desk: for events, for the end of a requirement, for the end of a drain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from aidos_actors.actors.desk_socket import Caller
from aidos_actors.core.board.board import Board
from aidos_actors.core.views import event_view
from aidos_actors.ports import LedgerView
from supervisors.actor import Asked

WAITERS_MAX = 1000

Whoever = Asked | Caller
Reply = Callable[[Any, Whoever], None]


class EventWaiter(Struct, frozen=True):
    """Someone waits for events after ``after_seq``, until ``until_at`` (wall seconds)."""

    asked: Whoever
    after_seq: int
    limit: int
    requirement: str | None
    until_at: float


class EndWaiter(Struct, frozen=True):
    """Someone waits for the end of ``requirement``, until ``until_at`` (wall seconds)."""

    asked: Whoever
    requirement: str
    until_at: float


class Waiting:
    """At most ``WAITERS_MAX`` of each kind; those who came first are forgotten, and ask again."""

    def __init__(self, ledger: LedgerView, reply: Reply) -> None:
        self._ledger = ledger
        self._reply = reply
        self._for_events: list[EventWaiter] = []
        self._for_ends: list[EndWaiter] = []
        self._for_rest: list[Whoever] = []

    def for_events(self, waiter: EventWaiter) -> None:
        self._for_events = [*self._for_events[-WAITERS_MAX + 1 :], waiter]

    def for_end(self, waiter: EndWaiter) -> None:
        self._for_ends = [*self._for_ends[-WAITERS_MAX + 1 :], waiter]

    def for_rest(self, asked: Whoever) -> None:
        """``asked`` is answered when no worker holds anything any more."""
        self._for_rest = [*self._for_rest[-WAITERS_MAX + 1 :], asked]

    @property
    def is_anybody(self) -> bool:
        return bool(self._for_events or self._for_ends or self._for_rest)

    def next_due_at(self) -> float | None:
        """When somebody has waited long enough, in wall seconds."""
        moments = [waiter.until_at for waiter in self._for_events] + [waiter.until_at for waiter in self._for_ends]
        return min(moments, default=None)

    def serve(self, board: Board, last_seq: int, now: float, status: Callable[[str], dict[str, Any]]) -> None:
        """Whoever has something to hear, or has waited long enough, has an answer."""
        self._for_events = [waiter for waiter in self._for_events if not self._tell_events(waiter, last_seq, now)]
        for waiter in self._for_ends:
            if not board.is_open(waiter.requirement) or waiter.until_at <= now:
                self._reply({"value": status(waiter.requirement)}, waiter.asked)
        self._for_ends = [each for each in self._for_ends if board.is_open(each.requirement) and each.until_at > now]
        if self._for_rest and board.held_count == 0:
            for asked in self._for_rest:
                self._reply({"value": {"drained": True}}, asked)
            self._for_rest.clear()

    def _tell_events(self, waiter: EventWaiter, last_seq: int, now: float) -> bool:
        """Whether the waiter has its answer."""
        is_over = waiter.until_at <= now
        if last_seq <= waiter.after_seq and not is_over:
            return False
        found = self._ledger.events(waiter.after_seq, waiter.limit, waiter.requirement)
        if not found and not is_over:
            return False
        self._reply({"value": {"events": [event_view(each) for each in found]}}, waiter.asked)
        return True
