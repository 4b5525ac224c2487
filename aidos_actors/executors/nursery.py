"""The owner's side: starts the nursery, hands orders to it, starts another when it has died."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from aidos_actors.executors import linux, protocol
from aidos_actors.executors.capture import Capture
from aidos_actors.executors.environment import without_secrets
from aidos_actors.executors.minded import Minded
from aidos_actors.executors.orders import NurseryLost, Order, Outcome, SpawnFailed

ANSWER_LIMIT_S = 10.0
CLOSE_LIMIT_S = 15.0
DYING_LIMIT_S = 0.2
STARTS_PER_MINUTE_MAX = 20
MAIN_FILE = Path(__file__).with_name("nursery_main.py")


class _Link:
    """One nursery process and the way to it."""

    def __init__(self, owner_pid: int) -> None:
        """Starts it. It lives no longer than the process ``owner_pid``. Raises OSError."""
        self.socket, theirs = protocol.socket_pair()
        self.socket.settimeout(ANSWER_LIMIT_S)
        flags = ["-I", "-S", "-B"] if sys.dont_write_bytecode else ["-I", "-S"]
        numbers = [str(number) for number in (theirs.fileno(), owner_pid, linux.start_time(owner_pid) or 0)]
        try:
            self.process = subprocess.Popen(
                [sys.executable, *flags, str(MAIN_FILE), *numbers],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=without_secrets(os.environ),
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except OSError:
            self.socket.close()
            raise
        finally:
            theirs.close()
        self.pidfd = os.pidfd_open(self.process.pid)  # our own child, not yet waited for: nobody else's number

    def is_alive(self) -> bool:
        return not linux.readable_within(self.pidfd, 0)

    def last_words(self) -> str:
        try:
            message = protocol.receive(self.socket) if linux.readable_within(self.socket.fileno(), 0) else None
        except (OSError, ValueError):  # ended meanwhile by another thread
            message = None
        return f" Its last words: {message[1]}" if message and message[0] == "crashed" else ""

    def end(self, timeout_s: float) -> bool:
        """Whether it ended by itself within the time, its descendants first; otherwise it is killed."""
        try:
            protocol.send(self.socket, "close")
        except OSError:
            pass
        ended = linux.readable_within(self.pidfd, timeout_s)
        if not ended:
            linux.signal_by(self.pidfd, signal.SIGKILL)
        self.process.wait()
        self.socket.close()
        os.close(self.pidfd)
        return ended


class Nursery:
    """Runs commands so that nothing they start outlives them, this handle's ``close``, or the owner.

    May be used from any thread of the process that made it; its calls block, so an actor makes them in a job. A fork
    of that process needs a nursery of its own. The process behind it is started with the first order, so that who
    never runs a command pays nothing for it.
    """

    def __init__(self, owner_pid: int | None = None) -> None:
        """``owner_pid``: the process whose end ends everything; None: this one."""
        self._made_by = os.getpid()
        self._owner_pid = owner_pid or self._made_by
        self._lock = threading.Lock()
        self._starts: deque[float] = deque(maxlen=STARTS_PER_MINUTE_MAX)
        self._minded: weakref.WeakSet[Minded] = weakref.WeakSet()
        self._is_closed = False
        self._link: _Link | None = None

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
        for _try in range(2):  # a nursery that died before its answer has started nothing: one more try is safe
            link, watch = self._living_link()
            minded = self._ask(link, watch, order, packed)
            if minded is not None:
                return minded
        raise NurseryLost("The process that runs commands died twice while asked for one." + link.last_words())

    def close(self) -> None:
        """Everything that was spawned has ended when it returns; calls in ``wait`` raise. Idempotent."""
        with self._lock:
            self._is_closed = True
            link, self._link = self._link, None
        if link is None or link.end(CLOSE_LIMIT_S):
            return
        for minded in list(self._minded):  # their nursery could not end them: they do so themselves
            pidfd = linux.open_exactly(minded.pid, minded.started)
            if pidfd is not None:
                linux.readable_within(pidfd, CLOSE_LIMIT_S)
                os.close(pidfd)

    def _living_link(self) -> tuple[_Link, int]:
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

    def _start(self) -> _Link:
        now = time.monotonic()
        if len(self._starts) == STARTS_PER_MINUTE_MAX and now - self._starts[0] < 60:
            wait_s = 60 - (now - self._starts[0])
            raise NurseryLost(
                f"The process that runs commands died {STARTS_PER_MINUTE_MAX} times within a minute.",
                hint=f"The next try is possible in {wait_s:.0f} s.",
            )
        self._starts.append(now)
        try:
            return _Link(self._owner_pid)
        except OSError as error:
            raise NurseryLost(f"The process that runs commands cannot be started: {error}.") from error

    def _ask(self, link: _Link, watch: int, order: Order, packed: bytes) -> Minded | None:
        """None when the nursery died. ``watch``, its pidfd, is taken over."""
        with ExitStack() as ours:
            ours.callback(os.close, watch)
            try:
                with ExitStack() as theirs:
                    control, capture = _hand_over(link.socket, order, packed, ours, theirs)
            except OSError as error:
                raise NurseryLost(f"The order could not be handed over: {error}.") from error
            message = self._first_word(control, watch) if control else None
            if control is None or message is None:
                linux.readable_within(watch, DYING_LIMIT_S)  # its sockets close a moment before it counts as dead
                return None
            if message[0] != "ready":
                if message[0] == "outcome":  # no room for another process
                    raise NurseryLost(message[1]["message"])
                raise SpawnFailed(message[1])
            ours.pop_all()
        minded = Minded(order, control, message[1], message[2], capture, watch)
        self._minded.add(minded)
        return minded

    def _first_word(self, control: socket.socket, watch: int) -> tuple[Any, ...] | None:
        if not linux.readable_within(control.fileno(), ANSWER_LIMIT_S):
            linux.signal_by(watch, signal.SIGKILL)  # stopped or hung: the next call starts another
            linux.readable_within(watch, ANSWER_LIMIT_S)
            return None
        return protocol.receive(control)


def _hand_over(
    sock: socket.socket, order: Order, packed: bytes, ours: ExitStack, theirs: ExitStack
) -> tuple[socket.socket | None, Capture | None]:
    """Sends the order with its descriptors, which stay in ``theirs``; what is kept is in ``ours``."""
    given: dict[str, int] = {}

    def give(name: str, descriptor: int) -> None:
        given[name] = descriptor
        theirs.callback(os.close, descriptor)

    control, far_end = protocol.socket_pair()
    ours.callback(control.close)
    give(protocol.CONTROL, far_end.detach())
    give(protocol.ORDER, protocol.memory_file("aidos-order", packed))
    if order.input:
        give(protocol.STDIN, protocol.memory_file("aidos-input", order.input))
    capture = None
    if order.output_path is None:
        capture = Capture(order.output_limit_bytes, give)
        ours.callback(capture.close)
    try:
        protocol.send_with_descriptors(sock, "spawn", given)
    except OSError:
        return None, None
    return control, capture


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
