"""A worker and the root that tells of it are different processes: the worker's own word may come first, or when it is
dead."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

import pytest

from aidos_actors.actors.scheduler import Scheduler
from aidos_actors.actors.words import SCHEDULER, WORKER_POOL, WorkerHello
from supervisors import ChildSpec
from supervisors.messages import Peer
from supervisors.systems.simulated_tree import SimulatedTree
from tests.simulation import whole_life
from tests.simulation.whole_life import WholeLife


class HearsOfWorkersLate(Scheduler):
    """What the root says of the end of a worker comes after the first word of its successor."""

    def on_start(self, **args: Any) -> Any:  # type: ignore[override]
        self.said: dict[str, str] = {}
        self.late: dict[str, list[Peer]] = defaultdict(list)
        return super().on_start(**args)

    def receive(self, message: Any, sender: str | None) -> None:
        is_late = isinstance(message, Peer) and message.incarnation != self.said.get(message.path, "")
        if is_late and message.path.startswith(WORKER_POOL):
            self.late[message.path].append(message)
            return
        super().receive(message, sender)
        if isinstance(message, WorkerHello):
            self.said[message.worker.path] = message.worker.incarnation
            for peer in self.late.pop(message.worker.path, []):
                super().receive(peer, None)


GREETED: dict[str, list[WorkerHello]] = {}


class HearsTheDead(Scheduler):
    """When a life of a worker is known to be there and has greeted, the greetings of earlier ones come as well."""

    def receive(self, message: Any, sender: str | None) -> None:
        super().receive(message, sender)
        if isinstance(message, WorkerHello):
            GREETED.setdefault(message.worker.path, []).append(message)
        path = message.worker.path if isinstance(message, WorkerHello) else getattr(message, "path", "")
        for hello in tuple(GREETED.get(path, ())):
            if self._incarnations.get(path, hello.worker.incarnation) != hello.worker.incarnation:
                super().receive(hello, path)


def lived_with(scheduler: type[Scheduler], monkeypatch: pytest.MonkeyPatch, **life: Any) -> WholeLife:
    with_hands = whole_life._with_hands

    def with_another(child: ChildSpec) -> ChildSpec:
        return replace(with_hands(child), **{"actor": scheduler} if child.id == "scheduler" else {})

    monkeypatch.setattr(whole_life, "_with_hands", with_another)
    return WholeLife(**life).run()


@pytest.mark.parametrize("seed", range(8))
def test_what_is_given_to_a_worker_that_nobody_told_of_yet_reaches_it(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(tree: SimulatedTree) -> None:
        for _ in range(4):
            tree.sleep(0.15)
            for number in (1, 2):
                if f"{WORKER_POOL}/worker-{number}" in tree.living():
                    tree.kill(f"{WORKER_POOL}/worker-{number}")

    life = lived_with(HearsOfWorkersLate, monkeypatch, seed=seed, meanwhile=meanwhile)
    assert life.findings() == []


@pytest.mark.parametrize("seed", range(8))
def test_the_greeting_of_a_dead_worker_that_a_new_scheduler_hears_last_takes_nobodys_place(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    GREETED.clear()

    def meanwhile(tree: SimulatedTree) -> None:
        tree.sleep(0.1 * seed)
        for path in (f"{WORKER_POOL}/worker-1", SCHEDULER):
            if path in tree.living():
                tree.kill(path)

    life = lived_with(HearsTheDead, monkeypatch, seed=seed, meanwhile=meanwhile)
    assert life.findings() == []
