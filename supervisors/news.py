"""What a supervisor tells the registrar of its tree, and what the root does with it: it carries the registrar."""

from __future__ import annotations

from typing import Any

from supervisors.errors import SupervisorError
from supervisors.messages import Answer, Began, Deliver
from supervisors.ports import System
from supervisors.registrar import Registrar
from supervisors.relay import Relay
from supervisors.whereabouts import Degraded, Leave, Listed, Locate, Noted, Remark, Sync


class News:
    """One supervisor's end of it. ``open`` is called with the registrar's address before anything is told."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._address: Any = None
        self.registrar: Registrar | None = Registrar() if "/" not in system.path else None
        self.relay = Relay()

    @property
    def address(self) -> Any:
        """The registrar's address, None before ``open``."""
        return self._address

    def open(self, address: Any) -> None:
        self._address = address or self._system.address()

    def tell(self, news: Noted | Listed) -> None:
        """The registrar knows it, at once in the root itself and else soon."""
        if self.registrar is None:
            self._system.post(self._address, news)
        else:
            self._note(self.registrar, news)

    def is_known(self, then: Any) -> bool:
        """Whether the registrar knows all it was told; if not, ``Sync(then)`` will come when it does. So whoever is
        told that this supervisor has started, or ended, can rely on what the registrar says of its children."""
        if self.registrar is None:
            self._system.post(self._address, Sync(then))
        return self.registrar is not None

    def refuse(self, message: Deliver, sender_address: Any) -> None:
        """A supervisor has no receive: who asked is answered, and what was sent is dropped."""
        if message.request:
            error = SupervisorError("not_found", f"{message.path!r} is a supervisor, not an actor")
            self._system.post(sender_address, Answer(message.request, error=error))
        else:
            self._system.post(sender_address, Began(message.path, message.incarnation, message.seq, message.route))

    def handle(
        self, message: Noted | Listed | Degraded | Locate | Leave | Answer | Sync | Remark, sender_address: Any
    ) -> None:
        """In the root: one message of another supervisor, of an actor or from outside."""
        registrar = self.registrar
        if registrar is None:
            return
        match message:
            case Noted() | Listed() | Degraded():
                self._note(registrar, message)
            case Remark():
                registrar.events.append(message.event)
            case Locate():
                self._system.post(sender_address, registrar.locate(message, sender_address))
            case Leave():
                registrar.leave(message)
            case Sync():
                self._system.post(sender_address, message)
            case Answer():
                for address, answer in self.relay.answered(message):
                    self._system.post(address, answer)

    def _note(self, registrar: Registrar, news: Noted | Listed | Degraded) -> None:
        told = registrar.note_listed(news) if isinstance(news, Listed) else registrar.note(news)
        for address, located in told:
            self._system.post(address, located)
        if isinstance(news, Noted) and news.event.type == "exited":
            for address, answer in self.relay.lost(registrar, str(news.event.reason)):
                self._system.post(address, answer)
