"""A board on a bench: one requirement, one worker, and short words for what usually happens."""

from __future__ import annotations

from typing import Any

from board_doers import OK
from board_ledger import Ledger

from aidos_actors.core.board.board import Settings
from aidos_actors.core.orders import (
    AttemptKey,
    AttemptOutcome,
    CallEnded,
    Discard,
    Integration,
    Order,
    Start,
    Step,
    WorkerId,
)
from aidos_actors.core.records import AttemptRecord, RequirementRecord, TaskRecord
from aidos_actors.core.requirement import Requirement, Task

W1 = WorkerId("w/1", "first")
W2 = WorkerId("w/2", "first")
INTEGRATED = Integration("c0ffee", "integrated")
WITHDRAWN = Integration(None, "withdrawn")


def requirement(tasks: dict[str, dict[str, Any]], **more: Any) -> Requirement:
    """Tasks by id; those that do not say how they work run a command."""
    models = [
        Task.model_validate({"id": name, **({} if {"call", "agent"} & set(fields) else {"run": "true"}), **fields})
        for name, fields in tasks.items()
    ]
    return Requirement(**{"id": "r", "title": "R", "tasks": tuple(models), **more})


class Bench:
    """``orders`` are those of the newest step; every step is written to ``ledger`` first."""

    def __init__(self, tasks: dict[str, dict[str, Any]] | None = None, *, slots: int = 1, **more: Any) -> None:
        limits = more.pop("settings", {})
        self.settings = Settings(**{"workers_total": 8, **limits})
        self.now, self.epoch = 100.0, 1
        self.ledger = Ledger()
        self.orders: tuple[Order, ...] = ()
        self.board = self.ledger.board(self.epoch, self.now, self.settings)
        if tasks is not None:
            self.submit(requirement(tasks, **more))
            self.dispatch()
            self.take(self.board.analysed("r", self.now))
            self.take(self.board.worker_up(W1, slots, self.now))

    def take(self, step: Step) -> Step:
        self.ledger.write(step)
        self.orders = step.orders
        return step

    def submit(self, model: Requirement, known: RequirementRecord | None = None, position: int = 0) -> Step:
        document = model.model_dump_json()
        base = "base" if model.repo else None
        return self.take(
            self.board.submit(model, base_commit=base, document=document, position=position, known=known, now=self.now)
        )

    def dispatch(self) -> Step:
        return self.take(self.board.dispatch(self.now))

    def lease(self) -> AttemptKey:
        """The one attempt that is leased next."""
        batch = self.dispatch().batch
        if batch.calls:
            ((calls),) = batch.calls
            ((task, number),) = calls.members
            return AttemptKey(calls.requirement, task, number)
        (attempt,) = batch.attempts
        return AttemptKey(attempt.requirement, attempt.task, attempt.number)

    def run(self, key: AttemptKey | None = None, pid: int = 7) -> AttemptKey:
        """An attempt (the next one) up to its running command."""
        key = key or self.lease()
        if self.is_call(key):
            return key
        if self.record().repo is not None:
            self.take(self.board.prepared(key, "head", "/repo", self.now))
        self.take(self.board.minded(self.worker(key), key, pid, 70 + pid, self.now))
        return key

    def end(self, key: AttemptKey, outcome: AttemptOutcome = OK) -> AttemptKey:
        if self.is_call(key):
            result = CallEnded(key.task, key.number, outcome.result, None if outcome.ok else outcome)
            self.take(self.board.calls_ended(self.worker(key), 1, key.requirement, [result], [], self.now))
        else:
            self.take(self.board.ended(self.worker(key), key, outcome, self.now))
        return key

    def is_call(self, key: AttemptKey) -> bool:
        """It travels in a batch."""
        return self.board._books.open[key.requirement].travels_in_batches(key.task)

    def finish(self, key: AttemptKey, answer: Integration = INTEGRATED) -> None:
        """From a running command to the discarded worktree."""
        self.end(key)
        if self.record().repo is not None:
            self.take(self.board.integrated(key, answer, self.now))
        self.discard()

    def discard(self) -> None:
        for order in self.orders:
            if isinstance(order, Discard):
                self.take(self.board.discarded(order.key, self.now))

    def tick(self, after_s: float = 0.0) -> Step:
        self.now += after_s
        return self.take(self.board.tick(self.now))

    def restart(self) -> None:
        """Another scheduler: only what is in the ledger is left."""
        self.epoch += 1
        self.board = self.ledger.board(self.epoch, self.now, self.settings)

    def worker(self, key: AttemptKey) -> WorkerId:
        attempt = self.attempt(key)
        return WorkerId(attempt.worker, attempt.worker_generation)

    def attempt(self, key: AttemptKey) -> AttemptRecord:
        return self.ledger.attempts[key]

    def task(self, name: str = "a") -> TaskRecord:
        return self.ledger.tasks["r", name]

    def record(self) -> RequirementRecord:
        return self.ledger.requirements["r"]

    def starts(self) -> list[str]:
        return [order.key.task for order in self.orders if isinstance(order, Start)]

    def events(self) -> list[str]:
        return [event.type for event in self.ledger.events]
