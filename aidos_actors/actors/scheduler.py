"""The Scheduler: sole owner of the ledger. Every input becomes a step of the board, the step is written, and only then
are its orders sent; so whatever dies, the ledger says what was decided.

A new Scheduler takes a new epoch, restores the board, and asks nobody: workers tell it what they hold, and every order
that the rows still call for is sent again.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from aidos_actors import crash, ports
from aidos_actors.actors import desk
from aidos_actors.actors.desk_socket import Caller, DeskSocket
from aidos_actors.actors.waiting import Waiting
from aidos_actors.actors.words import (
    ANALYZER,
    GITOPS,
    SCHEDULER,
    WORKER_POOL,
    AttemptEnded,
    CallsEnded,
    GitWork,
    MinderReady,
    PlanAccepted,
    PlanRejected,
    WorkerHello,
    WorkerOrders,
    WorkIntegrated,
    WorktreeGone,
    WorktreeReady,
)
from aidos_actors.blobs import put_text
from aidos_actors.core.errors import AidosError
from aidos_actors.core.orders import Analyse, Discard, Integrate, Order, Prepare, Step, WorkerId, WorkerOrder
from aidos_actors.core.records import Batch
from aidos_actors.core.settings import Settings
from aidos_actors.executors.begun import begun_by, forget
from aidos_actors.layout import Layout
from aidos_actors.ledger.ledger import Ledger
from aidos_actors.restored import restored_board
from supervisors import ExitReason, ManagedActor
from supervisors.actor import Asked
from supervisors.messages import Peer

GARBAGE_THRESHOLDS = (50_000, 20, 100)
"""Rows live here by the hundred thousand, none of them in a circle: to look through them often is for nothing."""


def owned_ledger(state_dir: Path) -> ports.Ledger:
    """The ledger of ``state_dir`` as its sole owner; who holds it longer than two seconds more is ended."""
    return Ledger.open(state_dir, what_for="scheduler", take_over=True)


class _Due:
    """Timer: something on the board may be due."""


class Scheduler(ManagedActor):
    """Answers callers with ``{"value": …}`` or ``{"error": …}``; see ``desk`` for the verbs."""

    def on_start(
        self,
        state_dir: str,
        workers: int,
        retry_delay_s: float,
        adoption_s: float,
        open_ledger: Callable[[Path], ports.Ledger] = owned_ledger,
        has_socket: bool = True,
    ) -> dict[str, Any]:
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        layout = Layout(state_dir)
        self._layout = layout
        self._settings = Settings(workers, retry_delay_s=retry_delay_s, adoption_s=adoption_s)
        self._last_now = 0.0
        self._timer_at: float | None = None
        self._incarnations: dict[str, str] = {}
        self._steps: list[Step] = []
        self._answers: list[tuple[Asked | Caller, dict[str, Any]]] = []
        self.ledger = open_ledger(Path(state_dir))
        crash.before("epoch-begun")
        self.epoch = self.ledger.begin_epoch(self.clock())
        crash.after("epoch-begun")
        self.last_seq = self.ledger.last_seq()
        self.waiting = Waiting(self.ledger, self.answer)
        self.board = restored_board(self.ledger, layout, self.epoch, self._settings, self.clock())
        for target in (ANALYZER, GITOPS, *(f"{WORKER_POOL}/worker-{n}" for n in range(1, workers + 1))):
            self.watch(target)
        if has_socket:
            self._socket = DeskSocket(Path(state_dir), self.on_readable, self.ignore, self._serve)
        self._after_change()
        return {"epoch": self.epoch}

    def clock(self) -> float:
        """Wall seconds that never go back within this process."""
        self._last_now = max(self._last_now, self.wall())
        return self._last_now

    def on_stop(self, reason: ExitReason) -> None:
        self.ledger.close()

    # ---- inputs

    def receive(self, message: Any, sender: str | None) -> None:
        now = self.clock()
        board = self.board
        match message:
            case MinderReady() | AttemptEnded() | CallsEnded() | WorkIntegrated():
                self._put_on_record(message, now)
                return
            case WorkerHello():
                self.take(board.worker_up(message.worker, message.slots, now))
                self.take(board.worker_report(message.worker, message.reports, now, message.called))
                self.take(Step(orders=board.owed("worker", message.worker)))
            case WorktreeReady():
                self.take(board.prepared(message.key, message.base_commit, message.repo, now))
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
                self._call(message, self.asked())
        self._after_change()

    def _put_on_record(self, message: MinderReady | AttemptEnded | CallsEnded | WorkIntegrated, now: float) -> None:
        """What a doer did is on disk, with all that follows from it."""
        board = self.board
        match message:
            case MinderReady():
                crash.before("minder-on-record")
                self.take(board.minded(message.worker, message.key, message.pid, message.started, now))
                self._after_change()
                crash.after("minder-on-record")
            case AttemptEnded():
                crash.before("result-on-record")
                self.take(board.ended(message.worker, message.key, message.outcome, now))
                self._after_change()
                crash.after("result-on-record")
            case CallsEnded():
                crash.before("calls-on-record")
                results, spans = message.results, message.spans
                self.take(board.calls_ended(message.worker, message.seq, message.requirement, results, spans, now))
                self._after_change()
                crash.after("calls-on-record")
            case WorkIntegrated():
                crash.before("commit-confirmed")
                self.take(board.integrated(message.key, message.answer, now))
                self._after_change()
                crash.after("commit-confirmed")

    def _peer(self, peer: Peer) -> None:
        """A doer is there or has gone. What is owed to it is sent to each new life of it."""
        before = self._incarnations.get(peer.path)
        if peer.incarnation is None or peer.incarnation != before:
            if before is not None and peer.path.startswith(f"{WORKER_POOL}/"):
                self._worker_gone(peer.path, before)
            self._incarnations.pop(peer.path, None)
        if peer.incarnation is None:
            return
        self._incarnations[peer.path] = peer.incarnation
        if peer.path == ANALYZER and peer.incarnation != before:
            self.take(Step(orders=self.board.owed("analyzer")))
        elif peer.path == GITOPS and peer.incarnation != before:
            self.take(Step(orders=self.board.owed("gitops")))

    def _worker_gone(self, path: str, incarnation: str) -> None:
        marks = self._layout.begun(path)
        self.take(self.board.worker_gone(path, incarnation, self.clock(), begun_by(marks, incarnation)))
        self.commit()
        forget(marks, incarnation)

    def _serve(self, calls: list[tuple[Caller, dict[str, Any]]]) -> None:
        for caller, call in calls:
            self._call(call, caller)
        self._after_change()

    def _call(self, message: dict[str, Any], asked: Asked | Caller | None) -> None:
        try:
            answer = desk.serve(self, message, asked)
        except AidosError as error:
            answer = {"error": desk.error_view(error)}
        if answer is not None and asked is not None:
            self._answers.append((asked, answer))

    # ---- steps

    def take(self, step: Step) -> None:
        """The step will be on disk with the next ``commit``, and its orders sent after it."""
        if step.orders or not step.batch.is_empty:
            self._steps.append(step)

    def commit(self) -> None:
        """The steps taken are on disk, together; their orders are on their way, and who asked for them has an answer.
        A failed write ends this process, and the next one restores what is on disk."""
        steps, self._steps = self._steps, []
        batch = Batch.together(step.batch for step in steps)
        if not batch.is_empty:
            self.progress()
            self.last_seq = self.ledger.apply(self.epoch, batch)
            self.progress()
        self._send_all([order for step in steps for order in step.orders])
        answers, self._answers = self._answers, []
        for asked, answer in answers:
            self.answer(answer, asked)

    def answer(self, answer: Any, asked: Asked | Caller) -> None:
        """Whoever asked, by whichever way, has the answer."""
        if isinstance(asked, Caller):
            asked.answer(answer)
        else:
            self.reply(answer, asked)

    def _after_change(self) -> None:
        now = self.clock()
        due_at = self.board.next_due_at()
        while due_at is not None and due_at <= now:
            self.take(self.board.tick(now))
            before, due_at = due_at, self.board.next_due_at()
            if due_at == before:
                break
        self.take(self.board.dispatch(now))
        self.commit()
        self._set_timer()
        self.waiting.serve(self.board, self.last_seq, now, partial(desk.status_of, self.ledger))

    def _set_timer(self) -> None:
        moments = [at for at in (self.board.next_due_at(), self.waiting.next_due_at()) if at is not None]
        if moments and (self._timer_at is None or min(moments) < self._timer_at):
            self._timer_at = min(moments)
            self.after(max(0.001, self._timer_at - self.clock()), _Due())

    def drain(self, drain_s: float, asked: Asked | Caller | None) -> None:
        """Nothing new starts; ``asked`` is answered when no worker holds anything any more."""
        now = self.clock()
        self.take(self.board.drain(now, now + drain_s))
        if asked is not None:
            self.waiting.for_rest(asked)

    def _send_all(self, orders: Sequence[Order]) -> None:
        """What is for one worker travels together."""
        if not orders:
            return
        of_workers: dict[WorkerId, list[WorkerOrder]] = {}
        crash.before("order-sent")
        for order in orders:
            match order:
                case Analyse():
                    document = put_text(self._layout.blobs, order.document)
                    self.send(ANALYZER, Analyse(order.requirement, document))
                case Prepare() | Integrate() | Discard():
                    self.send(GITOPS, GitWork(self.epoch, self.ledger.installation, order))
                case _:
                    of_workers.setdefault(order.worker, []).append(order)
        for worker, found in of_workers.items():
            if self._incarnations.get(worker.path, worker.incarnation) == worker.incarnation:
                self.send(worker.path, WorkerOrders(tuple(found)))
        crash.after("order-sent")


__all__ = ["SCHEDULER", "Scheduler"]
