"""A Worker: holds one attempt at a time, from the order to the moment its result is on the Scheduler's disk.

An attempt is *starting* (what came before is being cleared away), *minded* (its minder waits for ``Go``), *running*,
*ended* (its result waits to be acknowledged). While the Scheduler is away a running command runs on and its result
waits here; a new Scheduler is told of everything held, and adopts it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aidos_actors.actors.words import SCHEDULER, AttemptEnded, MinderReady, WorkerHello
from aidos_actors.core.orders import (
    Acknowledge,
    AttemptKey,
    AttemptOutcome,
    AttemptReport,
    End,
    Go,
    Start,
    WorkerId,
    WorkerOrder,
)
from aidos_actors.executors.call import call
from aidos_actors.executors.checkpoints import CheckpointLimits
from aidos_actors.executors.command import Surroundings, judged, mark_of, verified, with_its_folder
from aidos_actors.executors.minded import Minded
from aidos_actors.executors.nursery import Nursery
from aidos_actors.executors.orders import NurseryLost, SpawnFailed
from aidos_actors.executors.sweep import end_marked, wait_gone
from aidos_actors.layout import Layout
from supervisors import ExitReason, ManagedActor
from supervisors.messages import JobDone, Peer

SLOTS = 1
CLEARING_LIMIT_S = 30.0
NO_MINDER = (0, 0)
EARLIER_MARKS = 3
FAULT_OF_END = {"cancel": "cancelled", "deadline": "cancelled", "drain": "released"}


@dataclass(slots=True)
class _Held:
    """An attempt in this worker's hands."""

    order: Start
    report: AttemptReport
    minded: Minded | None = None
    ending: str | None = None
    is_over_time: bool = False
    until: float = 0.0

    def verifying(self, minded: Minded) -> None:
        """The verify's minder waits; called beside the mailbox."""
        self.minded = minded
        if self.ending is not None:
            minded.end(self.ending)


@dataclass(frozen=True, slots=True)
class _CallOverdue:
    key: AttemptKey


