"""Every crash point, before and after, in virtual time; a second fault within the recovery; and chance alone.

``make sweep`` lives more lives, with new seeds. A life that fails is printed, and kept below.
"""

from __future__ import annotations

import os
import random
from typing import NamedTuple

import pytest

from aidos_actors.core.crash_points import CRASH_POINTS, SIDES
from chaos.sweep_cases import ONLY_AFTER
from supervisors.systems.simulated import Faults
from tests.simulation.whole_life import WholeLife
from tests.simulation.withdrawn_life import WithdrawnLife
from tests.simulation.world import Place

RTO_S = 5.0
LIVES = int(os.environ.get("SWEEP_LIVES", "60"))
FIRST_SEED = int(os.environ.get("SWEEP_SEED", "0"))
GROUPS = 6


class Kept(NamedTuple):
    """A life that failed once."""

    places: tuple[Place, ...]
    faults: Faults = Faults()
    is_red: bool = False


KEPT = {  # a name is the same place when a point is added, and a draw of chance is another: so these are written out
    # a world that began with what an older one had left behind
    35: Kept(
        (Place("gate-run", "before", 3), Place("gate-run", "before", 1), Place("task-tree-written", "after", 1)),
        Faults(kill=0.003, kills_max=5),
    ),
    104: Kept((), Faults(kill=0.003, kills_max=1)),
    # a minder that had died when it was given its command
    1795899229: Kept(
        (
            Place("minder-ready", "before", 2),
            Place("task-tree-written", "after", 1),
            Place("outcome-sent", "before", 1),
        ),
        Faults(kill=0.003, kills_max=5),
    ),
    1795899614: Kept((Place("minder-ready", "after", 2), Place("folder-made", "before", 1))),
    1795899652: Kept(
        (Place("command-started", "before", 2), Place("minder-ready", "after", 1)), Faults(kill=0.003, kills_max=1)
    ),
    1795899852: Kept((Place("minder-ready", "before", 2), Place("folder-set-aside", "before", 1)), is_red=True),
}


def lived(life: WholeLife) -> WholeLife:
    """The life, run and found in order."""
    life.run()
    found = life.findings()
    assert not found, f"{life}\n" + "\n".join(f"{each.law}: {each.text}" for each in found)
    return life


def is_large(*places: Place) -> bool:
    """Only a large document is stored beside the ledger."""
    return any(place.point == "document-stored" for place in places)


def is_red(*places: Place) -> bool:
    """Only on a target that has turned red something is taken back."""
    return any(place.point.startswith("revert-") for place in places)


def kind_of(*places: Place) -> type[WholeLife]:
    """Only of what somebody cancels something is withdrawn."""
    return WithdrawnLife if any(place.point == "work-withdrawn" for place in places) else WholeLife


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", CRASH_POINTS)
def test_a_process_ends_at_each_point_and_the_work_is_done_all_the_same(name: str, side: str) -> None:
    place = Place(name, side)
    earlier = None if is_red(place) else ONLY_AFTER.get(name)  # in these lives a target turns red by itself
    places = (place,) if earlier is None else (Place(earlier.point, earlier.side, earlier.nth), place)
    life = lived(kind_of(place)(seed=FIRST_SEED + 1, places=places, is_large=is_large(place), is_red=is_red(place)))
    assert len(life.fates.struck) == len(places), f"{place} was never reached"
    assert max(life.back_after_s()) < RTO_S


def random_life(seed: int) -> WholeLife:
    """Mostly two faults, the second in the recovery from the first; also chance that kills anybody, the root included,
    at anything it does, and that loses messages."""
    chance = random.Random(seed)
    names = list(CRASH_POINTS)
    count = chance.choice((0, 2, 2, 2, 3))
    places = tuple(
        Place(chance.choice(names), chance.choice(SIDES), chance.randint(1, 3) if number == 0 else 1)
        for number in range(count)
    )
    kill = 0.0 if places and chance.random() < 0.5 else 0.003
    faults = Faults(kill=kill, kills_max=chance.choice((1, 2, 5)), lose=chance.choice((0.0, 0.01)))
    return kind_of(*places)(
        seed=seed,
        places=places,
        faults=faults,
        is_large=is_large(*places),
        is_red=chance.random() < 0.3 or is_red(*places),
    )


@pytest.mark.parametrize("group", range(GROUPS))
def test_a_second_fault_in_the_recovery_changes_nothing(group: int) -> None:
    for seed in range(FIRST_SEED + group, FIRST_SEED + LIVES, GROUPS):
        lived(random_life(seed))


@pytest.mark.parametrize("seed", KEPT)
def test_a_life_that_failed_once_passes(seed: int) -> None:
    places, faults, is_red = KEPT[seed]
    lived(WholeLife(seed=seed, places=places, faults=faults, is_red=is_red))


def test_the_same_seed_is_the_same_life() -> None:
    first, second = (lived(random_life(3)).machine.trace for _ in range(2))
    assert first == second
