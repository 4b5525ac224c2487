"""A Worker with hands of the test's own, in virtual time. The Scheduler is a puppet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aidos_actors.actors.words import WorkerHello, WorkerOrders
from aidos_actors.actors.worker import Worker
from aidos_actors.core.orders import AttemptKey, WorkerOrder
from aidos_actors.executors.checkpoints import CheckpointLimits
from supervisors import ChildSpec, SupervisorSpec
from supervisors.testing import Puppet, SimulatedTree, eventually

WORKER = "root/workers/worker-1"
KEY = AttemptKey("r", "a", 1)


class Mark:
    def begin(self, key: AttemptKey, limit_s: float) -> None: ...
    def rest(self) -> None: ...


class WorkerPlace:
    """What the Scheduler heard of the worker ``me``, and what it says to it."""

    def __init__(self, tree: SimulatedTree) -> None:
        self.tree = tree
        hello = eventually(lambda: self.heard(WorkerHello), clock=tree)[-1]
        self.me, self.greeting = hello.worker, hello.number

    def heard(self, kind: type) -> list[Any]:
        return [each for each in self.tree.ask("scheduler", "kept") if isinstance(each, kind)]

    def order(self, *orders: WorkerOrder, greeting: int | None = None) -> None:
        greeting = self.greeting if greeting is None else greeting
        self.tree.ask("scheduler", ("send", WORKER, WorkerOrders(orders, greeting)))


@contextmanager
def living_worker(state_dir: Path, hands: type) -> Iterator[SimulatedTree]:
    args = {"state_dir": str(state_dir), "base_env": {}, "checkpoints": CheckpointLimits(), "hands": hands}
    workers = SupervisorSpec(id="workers", children=[ChildSpec(id="worker-1", actor=Worker, args=args)])
    scheduling = SupervisorSpec(id="scheduling", children=[Puppet.child_spec(id="scheduler")])
    with SimulatedTree.start(SupervisorSpec(id="root", children=[scheduling, workers]), seed=3) as tree:
        yield tree
