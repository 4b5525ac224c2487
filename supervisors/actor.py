"""``ManagedActor``: what a user writes, and the shell that keeps it honest.

Let it crash, but say why: whatever an actor raises ends its process, with the exception's type, text and stack as the
exit reason. A handler is never run twice for the same message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from supervisors.accounts import Accounts
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
    checked_key,
)
from supervisors.operations import Operations
from supervisors.parcel import check_info, opened, packed
from supervisors.ports import System
from supervisors.shell import Mail, Resend
from supervisors.specs import ChildSpec
from supervisors.whereabouts import Degraded, Located, checked_name


@dataclass(frozen=True, slots=True)
class _After:
    message: Any


@dataclass(frozen=True, slots=True)
class Asked:
    """Who waits for an answer: keep it to reply later than in the handler."""

    request: str
    reply_to: Any
    key: str | None = None


class ManagedActor(Operations):
    """Base of all actors. Subclasses define ``receive``; hooks and verbs run in the actor's own process and thread.

    A handler must not wait: what takes time is started with ``start_job`` and comes back as ``JobDone``. What may fail
    without ending the process is an operation: see ``Operations``.
    """

    _shell: ActorShell

    # -- to override

    def on_start(self, *args: Any, **named: Any) -> Any:
        """Called once before any message, with the spec's ``args`` by name. May return ``IGNORE`` (run no
        process) or extra information for ``ChildInfo.info``. A raise fails the start."""
        return None

    def receive(self, message: Any, sender: str | None) -> None:
        """Handle one message. ``sender`` is the path of the actor that sent it, None for a caller from outside. A raise
        ends this process as abnormal."""
        raise NotImplementedError(f"{type(self).__name__} defines no receive()")

    def on_stop(self, reason: ExitReason) -> None:
        """Called once on an ordered stop or after ``self.stop()``; never after a raise or a kill."""

    # -- to use

    @property
    def path(self) -> str:
        return self._shell.system.path

    @property
    def incarnation(self) -> str:
        """Names this very process; never the same again, not even after a restart of the machine."""
        return self._shell.system.incarnation

    def reply(self, value: Any, to: Asked | None = None) -> None:
        """The one who asked (now, or as kept from ``asked()``) gets ``value``. SupervisorError ``not_picklable``."""
        self._shell.reply(value, to)

    def asked(self) -> Asked | None:
        """The current request, to be answered later with ``reply(value, to=…)``; None for a message without one."""
        return self._shell.current

    def send(self, target: str, message: Any, *, idempotency_key: str | None = None) -> bool:
        """``message`` will be handled at most once by ``target`` (an id path, or an id unique in the tree) or its
        successor; False, and dropped, when 1,000 messages to it are unread already. A durable target handles messages
        of the same ``idempotency_key`` once, however often they are sent. SupervisorError ``not_picklable``."""
        return self._shell.mail.send(checked_name(target), packed(message), checked_key(idempotency_key))

    def watch(self, target: str) -> None:
        """``Peer`` messages tell from now on when ``target`` is there and when it has gone, once each; the first says
        how it stands now. Watching twice is watching once."""
        if checked_name(target) not in self._shell.watched:
            self._shell.watched.add(target)
            self._shell.mail.watch(target)

    def after(self, delay_s: float, message: Any) -> None:
        """``message`` comes to ``receive`` once, not before ``delay_s`` seconds, unless this process ends first."""
        self._shell.system.after(delay_s, _After(message))

    def start_job(self, job: str, work: Callable[..., Any], *args: Any) -> None:
        """``work(*args)`` runs beside this actor; its outcome comes to ``receive`` as ``JobDone``."""
        self._shell.system.jobs.start(job, work, *args)

    def on_readable(self, fd: int, call: Callable[[], None]) -> None:
        """``call()`` runs, as a handler does, whenever ``fd`` can be read, until ``ignore``. Not in virtual time."""
        self._shell.files[fd] = call
        self._shell.system.watch(fd)

    def ignore(self, fd: int) -> None:
        """Nothing is called because of ``fd`` any more. To be called before it is closed."""
        self._shell.files.pop(fd, None)
        self._shell.system.ignore(fd)

    def progress(self) -> None:
        """A long handler says that it advances: with ``heartbeat_s``, its time starts again from here."""
        self._shell.system.beat()

    def now(self) -> float:
        """Monotonic seconds of the system this actor lives in."""
        return self._shell.system.now()

    def wall(self) -> float:
        """Wall-clock seconds since the epoch."""
        return self._shell.system.wall()

    def stop(self, reason: str = "normal", detail: str = "") -> None:
        """This actor ends after the current handler, with this exit reason."""
        self._shell.stopping = ExitReason(reason, detail)

    # -- what the shell calls

    def _begin(self, args: dict[str, Any]) -> Any:
        return self.on_start(**args)

    def _handle(self, message: Any, sender: str | None, key: str | None) -> None:
        self.receive(message, sender)

    def _finish(self, reason: ExitReason) -> None:
        self.on_stop(reason)

    @classmethod
    def child_spec(cls, **overrides: Any) -> ChildSpec:
        """This actor as a child: id is the class name in lower case unless overridden."""
        return ChildSpec(**{"id": cls.__name__.lower(), "actor": cls, **overrides})


class ActorShell:
    """Carries one actor: start, one message at a time, stop. Knows no transport."""

    def __init__(self, system: System, spec: ChildSpec) -> None:
        self.system = system
        self.mail = Mail(system)
        self.watched: set[str] = set()
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
            case _After():
                self._receive(message.message, self.system.path)
            case JobDone():
                self._receive(message, self.system.path)
            case Readable(fd=fd):
                self.files.get(fd, _nothing)()
                self.handled += 1
            case Began():
                self.mail.began(message)
            case Located():
                self.mail.located(message)
                if message.name in self.watched:
                    self._receive(Peer(message.path, message.incarnation, message.reason), None)
            case Resend():
                self.mail.resend(message)
            case Hello():
                self._start(message)
            case Stop():
                self.stopping = message.reason

    def _deliver(self, message: Deliver, sender_address: Any) -> None:
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

    def _stop_in_order(self, reason: ExitReason) -> None:
        self.stopping = None
        self.system.beat(Stage.STOPPING)
        try:
            if self._actor is not None:
                self._actor._finish(reason)
        except BaseException as error:
            reason, self.stopping = reason_of(error), None
        self._end(self.stopping or reason)

    def _tell_degraded(self, reason: str) -> None:
        if self._registrar is not None:
            said = Degraded(self.system.path, self.system.incarnation, self.system.wall(), reason)
            self.system.post(self._registrar, said)

    def _end(self, reason: ExitReason) -> None:
        self._ended = True
        self.system.end(reason)


def _nothing() -> None:
    """For a descriptor that is watched no more."""
