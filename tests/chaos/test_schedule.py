"""The schedule of a campaign is a pure function of its seed."""

from __future__ import annotations

from collections import Counter

import pytest

from chaos.experiment import DELAY_MAX_S, KINDS, STAGES, Kill, plan_kills


def test_the_same_seed_gives_the_same_schedule_and_another_seed_another() -> None:
    assert plan_kills(7, KINDS, STAGES, 3) == plan_kills(7, KINDS, STAGES, 3)
    assert plan_kills(7, KINDS, STAGES, 3) != plan_kills(8, KINDS, STAGES, 3)


def test_the_schedule_of_a_seed_never_changes() -> None:
    assert plan_kills(42, ("worker", "scheduler"), ("running", "integrating")) == [
        Kill("scheduler", "running", 0.1224),
        Kill("worker", "integrating", 0.0042),
        Kill("scheduler", "integrating", 0.0031),
        Kill("worker", "running", 0.3703),
    ]


def test_every_possible_pair_comes_as_often_as_asked() -> None:
    kills = plan_kills(1, KINDS, STAGES, 2)
    counts = Counter((kill.kind, kill.stage) for kill in kills)
    assert set(counts.values()) == {2}
    possible = {(kind, stage) for kind in KINDS for stage in STAGES if Kill(kind, stage).is_possible}
    assert set(counts) == possible
    assert ("minder", "analysing") not in possible
    assert {kind for kind, _ in possible} == set(KINDS)


def test_delays_stay_within_their_stage() -> None:
    assert all(0 <= kill.delay_s <= DELAY_MAX_S[kill.stage] for kill in plan_kills(5, KINDS, STAGES, 20))


def test_a_kill_that_came_too_late_is_tried_sooner() -> None:
    assert Kill("worker", "running", 0.4).sooner() == Kill("worker", "running", 0.2)


@pytest.mark.parametrize(
    ("kind", "stage", "delay_s"), [("wroker", "running", 0), ("worker", "runing", 0), ("worker", "running", -1)]
)
def test_an_unknown_kill_is_refused(kind: str, stage: str, delay_s: float) -> None:
    with pytest.raises(ValueError, match=r"known:|negative"):
        Kill(kind, stage, delay_s)


@pytest.mark.parametrize("per_pair", [0, 1001])
def test_per_pair_has_limits(per_pair: int) -> None:
    with pytest.raises(ValueError, match="per_pair"):
        plan_kills(1, KINDS, STAGES, per_pair)
