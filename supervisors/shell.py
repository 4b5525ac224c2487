"""What every process of a tree shares: the mail of one shell, sent reliably by name.

A shell owns no thread and no socket; it lives in a ``System`` and is called with one message at a time.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

from supervisors.errors import SupervisorError
from supervisors.messages import Answer, Began, Deliver, LifecycleEvent
from supervisors.outbox import Kept, Route, mark_of
from supervisors.whereabouts import INCARNATIONS_MAX, Leave, Locate, Located, Remark

RESEND_AFTER_S = 5.0
ROUTES_MAX = 1000


class Resend:
    """Timer: look whether something sent to ``name`` is still unread."""

    def __init__(self, name: str) -> None:
        self.name = name


class Sender(Protocol):
    """What mail needs of a system: who sends, and how."""

    path: str
    incarnation: str

    def post(self, address: Any, message: Any) -> None: ...
    def after(self, delay_s: float, message: Any) -> None: ...


class Mail:
    """Sends by name: keeps what was not begun, follows the target through its incarnations, receives each once."""

    def __init__(self, system: Sender) -> None:
        self._system = system
        self._routes: dict[str, Route] = {}
        self.registrar: Any = None
        self._begun: dict[tuple[str, str, str], int] = {}
        self._senders: dict[str, deque[str]] = {}
        self._resending: set[str] = set()

    def open(self, registrar: Any) -> None:
        """The registrar is known now: every name used so far is looked up."""
        self.registrar = registrar
        for name in self._routes:
            self._locate(name)

    def room(self, name: str) -> int:
        """How many more messages would be kept for ``name``."""
        return self._route(name).room

    def send(self, name: str, payload: Any, key: str | None = None) -> bool:
        """``payload`` is kept for ``name`` until it has begun to handle it; False when too much is kept already."""
        route = self._route(name)
        accepted = route.add(payload, key)
        self._flush(route)
        return accepted

    def watch(self, name: str) -> None:
        """``Located`` will come for ``name`` now and at every change."""
        is_known = name in self._routes
        self._route(name)
        if is_known:
            self._locate(name)

    def leave(self, name: str) -> None:
        """``Located`` need not come for ``name`` any more: it is looked up again when something is sent to it. One that
        has had something in this life of it is followed on, since its numbers go on."""
        route = self._routes.get(name)
        if route is None or route.waiting or route.on_the_way or (route.sent and route.incarnation is not None):
            return
        del self._routes[name]
        if self.registrar is not None:
            self._system.post(self.registrar, Leave(name, self._system.path, self._system.incarnation))

    def backlog(self, name: str) -> int:
        """How many messages to ``name`` are not yet on the way."""
        route = self._routes.get(name)
        return len(route.waiting) if route is not None else 0

    def located(self, where: Located) -> None:
        route = self._routes.get(where.name)
        if route is None:
            return
        if route.incarnation is not None and where.begun:
            mark = mark_of(route.incarnation, self._system.incarnation, route.name)
            route.began(route.incarnation, where.begun.get(mark, 0))
        route.moved(where.path, where.incarnation, where.address)
        self._flush(route)

    def began(self, message: Began) -> None:
        route = self._routes.get(message.route)
        if route is not None:
            route.began(message.incarnation, message.seq)
            self._flush(route)

    def accept(self, message: Deliver, reply_to: Any) -> bool:
        """True exactly once per message meant for this incarnation; the sender is told that it was begun."""
        if message.incarnation != self._system.incarnation:
            return False
        if message.request is not None:
            return True
        source = (message.sender, message.sender_incarnation, message.route)
        self._remember(message.sender, message.sender_incarnation)
        begun = self._begun.get(source, 0)
        is_next = message.seq == begun + 1
        if is_next:
            self._begun[source] = begun = message.seq
        if begun:
            me = self._system
            me.post(reply_to, Began(me.path, me.incarnation, begun, message.route))
        return is_next

    def _remember(self, sender: str, incarnation: str) -> None:
        """Only the last incarnations of a sender can still have something on the way."""
        known = self._senders.setdefault(sender, deque(maxlen=INCARNATIONS_MAX))
        if incarnation not in known:
            known.append(incarnation)
            self._begun = {key: seq for key, seq in self._begun.items() if key[0] != sender or key[1] in known}

    def refuse(self, address: Any, request: str, error: SupervisorError) -> None:
        """Who asked ``request`` gets ``error``."""
        self._system.post(address, Answer(request, error=error))

    def remark(self, event: LifecycleEvent) -> None:
        """``event`` is among the tree's events soon."""
        if self.registrar is not None:
            self._system.post(self.registrar, Remark(event))

    def resend(self, timer: Resend) -> None:
        self._resending.discard(timer.name)
        route = self._routes.get(timer.name)
        if route is None:
            return
        for kept in route.unacknowledged():
            self._deliver(route, kept)
        self._expect_answer(route)

    def _route(self, name: str) -> Route:
        route = self._routes.get(name)
        if route is None:
            self._make_room()
            route = self._routes[name] = Route(name)
            self._locate(name)
        return route

    def _make_room(self) -> None:
        """What was kept for names that nobody lives under is dropped first; their numbering starts anew anyway."""
        if len(self._routes) < ROUTES_MAX:
            return
        unused = [route for route in self._routes.values() if route.incarnation is None]
        if not unused:
            raise RuntimeError(f"{self._system.path} sends to more than {ROUTES_MAX} names")
        del self._routes[min(unused, key=lambda route: len(route.waiting)).name]

    def _locate(self, name: str) -> None:
        if self.registrar is not None:
            me = self._system
            me.post(self.registrar, Locate(name, me.path, me.incarnation, stays=True))

    def _flush(self, route: Route) -> None:
        for kept in route.take():
            self._deliver(route, kept)
        self._expect_answer(route)

    def _deliver(self, route: Route, kept: Kept) -> None:
        assert route.incarnation is not None
        me = self._system
        to, name = (route.path, route.incarnation), route.name
        sent = Deliver(*to, me.path, me.incarnation, kept.seq, kept.payload, route=name, key=kept.key)
        me.post(route.address, sent)

    def _expect_answer(self, route: Route) -> None:
        if route.on_the_way and route.name not in self._resending:
            self._resending.add(route.name)
            self._system.after(RESEND_AFTER_S, Resend(route.name))
