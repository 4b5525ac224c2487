"""Requests from outside, connected with the tree: looked up, delivered, and each answered once.

Rules for this file: no thread, no socket, no clock of its own. Whoever stands between a tree and its callers (the
launcher of a real system, the handle of a simulated one) feeds it requests, messages and the time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from msgspec import Struct

from supervisors.errors import SupervisorError
from supervisors.messages import Answer, Began, Command, Deliver
from supervisors.outbox import KEPT_MAX
from supervisors.shell import Mail, Resend
from supervisors.systems.timers import Timers
from supervisors.whereabouts import Locate, Located

TIMERS_KEPT = 1000


class Asked(Protocol):
    """One call from outside."""

    @property
    def id(self) -> str: ...
    @property
    def verb(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def args(self) -> dict[str, Any]: ...
    @property
    def timeout_s(self) -> float: ...

    def answer(self, value: Any = None, error: SupervisorError | None = None) -> None:
        """Called once."""


class _Waiting(Struct):
    """A request that waits for an answer from the tree."""

    request: Asked
    path: str = ""
    incarnation: str = ""


class Switchboard:
    """``post(address, message)`` reaches the tree whose root is at ``root``; ``now`` is monotonic seconds.

    What is told is kept and numbered as mail between actors is; ``incarnation`` names this very sender. What is asked
    goes out once, behind everything told to the same actor before.
    """

    path = ""

    def __init__(self, post: Callable[[Any, Any], None], root: Any, now: Callable[[], float], incarnation: str) -> None:
        self.post = post
        self.incarnation = incarnation
        self._root = root
        self._now = now
        self._mail = Mail(self)
        self._mail.open(root)
        self._held: dict[str, list[tuple[Any, Deliver]]] = {}
        self._waiting: dict[str, _Waiting] = {}
        self._looking: dict[str, list[Asked]] = {}
        self._places: dict[str, Located] = {}
        self._timers = Timers()
        self._many_timers = TIMERS_KEPT

    # ---- the callers

    def request(self, request: Asked) -> None:
        """The request will be answered once: by the tree, or because its time is over."""
        if len(self._timers) >= self._many_timers:
            self._forget_answered()
        self._timers.add(self._now() + request.timeout_s, request.id)
        if request.verb in ("ask", "tell", "locate"):
            place = self._known(request.target)
            if place is None or not place.path or (place.incarnation is None and request.verb != "tell"):
                self._look_up(request)
            else:
                self._deliver(request, place)
        else:
            self._waiting[request.id] = _Waiting(request)
            self.post(self._root, Command(request.id, request.verb, request.target, request.args))

    def _known(self, name: str) -> Located | None:
        """What ``name`` stands for, as known by its whole path: the news of an end come by each name, one by one."""
        place = self._places.get(name)
        return place and self._places.get(place.path, place)

    def after(self, delay_s: float, message: Any) -> None:
        """A timer of the mail."""
        self._timers.add(self._now() + delay_s, message)

    def next_at(self) -> float | None:
        """When ``expire`` has something to do."""
        return self._timers.next_at()

    def expire(self) -> None:
        """Whoever has waited for long enough is answered."""
        for due in self._timers.due(self._now()):
            if isinstance(due, Resend):
                self._mail.resend(due)
            else:
                self._expire(due)

    def _forget_answered(self) -> None:
        """Who was answered needs no timer; at most half of them, and a few, are for such."""
        waiting = {*self._waiting, *(each.id for requests in self._looking.values() for each in requests)}
        self._timers.keep(lambda due: isinstance(due, Resend) or due in waiting)
        self._many_timers = 2 * len(self._timers) + TIMERS_KEPT

    @property
    def is_waiting(self) -> bool:
        """Whether anybody waits for an answer of the tree."""
        return bool(self._waiting)

    def close(self, error: SupervisorError) -> None:
        """Whoever still waits is answered with ``error``: no answer will come from the tree."""
        for waiting in self._waiting.values():
            waiting.request.answer(error=error)
        for requests in self._looking.values():
            for request in requests:
                request.answer(error=error)
        self._waiting.clear()
        self._looking.clear()

    def _look_up(self, request: Asked) -> None:
        self._looking.setdefault(request.target, []).append(request)
        self.post(self._root, Locate(request.target, ""))

    def _deliver(self, request: Asked, place: Located) -> None:
        if not place.path:
            request.answer(error=SupervisorError("not_found", f"nothing is named {request.target!r}"))
        elif request.verb == "tell":
            self._tell(request, place.path)
        elif place.incarnation is None and place.is_stopped:
            request.answer(error=SupervisorError("stopped", f"{place.path!r} is stopped; restart_child starts it"))
        elif place.incarnation is None:
            request.answer(error=SupervisorError("restarting", f"{place.path!r} is being restarted"))
        elif request.verb == "locate":
            request.answer({"path": place.path, "incarnation": place.incarnation})
        else:
            self._waiting[request.id] = _Waiting(request, place.path, place.incarnation)
            payload = request.args.get("message")
            key = request.args.get("idempotency_key")
            asked = Deliver(place.path, place.incarnation, "", "", 0, payload, request.id, key=key)
            self._held.setdefault(place.path, []).append((place.address, asked))
            self._let_go(place.path)

    def _tell(self, request: Asked, path: str) -> None:
        if self._mail.send(path, request.args.get("message"), request.args.get("idempotency_key")):
            request.answer(True)
        else:
            text = f"{path!r} has {KEPT_MAX} unread messages; this one was dropped"
            request.answer(error=SupervisorError("restarting", text))

    def _let_go(self, path: str) -> None:
        """What is asked goes out when everything told before is on the way."""
        if not self._mail.backlog(path):
            for address, asked in self._held.pop(path, []):
                if asked.request in self._waiting:
                    self.post(address, asked)

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

    def on_message(self, message: Any, _sender: Any = None) -> None:
        """One message from the tree."""
        match message:
            case Answer():
                waiting = self._waiting.pop(message.request, None)
                if waiting is not None:
                    error = message.error
                    if error is not None and not isinstance(error, SupervisorError):
                        error = SupervisorError("actor_failed", str(error))
                    waiting.request.answer(message.value, error)
            case Began():
                self._mail.began(message)
                self._let_go(message.path)
            case Located():
                self._located(message)

    def _located(self, place: Located) -> None:
        if place.path:
            self._places[place.name] = place
        else:
            self._places.pop(place.name, None)
        if place.path and place.path not in self._places:
            self.post(self._root, Locate(place.path, ""))
        self._answer_for_the_gone(place)
        self._mail.located(place)
        self._let_go(place.name)
        for request in self._looking.pop(place.name, []):
            self._deliver(request, place)

    def _answer_for_the_gone(self, place: Located) -> None:
        """Whoever waits for an incarnation that does not live there any more is answered. Only the place by its whole
        path can tell: what a shorter name stands for changes while everybody lives."""
        cause = str(place.reason) if place.reason else "its process ended"
        stack = place.reason.stack if place.reason else ""
        for request_id, waiting in list(self._waiting.items()):
            if waiting.path != place.name or waiting.incarnation == place.incarnation:
                continue
            del self._waiting[request_id]
            text = f"{waiting.path!r} ended before it answered: {cause}"
            waiting.request.answer(error=SupervisorError("actor_failed", text, cause=cause, stack=stack))
