"""The Scheduler: sole owner of the ledger. Every input becomes a step of the board, the step is written, and only then
are its orders sent; so whatever dies, the ledger says what was decided.

A new Scheduler takes a new epoch, restores the board, and asks nobody: workers tell it what they hold, and every order
that the rows still call for is sent again.

While the ledger cannot be written it is degraded: what was decided waits in memory, nothing new starts or is accepted,
what runs goes on, questions are answered, and one write at a time is tried.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from aidos_actors import crash, ports
from aidos_actors.actors import desk, status
from aidos_actors.actors.analysed import Analysed
from aidos_actors.actors.answering import answer
from aidos_actors.actors.crew_socket import CrewSocket
from aidos_actors.actors.delivery_watch import DeliveryWatch
from aidos_actors.actors.desk_socket import Caller, DeskSocket
from aidos_actors.actors.inputs import Inputs
from aidos_actors.actors.recording import Recording
from aidos_actors.actors.reminding import DOERS, Reminding
from aidos_actors.actors.sending import Sending
from aidos_actors.actors.steps import Steps
from aidos_actors.actors.waiting import Waiting
from aidos_actors.actors.words import (
    ANALYZER,
    GITOPS,
    WORKER_POOL,
    TargetSeen,
    WorkerHello,
    WorktreeGone,
    WorktreeReady,
)
from aidos_actors.actors.writing import Writing
from aidos_actors.checkpoint_folders import CheckpointFolders
from aidos_actors.core.errors import AidosError
from aidos_actors.core.orders import Step, WorkerId
from aidos_actors.core.settings import Settings
from aidos_actors.core.views import error_view
from aidos_actors.executors.begun import forget, last_calls
from aidos_actors.faults import TREATMENTS
from aidos_actors.freed_memory import give_back
from aidos_actors.layout import Layout
from aidos_actors.ledger.errors import LedgerUnavailable
from aidos_actors.ledger_clock import LOOK_S, LedgerClock
from aidos_actors.restored import restored_board
from supervisors import ExitReason, ManagedActor
from supervisors.actor import Asked
from supervisors.messages import Peer

LOG_ROOM_BYTES = 4 * 1024 * 1024
GARBAGE_THRESHOLDS = (50_000, 20, 100)  # rows live here by the hundred thousand, and none of them in a circle


def owned_ledger(state_dir: Path) -> ports.Ledger:
    """The ledger of ``state_dir`` as its sole owner; who holds it longer than two seconds more is ended."""
    from aidos_actors.ledger.ledger import Ledger  # the tree preloads it; who only names this class does without

    return Ledger.open(state_dir, what_for="scheduler", take_over=True, log_room_bytes=LOG_ROOM_BYTES)


class _Due:
    """Timer: something on the board may be due."""


class Scheduler(ManagedActor):
    """Answers callers with ``{"value": …}`` or ``{"error": …}``; see ``desk`` for the verbs."""

    treatments = TREATMENTS

    def on_start(
        self,
        state_dir: str,
        open_ledger: Callable[[Path], ports.Ledger] = owned_ledger,
        has_socket: bool = True,
        **limits: Any,
    ) -> dict[str, Any]:
        """``limits``: the fields of ``Settings`` that are configured."""
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        give_back()
        self._layout = layout = Layout(state_dir)
        self._settings = Settings(**limits)
        self._timer_at: float | None = None
        self._incarnations: dict[str, str] = {}
        self.ledger = open_ledger(Path(state_dir))
        self._checkpoints = CheckpointFolders(layout)
        self._checkpoints.sweep(self.ledger)
        self._clock = LedgerClock(layout, self.ledger, self.wall(), self.now())
        crash.before("epoch-begun")
        self.epoch = self.ledger.begin_epoch(self.clock())
        crash.after("epoch-begun")
        self.next_position = self.ledger.next_position()
        self.answer = partial(answer, self.reply)
        self.waiting = Waiting(self.ledger, self.answer)
        self._inputs = inputs = Inputs(self.on_readable, self._after_change) if has_socket else None
        self._delivery = watch = DeliveryWatch(self.after, self.send)
        self._crew = CrewSocket(Path(state_dir), inputs, self._hear, watch.wait) if inputs is not None else None
        ways: dict[str, Any] = {"send_short": self._crew.send} if self._crew is not None else {}
        about = (layout, self.epoch, self.ledger.installation, self._incarnations)
        self._sending = Sending(watch.send, *about, end_ordered=watch.end_ordered, **ways)
        self._steps = Steps(self.ledger, self.epoch, self._sending.send_all, self.answer)
        self.take = self._steps.take
        self.writing = Writing(self, self._steps, self._checkpoints.settle, _Due())
        self.commit = self.writing.commit
        now = self.clock() - self._clock.jump_s
        self.board = restored_board(self.ledger, layout, self.epoch, self._settings, now)
        if self._clock.jump_s:
            self._move_what_is_due()
        workers = range(1, self._settings.workers_total + 1)
        for target in (ANALYZER, GITOPS, *(f"{WORKER_POOL}/worker-{n}" for n in workers)):
            self.watch(target)
        self._recording = Recording(self.board, self.take, self.writing.then)
        self._reminding = Reminding(self.board, self._delivery, self.take, self._sending.greeting)
        self._analysed = Analysed(self.board, self.ledger, layout.blobs, self.take, self.writing.then)
        if inputs is not None:
            self._socket = DeskSocket(Path(state_dir), inputs, self._call)
        self._after_change()
        return {"epoch": self.epoch}

    def clock(self) -> float:
        """Wall seconds that never go back within this process, nor stand still when the wall clock is set back."""
        return self._clock.now(self.now())

    def _move_what_is_due(self) -> None:
        """The wall clock was set: every deadline and every wait still lasts as long as it was to last."""
        self.take(self.board.clock_set(self._clock.jump_s, self.clock(), self._clock.slept_s))
        self.writing.then(self._clock.moved)

    def on_stop(self, reason: ExitReason) -> None:
        self.ledger.close()

    # ---- inputs

    def receive(self, message: Any, sender: str | None) -> None:
        self._hear(message, sender)
        self._after_change()

    def _hear(self, message: Any, sender: str | None = None) -> None:
        """What follows from ``message`` is taken; a worker says it by the short way when there is no ``sender``."""
        if self._clock.follow(self.wall(), self.now()):
            self._move_what_is_due()
        now, board = self.clock(), self.board
        self._delivery.hear(message)
        if self._recording.take(message, now) or self._analysed.take(message, now) or self._reminding.take(message):
            return
        match message:
            case WorkerHello() if self._sending.greeted(message, by_mail=sender is not None):
                self.take(board.worker_up(message.worker, message.slots, now, message.waiting))
                self.take(board.worker_report(message.worker, message.reports, now, message.called))
                self.take(Step(orders=board.owed("worker", message.worker)))
            case WorktreeReady():
                self.take(board.prepared(message.key, message.base_commit, message.repo, now))
            case WorktreeGone():
                self.take(board.discarded(message.key, now))
            case TargetSeen(key=key, seen=seen) if seen is not None:
                self.take(board.target_seen(key.requirement, seen, now))
            case Peer():
                self._peer(message)
            case _Due():
                self._timer_at = None
            case dict():
                self._call(message, self.asked())

    def _peer(self, peer: Peer) -> None:
        """A doer is there or has gone. What is owed is sent to each new life of it, to a worker when it greets."""
        before, role = self._incarnations.get(peer.path), DOERS.get(peer.path)
        if role is None and before is not None and before != peer.incarnation:
            self._worker_gone(peer.path, before)
        if peer.incarnation is None:
            self._incarnations.pop(peer.path, None)
            return
        self._incarnations[peer.path] = peer.incarnation
        if role is None:
            worker = WorkerId(peer.path, peer.incarnation)
            if self._crew is not None:
                self._crew.lives(peer.incarnation)
            self.take(self.board.worker_lives(worker, self.clock()))
            if early := self._sending.early(worker):
                self._hear(early[0], worker.path if early[1] else None)
        elif peer.incarnation != before:
            self.take(Step(orders=self.board.owed(role)))

    def _worker_gone(self, path: str, incarnation: str) -> None:
        self._sending.forget(WorkerId(path, incarnation))
        if self._crew is not None:
            self._crew.gone(incarnation)
        marks = self._layout.begun(path)
        self.take(self.board.worker_gone(path, incarnation, self.clock(), *last_calls(marks, incarnation)))
        self.writing.then(partial(forget, marks, incarnation))

    def _call(self, message: dict[str, Any], asked: Asked | Caller | None) -> None:
        try:
            found = desk.serve(self, message, asked)
        except AidosError as error:
            found = {"error": error_view(error)}
        if found is not None and asked is not None:
            (self._steps.answer_after if self.writing.fault is None else self.answer)(found, asked)

    # ---- steps

    def _after_change(self) -> None:
        now = self.clock()
        with suppress(LedgerUnavailable):
            self.writing.recover()
            self._go_on(now)
        self._set_timer()
        self.waiting.serve(self.board, self._steps.last_seq, now, partial(status.told_state, self.ledger))
        self._steps.send()

    def _go_on(self, now: float) -> None:
        due_at = self.board.next_due_at()
        while due_at is not None and due_at <= now:
            self.take(self.board.tick(now))
            before, due_at = due_at, self.board.next_due_at()
            if due_at == before:
                break
        self.take(self.board.dispatch(now))
        if self._has_company():
            self.take(self.board.dispatch(self.clock()))
        self.commit()
        if self._checkpoints.is_pending:
            self.start_job("empty checkpoints", self._checkpoints.empty)

    def _has_company(self) -> bool:
        """What nobody waits for is written with what comes next, if that comes soon; whether it has come."""
        may_wait = self._steps.may_wait and not self.waiting.is_anybody
        return may_wait and self._inputs is not None and self._inputs.linger()

    def _set_timer(self) -> None:
        due_at = self.board.next_due_at() if self.writing.fault is None else None
        moments = [at for at in (due_at, self.waiting.next_due_at()) if at is not None]
        if moments and (self._timer_at is None or min(moments) < self._timer_at):
            self._timer_at = min(*moments, self.clock() + LOOK_S)
            self.after(max(0.001, self._timer_at - self.clock()), _Due())

    def drain(self, drain_s: float, asked: Asked | Caller | None) -> None:
        """Nothing new starts; ``asked`` is answered when no worker holds anything any more."""
        now = self.clock()
        self.take(self.board.drain(now, now + drain_s))
        if asked is not None:
            self.waiting.for_rest(asked)
