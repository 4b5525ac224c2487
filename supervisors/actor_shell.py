"""The shell that carries one actor: it starts it, hands it one message at a time, and says why it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from supervisors.accounts import Accounts
from supervisors.actor import After, Asked, ManagedActor
from supervisors.errors import ExitReason, SupervisorError, reason_of
from supervisors.liveness import Stage
from supervisors.messages import (
    IGNORE,
    Answer,
    Began,
    Deliver,
    Hello,
    JobDone,
    LifecycleEvent,
    Peer,
    Readable,
    Stop,
)
from supervisors.outbox import mark_of
from supervisors.parcel import check_info, opened, packed
from supervisors.ports import System
from supervisors.shell import Mail, Resend
from supervisors.specs import ChildSpec
from supervisors.whereabouts import Degraded, Located


class ActorShell:
    """Carries one actor: start, one message at a time, stop. Knows no transport."""

    def __init__(self, system: System, spec: ChildSpec) -> None:
        self.system = system
        self.mail = Mail(system)
        self.watched: dict[str, Peer | None] = {}
        self.files: dict[int, Callable[[], None]] = {}
        self.current: Asked | None = None
        self.stopping: ExitReason | None = None
        self.crashing: ExitReason | None = None
        self.handled = 0
        self.accounts = Accounts(system, self._tell_degraded)
        self._registrar: Any = None
        self._spec = spec
        self._actor: ManagedActor | None = None
        self._ended = False

    def handle(self, message: Any, sender_address: Any) -> None:
        """One message from the system. Never raises: what the actor raises becomes its exit reason."""
        if self._ended:
            return
        try:
            self._dispatch(message, sender_address)
        except BaseException as error:
            self._end(reason_of(error))
            return
        if self.crashing is not None and not self._ended:
            self._end(self.crashing)
        elif self.stopping is not None and not self._ended:
            self._stop_in_order(self.stopping)

    def reply(self, value: Any, to: Asked | None) -> None:
        asked = to or self.current
        if asked is not None:
            self.system.post(asked.reply_to, Answer(asked.request, packed(value)))

    def _dispatch(self, message: Any, sender_address: Any) -> None:
        match message:
            case Deliver():
                if self.mail.accept(message, sender_address):
                    self._deliver(message, sender_address)
                elif message.request:
                    gone = SupervisorError("restarting", f"{message.path!r} is another process now")
                    self.system.post(sender_address, Answer(message.request, error=gone))
            case After():
                self._receive(message.message, self.system.path)
            case JobDone():
                self._receive(message, self.system.path)
            case Readable(fd=fd):
                self.files.get(fd, _nothing)()
                self.handled += 1
                self._ask_health()
            case Began():
                self.mail.began(message)
            case Located():
                self.mail.located(message)
                if message.name in self.watched:
                    self._tell_of_peer(message)
            case Resend():
                self.mail.resend(message)
            case Hello():
                self._start(message)
            case Stop():
                self.stopping = message.reason

    def _deliver(self, message: Deliver, sender_address: Any) -> None:
        if not message.request:
            mark = mark_of(self.system.incarnation, message.sender_incarnation, message.route)
            self.system.begun(mark, message.seq)
        try:
            payload = opened(message.payload)
        except SupervisorError as error:  # its sender's fault, which ends nobody
            if message.request:
                self.mail.refuse(sender_address, message.request, error)
            else:
                text = f"a message of {message.sender or 'outside'}: {error.message}"
                self.mail.remark(LifecycleEvent(self.system.wall(), "unread", self.system.path, None, detail=text))
            return
        self.current = Asked(message.request, sender_address, message.key) if message.request else None
        self._receive(payload, message.sender or None, message.key)
        self.current = None

    def _receive(self, message: Any, sender: str | None, key: str | None = None) -> None:
        if self._actor is not None:
            self._actor._handle(message, sender, key)
            self.handled += not isinstance(message, Peer)
            self._ask_health()

    def _tell_of_peer(self, where: Located) -> None:
        """Each life of a peer and each end of one is told once, under the path it had: who is gone for good has none
        any more, and who was never there goes by the name it was watched by."""
        last = self.watched[where.name]
        if last is not None and last.incarnation == where.incarnation:
            return
        path = where.path or (last.path if last is not None else where.name)
        peer = self.watched[where.name] = Peer(path, where.incarnation, where.reason)
        self._receive(peer, None)

    def _ask_health(self) -> None:
        """After a handler, unless it was the last."""
        if self._actor is not None and self.stopping is None and self.crashing is None:
            self.accounts.ask_health(self._actor.health)

    def _start(self, hello: Hello) -> None:
        if self._actor is not None:
            return
        actor = self._spec.actor()
        actor._shell = self
        self._actor = actor
        self._registrar = hello.registrar
        self.mail.open(hello.registrar)
        info = actor._begin(dict(self._spec.args))
        if info is IGNORE:
            self._ended = True
            self.system.end(ExitReason("normal", "ignored"), ignored=True)
            return
        check_info(info)
        self.system.started(info)
        self._ask_health()

    def _stop_in_order(self, reason: ExitReason) -> None:
        self.stopping = None
        self.system.beat(Stage.STOPPING)
        try:
            if self._actor is not None:
                self._actor._finish(reason)
            last = self.stopping or reason
        except BaseException as error:
            last = reason_of(error)
        self._end(replace(last, in_stop=True) if reason.is_expected and not last.is_expected else last)

    def _tell_degraded(self, reason: str) -> None:
        if self._registrar is not None:
            said = Degraded(self.system.path, self.system.incarnation, self.system.wall(), reason)
            self.system.post(self._registrar, said)

    def _end(self, reason: ExitReason) -> None:
        self._ended = True
        self.system.end(reason)


def _nothing() -> None:
    """For a descriptor that is watched no more."""