class Worker(ManagedActor):
    """One slot. Its nursery, and with it every process of a task, ends when it ends."""

    def on_start(self, state_dir: str, base_env: dict[str, str], checkpoints: CheckpointLimits) -> None:
        self._around = Surroundings(base_env, Layout(state_dir), checkpoints)
        self._held: dict[AttemptKey, _Held] = {}
        self._nursery = Nursery()
        self.watch(SCHEDULER)

    @property
    def _me(self) -> WorkerId:
        return WorkerId(self.path, self.incarnation)

    def receive(self, message: Any, sender: str | None) -> None:
        match message:
            case Peer(incarnation=str()):
                reports = tuple(held.report for held in self._held.values())
                self.send(SCHEDULER, WorkerHello(self._me, SLOTS, reports))
            case Start() | Go() | End() | Acknowledge() if message.worker == self._me:
                self._order(message)
            case JobDone(job=name):
                step, _, rest = name.partition(" ")
                self._job_done(step, rest, message)
            case _CallOverdue(key=key):
                self._call_overdue(key)

    def on_stop(self, reason: ExitReason) -> None:
        self._nursery.close()

    # ---- orders

    def _order(self, order: WorkerOrder) -> None:
        held = self._held.get(order.key)
        match order:
            case Start() if held is None:
                self._held[order.key] = _Held(order, AttemptReport(order.key, "starting"))
                self.start_job(f"clear {_name(order.key)}", self._clear, order)
            case Start() if held is not None:
                self._tell(held)
            case Go() if held is not None and held.report.phase == "minded":
                self._go(held)
            case End() if held is None:
                fault = FAULT_OF_END[order.reason]
                outcome = AttemptOutcome(False, None, f"ended: {order.reason}", "run", fault=fault)  # type: ignore[arg-type]
                self.send(SCHEDULER, AttemptEnded(self._me, order.key, outcome))
            case End() if held is not None:
                self._end(held, order.reason)
            case Acknowledge() if held is not None:
                self._acknowledged(held)

    def _tell(self, held: _Held) -> None:
        """Say again where an attempt stands; the Scheduler may have missed it."""
        report = held.report
        if report.phase == "minded" and report.minder_pid is not None and report.minder_started is not None:
            self.send(SCHEDULER, MinderReady(self._me, report.key, report.minder_pid, report.minder_started))
        elif report.outcome is not None:
            self.send(SCHEDULER, AttemptEnded(self._me, report.key, report.outcome))

    def _end(self, held: _Held, reason: str) -> None:
        held.ending = reason
        if held.report.phase == "minded":
            if held.minded is not None:
                held.minded.end(reason)
                self.start_job(f"wait {_name(held.order.key)}", held.minded.wait)
            else:
                self._ended(held, AttemptOutcome(False, None, f"ended: {reason}", "call", fault="cancelled"))
        elif held.minded is not None:
            held.minded.end(reason)
        elif held.report.phase == "running" and held.order.task.call is not None:
            held.is_over_time = True
            self._ended(held, AttemptOutcome(False, None, f"ended: {reason}", "call", fault="cancelled"))
        elif held.report.phase == "ended":
            self._tell(held)

    def _acknowledged(self, held: _Held) -> None:
        if held.report.phase != "ended":
            return
        del self._held[held.order.key]
        if held.is_over_time:
            self.stop("normal", f"the call of {_name(held.order.key)} did not end in time")

    # ---- one attempt, step by step; each step is a job

    def _clear(self, order: Start) -> Minded | None:
        """Beside the mailbox: nothing of an earlier attempt lives, the folder is there, and a minder waits."""
        for pid, started in order.previous:
            if pid and not wait_gone(pid, started, CLEARING_LIMIT_S):
                raise TimeoutError(f"the minder {pid} of an earlier attempt does not end")
        key = order.key
        for number in range(max(1, key.number - EARLIER_MARKS), key.number):
            earlier = replace(key, number=number)
            if end_marked(mark_of(self._around.layout, earlier), CLEARING_LIMIT_S):
                raise TimeoutError(f"a process of {_name(earlier)} does not end")
        if order.repo is None:
            Path(order.path).mkdir(parents=True, exist_ok=True)
        return None if order.task.run is None else self._nursery.spawn(self._around.command(order, order.task.run))

    def _job_done(self, step: str, name: str, done: JobDone) -> None:
        held = next((each for each in self._held.values() if _name(each.order.key) == name), None)
        if held is None or held.report.phase == "ended":
            return
        if done.error is not None:
            self._ended(held, _of_error(done.error, step))
        elif step == "clear":
            self._cleared(held, done.value)
        elif step == "wait":
            outcome = judged(done.value, "run", timeout_s=held.order.task.timeout_s)
            self._command_ended(held, with_its_folder(outcome, held.order.path))
        else:
            self._ended(held, done.value)

    def _cleared(self, held: _Held, minded: Minded | None) -> None:
        held.minded = minded
        pid, started = (minded.pid, minded.started) if minded is not None else NO_MINDER
        held.report = replace(held.report, phase="minded", minder_pid=pid, minder_started=started)
        if held.ending is not None:
            self._end(held, held.ending)
        else:
            self._tell(held)

    def _go(self, held: _Held) -> None:
        held.report = replace(held.report, phase="running")
        key = held.order.key
        held.until = time.monotonic() + held.order.task.timeout_s
        if held.minded is not None:
            held.minded.go()
            self.start_job(f"wait {_name(key)}", held.minded.wait)
        else:
            self.after(held.order.task.timeout_s, _CallOverdue(key))
            args = (held.order, self._around.env(held.order), self._output(key), self._around.limits.value_bytes)
            self.start_job(f"call {_name(key)}", call, *args)

    def _command_ended(self, held: _Held, outcome: AttemptOutcome) -> None:
        held.minded = None
        if outcome.ok and held.order.task.verify and held.ending is None:
            env = self._around.env(held.order)
            key = held.order.key
            args = (self._nursery, held.order, env, self._output(key), held.until, held.verifying)
            self.start_job(f"verify {_name(key)}", verified, *args)
        else:
            self._ended(held, outcome)

    def _call_overdue(self, key: AttemptKey) -> None:
        held = self._held.get(key)
        if held is None or held.report.phase != "running":
            return
        held.is_over_time = True
        text = f"call did not return within its time limit of {held.order.task.timeout_s:g} s"
        self._ended(held, AttemptOutcome(False, None, text, "call", fault="own", causes=("timeout",)))

    def _ended(self, held: _Held, outcome: AttemptOutcome) -> None:
        if held.ending is not None and not outcome.ok:
            outcome = replace(outcome, fault=FAULT_OF_END[held.ending], error=f"ended: {held.ending}")  # type: ignore[arg-type]
        held.report = replace(held.report, phase="ended", outcome=outcome)
        self._tell(held)

    def _output(self, key: AttemptKey) -> Path:
        return self._around.layout.output(key.requirement, key.task, key.number)


def _name(key: AttemptKey) -> str:
    return f"{key.requirement}/{key.task}/{key.number}"


def _of_error(error: BaseException, stage: str) -> AttemptOutcome:
    """A step that raised: the order itself cannot be carried out, or the machine failed under it."""
    text = getattr(error, "message", "") or f"{type(error).__name__}: {error}"
    fault = "own" if isinstance(error, SpawnFailed) else "infra"
    assert isinstance(error, NurseryLost) or text
    return AttemptOutcome(False, None, text, stage, fault=fault)  # type: ignore[arg-type]
