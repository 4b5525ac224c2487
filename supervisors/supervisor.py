"""The shell that carries out what ``strategy.decide`` decides; it decides nothing itself.

It never waits: every start, stop and delay ends in a message, so that calls are answered while children are starting,
stopping or in a restart loop. The root carries the registrar besides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from supervisors import decisions as do
from supervisors.describe import describe, told
from supervisors.errors import ExitReason, SupervisorError
from supervisors.family import Family, Row
from supervisors.listing import listings
from supervisors.liveness import Sight
from supervisors.lookout import Deadline, Look, Lookout
from supervisors.messages import (
    Answer,
    ChildEnded,
    ChildIgnored,
    ChildInfo,
    ChildStarted,
    Command,
    Deliver,
    Hello,
    LifecycleEvent,
    Stop,
)
from supervisors.news import News
from supervisors.ports import System
from supervisors.specs import Shutdown, SupervisorSpec
from supervisors.strategy import decide
from supervisors.verbs import serve
from supervisors.whereabouts import Degraded, Leave, Listed, Locate, Noted, Remark, Sync


class _Tick(Struct, frozen=True):
    at: float


class SupervisorShell:
    """One supervisor in its process. ``handle`` is called by the system with one message at a time."""

    def __init__(self, system: System, spec: SupervisorSpec) -> None:
        self.system = system
        self.spec = spec
        self.began_at = system.now()
        self.family = Family()
        self.news = News(system)
        self.registrar = self.news.registrar
        self._homes: dict[str, tuple[str, Any]] = {}
        self._callers: dict[str, Any] = {}
        self._tick_at: float | None = None
        self._lookout = Lookout(system)
        self.instances = spec.initial
        self.handled = 0
        self._ended = False
        self._last_word = do.SHUTDOWN
        self._ungreeted: set[tuple[str, int]] = set()

    def handle(self, message: Any, sender_address: Any) -> None:
        """One message. An exception here is our own bug and ends the process, which is an escalation."""
        if self._ended and message not in (Sync("start"), Sync("end")):
            return
        match message:
            case Hello():
                self.news.open(message.registrar)
                for name in self.spec.preload:
                    __import__(name)
                self._on(do.Begin())
            case ChildStarted():
                self._child_started(message)
            case ChildIgnored():
                self._child_ignored(message)
            case ChildEnded():
                self._child_ended(message)
            case Command():
                serve(self, message, message.reply_to or sender_address)
            case Sync("start") if self.registrar is None:
                self.system.started(None)
            case Sync(("greet", child, generation)) if self.registrar is None:
                self._greet(child, generation)
            case Sync("end") if self.registrar is None:
                self.system.end(self._last_word)
            case Noted() | Listed() | Degraded() | Locate() | Leave() | Answer() | Sync() | Remark():
                self.news.handle(message, sender_address)
            case Deliver():
                self.news.refuse(message, sender_address)
            case Stop():
                self._on(do.StopAll(message.reason))
            case Deadline():
                self._lookout.overrun(message, self.family.find(message.child))
            case Look():
                self._lookout.look(message, self.family.rows)
            case _Tick():
                self._tick_at = None
                self._on(do.Tick())

    # ---- deciding and carrying out

    def _on(self, event: do.Event, told_first: Callable[[], None] | None = None) -> None:
        """Decide and carry out. ``told_first`` is called with the new state in place, before anything is done: what is
        known of a child is known to the registrar before whoever waits for it gets an answer."""
        before = self.family
        become, *actions = decide(self.spec, before, event, self.system.now())
        self._carry_out(become)
        if told_first is not None:
            told_first()
        for child, row, is_moved in listings(before, self.family, event):
            info = told(self._described(row), self.family.phase) if row else None
            self.news.tell(Listed(f"{self.system.path}/{child}", info, self.system.incarnation, is_moved))
        for action in actions:
            self._carry_out(action)

    def _carry_out(self, action: do.Action) -> None:
        match action:
            case do.Become(family):
                self.family = family
            case do.Adopt(spec):
                self.spec = spec
                for row in self.family.rows:
                    self._lookout.watch(row)
            case do.Spawn(child, generation):
                self._spawn(child, generation)
            case do.StopProcess(child, generation):
                self._stop(child, generation)
            case do.Reply():
                self._reply(action)
            case do.WakeAt(at):
                if self._tick_at is None or at < self._tick_at:
                    self._tick_at = at
                    self.system.after(max(0.0, at - self.system.now()), _Tick(at))
            case do.Ready():
                self.handled = 1  # its work is that its children stand
                if self.news.is_known("start"):
                    self.system.started(None)
            case do.End(reason, failure):
                self._ended = True
                if failure is not None:
                    reason = ExitReason("abnormal", failure.cause, failure.stack, failure.child)
                self._last_word = reason
                if self.news.is_known("end"):
                    self.system.end(reason)

    def _spawn(self, child: str, generation: int) -> None:
        """The child begins its start at once; a supervisor only when the registrar knows of the end of the one before
        it: else what dies with that one would be told of the new one's children."""
        row = self.row(child)
        if not row.spec.is_supervisor or self.news.is_known(("greet", child, generation)):
            self.system.spawn(row.spec, generation, Hello(self.news.address))
        else:
            self.system.spawn(row.spec, generation)
            self._ungreeted.add((child, generation))
        self._lookout.expect_start(row)

    def _greet(self, child: str, generation: int) -> None:
        """A supervisor that was spawned without a greeting may begin its start."""
        if (child, generation) in self._ungreeted:
            self._ungreeted.discard((child, generation))
            self.system.greet(child, generation, Hello(self.news.address))

    def _stop(self, child: str, generation: int) -> None:
        row = self.row(child)
        shutdown = row.spec.shutdown
        if shutdown is Shutdown.KILL:
            self.system.kill(child, generation)
            return
        self._greet(child, generation)
        self.system.greet(child, generation, Stop(ExitReason("shutdown")))
        if isinstance(shutdown, int | float):
            self._lookout.expect_end(row, float(shutdown))

    # ---- what children do

    def _child_started(self, started: ChildStarted) -> None:
        row = self.family.find(started.child)
        if row is None or row.generation != started.generation:
            return
        self._homes[started.child] = (started.incarnation, started.address)
        event = do.Started(started.child, started.generation, started.pid, started.info)
        self._on(event, lambda: self._report("started", started.child, started.pid, None))

    def _child_ended(self, ended: ChildEnded) -> None:
        row = self.family.find(ended.child)
        if row is None or row.generation != ended.generation or not row.has_process:
            return
        self._homes.pop(ended.child, None)
        self._ungreeted.discard((ended.child, ended.generation))
        reason = self._lookout.reason_of(ended)
        event = do.Ended(ended.child, ended.generation, reason, ended.worked, self.system.entropy.fraction())
        self._on(event, lambda: self._report("exited", ended.child, ended.pid, reason, ended.begun))

    def _child_ignored(self, ignored: ChildIgnored) -> None:
        row = self.family.find(ignored.child)
        if row is None or row.generation != ignored.generation or not row.has_process:
            return
        self._lookout.forget(ignored.child)
        reason = ExitReason("normal", "ignored")

        def tell() -> None:
            self._report("ignored", ignored.child, ignored.pid, reason)
            self._report("exited", ignored.child, ignored.pid, reason)

        self._on(do.Ignored(ignored.child, ignored.generation), tell)

    def _report(
        self, kind: str, child: str, pid: int | None, reason: ExitReason | None, begun: Mapping[int, int] | None = None
    ) -> None:
        path = f"{self.system.path}/{child}"
        row = self.family.find(child)
        home = self._homes.get(child, (None, None)) if kind == "started" else (None, None)
        event = LifecycleEvent(self.system.wall(), kind, path, pid, reason)
        child_now = told(self._described(row), self.family.phase) if row else None
        self.news.tell(Noted(event, child_now, home[0], home[1], self.system.incarnation, begun or {}))

    # ---- what callers ask

    def decide_for(self, request: str, reply_to: Any, event: do.Event) -> None:
        """``event`` was asked for by ``request``; who asked gets an ``Answer``, now or when it has happened."""
        self._callers[request] = reply_to
        self._on(event)

    def _reply(self, reply: do.Reply) -> None:
        address = self._callers.pop(reply.call, None)
        if address is None:
            return
        if reply.error is not None:
            self.system.post(address, Answer(reply.call, error=reply.error))
            return
        row = self.family.find(reply.child)
        gone = ChildInfo(reply.child, "worker", "stopped", None, 0, path=f"{self.system.path}/{reply.child}")
        self.system.post(address, Answer(reply.call, self.info(row) if row else gone))

    def row(self, child: str) -> Row:
        row = self.family.find(child)
        if row is None:
            raise SupervisorError("not_found", f"supervisor {self.system.path!r} has no child {child!r}")
        return row

    def info(self, row: Row) -> ChildInfo:
        """The child as people see it, with what its page entry shows at this moment."""
        return self._described(row, self._lookout.sight(row), self._lookout.trouble(row))

    def _described(self, row: Row, sight: Sight | None = None, trouble: str = "") -> ChildInfo:
        path = f"{self.system.path}/{row.id}"
        return describe(row, path, self.system.now(), self.system.wall(), sight, trouble)
