"""What stands at the door of a running system, until the system ends or its guardian says stop.

One loop owns everything: requests from the door, messages from the tree, words from the guardian.
"""

from __future__ import annotations

import math
import os
import pickle
import socket
import time
from collections.abc import Callable
from typing import Any

from supervisors.door import Door
from supervisors.door_connection import Request
from supervisors.errors import ExitReason, SupervisorError
from supervisors.messages import Stop
from supervisors.specs import ChildSpec, SupervisorSpec
from supervisors.switchboard import Switchboard

STEP_S = 60.0
LAST_ANSWERS_S = 3.0
LAST_WORDS_S = 1.0


class Launcher:
    """``farewell`` is asked of the tree before it is stopped: target, payload, and how long to wait for the answer."""

    def __init__(
        self, portal: Any, door: Door, guardian: socket.socket, farewell: tuple[str, Any, float] | None
    ) -> None:
        self._farewell = farewell
        self._portal = portal
        self._door = door
        self._guardian = guardian
        self._switchboard = Switchboard(portal.post, portal.root, time.monotonic, portal.incarnation)
        self._told_up = False
        self._stopping = False

    def run(self) -> None:
        """Serve until the root has said its last word, the guardian was told, and callers have their answers."""
        watched = [self._door.fileno(), self._guardian.fileno()]
        while self._portal.last_word is None:
            next_at = self._switchboard.next_at()
            wait_s = STEP_S if next_at is None else max(0.0, min(STEP_S, next_at - time.monotonic()))
            ready = self._portal.wait(wait_s, watched, self._switchboard.on_message)
            if self._portal.is_up and not self._told_up:
                self._told_up = True
                self._tell(("up", self._portal.pids()))
            if self._portal.admin_answered:
                self._portal.admin_answered = False
                self._tell(("alive", "admin"))
            if self._guardian.fileno() in ready:
                self._from_guardian()
            for request in self._door.take():
                self._on_request(request)
            self._switchboard.expire()
        reason: ExitReason = self._portal.last_word
        self._tell(("ended" if self._portal.is_up else "start_failed", reason))
        self._take_last_answers()
        self._switchboard.close(SupervisorError("stopped", f"the system has ended: {reason}"))
        self._door.finish(LAST_WORDS_S)

    def _take_last_answers(self) -> None:
        """The root's word of its end overtakes what was posted before, such as why the one who was asked has ended."""
        until = time.monotonic() + LAST_ANSWERS_S
        while self._switchboard.is_waiting and (left_s := until - time.monotonic()) > 0:
            self._portal.wait(left_s, [], self._switchboard.on_message)

    # ---- the guardian

    def _tell(self, message: Any) -> None:
        self._guardian.send(pickle.dumps(message))

    def _from_guardian(self) -> None:
        data = self._guardian.recv(65536)
        if not data:
            os._exit(1)
        word = pickle.loads(data)  # noqa: S301 - our own guardian's socketpair
        if word == "probe":
            self._tell(("alive", "launcher"))
            if self._portal.is_up:
                self._switchboard.request(_Probe(self._portal.root_path, self._tell))
                self._portal.ask_admin()
        elif word == "last word":
            if not self._portal.has_last_word():
                self._tell(("wordless",))
        elif not self._stopping:
            self._stopping = True
            self._before_stop()

    def _before_stop(self) -> None:
        if self._farewell is None or not self._told_up:
            self._stop_root()
            return
        target, payload, timeout_s = self._farewell
        self._switchboard.request(_Farewell(target, payload, timeout_s, self))

    def _stop_root(self) -> None:
        self._portal.post(self._portal.root, Stop(ExitReason("shutdown", "stopped")))

    # ---- the door

    def _on_request(self, request: Request) -> None:
        if not self._portal.is_up:
            request.answer(error=SupervisorError("restarting", "the system is starting"))
        elif request.verb == "ping":
            pids = {**self._portal.pids(), "launcher": os.getpid(), "guardian": os.getppid()}
            refused = {**self._portal.refusals.totals(), "door": self._door.refused}
            request.answer({"pids": pids, "refused": refused})
        else:
            self._allow_for(request.args.get("spec"))
            self._switchboard.request(request)

    def _allow_for(self, spec: Any) -> None:
        """A child that may take for ever to stop may do so, too, when it was added later. Seconds are not added up:
        what is added may be deleted again."""
        if isinstance(spec, ChildSpec | SupervisorSpec) and spec.stop_s == math.inf:
            self._tell(("allowed", math.inf))


class _Farewell:
    """The request that is made of the tree before it is stopped; the answer, or its absence in time, stops it."""

    verb = "ask"

    def __init__(self, target: str, payload: Any, timeout_s: float, launcher: Launcher) -> None:
        self.id = "before-stop"
        self.target = target
        self.args = {"message": payload}
        self.timeout_s = timeout_s
        self._launcher = launcher

    def answer(self, value: Any = None, error: SupervisorError | None = None) -> None:
        self._launcher._stop_root()


class _Probe:
    """The request that only a root which carries messages answers."""

    verb, timeout_s = "count_children", 60.0

    def __init__(self, root_path: str, tell: Callable[[Any], None]) -> None:
        self.target = root_path
        self.id = f"probe-{time.monotonic_ns()}"
        self.args: dict[str, Any] = {}
        self._tell = tell

    def answer(self, value: Any = None, error: SupervisorError | None = None) -> None:
        if error is None:
            self._tell(("alive", "root"))
