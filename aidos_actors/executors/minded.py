"""The owner's handle on one command and its minder."""

from __future__ import annotations

import select
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from aidos_actors.core.silence import is_held_up
from aidos_actors.executors import linux, protocol
from aidos_actors.executors.capture import Capture
from aidos_actors.executors.orders import NurseryLost, Order, Outcome
from aidos_actors.executors.waiting_minder import WaitingMinder

LOOK_S = 1.0
PROGRESS_EVERY_S = 0.25
CLEAN_UP_LIMIT_S = 20.0  # longer than a minder's own limit for ending what cannot be ended
EXIT_LIMIT_S = 5.0
HEARING_LIMIT_S = 10.0


class Minded:
    """A minder that waits for ``go`` or runs its command. All methods may be called from any thread.

    A handle that nobody holds any more ends its command.
    """

    def __init__(
        self, order: Order, minder: WaitingMinder, capture: Capture | None, keep: Callable[[WaitingMinder], bool]
    ) -> None:
        """Takes over ``minder``, which has the order, and ``capture``. ``keep`` may take the minder back when its
        command has ended by itself, with all it had started."""
        self._sending = threading.Lock()
        self._waiting = threading.Lock()
        self._is_closed = False
        self.pid = minder.pid
        self.started = minder.started
        self._order = order
        self._whole = minder
        self._keep = keep
        self._control = minder.control
        self._capture = capture
        self._nursery = minder.nursery
        self._minder = minder.pidfd
        self._unheard_until: float | None = None
        self._overdue_at: float | None = None
        self._told_progress_at = 0.0
        self._last_words = ""
        self._result: Outcome | NurseryLost | None = None

    def go(self) -> None:
        """The command starts; once. Whether it could is told by ``wait``."""
        if self._order.timeout_s is not None and self._overdue_at is None:
            self._expect_end_within(self._order.timeout_s + self._order.grace_s)
        self._unheard_until = time.monotonic() + HEARING_LIMIT_S
        self._send("go")

    def end(self, reason: str, grace_s: float | None = None) -> None:
        """Asks for the end of the command and all it started; returns at once, ``wait`` tells when it is done.

        Before ``go``: the command never starts. After the end, or again: nothing happens, but a shorter grace counts.
        ``reason`` becomes the outcome's message.
        """
        self._end("ended", reason, self._order.grace_s if grace_s is None else grace_s)

    def progress(self) -> None:
        """Tells the minder of life that it cannot see; holds off ``stall_s``."""
        self._send("progress")

    def wait(self) -> Outcome:
        """Blocks until the command and everything it started have ended, and its minder too, unless that is kept; the
        same answer each time.

        Raises ``NurseryLost`` when the nursery died meanwhile; then too everything has ended.
        """
        with self._waiting:
            if self._result is None:
                try:
                    self._result = self._follow()
                except NurseryLost as lost:
                    self._result = lost
                finally:
                    self._close()
            if isinstance(self._result, NurseryLost):
                raise self._result
            return self._result

    def _follow(self) -> Outcome:
        poller = select.poll()
        for descriptor in (self._control.fileno(), self._nursery):
            poller.register(descriptor, select.POLLIN)
        if self._capture:
            self._capture.register(poller)
        due_at = time.monotonic() + LOOK_S
        while True:
            ready = {descriptor for descriptor, _events in poller.poll(LOOK_S * 1000)}
            if self._capture:
                self._read_output(ready, self._capture, poller)
            if self._control.fileno() in ready:
                outcome = self._heard(protocol.receive(self._control))
                if outcome:
                    return outcome
            elif self._nursery in ready:
                return self._nursery_died()
            now = time.monotonic()
            if is_held_up(due_at, now):  # the minder perhaps as well
                self._allow(now - due_at)
            self._press_on(now)
            due_at = now + LOOK_S

    def _read_output(self, ready: set[int], capture: Capture, poller: select.poll) -> None:
        for descriptor in ready:
            if descriptor not in capture:
                continue
            was_over_limit = capture.is_over_limit
            if capture.read(descriptor) is None:
                poller.unregister(descriptor)
            elif capture.is_over_limit and not was_over_limit:
                self._end("output_limit", "It wrote more output than its limit allows.", self._order.grace_s)
            elif self._order.stall_s is not None and time.monotonic() - self._told_progress_at >= PROGRESS_EVERY_S:
                self._told_progress_at = time.monotonic()
                self.progress()

    def _heard(self, message: tuple[Any, ...] | None) -> Outcome | None:
        match message:
            case ("outcome", fields):
                return self._settled(fields)
            case ("crashed", text):
                self._last_words = f" Its last words: {text}"
            case None:
                if linux.readable_within(self._nursery, 0.1):
                    return self._nursery_died()
                why = "The process that minded the command died; the command and all it had started have been ended."
                return self._settled(protocol.outcome_fields("lost", why + self._last_words))
        return None

    def _settled(self, fields: dict[str, Any]) -> Outcome:
        """Once the minder itself has gone, so that whoever waits for it finds it gone; or it waits for another order
        and has nothing to do with this one any more."""
        stdout, stderr = self._capture.finish() if self._capture else (b"", b"")
        if fields["reason"] != "exited" or fields["survivors"] or not self._hand_back():
            self._let_go()
        if fields["reason"] == "exited" and self._capture and self._capture.is_over_limit:
            fields |= {"reason": "output_limit", "message": "It wrote more output than its limit allows."}
        return Outcome(stdout=stdout, stderr=stderr, **fields)

    def _hand_back(self) -> bool:
        """Whether the minder is another's from here on."""
        with self._sending:
            self._is_closed = self._keep(self._whole)
        if self._is_closed and self._capture:
            self._capture.close()
        return self._is_closed

    def _let_go(self) -> None:
        """The minder has nobody to listen to, and ends."""
        with self._sending:
            self._control.shutdown(socket.SHUT_WR)
        if self._minder is not None:
            linux.readable_within(self._minder, EXIT_LIMIT_S)

    def _nursery_died(self) -> Outcome:
        """The minder's own word counts if it was spoken; else its clean-up is awaited. Raises ``NurseryLost``."""
        if self._minder is not None:
            linux.signal_by(self._minder, signal.SIGCONT)  # a stopped one could not clean up
            linux.readable_within(self._minder, CLEAN_UP_LIMIT_S)
        while linux.readable_within(self._control.fileno(), 0):
            message = protocol.receive(self._control)
            if message is None:
                break
            if message[0] == "outcome":
                return self._settled(message[1])
        raise NurseryLost(
            "The process that runs commands died while this one ran; the command has been ended.",
            hint="Run it again: a new one is started by itself.",
        )

    def _allow(self, more_s: float) -> None:
        """The minder has so much longer."""
        self._unheard_until = None if self._unheard_until is None else self._unheard_until + more_s
        self._overdue_at = None if self._overdue_at is None else self._overdue_at + more_s

    def _press_on(self, now: float) -> None:
        """A minder that does not keep its own limits is ended, then its nursery; one of them is then heard of."""
        minder = self._minder
        if self._unheard_until is not None and now >= self._unheard_until:
            if minder is not None and protocol.is_unread(self._control):  # stopped: it has not even begun
                linux.signal_by(minder, signal.SIGKILL)
            self._unheard_until = None
        if minder is None or linux.readable_within(minder, 0):
            linux.signal_by(self._nursery, signal.SIGCONT)  # a stopped one could not clean up after it
            self._expect_end_within(0)
            minder = None
        if self._overdue_at is not None and now >= self._overdue_at:
            self._overdue_at = now + CLEAN_UP_LIMIT_S
            linux.signal_by(self._nursery if minder is None else minder, signal.SIGKILL)

    def _expect_end_within(self, span_s: float) -> None:
        overdue_at = time.monotonic() + span_s + CLEAN_UP_LIMIT_S
        self._overdue_at = min(self._overdue_at or overdue_at, overdue_at)

    def _end(self, kind: str, why: str, grace_s: float) -> None:
        self._expect_end_within(grace_s)
        self._send("end", kind, why[: protocol.MESSAGE_CHARACTERS_MAX], grace_s)

    def _send(self, *parts: Any) -> None:
        with self._sending:
            if not self._is_closed:
                try:
                    protocol.send(self._control, *parts)
                except OSError:
                    pass  # the minder has gone: wait() tells how

    def __del__(self) -> None:
        self._close()

    def _close(self) -> None:
        with self._sending:
            if self._is_closed:
                return
            self._is_closed = True
            self._whole.close()
        if self._capture:
            self._capture.close()
