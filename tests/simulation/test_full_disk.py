"""The disk is full now and then, and processes are killed meanwhile: nothing is lost, nothing is done twice."""

from __future__ import annotations

import random

import pytest

from aidos_actors.actors.words import SCHEDULER, WORKER_POOL
from supervisors.systems.simulated_tree import SimulatedTree
from tests.simulation.whole_life import WholeLife
from tests.simulation.world import world

WORKER = f"{WORKER_POOL}/worker-1"


@pytest.mark.parametrize("victim", [None, SCHEDULER, WORKER])
@pytest.mark.parametrize("seed", range(8))
def test_a_disk_that_is_full_now_and_then(seed: int, victim: str | None) -> None:
    chance, starts = random.Random(seed), []

    def meanwhile(tree: SimulatedTree) -> None:
        for _ in range(4):
            tree.sleep(chance.uniform(0.0, 0.3))
            world().disk.is_full = True
            tree.sleep(chance.uniform(0.0, 2.0))
            if victim in tree.living():
                tree.kill(victim)
            tree.sleep(chance.uniform(0.0, 2.0))
            starts.append(sum(event.type == "attempt_started" for event in world().disk.events))
            world().disk.is_full = False

    life = WholeLife(seed=seed, meanwhile=meanwhile).run()
    assert life.findings() == []
    assert starts[0] < len(life.world.records), "it was full when all was over"
