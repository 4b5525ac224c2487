"""A process of a tree on Thespian: one forked OS process, one message loop, no thread of its own.

A new child inherits its ``Birth`` through the fork; nothing about it is pickled. Child and supervisor share a pipe, on
which the child says that it has started and, at its end, why; its death is noticed by a pidfd. So a child that dies
before Thespian's handshake, or without a word, is reported all the same, once, within milliseconds.
"""

from __future__ import annotations

import gc
import os
import time
from datetime import timedelta
from typing import Any

from msgspec import Struct
from thespian.actors import Actor, ActorExitRequest, ActorSystemMessage, WakeupMessage, WatchMessage

from supervisors.actor_shell import ActorShell
from supervisors.errors import ExitReason, reason_of
from supervisors.liveness import Beat, ProcessState, Sight, Stage
from supervisors.messages import ChildEnded, ChildIgnored, ChildStarted, Readable
from supervisors.orphans import end_orphans
from supervisors.specs import Spec, SupervisorSpec
from supervisors.supervisor import SupervisorShell
from supervisors.systems import thespian_hardening as hardening
from supervisors.systems.birth import Birth, bear
from supervisors.systems.child_process import ChildProcess
from supervisors.systems.entropy import SeededEntropy
from supervisors.systems.page import Page
from supervisors.systems.reports import read_reports, reason_of_exit, report
from supervisors.systems.state_keeping import KeepsSnapshots
from supervisors.systems.thread_jobs import ThreadJobs
from supervisors.systems.timers import Timers

LAST_WORD_GRACE_S = 0.5
ALARM_MAX_S = 86_400.0


class _Linger(Struct, frozen=True):
    """Timer: a child that has said its last word should be gone by now."""

    child: str
    generation: int


