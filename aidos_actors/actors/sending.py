"""Orders on their way: to whom each goes, and what of it is too large for a message."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aidos_actors import crash
from aidos_actors.actors.words import ANALYZER, GITOPS, GitWork, WorkerOrders
from aidos_actors.blobs import put_text
from aidos_actors.core.orders import Analyse, Discard, Integrate, Order, Prepare, WorkerId, WorkerOrder
from aidos_actors.layout import Layout


class Sending:
    """``send`` takes an actor's path and a message. ``living`` says which life of a worker is there, as far as known:
    orders to another one are not sent."""

    def __init__(
        self,
        send: Callable[[str, Any], object],
        layout: Layout,
        epoch: int,
        installation: str,
        living: Mapping[str, str],
    ) -> None:
        self._send = send
        self._blobs = layout.blobs
        self._epoch = epoch
        self._installation = installation
        self._living = living

    def send_all(self, orders: Sequence[Order]) -> None:
        """They are on their way, those for one worker together."""
        of_workers: dict[WorkerId, list[WorkerOrder]] = {}
        crash.before("order-sent")
        for order in orders:
            match order:
                case Analyse():
                    self._send(ANALYZER, Analyse(order.requirement, put_text(self._blobs, order.document)))
                case Prepare() | Integrate() | Discard():
                    self._send(GITOPS, GitWork(self._epoch, self._installation, order))
                case _:
                    of_workers.setdefault(order.worker, []).append(order)
        for worker, found in of_workers.items():
            if self._living.get(worker.path, worker.incarnation) == worker.incarnation:
                self._send(worker.path, WorkerOrders(tuple(found)))
        crash.after("order-sent")
