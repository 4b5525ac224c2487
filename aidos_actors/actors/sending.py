"""Orders on their way: to whom each goes, and what of it is too large for a message."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from aidos_actors import crash
from aidos_actors.actors.words import ANALYZER, GITOPS, GitWork, WorkerHello, WorkerOrders
from aidos_actors.blobs import put_text
from aidos_actors.core.orders import Analyse, End, GitOrder, Order, Withdraw, WorkerId, WorkerOrder
from aidos_actors.layout import Layout


class Sending:
    """``send`` takes an actor's path and a message, ``send_short`` a worker and a message, which it may refuse;
    ``end_ordered`` hears of each order to end something.

    ``living`` says which life of a worker is there, as far as known: orders to another one are not sent, nor to one
    that has said nothing. They go the way that its last greeting came, and no other, so that they stay in order."""

    def __init__(
        self,
        send: Callable[[str, Any], object],
        layout: Layout,
        epoch: int,
        installation: str,
        living: Mapping[str, str],
        send_short: Callable[[WorkerId, Any], bool] = lambda _worker, _message: False,
        end_ordered: Callable[[End], None] = lambda _order: None,
    ) -> None:
        self._send = send
        self._blobs = layout.blobs
        self._epoch = epoch
        self._installation = installation
        self._living = living
        self._send_short = send_short
        self._end_ordered = end_ordered
        self._greetings: dict[WorkerId, int] = {}
        self._by_mail: set[WorkerId] = set()
        self._early: dict[WorkerId, tuple[WorkerHello, bool]] = {}

    def greeted(self, hello: WorkerHello, *, by_mail: bool) -> bool:
        """The worker's orders go that way from now on. False when this was heard already, or a later one was; and while
        nobody has told that this life of its path is the one that is there: it may be dead. ``early`` knows its word
        until then."""
        if self._living.get(hello.worker.path) != hello.worker.incarnation:
            known = self._early.get(hello.worker)
            if known is None or hello.number > known[0].number:
                self._early[hello.worker] = (hello, by_mail)
            return False
        if hello.number <= self._greetings.get(hello.worker, 0):
            return False
        self._greetings[hello.worker] = hello.number
        (self._by_mail.add if by_mail else self._by_mail.discard)(hello.worker)
        return True

    def early(self, worker: WorkerId) -> tuple[WorkerHello, bool] | None:
        """That life is there now: what it said before anybody knew, and whether by mail. Other lives of its path that
        said something are dead."""
        word = self._early.get(worker)
        self._early = {other: each for other, each in self._early.items() if other.path != worker.path}
        return word

    def greeting(self, worker: WorkerId) -> int:
        """The number of its last greeting that was heard; 0 when there is none, or it is dead."""
        return self._greetings.get(worker, 0)

    def forget(self, worker: WorkerId) -> None:
        """It is dead."""
        self._greetings.pop(worker, None)
        self._by_mail.discard(worker)

    def send_all(self, orders: Sequence[Order]) -> None:
        """They are on their way, those for one worker together."""
        of_workers: dict[WorkerId, list[WorkerOrder]] = {}
        crash.before("order-sent")
        for order in orders:
            if isinstance(order, Analyse):
                self._send(ANALYZER, replace(order, document=put_text(self._blobs, order.document)))
            elif isinstance(order, Withdraw):
                self._send(ANALYZER, order)
            elif isinstance(order, GitOrder):
                self._send(GITOPS, GitWork(self._epoch, self._installation, order))
            else:
                of_workers.setdefault(order.worker, []).append(order)
                if isinstance(order, End):
                    self._end_ordered(order)
        for worker, found in of_workers.items():
            message = WorkerOrders(tuple(found), self._greetings.get(worker, 0))
            if self._living.get(worker.path) != worker.incarnation:
                continue
            if not self._send_short(worker, message) and worker in self._by_mail:
                self._send(worker.path, message)
        crash.after("order-sent")
