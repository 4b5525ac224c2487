"""Messages from one process to another arrive in the order they were posted.

Thespian sends what goes to one target over several connections at once, and one that must try again is overtaken: one
message in a hundred, on a busy machine. Here each target has a lane in which one message is under way at a time. So a
target that hangs also holds up one transmission and not all of them, and one connection is used again and again where
a burst opened many.

Addresses are used again, too: the lane to one that has died is the lane to whoever is born there. So a transmission to
the dead must end soon. After most failures Thespian tries again within 20 milliseconds and more each time; after a
connection that was reset just when it wanted to send, it would wait for 35 seconds, and a message for which no socket
could be had it would forget.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

LANE_MAX = 10_000
"""More than that for one target is dropped, as the transport itself does; the mail between actors keeps far fewer."""


class Lanes:
    """What waits for each target. ``send(item)`` begins a transmission, of whose end ``ended(target)`` must be told,
    also from within ``send``; ``drop(item)`` is called for what will not be sent."""

    def __init__(self, send: Callable[[Any], None], drop: Callable[[Any], None]) -> None:
        self._send, self._drop = send, drop
        self._waiting: dict[Any, deque[Any]] = {}
        self._busy: set[Any] = set()
        self._starting: set[Any] = set()

    def add(self, target: Any, item: Any) -> None:
        """``item`` is under way, or will be when everything added for ``target`` before has ended."""
        waiting = self._waiting.setdefault(target, deque())
        if len(waiting) >= LANE_MAX:
            self._drop(item)
            return
        waiting.append(item)
        self._start(target)

    def ended(self, target: Any) -> None:
        """The transmission that was under way to ``target`` has ended, well or not: the next one may begin."""
        self._busy.discard(target)
        self._start(target)

    def _start(self, target: Any) -> None:
        """Not recursive, however many transmissions end at once."""
        if target in self._starting:
            return
        self._starting.add(target)
        try:
            waiting = self._waiting.get(target, deque())
            while waiting and target not in self._busy:
                self._busy.add(target)
                self._send(waiting.popleft())
        finally:
            self._starting.discard(target)
        if not waiting:
            self._waiting.pop(target, None)


def send_in_order() -> None:
    """From now on every transport of this process and its forks keeps the order. Call once."""
    from thespian.system.transport import SendStatus, Thespian__UpdateWork
    from thespian.system.transport.asyncTransportBase import asyncTransportBase as transport
    from thespian.system.transport.TCPTransport import TCPTransport, opsKey

    at_once = transport._schedulePreparedIntent

    def lanes_of(self: Any) -> Lanes:
        def send(item: tuple[Any, bool]) -> None:
            intent, has_exclusive_flag = item
            target = opsKey(intent.targetAddr)
            intent.addCallback(*[lambda _result, _intent: lanes.ended(target)] * 2)
            if intent.expired():
                intent.tx_done(SendStatus.Failed)
            else:
                at_once(self, intent, has_exclusive_flag)

        lanes = Lanes(send, lambda item: item[0].tx_done(SendStatus.Failed))
        return lanes

    def in_lane(self: Any, intent: Any, has_exclusive_flag: bool = False) -> None:
        to_itself = intent.targetAddr == self.myAddress
        if to_itself or not intent.serMsg or isinstance(intent.message, Thespian__UpdateWork):
            at_once(self, intent, has_exclusive_flag)
            return
        if not hasattr(self, "_lanes"):
            self._lanes = lanes_of(self)
        self._lanes.add(opsKey(intent.targetAddr), (intent, has_exclusive_flag))

    transport._schedulePreparedIntent = in_lane
    _try_again_soon(TCPTransport)


def _try_again_soon(transport: Any) -> None:
    """Whatever failed is tried again after Thespian's growing pauses, and every transmission has an end."""
    step, retry = transport._nextTransmitStep, transport._next_XMIT_6

    def step_or_retry(self: Any, intent: Any) -> Any:
        if step(self, intent):
            return True
        if any(each is intent for each, _ in self._finished_intents):
            return False
        return self._next_XMIT_6(intent)  # something was raised, and is in Thespian's log

    def retry_soon(self: Any, intent: Any) -> Any:
        waits = retry(self, intent)
        if waits and not hasattr(intent, "_pauseUntil"):
            intent.backoffPause(True)
        return waits

    transport._nextTransmitStep, transport._next_XMIT_6 = step_or_retry, retry_soon
