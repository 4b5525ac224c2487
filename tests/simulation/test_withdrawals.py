"""Cancelled while it is integrated: the gate ends at once, and what the target shows and what is told are the same."""

from __future__ import annotations

import os

import pytest

from supervisors.systems.simulated import Faults
from tests.simulation.test_crash_sweep import lived
from tests.simulation.withdrawn_life import CancelledLife, WithdrawnLife

LIVES = int(os.environ.get("SWEEP_LIVES", "60"))
FIRST_SEED = int(os.environ.get("SWEEP_SEED", "0"))
GROUPS = 6
KILLING = Faults(kill=0.002, kills_max=3, lose=0.005)


def test_what_is_cancelled_at_its_gate_can_be_had_again() -> None:
    life = lived(WithdrawnLife(seed=FIRST_SEED + 1))
    types = [event.type for event in life.world.disk.events if event.requirement == "shop" and event.task == "left"]
    assert "integration_withdrawn" in types and types.count("task_cancelled") == 1


@pytest.mark.parametrize("group", range(GROUPS))
def test_nothing_is_published_after_a_cancelled_requirement_has_ended(group: int) -> None:
    in_time = 0
    for seed in range(FIRST_SEED + group, FIRST_SEED + LIVES, GROUPS):
        life = CancelledLife(seed=seed, faults=KILLING if seed % 3 == 0 else None)
        wrong = life.run() and life.wrong()
        assert not wrong, f"{life}\n" + "\n".join(wrong)
        in_time += life.is_in_time
    assert in_time