class ThespianSystem(KeepsSnapshots):
    """The port ``System`` for one process. Called from its message loop only."""

    def __init__(self, actor: Actor, birth: Birth) -> None:
        self.path = birth.path
        self.incarnation = f"{os.getpid()}-{os.urandom(8).hex()}"
        self.jobs = ThreadJobs()
        self.entropy = SeededEntropy()
        self._actor = actor
        self._title = birth.title
        self._report_fd = birth.report_fd
        self._pen = birth.pen
        self._page = Page()
        self._timers = Timers()
        self._files: set[int] = set()
        self._children: dict[tuple[str, int], ChildProcess] = {}
        self._ended = False
        spec = birth.spec
        self._shell: ActorShell | SupervisorShell = (
            SupervisorShell(self, spec) if isinstance(spec, SupervisorSpec) else ActorShell(self, spec)
        )

    # ---- the port

    now = staticmethod(time.monotonic)
    wall = staticmethod(time.time)

    def address(self) -> Any:
        return self._actor.myAddress

    def post(self, address: Any, message: Any) -> None:
        self._actor.send(address, message)

    def after(self, delay_s: float, message: Any) -> None:
        self._timers.add(self.now() + delay_s, message)
        self._set_alarm()

    def watch(self, fd: int) -> None:
        self._files.add(fd)

    def ignore(self, fd: int) -> None:
        self._files.discard(fd)

    def spawn(self, spec: Spec, generation: int, greeting: Any = None) -> int:
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        path = f"{self.path}/{spec.id}"
        pen = self._page.take(generation, self.now())
        bear(Birth(spec, path, f"{self._title.split(' ')[0]} {path}", theirs, pen, greeting))
        hardening.after_fork[:] = [self._close_inherited, lambda: os.close(ours)]
        gc.freeze()
        manager = self._actor._myRef
        before = len(getattr(manager, "_child_procs", ()))
        self._actor.createActor(type(self._actor))
        os.close(theirs)
        if len(getattr(manager, "_child_procs", ())) <= before:
            os.close(ours)
            self._page.give_back(pen)
            self.after(0, ChildEnded(spec.id, generation, ExitReason("abnormal", "the process could not be forked")))
            return 0
        process = manager._child_procs[-1].childProc
        pid = int(process.pid)
        pidfd = os.pidfd_open(pid)
        self._children[spec.id, generation] = ChildProcess(spec.id, generation, pid, process, pidfd, ours, pen)
        return pid

    def greet(self, child: str, generation: int, message: Any) -> None:
        born = self._children.get((child, generation))
        if born is not None and born.address is None:
            born.waiting.append(message)
        elif born is not None:
            self._actor.send(born.address, message)

    def kill(self, child: str, generation: int) -> None:
        born = self._children.get((child, generation))
        if born is not None:
            born.kill()

    def look(self, child: str, generation: int) -> Sight:
        born = self._children.get((child, generation))
        return born.sight() if born is not None else Sight(Beat(generation), ProcessState.GONE)

    def beat(self, stage: Stage | None = None) -> None:
        self._pen.beat(self.now(), stage)

    def begun(self, mark: int, number: int) -> None:
        self._pen.begun(mark, number)

    def degrade(self, reason: str) -> None:
        self._pen.degrade(reason)

    def started(self, info: Any) -> None:
        self._pen.beat(self.now(), Stage.SERVING)
        report(self._report_fd, ("started", self.incarnation, self.address(), info))

    def end(self, reason: ExitReason, *, ignored: bool = False) -> None:
        self._ended = True
        report(self._report_fd, ("ignored",) if ignored else ("ended", reason))
        hardening.exit_code[0] = 0 if reason.kind in ("normal", "shutdown") else 1
        self._actor.send(self._actor.myAddress, ActorExitRequest(recursive=False))

    # ---- the loop

    def receive(self, message: Any, sender: Any) -> None:
        """One message of the transport; our own bugs end the process with their reason."""
        if self._ended:
            return
        try:
            match message:
                case WatchMessage():
                    self._ready(set(message.ready))
                case WakeupMessage():
                    self._timers.rung(message.payload)
                    self._wake()
                case ActorSystemMessage():
                    pass
                case _:
                    self._handle(message, sender)
        except Exception as error:
            self.end(reason_of(error))

    def _handle(self, message: Any, sender: Any) -> None:
        """One handler of the shell, from its beginning to its end on the page."""
        self._pen.enter(self.now())
        self._shell.handle(message, sender)
        self._pen.leave(self.now(), self._shell.handled)
        self.jobs.go()

    def watched(self) -> list[int]:
        """The descriptors the loop must wake for."""
        fds = [fd for child in self._children.values() for fd in child.watched()]
        fds += self._files
        return [*fds, self.jobs.fileno()] if self.jobs.fileno() >= 0 else fds

    def _wake(self) -> None:
        for message in self._timers.due(self.now()):
            if isinstance(message, _Linger):
                self.kill(message.child, message.generation)
            else:
                self._handle(message, None)
        self._set_alarm()

    def _set_alarm(self) -> None:
        at = self._timers.alarm()
        if at is not None:
            delay_s = min(max(0.0, at - self.now()), ALARM_MAX_S)  # one that rings early is set again
            self._actor.wakeupAfter(timedelta(seconds=delay_s), at)

    def _ready(self, fds: set[int]) -> None:
        if self.jobs.fileno() in fds:
            for done in self.jobs.take():
                self._handle(done, None)
        for fd in fds & self._files:
            self._handle(Readable(fd), None)
        for child in list(self._children.values()):
            if child.report_fd in fds or child.pidfd in fds:
                self._hear(child)
            if child.pidfd in fds:
                self._bury(child)

    def _hear(self, child: ChildProcess) -> None:
        for said in read_reports(child.report_fd, child.heard):
            match said:
                case ("born", _, address):
                    child.address = address
                    for message in child.waiting:
                        self._actor.send(address, message)
                    child.waiting.clear()
                case ("started", incarnation, address, info):
                    started = ChildStarted(child.id, child.generation, child.pid, incarnation, address, info)
                    self._handle(started, None)
                case ("ignored",):
                    child.ignored = True
                    self.after(LAST_WORD_GRACE_S, _Linger(child.id, child.generation))
                case ("ended", reason):
                    child.last_word = reason
                    self.after(LAST_WORD_GRACE_S, _Linger(child.id, child.generation))
                case ("silent",):
                    child.is_silent = True

    def _bury(self, child: ChildProcess) -> None:
        del self._children[child.id, child.generation]
        if child.process.exitcode is None:  # asked first: join waits for a pipe, which its own fork children keep open
            child.process.join(1.0)
        child.close()
        worked, begun = child.pen.read().handled > 0, child.pen.marks()
        self._page.give_back(child.pen)
        end_orphans({each.pid for each in self._children.values()})
        if child.ignored:
            self._handle(ChildIgnored(child.id, child.generation, child.pid), None)
            return
        reason = child.last_word or reason_of_exit(child.process.exitcode)
        self._handle(ChildEnded(child.id, child.generation, reason, child.pid, worked, begun), None)

    def _close_inherited(self) -> None:
        """Runs in a new child: the pipes of its siblings, and its supervisor's own, are not its business."""
        for child in self._children.values():
            child.close()
        os.close(self._report_fd)
