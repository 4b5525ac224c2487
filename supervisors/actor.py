"""``ManagedActor``: what a user writes; ``actor_shell`` keeps it honest.

Let it crash, but say why: whatever an actor raises ends its process, with the exception's type, text and stack as the
exit reason. A handler is never run twice for the same message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from supervisors.errors import ExitReason
from supervisors.messages import checked_key
from supervisors.operations import Operations
from supervisors.parcel import packed
from supervisors.specs import ChildSpec
from supervisors.whereabouts import checked_name

if TYPE_CHECKING:
    from supervisors.actor_shell import ActorShell


class After(Struct, frozen=True):
    """Timer: ``message`` is due for the actor that set it."""

    message: Any


class Asked(Struct, frozen=True):
    """Who waits for an answer: keep it to reply later than in the handler."""

    request: str
    reply_to: Any
    key: str | None = None


class ManagedActor(Operations):
    """Base of all actors. Subclasses define ``receive``; hooks and verbs run in the actor's own process and thread, one
    at a time. A new instance is made for each start: what it kept in its attributes, its timers, watches and jobs end
    with its process; messages that it had not begun go to its successor (see ``send``).

    A handler must not wait: what takes time is started with ``start_job`` and comes back as ``JobDone``. What may fail
    without ending the process is an operation: see ``Operations``.
    """

    _shell: ActorShell

    # -- to override

    def on_start(self, *args: Any, **named: Any) -> Any:
        """Called once before any message, with the spec's ``args`` by name; ``start_timeout_s`` limits it. May return
        ``IGNORE`` (run no process) or extra information for ``ChildInfo.info``, small and picklable. A raise, or
        ``sys.exit``, fails the start: a first one is told to who asked for it, one of a restart is tried again within
        the supervisor's limit."""
        return None

    def receive(self, message: Any, sender: str | None) -> None:
        """Handle one message. ``sender`` is the path of the actor that sent it, None for a caller from outside. A raise
        ends this process as abnormal."""
        raise NotImplementedError(f"{type(self).__name__} defines no receive()")

    def on_stop(self, reason: ExitReason) -> None:
        """Called once on an ordered stop or after ``self.stop()``; never after a raise, a kill, or a start that failed.

        It has ``shutdown`` seconds, then SIGKILL; after ``self.stop()`` that holds where there is a ``heartbeat_s``,
        and is no less than twice that. ``self.stop(…)`` or a raise in here is the exit reason that others see; it
        neither delays a stop nor brings back a child that was ending as expected (OTP restarts a transient one)."""

    def health(self) -> str | None:
        """How this actor is: None when it is well, or why it works with less than its full ability. Asked in its own
        process and thread when it has started and after each handler, so it must not wait, and an idle actor is not
        asked: one whose health changes by itself sends itself a message with ``after``.

        The text is shown as ``self.degrade`` shows one: in ``ChildInfo.degraded``, ``tree``, and by the events
        ``degraded`` and ``recovered``. A raise, or what is no text, is shown there in its place and harms nothing else.
        """
        return None

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
        """``message`` will be handled at most once by ``target`` (an id path, or an id unique in the tree) or, when
        that ends before it has begun it, by whoever has the name next; those of one sender in the order they were sent.
        Kept also while nobody has the name. False, and dropped, when 1,000 messages to it are unread already. A durable
        target handles messages of the same ``idempotency_key`` once, however often they are sent. SupervisorError
        ``not_picklable``."""
        return self._shell.mail.send(checked_name(target), packed(message), checked_key(idempotency_key))

    def watch(self, target: str) -> None:
        """``Peer`` messages come to ``receive``: at once one that says how ``target`` (an id path, or an id unique in
        the tree; an actor or an inner supervisor) stands, also when it has gone already or never was; then one for each
        end and each later life of it, and never two for the same. Its end does nothing to this actor, which watches
        until it ends itself, or ``unwatch``. Watching twice is watching once."""
        if checked_name(target) not in self._shell.watched:
            self._shell.watched[target] = None
            self._shell.mail.watch(target)

    def unwatch(self, target: str) -> None:
        """No ``Peer`` tells of ``target``, named as in ``watch``, any more, not even one that is on its way; nothing is
        kept of it here. For who watches ever new ones. One that is not watched may be named."""
        if checked_name(target) in self._shell.watched:
            del self._shell.watched[target]
            self._shell.mail.leave(target)

    def after(self, delay_s: float, message: Any) -> None:
        """``message`` comes to ``receive`` once, not before ``delay_s`` seconds, unless this process ends first."""
        self._shell.system.after(delay_s, After(message))

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
        """This actor ends after the current handler: what else waits for it is not begun. ``on_stop`` is called with
        this exit reason; ``normal`` (its work is done) and ``shutdown`` are those that do not bring a transient child
        back. In ``on_start``: it has started, and ends. ValueError for what is no kind of exit."""
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
