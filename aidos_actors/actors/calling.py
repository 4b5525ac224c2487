"""How a Worker calls callables that come in batches: beside its mailbox, in chunks of some milliseconds.

A callable that takes long holds nobody up: what has ended is told at the next look, and what has not begun goes back to
the Scheduler. One that does not return in time is reported as failed, and its worker ends, for it cannot be stopped. So
does one whose process a callable has changed for good: what it holds is told first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, get_args

from msgspec import Struct

from aidos_actors.actors.words import CallsEnded
from aidos_actors.core.board.watched_call import failed_by
from aidos_actors.core.orders import (
    AttemptKey,
    AttemptOutcome,
    CallsNoted,
    EndReason,
    Fault,
    ReturnCalls,
    StartCalls,
    WorkerId,
)
from aidos_actors.executors.call_queue import CallQueue, Told
from aidos_actors.ports import Executor
from supervisors import ManagedActor
from supervisors.messages import JobDone

JOB = "calls"
LOOK_S = 0.02
GIVEN_BACK = AttemptOutcome(False, None, "given back: it had not begun", "call", fault="released")
FAULT_OF_END: dict[EndReason, Fault] = {"cancel": "cancelled", "deadline": "cancelled", "drain": "released"}
assert set(FAULT_OF_END) == set(get_args(EndReason))


class Look(Struct, frozen=True):
    """Timer: how do the calls go?"""


class Overdue(Struct, frozen=True):
    """Timer: the time limit of a callable is over."""

    key: AttemptKey
    timeout_s: float


class Calling:
    """The batches in one worker's hands. ``say`` sends a word to the Scheduler. Called from its mailbox."""

    def __init__(self, actor: ManagedActor, me: WorkerId, hands: Executor, say: Callable[[Any], None]) -> None:
        self._actor = actor
        self._me = me
        self._hands = hands
        self._say = say
        self._mark = hands.begun_mark(me)
        self._queue = CallQueue(self._mark, actor.now)
        self._epoch = 0
        self._is_looking = False
        self._is_calling = False
        self._timed: AttemptKey | None = None
        self._leaving = ""
        self._is_ending = False

    def held(self) -> tuple[AttemptKey, ...]:
        return self._queue.held()

    def holds(self, key: AttemptKey) -> bool:
        return self._queue.holds(key)

    def order(self, order: StartCalls | ReturnCalls | CallsNoted) -> None:
        match order:
            case StartCalls() if order.epoch >= self._epoch:
                self._epoch = order.epoch
                self._queue.add(order.requirement, order.calls)
                self._go_on()
            case ReturnCalls():
                self._queue.take_back(GIVEN_BACK)
                self._tell()
            case CallsNoted():
                self._queue.noted(order.seq)
                if self._leaving and not self._queue.untold():
                    self._actor.stop("normal", self._leaving)

    def end(self, key: AttemptKey, reason: EndReason) -> None:
        """It has ended, or will be reported as ended; the one that is being called takes this worker with it."""
        outcome = AttemptOutcome(False, None, f"ended: {reason}", "call", fault=FAULT_OF_END[reason])
        self._queue.take_back(outcome, [key])
        current = self._queue.current
        if current is not None and current.key == key:
            self._give_up(outcome)
        self._tell()

    def tell_again(self) -> None:
        """To a new Scheduler, after it heard what is held here."""
        self._send(self._queue.untold())

    def chunk_done(self, done: JobDone) -> None:
        if done.error is not None:
            raise done.error
        self._is_calling = False
        self._leaving = self._leaving or self._hands.wear()
        if self._leaving:
            self._queue.take_back(GIVEN_BACK)
        self._tell()
        self._go_on()

    def look(self) -> None:
        self._is_looking = False
        current = self._queue.current
        if current is not None and self._actor.now() - current.began_at >= LOOK_S:
            self._queue.take_back(GIVEN_BACK)
            self._watch_time()
        self._tell()
        self._look_again()

    def overdue(self, timer: Overdue) -> None:
        current = self._queue.current
        if current is None or current.key != timer.key:
            return
        text = f"call did not return within its time limit of {timer.timeout_s:g} s"
        self._give_up(failed_by("timeout", text))
        self._tell()

    def begin_no_more(self) -> None:
        """This worker ends with a callable that is called alone: what is ordered meanwhile goes back with its death."""
        self._is_ending = True
        self._mark.rest()

    def _give_up(self, outcome: AttemptOutcome) -> None:
        self._queue.take_back(GIVEN_BACK)
        given_up = self._queue.abandon(outcome)
        if given_up is not None:
            self._leaving = f"the call of {given_up} did not end in time"

    def _go_on(self) -> None:
        if self._queue.is_waiting and not (self._is_calling or self._is_ending or self._leaving):
            self._is_calling = True
            self._actor.start_job(JOB, self._hands.call_some, self._queue)
        self._look_again()

    def _look_again(self) -> None:
        """While callables are called there is somebody who looks, but not at one that is known to take long."""
        current = self._queue.current
        knows_it = current is not None and current.key == self._timed
        if self._is_calling and not self._is_looking and (self._queue.is_waiting or not knows_it):
            self._is_looking = True
            self._actor.after(LOOK_S, Look())

    def _watch_time(self) -> None:
        current = self._queue.current
        if current is None or current.key == self._timed:
            return
        self._timed = current.key
        left_s = current.began_at + current.call.timeout_s - self._actor.now()
        self._actor.after(max(0.0, left_s), Overdue(current.key, current.call.timeout_s))

    def _tell(self) -> None:
        self._send(self._queue.tell())

    def _send(self, parcels: Sequence[Told]) -> None:
        for told in parcels:
            self._say(CallsEnded(self._me, told.seq, told.requirement, told.results, told.spans))
