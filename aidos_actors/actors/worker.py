"""A Worker: holds one attempt at a time, from the order to the moment its result is on the Scheduler's disk.

An attempt is *starting* (what came before is being cleared away), *minded* (its minder waits for ``Go``), *running*,
*ended* (its result waits to be acknowledged). While the Scheduler is away a running command runs on and its result
waits here; a new Scheduler is told of everything held, and adopts it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from aidos_actors import crash
from aidos_actors.actors.calling import Calling, Look, Overdue
from aidos_actors.actors.crew_line import CrewLine, Reopen
from aidos_actors.actors.holding import (
    NO_MINDER,
    CallDue,
    Held,
    first_report,
    give_go,
    name_of,
    never_held,
    outcome_of,
    tell,
)
from aidos_actors.actors.offering import Offering, ProbeDue
from aidos_actors.actors.words import SCHEDULER, AttemptEnded, WorkerHello, WorkerOrders
from aidos_actors.core.orders import (
    Acknowledge,
    AttemptKey,
    AttemptOutcome,
    CallsNoted,
    End,
    EndReason,
    Go,
    ReturnCalls,
    Start,
    StartCalls,
    WorkerId,
    WorkerOrder,
)
from aidos_actors.executors.checkpoints import CheckpointLimits
from aidos_actors.executors.hands import WorkerHands
from aidos_actors.executors.orders import SpawnFailed
from aidos_actors.faults import TREATMENTS
from aidos_actors.layout import Layout
from aidos_actors.ports import Executor, Minding
from supervisors import ExitReason, ManagedActor
from supervisors.messages import JobDone, Peer


class Worker(ManagedActor):
    """One slot. Its hands, and with them every process of a task, end when it ends."""

    treatments = TREATMENTS

    def on_start(
        self,
        state_dir: str,
        base_env: dict[str, str],
        checkpoints: CheckpointLimits,
        hands: Callable[[Layout, dict[str, str], CheckpointLimits], Executor] = WorkerHands,
        has_socket: bool = True,
    ) -> None:
        self._me = WorkerId(self.path, self.incarnation)
        self._held: dict[AttemptKey, Held] = {}
        self._hands = hands(Layout(state_dir), base_env, checkpoints)
        self._line = CrewLine(self, Path(state_dir) if has_socket else None, self._told)
        self._greetings = 0
        self._scheduler = ""
        self._offering = Offering(self, lambda: self._greet(self._scheduler))
        self._calling = Calling(self, self._me, self._hands, self._line.say)
        self.watch(SCHEDULER)

    def receive(self, message: Any, sender: str | None) -> None:
        match message:
            case Peer(incarnation=str(life)):
                self._greet(life)
            case Reopen(incarnation=life) if self._line.is_to(life):
                self._greet(life)
            case Peer():
                self._line.close()
            case WorkerOrders():
                self._told(message)
            case JobDone(job="calls"):
                self._calling.chunk_done(message)
            case Look():
                self._calling.look()
            case Overdue():
                self._calling.overdue(message)
            case JobDone(job=name):
                step, _, rest = name.partition(" ")
                self._job_done(step, rest, message)
            case CallDue(key=key):
                self._call_due(key)
            case ProbeDue():
                self._offering.probe()

    def on_stop(self, reason: ExitReason) -> None:
        self._hands.close()

    def _greet(self, scheduler: str) -> None:
        """That life of the Scheduler hears what is held here."""
        self._scheduler = scheduler
        self._line.open(scheduler)
        self._greetings += 1
        reports = tuple(held.report for held in self._held.values())
        called, waiting = self._calling.held(), self._hands.waiting()
        self._line.say(WorkerHello(self._me, self._offering.slots, reports, called, self._greetings, waiting))
        self._calling.tell_again()

    def _told(self, message: WorkerOrders) -> None:
        for order in message.orders:
            if order.worker == self._me and message.greeting == self._greetings:
                self._order(order)

    def _order(self, order: WorkerOrder) -> None:
        if isinstance(order, StartCalls | ReturnCalls | CallsNoted):
            self._calling.order(order)
            return
        held = self._held.get(order.key)
        match order:
            case Start() if held is None:
                self._start(order)
            case Start() if held is not None and held.is_on_record(order.minder):
                self._go(held)
            case Start() if held is not None:
                self._say(held)
            case Go() if held is not None and held.report.phase == "minded":
                self._go(held)
            case End() if held is None and self._calling.holds(order.key):
                self._calling.end(order.key, order.reason)
            case End() if held is None:
                self._line.say(AttemptEnded(self._me, order.key, never_held(order.reason), self._hands.waiting()))
            case End() if held is not None:
                self._end(held, order.reason)
            case Acknowledge() if held is not None and held.report.phase == "ended":
                self._acknowledged(held)

    def _start(self, order: Start) -> None:
        held = self._held[order.key] = Held(order, first_report(order), until=self.now() + order.task.timeout_s)
        if order.minder is None:
            self.start_job(f"clear {name_of(order.key)}", self._hands.clear, order)
        else:
            self.start_job(f"run {name_of(order.key)}", self._hands.run, order, held.given)

    def _say(self, held: Held) -> None:
        tell(held, self._me, self._line.say, self._hands.waiting())

    def _end(self, held: Held, reason: EndReason) -> None:
        held.ending = reason
        if held.report.phase == "minded":
            if held.minded is not None:
                held.minded.end(reason)
                self.start_job(f"wait {name_of(held.order.key)}", self._hands.ran, held.order, held.minded)
            else:
                self._ended(held, AttemptOutcome(False, None, f"ended: {reason}", "call", fault="cancelled"))
        elif held.minded is not None:
            held.minded.end(reason)
        elif held.watched is not None:
            self._give_up(held, AttemptOutcome(False, None, f"ended: {reason}", "call", fault="cancelled"))
        elif held.report.phase == "ended":
            self._say(held)

    def _acknowledged(self, held: Held) -> None:
        crash.before("result-forgotten")
        del self._held[held.order.key]
        crash.after("result-forgotten")
        if held.leaving:
            self.stop("normal", held.leaving)

    # ---- one attempt, step by step; each step is a job

    def _job_done(self, step: str, name: str, done: JobDone) -> None:
        held = next((each for each in self._held.values() if name_of(each.order.key) == name), None)
        if held is None or held.report.phase == "ended":
            return
        if step == "run" and held.minder is not None:
            self._offering.succeeded()
        elif step == "run":
            step = "clear"  # it came no further
        if done.error is not None:
            self._ended(held, outcome_of(done.error, step))
            if step == "clear" and not isinstance(done.error, SpawnFailed):
                self._offering.failed(done.error)
        elif step == "clear":
            self._offering.succeeded()
            self._cleared(held, done.value)
        elif step == "verify":
            self._ended(held, held.verified(done.value))
        else:
            self._worked(held, done.value)

    def _cleared(self, held: Held, minded: Minding | None) -> None:
        held.minded = minded
        held.minder = pid, started = (minded.pid, minded.started) if minded is not None else NO_MINDER
        held.report = replace(held.report, phase="minded", minder_pid=pid, minder_started=started)
        if held.ending is not None:
            self._end(held, held.ending)
        else:
            self._say(held)

    def _go(self, held: Held) -> None:
        held.report = replace(held.report, phase="running")
        key = held.order.key
        held.until = self.now() + held.order.task.timeout_s
        if held.minded is not None:
            give_go(held.minded)
            self.start_job(f"wait {name_of(key)}", self._hands.ran, held.order, held.minded)
        else:
            self.start_job(f"call {name_of(key)}", self._hands.called, held.order, held.calling(self.now))
            self._call_due(key)

    def _worked(self, held: Held, outcome: AttemptOutcome) -> None:
        held.minded = held.watched = None
        if held.order.task.call is not None and (wear := self._hands.wear()):
            held.leaving = wear
            self._calling.begin_no_more()
        if outcome.ok and held.order.task.verify and held.ending is None:
            held.worked = outcome
            left_s = max(0.001, held.until - self.now())
            verified = self._hands.verified
            self.start_job(f"verify {name_of(held.order.key)}", verified, held.order, left_s, held.verifying)
        else:
            self._ended(held, outcome)

    def _call_due(self, key: AttemptKey) -> None:
        held = self._held.get(key)
        if held is None or held.watched is None:
            return
        seen = held.watched.look(now := self.now())
        if isinstance(seen, AttemptOutcome):
            self._give_up(held, seen)
        else:
            self.after(seen - now, CallDue(key))

    def _give_up(self, held: Held, outcome: AttemptOutcome) -> None:
        """A callable cannot be stopped: it takes this worker with it, once its end is on record."""
        held.leaving = f"the call of {name_of(held.order.key)} did not end in time"
        self._calling.begin_no_more()
        self._ended(held, outcome)

    def _ended(self, held: Held, outcome: AttemptOutcome) -> None:
        held.watched = None
        held.end(outcome, self._hands.waiting())
        self._say(held)
