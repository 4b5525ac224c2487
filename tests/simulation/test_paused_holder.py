"""One that was paused and wakes up changes nothing, though it was believed dead and has a successor.

On a real machine a supervisor ends what it replaces, and a Scheduler that does not let go of the ledger is ended by its
successor. Here nobody ends it: it goes on, with all it knew, and only the epoch, the attempt number and the
incarnations stand between it and the work. What runs below a worker watches that worker itself, not its supervisor;
so below one that is believed dead it ends, and what comes late is the worker's word.
"""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from supervisors.systems.simulated_process import SIGKILLED, SimulatedProcess
from supervisors.systems.simulated_tree import SimulatedTree
from tests.simulation.whole_life import WholeLife
from tests.simulation.world import world

TRIALS = int(os.environ.get("PAUSED_TRIALS", "60"))
FIRST_SEED = int(os.environ.get("PAUSED_SEED", "0"))
GROUPS = 6
KEPT_SEEDS = (
    953,  # a GitOps woke up, asked where the Scheduler lives, and its successor was never told again
    1795875664,  # a GitOps that woke up pushed what its successor had pushed in the meantime, which harms nobody
    1795874685,  # the word of a Scheduler that woke up took the place of a question at the Analyzer
    1795881936,  # a GitOps that woke up pushed what its successor's push lay ahead of; a remote refuses that
    1764004034,  # a worker said that it is there before the root did, and what it was given went nowhere
)
HOLDERS = ("root/scheduling/scheduler", "root/workers/worker-1", "root/workers/worker-2", "root/delivery/gitops")
PAUSED_AFTER_S = (0.0, 2.5)
GIVEN_UP_AFTER_S = (0.0, 1.0)
WAKES_AFTER_S = (0.0, 3.0)
OF_A_FOLDER = ("left", "worktree")
"""Not judged here: orders for one that is believed dead go nowhere, so that the folder it makes last stays."""


class Paused:
    """A process that stands still, is believed dead, and wakes up beside its successor."""

    def __init__(self, tree: SimulatedTree, path: str) -> None:
        self._process: Any = tree._process(path)
        self._process.freeze()

    def is_given_up(self) -> None:
        """Its supervisor was told that it has ended; what came meanwhile still waits in its mailbox."""
        self._process._tell(("ended", SIGKILLED))
        world().disowned.append(self._process)
        self._process.die = lambda _reason: None

    def wake(self) -> None:
        self._process.thaw()

    def end(self) -> None:
        del self._process.die
        SimulatedProcess.die(self._process, SIGKILLED)


def trial(seed: int) -> tuple[WholeLife, bool]:
    """One life with one paused holder, sometimes with a killed Scheduler besides; whether it was still there to
    wake up."""
    chance = random.Random(seed)
    found: list[Paused] = []

    def meanwhile(tree: SimulatedTree) -> None:
        tree.sleep(chance.uniform(*PAUSED_AFTER_S))
        path = chance.choice(HOLDERS)
        if path not in tree.living():
            return
        found.append(Paused(tree, path))
        tree.sleep(chance.uniform(*GIVEN_UP_AFTER_S))
        found[0].is_given_up()
        tree.sleep(chance.uniform(*WAKES_AFTER_S))
        if chance.random() < 0.3 and HOLDERS[0] in tree.living():
            tree.kill(HOLDERS[0])
        found[0].wake()

    life = WholeLife(seed=seed, meanwhile=meanwhile, before_end=lambda: [each.end() for each in found])
    return life.run(), bool(found)


@pytest.mark.parametrize("group", range(GROUPS))
def test_a_paused_holder_that_wakes_up_changes_nothing(group: int) -> None:
    woken = 0
    for seed in range(FIRST_SEED + group, FIRST_SEED + TRIALS, GROUPS):
        life, was_paused = trial(seed)
        woken += was_paused
        _judge(seed, life)
    assert woken


def _judge(seed: int, life: WholeLife) -> None:
    found = [each for each in life.findings() if each.law not in OF_A_FOLDER]
    assert not found, f"seed {seed}\n" + "\n".join(f"{each.law}: {each.text}" for each in found)


@pytest.mark.parametrize("seed", KEPT_SEEDS)
def test_a_seed_that_failed_once_passes(seed: int) -> None:
    life, was_paused = trial(seed)
    assert was_paused
    _judge(seed, life)


def test_a_paused_scheduler_is_refused_by_the_ledger_at_its_first_write() -> None:
    """Seen in the trace: it ends by its own hand, fenced."""
    refused = [
        line
        for seed in range(12)
        for line in trial(seed)[0].machine.trace
        if "ended root/scheduling/scheduler" in line and "Fenced" in line
    ]
    assert refused
