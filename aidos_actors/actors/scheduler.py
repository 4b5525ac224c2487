"""The Scheduler: sole owner of the ledger. Every input becomes a step of the board, the step is written, and only then
are its orders sent; so whatever dies, the ledger says what was decided.

A new Scheduler takes a new epoch, restores the board, and asks nobody: workers tell it what they hold, and every order
that the rows still call for is sent again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aidos_actors.actors import desk
from aidos_actors.actors.words import (
    ANALYZER,
    GITOPS,
    SCHEDULER,
    WORKER_POOL,
    AttemptEnded,
    GitWork,
    MinderReady,
    PlanAccepted,
    PlanRejected,
    WorkerHello,
    WorkIntegrated,
    WorktreeGone,
    WorktreeReady,
)
from aidos_actors.blobs import put_text
from aidos_actors.checkpoint_folders import CheckpointFolders
from aidos_actors.core.errors import AidosError
from aidos_actors.core.open_requirement import Settings
from aidos_actors.core.orders import Acknowledge, Analyse, Discard, End, Go, Integrate, Order, Prepare, Start, Step
from aidos_actors.layout import Layout
from aidos_actors.ledger.ledger import Ledger
from aidos_actors.ledger_clock import LedgerClock
from aidos_actors.restored import restored_board
from supervisors import ExitReason, ManagedActor
from supervisors.actor import Asked
from supervisors.messages import Peer

WAITERS_MAX = 1000


class _Due:
    """Timer: something on the board may be due."""


class Scheduler(ManagedActor):
    """Answers callers with ``{"value": …}`` or ``{"error": …}``; see ``desk`` for the verbs."""

    def on_start(self, state_dir: str, **limits: Any) -> dict[str, Any]:
        """``limits``: the fields of ``Settings`` that are configured."""
        layout = Layout(state_dir)
        self._layout = layout
        self._settings = Settings(**limits)
        self._timer_at: float | None = None
        self._waiters: list[desk.Waiter] = []
        self._drained: list[Asked] = []
        self._incarnations: dict[str, str] = {}
        self.ledger = Ledger.open(Path(state_dir), what_for="scheduler", take_over=True)
        self._checkpoints = CheckpointFolders(layout)
        self._checkpoints.sweep(self.ledger)
        self._clock = LedgerClock(layout, self.ledger, self.wall(), self.now())
        self.epoch = self.ledger.begin_epoch(self.clock())
        now = self.clock() - self._clock.jump_s
        self.board = restored_board(self.ledger, layout, self.epoch, self._settings, now)
        if self._clock.jump_s:
            self._move_what_is_due()
        for target in (
            ANALYZER,
            GITOPS,
            *(f"{WORKER_POOL}/worker-{n}" for n in range(1, self._settings.workers_total + 1)),
        ):
            self.watch(target)
        self._after_change()
        return {"epoch": self.epoch}

    def clock(self) -> float:
        """Wall seconds that never go back within this process, nor stand still when the wall clock is set back."""
        return self._clock.now(self.now())

    def _move_what_is_due(self) -> None:
        """The wall clock was set: every deadline and every wait still lasts as long as it was to last."""
        self.take(self.board.clock_set(self._clock.jump_s, self.clock()))
        self._clock.moved()

    def on_stop(self, reason: ExitReason) -> None:
        self.ledger.close()

    # ---- inputs

    def receive(self, message: Any, sender: str | None) -> None:
        if self._clock.follow(self.wall(), self.now()):
            self._move_what_is_due()
        now = self.clock()
        board = self.board
        match message:
            case WorkerHello():
                self.take(board.worker_up(message.worker, message.slots, now))
                self.take(board.worker_report(message.worker, message.reports, now))
                self._send_all(board.owed("worker", message.worker))
            case MinderReady():
                self.take(board.minded(message.worker, message.key, message.pid, message.started, now))
            case AttemptEnded():
                self.take(board.ended(message.worker, message.key, message.outcome, now))
            case WorktreeReady():
                self.take(board.prepared(message.key, message.base_commit, message.repo, now))
            case WorkIntegrated():
                self.take(board.integrated(message.key, message.answer, now))
            case WorktreeGone():
                self.take(board.discarded(message.key, now))
            case PlanAccepted():
                self.take(board.analysed(message.requirement, now))
            case PlanRejected():
                self.take(board.rejected(message.requirement, message.reason, now))
            case Peer():
                self._peer(message)
            case _Due():
                self._timer_at = None
            case dict():
                self._call(message)
        self._after_change()

    def _peer(self, peer: Peer) -> None:
        """A doer is there or has gone. What is owed to it is sent to each new life of it."""
        before = self._incarnations.get(peer.path)
        if peer.incarnation is None or peer.incarnation != before:
            if before is not None and peer.path.startswith(f"{WORKER_POOL}/"):
                self.take(self.board.worker_gone(peer.path, before, self.clock()))
            self._incarnations.pop(peer.path, None)
        if peer.incarnation is None:
            return
        self._incarnations[peer.path] = peer.incarnation
        if peer.path == ANALYZER and peer.incarnation != before:
            self._send_all(self.board.owed("analyzer"))
        elif peer.path == GITOPS and peer.incarnation != before:
            self._send_all(self.board.owed("gitops"))

    def _call(self, message: dict[str, Any]) -> None:
        asked = self.asked()
        try:
            answer = desk.serve(self, message, asked)
        except AidosError as error:
            answer = {"error": desk.error_view(error)}
        if answer is not None:
            self.reply(answer)

    # ---- steps

    def take(self, step: Step) -> None:
        """The step is on disk, and its orders are on their way. A failed write ends this process, and the next one
        restores what is on disk."""
        if not step.batch.is_empty:
            self.progress()
            self.ledger.apply(self.epoch, step.batch)
            self.progress()
            self._checkpoints.settle(step.batch)
        self._send_all(step.orders)

    def _after_change(self) -> None:
        now = self.clock()
        due_at = self.board.next_due_at()
        while due_at is not None and due_at <= now:
            self.take(self.board.tick(now))
            before, due_at = due_at, self.board.next_due_at()
            if due_at == before:
                break
        self.take(self.board.dispatch(now))
        if self._checkpoints.is_pending:
            self.start_job("empty checkpoints", self._checkpoints.empty)
        self._set_timer()
        self._waiters = desk.serve_waiters(self, self._waiters)
        if self._drained and self.board.held_count == 0:
            for asked in self._drained:
                self.reply({"value": {"drained": True}}, asked)
            self._drained.clear()

    def _set_timer(self) -> None:
        moments = [
            at for at in (self.board.next_due_at(), *(each.until_at for each in self._waiters)) if at is not None
        ]
        if moments and (self._timer_at is None or min(moments) < self._timer_at):
            self._timer_at = min(moments)
            self.after(max(0.001, self._timer_at - self.clock()), _Due())

    def wait_for_events(self, waiter: desk.Waiter) -> None:
        self._waiters = [*self._waiters[-WAITERS_MAX + 1 :], waiter]

    def drain(self, drain_s: float, asked: Asked | None) -> None:
        """Nothing new starts; ``asked`` is answered when no worker holds anything any more."""
        now = self.clock()
        self.take(self.board.drain(now, now + drain_s))
        if asked is not None:
            self._drained.append(asked)

    def _send_all(self, orders: tuple[Order, ...]) -> None:
        for order in orders:
            match order:
                case Analyse():
                    document = put_text(self._layout.blobs, order.document)
                    self.send(ANALYZER, Analyse(order.requirement, document))
                case Prepare() | Integrate() | Discard():
                    self.send(GITOPS, GitWork(self.epoch, self.ledger.installation, order))
                case Start() | Go() | End() | Acknowledge():
                    if self._incarnations.get(order.worker.path, order.worker.incarnation) == order.worker.incarnation:
                        self.send(order.worker.path, order)


__all__ = ["SCHEDULER", "Scheduler"]
