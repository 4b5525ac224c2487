"""Steps of the board on their way to disk: those of one message are written together, and only then heard of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from aidos_actors.actors.waiting import Reply, Whoever
from aidos_actors.core.orders import Acknowledge, CallsNoted, Order, Step
from aidos_actors.core.records import Batch
from aidos_actors.ports import Ledger

NOT_URGENT = (Acknowledge, CallsNoted)


class Steps:
    """What was taken and is not on disk yet, and who waits for that. Thread: the Scheduler's."""

    def __init__(self, ledger: Ledger, epoch: int, send: Callable[[Sequence[Order]], None], answer: Reply) -> None:
        self._ledger = ledger
        self._epoch = epoch
        self._send = send
        self._answer = answer
        self._taken: list[Step] = []
        self._answers: list[tuple[Whoever, dict[str, Any]]] = []
        self._unsent: list[Order] = []
        self.last_seq = ledger.last_seq()

    def take(self, step: Step) -> None:
        """The step will be on disk with the next ``commit``, and its orders sent after it."""
        if step.orders or not step.batch.is_empty:
            self._taken.append(step)

    @property
    def may_wait(self) -> bool:
        """There is something to write, and nobody gains by having it written at once: no doer and nobody who asked."""
        orders = (order for step in self._taken for order in step.orders)
        return bool(self._taken) and not self._answers and all(isinstance(order, NOT_URGENT) for order in orders)

    def answer_after(self, answer: dict[str, Any], asked: Whoever) -> None:
        """``asked`` hears ``answer`` after the next ``commit``."""
        self._answers.append((asked, answer))

    def refuse(self, answer: dict[str, Any]) -> None:
        """Everyone who waits for the next ``commit`` hears ``answer`` now. What they asked for may yet be done."""
        answers, self._answers = self._answers, []
        for asked, _ in answers:
            self._answer(answer, asked)

    def commit(self, written: Callable[[Batch], None]) -> None:
        """The steps taken are on disk, together; ``written`` has seen what; their orders are on their way (with
        the next ``send``, when they only say what was noted), and whoever asked for them has an answer. When writing
        fails nothing of this has happened, and the next ``commit`` tries again."""
        batch = Batch.together(step.batch for step in self._taken)
        if not batch.is_empty:
            self.last_seq = self._ledger.apply(self._epoch, batch)
        taken, self._taken = self._taken, []
        if not batch.is_empty:
            written(batch)
        self._unsent += [order for step in taken for order in step.orders]
        if not all(isinstance(order, NOT_URGENT) for order in self._unsent):
            self.send()
        answers, self._answers = self._answers, []
        for asked, answer in answers:
            self._answer(answer, asked)

    def send(self) -> None:
        """All orders of what is on disk are on their way. Whoever waits for an end should hear of it before doers hear
        that their words were noted."""
        orders, self._unsent = self._unsent, []
        if orders:
            self._send(orders)
