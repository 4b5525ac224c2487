"""The minder: a process for one command at a time, which is done with it when everything it started has ended.

It is a child subreaper, so what daemonises becomes its child; it is done when it has no children left. It ends them
when the command ends, when told to, when a limit is exceeded, and at once when its owner or its nursery has gone.
The command starts on ``go`` and not before: until then the owner records who minds it. After a command that ended by
itself it waits for another order, until its owner lets go of it; after any other it ends.
"""

from __future__ import annotations

import os
import select
import signal
import time

from aidos_actors import crash
from aidos_actors.executors import launch, linux, protocol
from aidos_actors.executors.limits import Limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any

END_LIMIT_S = 10.0
KILL_PAUSE_MAX_S = 0.05


class Minder:
    """Lives in a process of its own; ``run`` once. ``owner`` and ``nursery`` are pidfds, ``wake`` SIGCHLD's pipe."""

    def __init__(self, control: socket.socket, owner: int, nursery: int, wake: int) -> None:
        self._control = control
        self._wake = wake
        self._poller = select.poll()
        for descriptor in (control.fileno(), owner, nursery, wake):
            self._poller.register(descriptor, select.POLLIN)
        self._is_abandoned = False
        self._order: dict[str, Any] | None = None
        self._given: dict[str, int] = {}
        self._forget()

    def _forget(self) -> None:
        """Nothing is left of an order, and none is there."""
        for descriptor in self._given.values():
            os.close(descriptor)
        self._order, self._given = None, {}
        self._is_started = False
        self._end: tuple[str, str] | None = None
        self._grace_s = 0.0
        self._limits: Limits | None = None
        self._command = 0
        self._status: int | None = None

    def serve(self) -> None:
        """Returns when it is to mind nothing more, and nothing is left of its last command."""
        crash.before("minder-ready")
        protocol.send(self._control, "ready", os.getpid(), linux.start_time(os.getpid()))
        crash.after("minder-ready")
        is_fit = True
        while is_fit and not self._is_abandoned:
            self._listen(None)
            if self._order is not None:
                is_fit = self._run(self._order)
                self._forget()

    def _run(self, order: dict[str, Any]) -> bool:
        """Returns when nothing of the command is left; the outcome has been sent, if there is someone to read it.
        Whether the command ended by itself."""
        while not (self._is_started or self._end):
            self._listen(None)
        begun_at = time.monotonic()
        self._end = reason, message = self._end or self._mind(order)
        crash.before("descendants-ended")
        survivors = self._end_descendants()
        crash.after("descendants-ended")
        if self._is_abandoned:
            return False
        if reason == "exited" and self._status == 0 and self._limits is not None:
            reason, message = self._limits.exceeded_by_what_is_left() or (reason, message)
        more = {"duration_s": time.monotonic() - begun_at, "survivors": survivors, **_ending(self._status)}
        crash.before("outcome-sent")
        protocol.send(self._control, "outcome", protocol.outcome_fields(reason, message, **more))
        crash.after("outcome-sent")
        return reason == "exited" and survivors == 0

    def _mind(self, order: dict[str, Any]) -> tuple[str, str]:
        """Runs the command until it ends or has to be ended: (reason, sentence)."""
        try:
            streams = launch.open_streams(order, self._given)
            # Before the start: what the command does at once must count as its own.
            self._limits = Limits(order, self._given.get(protocol.OUTPUT), time.monotonic())
            crash.before("command-started")
            self._command = launch.start(order, streams)
            crash.after("command-started")
        except (OSError, ValueError) as error:
            reason = "no_room" if launch.is_of_the_machine(error) else "failed_to_start"
            return reason, f"The command could not be started: {launch.explain(error)}."
        for name in tuple(self._given):  # the pipes are the command's alone now
            if name != protocol.OUTPUT:
                os.close(self._given.pop(name))
        while True:
            self._listen(self._limits.wait_s(time.monotonic()))
            self._reap()
            if self._status is not None:
                return "exited", ""
            verdict = self._end or self._limits.exceeded(time.monotonic())
            if verdict:
                return verdict

    def _listen(self, timeout_s: float | None) -> None:
        """Waits for the next thing to happen, and takes note of it. ``wake`` only wakes."""
        due_at = None if timeout_s is None else time.monotonic() + timeout_s
        for descriptor, _events in self._poller.poll(None if timeout_s is None else max(1, round(timeout_s * 1000))):
            if descriptor == self._wake:
                os.read(self._wake, 4096)
            elif descriptor == self._control.fileno():
                self._hear(protocol.receive_with_descriptors(self._control))
            else:
                self._abandon(descriptor)
        if due_at is not None and self._limits is not None:
            self._limits.came(due_at, time.monotonic())

    def _hear(self, come: tuple[tuple[Any, ...], dict[str, int]] | None) -> None:
        if come is None:
            self._abandon(self._control.fileno())
            return
        message, given = come
        if message[0] == "order":
            self._given = given
            self._order = protocol.unpack_order(message[2], given)
            self._grace_s = self._order["grace_s"]
        elif self._order is not None:
            self._obey(message)

    def _obey(self, message: tuple[Any, ...]) -> None:
        match message:
            case ("go",):
                self._is_started = True
            case ("end", reason, why, grace_s):
                self._grace_s = min(self._grace_s, grace_s) if self._end else grace_s
                self._end = self._end or (reason, why)
            case ("progress",) if self._limits:
                self._limits.progress(time.monotonic())

    def _abandon(self, descriptor: int) -> None:
        """Nobody is left to report to: what runs ends at once, without grace."""
        self._poller.unregister(descriptor)
        self._is_abandoned = True
        self._end = self._end or ("ended", "Its owner has gone.")
        self._grace_s = 0.0

    def _end_descendants(self) -> int:
        """Ends everything below this process; how many could not be ended within the limit (0, but for the unkillable).

        An empty waitpid is the proof: whoever is left anywhere below is, or becomes, a child of this process.
        """
        begun_at = time.monotonic()
        if self._reap() and self._grace_s > 0:
            linux.signal_descendants(signal.SIGTERM)
        pause_s = 0.001
        while self._reap():
            now = time.monotonic()
            left_s = begun_at + self._grace_s - now
            if left_s > 0:
                self._listen(left_s)
                continue
            count = linux.signal_descendants(signal.SIGKILL)
            if now - begun_at > self._grace_s + END_LIMIT_S:
                return count
            self._listen(pause_s)
            pause_s = min(2 * pause_s, KILL_PAUSE_MAX_S)
        return 0

    def _reap(self) -> bool:
        """Collects the ended; whether any child is left."""
        any_left, ended = linux.reap()
        for pid, status in ended:
            if pid == self._command:
                self._status = status
        return any_left


def _ending(status: int | None) -> dict[str, int | None]:
    if status is None:
        return {}
    code = os.waitstatus_to_exitcode(status)
    return {"exit_code": code, "signal": None} if code >= 0 else {"exit_code": None, "signal": -code}
