"""Cancelled while it is integrated, or taken back: what the target shows and what is told are the same, and in time."""

from __future__ import annotations

import os
from typing import Any

import pytest

from aidos_actors.core.crash_points import SIDES
from supervisors.systems.simulated import Faults
from tests.simulation.retracted_life import RetractedLife
from tests.simulation.test_crash_sweep import lived
from tests.simulation.withdrawn_life import CancelledLife, WithdrawnLife
from tests.simulation.world import Place

LIVES = int(os.environ.get("SWEEP_LIVES", "60"))
FIRST_SEED = int(os.environ.get("SWEEP_SEED", "0"))
GROUPS = 6
KILLING = Faults(kill=0.002, kills_max=3, lose=0.005)


def test_what_is_cancelled_at_its_gate_can_be_had_again() -> None:
    life = lived(WithdrawnLife(seed=FIRST_SEED + 1))
    types = [event.type for event in life.world.disk.events if event.requirement == "shop" and event.task == "left"]
    assert "integration_withdrawn" in types and types.count("task_cancelled") == 1


def in_order(life: CancelledLife | RetractedLife) -> bool:
    """It is, and whether what was cancelled had not ended before."""
    wrong = life.run() and life.wrong()
    assert not wrong, f"{life}\n" + "\n".join(wrong)
    return life.is_in_time


@pytest.mark.parametrize("group", range(GROUPS))
@pytest.mark.parametrize("kind", [CancelledLife, RetractedLife])
def test_nothing_is_published_or_taken_back_after_what_was_cancelled_has_ended(kind: Any, group: int) -> None:
    seeds = range(FIRST_SEED + group, FIRST_SEED + LIVES, GROUPS)
    in_time = [in_order(kind(seed=seed, faults=KILLING if seed % 3 == 0 else None)) for seed in seeds]
    assert any(in_time)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("point", ["revert-written", "restore-point", "ref-moved", "git-word-told"])
def test_a_process_ends_where_what_is_taken_back_is_cancelled(point: str, side: str) -> None:
    for seed in range(FIRST_SEED, FIRST_SEED + 4):
        in_order(RetractedLife(seed=seed, places=(Place("task-tree-written", "after", 4), Place(point, side))))
