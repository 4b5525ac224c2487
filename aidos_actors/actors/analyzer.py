"""The Analyzer: turns a requirement's document into a plan that may be recorded, or says why it is none.

A document that lists its tasks is one. Of one that says in words what is wanted the configured analyzers are asked, in
their order: when one fails the next is asked, and the journal says so; when all have failed and one of them may answer
later, they are asked again later, for ever. Each is one operation with an error budget, which is its circuit breaker:
degraded, it is asked for a probe alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from aidos_actors.actors.analysing import AnalysisHands, Asked, Read
from aidos_actors.actors.analyzers_health import NEXT_LOOK_S, AnalyzersHealth
from aidos_actors.actors.asking import Asking, Lane
from aidos_actors.actors.words import SCHEDULER, AnalysisDue, AnalysisHeldUp, PlanRejected
from aidos_actors.analysis_settings import AnalysisSettings
from aidos_actors.analyzers.configured import configured
from aidos_actors.core import analysis
from aidos_actors.core.analysis import Ask, Failure, Reject, Wait
from aidos_actors.core.orders import Analyse, Withdraw
from aidos_actors.faults import TREATMENTS
from aidos_actors.layout import Layout
from aidos_actors.ports import Analyzer as AnalyzerPort
from aidos_actors.withdrawal import Withdrawn
from supervisors import ExitReason, ManagedActor
from supervisors.messages import JobDone, Peer

READING = "read documents"
READS_AT_ONCE_MAX = 32
ASLEEP_MAX = 10_000

Make = Callable[[AnalysisSettings, Path, Mapping[str, str]], Mapping[str, AnalyzerPort]]


class _Due(Struct, frozen=True):
    """Timer: the wait of an analysis is over."""

    requirement: str


class Analyzer(ManagedActor):
    """Answers each ``Analyse`` with ``PlanAccepted`` or ``PlanRejected``, meanwhile with ``AnalysisHeldUp``.

    It keeps nothing but what analyzers found: what it was doing when it died is asked again by the Scheduler. A
    document that cannot be read is the disk's fault: it is tried again for ever, within the error budget of reading.
    """

    treatments = TREATMENTS

    def on_start(
        self,
        state_dir: str,
        hold_file: str | None = None,
        settings: AnalysisSettings | None = None,
        base_env: Mapping[str, str] | None = None,
        make: Make = configured,
    ) -> None:
        """While ``hold_file`` exists every analysis waits: how a test catches one under way."""
        self._settings = settings or AnalysisSettings()
        layout = Layout(state_dir)
        self._hands = AnalysisHands(layout, make(self._settings, layout.analysis, base_env or {}), hold_file)
        self._open: dict[str, Asking] = {}
        self._reading = Lane(READS_AT_ONCE_MAX)
        self._asking = Lane(self._settings.at_once)
        self._health = AnalyzersHealth(self)
        self.watch(SCHEDULER)

    def on_stop(self, reason: ExitReason) -> None:
        self._hands.close()

    def receive(self, message: Any, sender: str | None) -> None:
        match message:
            case Analyse():
                self._take(message)
            case Withdraw(requirement=name):
                self._withdraw(name)
            case Peer(incarnation=str()):
                self._ask_whether_wanted()
            case _Due(requirement=name):
                self._due(name)
            case JobDone(job=job):
                kind, _, name = job.partition(" ")
                if kind == "read":
                    self._reading.ended(name)
                    self._read(name, message)
                else:
                    self._asking.ended(name)
                    self._asked(name, message)
        self._start_work()

    def _take(self, order: Analyse) -> None:
        """Once for each document: one that is under way goes on, and one that waits for its time waits on."""
        name = order.requirement
        asking = self._open.get(name)
        if asking is None or asking.order != order:
            self._let_go(name)
            self._forget_asleep()
            self._open[name] = Asking(order)
        elif asking.due_at is None or asking.due_at > self.now():
            return
        else:
            asking.due_at = None
        self._reading.put(name)

    def _withdraw(self, name: str) -> None:
        """Nothing works on it any more. That is said, for the word may be an old one."""
        if self._let_go(name):
            self.send(SCHEDULER, AnalysisDue(name))

    def _let_go(self, name: str) -> bool:
        """Whether there was something to let go. What was asked of an analyzer ends beside the mailbox."""
        asking = self._open.pop(name, None)
        self._reading.drop(name)
        self._asking.drop(name)
        if asking is not None:
            asking.withdrawal.withdraw()
        return asking is not None

    def _ask_whether_wanted(self) -> None:
        """A new Scheduler is there, and what is under way may have been withdrawn by the one before it."""
        for name, asking in self._open.items():
            if asking.due_at is None:
                self.send(SCHEDULER, AnalysisDue(name))

    def _due(self, name: str) -> None:
        """Whether it is wanted still is for the Scheduler to say."""
        asking = self._open.get(name)
        if asking is not None and asking.due_at is not None:
            asking.due_at = min(asking.due_at, self.now())
            self.send(SCHEDULER, AnalysisDue(name))

    def _forget_asleep(self) -> None:
        """Those that nobody has asked for again."""
        if len(self._open) >= ASLEEP_MAX:
            asleep = [name for name, each in self._open.items() if each.due_at is not None and each.due_at < self.now()]
            for name in asleep:
                del self._open[name]

    # ---- work

    def _start_work(self) -> None:
        for name in self._reading.begin():
            self.start_job(f"read {name}", self._hands.read, self._open[name].order)
        for name in self._asking.begin():
            self._ask_next(name)

    def _ask_next(self, name: str) -> None:
        """The next analyzer is asked; one that is degraded only when its probe is due."""
        asking = self._open.get(name)
        if asking is None or asking.requirement is None:  # another document has come, and is read first
            self._asking.ended(name)
            return
        while True:
            step = self._next_step(asking)
            if isinstance(step, Ask):
                if self._health.may_be_asked(step.name):
                    question = (asking.order, step.name, asking.requirement, asking.withdrawal, asking.failed)
                    self.start_job(f"ask {name}", self._hands.ask, *question)
                    return
                asking.failures[step.name] = Failure("it is degraded, and not asked just now", NEXT_LOOK_S)
            else:
                self._asking.ended(name)
                self._go_on(name, asking, step)
                return

    def _read(self, name: str, done: JobDone) -> None:
        asking = self._open.get(name)
        if isinstance(done.error, OSError):
            again_s = self.failed(READING, done.error) or 0.0
            if asking is not None:
                self._again(name, asking, again_s)
            return
        if done.error is not None:
            self._reject(name, asking, f"{type(done.error).__name__}: {done.error}")
            return
        self.succeeded(READING)
        found: Read = done.value
        if asking is None or found.order != asking.order:  # another document has come: its turn is next
            return
        if found.word is not None:
            self._answer(name, found.word)
        else:
            asking.requirement, asking.names, asking.failed = found.requirement, found.names, found.failed
            self._asking.put(name)

    def _asked(self, name: str, done: JobDone) -> None:
        if done.error is not None:
            raise done.error
        found: Asked = done.value
        failure = self._health.heard(found.name, found.error)
        asking = self._open.get(name)
        if asking is None or found.order != asking.order or isinstance(found.error, Withdrawn):
            return  # withdrawn, and perhaps ordered again since: its turn is next
        if failure is None:
            self._answer(name, found.word)
        else:
            asking.failures[found.name] = failure
            self._go_on(name, asking, self._next_step(asking), found.name)

    def _next_step(self, asking: Asking) -> Ask | Wait | Reject:
        return analysis.next_step(asking.names, asking.failures, self._settings.wait_max_s)

    # ---- outcomes

    def _go_on(self, name: str, asking: Asking, step: Ask | Wait | Reject, failed: str = "") -> None:
        """After ``failed`` gave no tasks."""
        match step:
            case Ask():
                self._tell(name, asking, failed, step.name, None)
                self._asking.put(name)
            case Wait() if asking.order.failed and asking.waited_s + step.span_s > self._settings.replan_wait_max_s:
                self._reject(name, asking, step.why)
            case Wait():
                if failed:
                    self._tell(name, asking, failed, None, round(step.span_s, 1))
                self._again(name, asking, step.span_s)
            case Reject():
                self._reject(name, asking, step.why)

    def _again(self, name: str, asking: Asking, span_s: float) -> None:
        asking.requirement = None
        asking.failures = analysis.worth_keeping(asking.failures)
        asking.due_at = self.now() + span_s
        asking.waited_s += span_s
        self.after(span_s, _Due(name))

    def _reject(self, name: str, asking: Asking | None, why: str) -> None:
        self._answer(name, PlanRejected(name, why, asking.order.failed if asking is not None else None))

    def _answer(self, name: str, word: Any) -> None:
        self._let_go(name)
        self.send(SCHEDULER, word)

    def _tell(self, name: str, asking: Asking, failed: str, following: str | None, again_s: float | None) -> None:
        error = asking.failures[failed].error
        if (failed, error, following) not in asking.told:
            asking.told.add((failed, error, following))
            self.send(SCHEDULER, AnalysisHeldUp(name, failed, error, following, again_s))
