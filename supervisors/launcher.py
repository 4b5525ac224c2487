"""What stands at the door of a running system, until the system ends or its guardian says stop.

One loop owns everything: requests from the door, messages from the tree, words from the guardian.
"""

from __future__ import annotations

import os
import pickle
import socket
import time
from dataclasses import dataclass
from typing import Any

from supervisors.door import Door, Request
from supervisors.errors import ExitReason, SupervisorError
from supervisors.messages import Answer, Command, Deliver, Locate, Located, Stop
from supervisors.systems.timers import Timers

STEP_S = 60.0
REGISTRAR_VERBS = frozenset({"tree", "events"})


@dataclass(slots=True)
class _Waiting:
    """A request that waits for an answer from the tree."""

    request: Request
    path: str = ""
    incarnation: str = ""


class Launcher:
    """``farewell`` is asked of the tree before it is stopped: target, payload, and how long to wait for the answer."""

    def __init__(
        self, portal: Any, door: Door, guardian: socket.socket, farewell: tuple[str, Any, float] | None
    ) -> None:
        self._farewell = farewell
        self._portal = portal
        self._door = door
        self._guardian = guardian
        self._waiting: dict[str, _Waiting] = {}
        self._looking: dict[str, list[Request]] = {}
        self._places: dict[str, Located] = {}
        self._timers = Timers()
        self._told_up = False
        self._stopping = False

    def run(self) -> ExitReason:
        """Serve until the root has said its last word; the reason."""
        watched = [self._door.fileno(), self._guardian.fileno()]
        while self._portal.last_word is None:
            next_at = self._timers.next_at()
            wait_s = STEP_S if next_at is None else max(0.0, min(STEP_S, next_at - time.monotonic()))
            ready = self._portal.wait(wait_s, watched, self._on_message)
            if self._portal.is_up and not self._told_up:
                self._told_up = True
                self._tell(("up", self._portal.pids()))
            if self._guardian.fileno() in ready:
                self._from_guardian()
            for request in self._door.take():
                self._on_request(request)
            for request_id in self._timers.due(time.monotonic()):
                self._expire(request_id)
        for waiting in self._waiting.values():
            waiting.request.answer(error=SupervisorError("stopped", "the system has ended"))
        reason: ExitReason = self._portal.last_word
        return reason

    # ---- the guardian

    def _tell(self, message: Any) -> None:
        self._guardian.send(pickle.dumps(message))

    def _from_guardian(self) -> None:
        data = self._guardian.recv(65536)
        if not data:
            os._exit(1)
        if pickle.loads(data) == "stop" and not self._stopping:  # noqa: S301 - our own guardian's socketpair
            self._stopping = True
            self._before_stop()

    def _before_stop(self) -> None:
        if self._farewell is None or not self._told_up:
            self._stop_root()
            return
        target, payload, timeout_s = self._farewell
        self._on_request(_Farewell(target, payload, timeout_s, self))  # type: ignore[arg-type]

    def _stop_root(self) -> None:
        self._portal.post(self._portal.root, Stop(ExitReason("shutdown", "stopped")))

    # ---- the door

    def _on_request(self, request: Request) -> None:
        if not self._portal.is_up:
            request.answer(error=SupervisorError("restarting", "the system is starting"))
            return
        self._timers.add(time.monotonic() + request.timeout_s, request.id)
        if request.verb == "ping":
            request.answer({"pids": {**self._portal.pids(), "launcher": os.getpid(), "guardian": os.getppid()}})
        elif request.verb in ("ask", "tell", "locate"):
            place = self._places.get(request.target)
            if place is None or place.incarnation is None:
                self._look_up(request)
            else:
                self._deliver(request, place)
        else:
            self._waiting[request.id] = _Waiting(request)
            target = "" if request.verb in REGISTRAR_VERBS else request.target
            self._portal.post(self._portal.root, Command(request.id, request.verb, target, request.args))

    def _look_up(self, request: Request) -> None:
        self._looking.setdefault(request.target, []).append(request)
        self._portal.post(self._portal.root, Locate(request.target, ""))

    def _deliver(self, request: Request, place: Located) -> None:
        if not place.path:
            request.answer(error=SupervisorError("not_found", f"nothing is named {request.target!r}"))
        elif place.incarnation is None:
            request.answer(error=SupervisorError("restarting", f"{place.path!r} is being restarted"))
        elif request.verb == "locate":
            request.answer({"path": place.path, "incarnation": place.incarnation})
        else:
            self._waiting[request.id] = _Waiting(request, place.path, place.incarnation)
            payload = request.args.get("message")
            self._portal.post(place.address, Deliver(place.path, place.incarnation, "", "", 0, payload, request.id))
            if request.verb == "tell":
                request.answer(True)

    def _expire(self, request_id: str) -> None:
        waiting = self._waiting.pop(request_id, None)
        if waiting is not None:
            request = waiting.request
            text = f"no answer to {request.verb} {request.target!r} within {request.timeout_s:g} s"
            request.answer(error=SupervisorError("timeout", text))
        for requests in self._looking.values():
            for request in [each for each in requests if each.id == request_id]:
                requests.remove(request)
                request.answer(error=SupervisorError("timeout", f"{request.target!r} was not found in time"))

    # ---- the tree

    def _on_message(self, message: Any, _sender: Any) -> None:
        match message:
            case Answer():
                waiting = self._waiting.pop(message.request, None)
                if waiting is not None and waiting.request.verb != "tell":
                    error = message.error
                    if error is not None and not isinstance(error, SupervisorError):
                        error = SupervisorError("actor_failed", str(error))
                    waiting.request.answer(message.value, error)
            case Located():
                self._located(message)

    def _located(self, place: Located) -> None:
        before = self._places.get(place.name)
        self._places[place.name] = place
        if before is not None and before.incarnation not in (None, place.incarnation):
            self._gone(before, place)
        for request in self._looking.pop(place.name, []):
            self._deliver(request, place)

    def _gone(self, before: Located, place: Located) -> None:
        cause = str(place.reason) if place.reason else "its process ended"
        stack = place.reason.stack if place.reason else ""
        for request_id, waiting in list(self._waiting.items()):
            if waiting.path == before.path and waiting.incarnation == before.incarnation:
                del self._waiting[request_id]
                text = f"{before.path!r} ended before it answered: {cause}"
                waiting.request.answer(error=SupervisorError("actor_failed", text, cause=cause, stack=stack))


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
