"""The owner's side: starts the nursery, hands orders to it, starts another when it has died."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from aidos_actors.executors import linux, protocol
from aidos_actors.executors.minded import Minded
from aidos_actors.executors.nursery_link import ANSWER_LIMIT_S, NurseryLink
from aidos_actors.executors.orders import NurseryLost, Order, Outcome, SpawnFailed
from aidos_actors.executors.waiting_minder import WaitingMinder

CLOSE_LIMIT_S = 15.0
DYING_LIMIT_S = 0.2
STARTS_PER_MINUTE_MAX = 20


class Nursery:
    """Runs commands so that nothing they start outlives them, this handle's ``close``, or the owner.

    May be used from any thread of the process that made it; its calls block, so an actor makes them in a job. A fork
    of that process needs a nursery of its own. The process behind it is started with the first order, so that who
    never runs a command pays nothing for it.
    """

    def __init__(self, owner_pid: int | None = None, *, keeps_one: bool = False) -> None:
        """``owner_pid``: the process whose end ends everything; None: this one. With ``keeps_one`` a minder whose
        command has ended by itself waits for the next order: see ``waiting``."""
        self._made_by = os.getpid()
        self._owner_pid = owner_pid or self._made_by
        self._lock = threading.Lock()
        self._starts: deque[float] = deque(maxlen=STARTS_PER_MINUTE_MAX)
        self._minded: weakref.WeakSet[Minded] = weakref.WeakSet()
        self._is_closed = False
        self._link: NurseryLink | None = None
        self._keeps_one = keeps_one
        self._waiting: WaitingMinder | None = None

    @property
    def pid(self) -> int | None:
        """Of the nursery process; None before the first order, and after ``close``."""
        link = self._link
        return link.process.pid if link else None

    def spawn(self, order: Order) -> Minded:
        """A minder that waits for ``go``.

        Raises ``SpawnFailed`` (the order does not allow it) and ``NurseryLost`` (no nursery answers, or this machine
        does not allow it just now); in both cases nothing was started.
        """
        packed = order.pack()
        for _try in range(2):  # a minder that has gone before it had its order has started nothing: one more is safe
            minder = self._take() or self._new()
            try:
                capture = minder.give(order, packed)
            except ConnectionError:
                minder.close()
            except OSError as error:
                minder.close()
                raise NurseryLost(f"The order could not be handed over: {error}.") from error
            else:
                minded = Minded(order, minder, capture, self._put_back)
                self._minded.add(minded)
                return minded
        raise NurseryLost("The process that minds commands died twice while it was given one.")

    def waiting(self) -> tuple[int, int] | None:
        """(pid, start time) of the minder that is to get the next order, if it is there already: it lives, and of what
        it has minded nothing does."""
        with self._lock:
            return self._waiting.name if self._waiting is not None and self._waiting.is_there() else None

    def _new(self) -> WaitingMinder:
        for _try in range(2):  # a nursery that died before its answer has started nothing: one more try is safe
            link, watch = self._living_link()
            minder = self._ask(link, watch)
            if minder is not None:
                return minder
        raise NurseryLost("The process that runs commands died twice while asked for one." + link.last_words())

    def _take(self) -> WaitingMinder | None:
        """The minder that waits; nobody else has it any more."""
        with self._lock:
            minder, self._waiting = self._waiting, None
        if minder is None or (minder.is_there() and os.getpid() == self._made_by):
            return minder
        minder.close()
        return None

    def _put_back(self, minder: WaitingMinder) -> bool:
        """Whether it waits for another order now: one may."""
        with self._lock:
            if not self._keeps_one or self._is_closed or self._waiting is not None:
                return False
            self._waiting = minder
            return True

    def close(self) -> None:
        """Everything that was spawned has ended when it returns; calls in ``wait`` raise. Idempotent."""
        with self._lock:
            self._is_closed = True
            link, self._link = self._link, None
            waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.close()
        if link is None or link.end(CLOSE_LIMIT_S):
            return
        for minded in list(self._minded):  # their nursery could not end them: they do so themselves
            pidfd = linux.open_exactly(minded.pid, minded.started)
            if pidfd is not None:
                linux.readable_within(pidfd, CLOSE_LIMIT_S)
                os.close(pidfd)

    def _living_link(self) -> tuple[NurseryLink, int]:
        """The way to a nursery that lives, and a pidfd of it that is the caller's own."""
        if os.getpid() != self._made_by:
            raise NurseryLost("This handle belongs to the process that was forked.", hint="Make a Nursery of its own.")
        with self._lock:
            if self._is_closed:
                raise NurseryLost("The nursery has been closed.")
            if self._link is not None and not self._link.is_alive():
                self._link.end(0)
                self._link = None
            if self._link is None:
                self._link = self._start()
            return self._link, os.dup(self._link.pidfd)

    def _start(self) -> NurseryLink:
        now = time.monotonic()
        if len(self._starts) == STARTS_PER_MINUTE_MAX and now - self._starts[0] < 60:
            wait_s = 60 - (now - self._starts[0])
            raise NurseryLost(
                f"The process that runs commands died {STARTS_PER_MINUTE_MAX} times within a minute.",
                hint=f"The next try is possible in {wait_s:.0f} s.",
            )
        self._starts.append(now)
        try:
            return NurseryLink(self._owner_pid)
        except OSError as error:
            raise NurseryLost(f"The process that runs commands cannot be started: {error}.") from error

    def _ask(self, link: NurseryLink, watch: int) -> WaitingMinder | None:
        """None when the nursery died. ``watch``, its pidfd, is taken over."""
        with ExitStack() as ours:
            ours.callback(os.close, watch)
            try:
                control = _hand_over(link.socket)
            except OSError as error:
                raise NurseryLost(f"The order could not be handed over: {error}.") from error
            if control is not None:
                ours.callback(control.close)
            message = self._first_word(control, watch) if control else None
            if control is None or message is None:
                linux.readable_within(watch, DYING_LIMIT_S)  # its sockets close a moment before it counts as dead
                return None
            if message[0] != "ready":
                if message[0] == "outcome":  # no room for another process
                    raise NurseryLost(message[1]["message"])
                raise SpawnFailed(message[1])
            ours.pop_all()
        return WaitingMinder(control, message[1], message[2], watch)

    def _first_word(self, control: socket.socket, watch: int) -> tuple[Any, ...] | None:
        if not linux.readable_within(control.fileno(), ANSWER_LIMIT_S):
            linux.signal_by(watch, signal.SIGKILL)  # stopped or hung: the next call starts another
            linux.readable_within(watch, ANSWER_LIMIT_S)
            return None
        return protocol.receive(control)


def _hand_over(sock: socket.socket) -> socket.socket | None:
    """Our end of a socket that the nursery has got for a new minder; None when the nursery has gone."""
    control, far_end = protocol.socket_pair()
    try:
        protocol.send_with_descriptors(sock, {protocol.CONTROL: far_end.fileno()}, "spawn")
    except OSError:
        control.close()
        return None
    finally:
        far_end.close()
    return control


def run(nursery: Nursery, order: Order, began: Callable[[Minded], None] = lambda _minded: None) -> Outcome:
    """Runs the order and waits for its end; an order that cannot be spawned has the outcome ``failed_to_start``.
    ``began`` gets the minder before it starts the command, so that it can be ended.

    Raises ``NurseryLost`` when the nursery dies meanwhile; then everything the command had started has ended.
    """
    try:
        minded = nursery.spawn(order)
    except SpawnFailed as refused:
        return Outcome("failed_to_start", message=refused.message)
    began(minded)
    minded.go()
    return minded.wait()
