"""A callable against the clock: its time limit is wall clock, its silence only what its watcher was there to hear."""

from __future__ import annotations

import pytest

from aidos_actors.core.board.watched_call import WatchedCall
from aidos_actors.core.orders import AttemptOutcome
from aidos_actors.core.silence import LATE_S

BEGUN_AT = 1000.0
NEVER = float("inf")


def ended(
    *,
    stall_s: float | None,
    timeout_s: float = 900.0,
    saves_every_s: float = NEVER,
    stops: tuple[float, float] = (NEVER, 0.0),
) -> tuple[float, tuple[str, ...]] | None:
    """After how many seconds it fails, and of what, when it does not return for 300 s; ``stops``: from when on, and for
    how long, its whole process does not run."""
    call = WatchedCall(BEGUN_AT, timeout_s, stall_s)
    stops_at, stopped_s = BEGUN_AT + stops[0], stops[1]

    def runs_at(moment: float) -> float:
        """When what should happen at ``moment`` does."""
        return max(moment, stops_at + stopped_s) if moment >= stops_at else moment

    look_at, save_at = BEGUN_AT, BEGUN_AT + saves_every_s
    while min(look_at, save_at) < BEGUN_AT + 300.0:
        if save_at <= look_at:
            call.heard(save_at)
            save_at = runs_at(save_at + saves_every_s)
            continue
        seen = call.look(look_at)
        if isinstance(seen, AttemptOutcome):
            return look_at - BEGUN_AT, seen.causes
        look_at = runs_at(seen)
    return None


@pytest.mark.parametrize(
    ("life", "end"),
    [
        ({"stall_s": None}, None),
        ({"stall_s": 8.0}, (8.0, ("stall",))),
        ({"stall_s": 8.0, "saves_every_s": 7.9}, None),
        ({"stall_s": 8.0, "saves_every_s": 7.9, "timeout_s": 50.0}, (50.0, ("timeout",))),
        ({"stall_s": 8.0, "timeout_s": 5.0}, (5.0, ("timeout",))),
        ({"stall_s": 900.0, "timeout_s": 100.0}, (100.0, ("timeout",))),
        ({"stall_s": 8.0, "saves_every_s": 5.0, "stops": (6.0, 60.0)}, None),
        ({"stall_s": 8.0, "saves_every_s": 6.0, "stops": (5.9, 8.0)}, None),
        ({"stall_s": 8.0, "saves_every_s": 4.0, "stops": (6.5, 2.0 + LATE_S)}, None),
        ({"stall_s": 8.0, "stops": (3.0, 60.0)}, (71.0, ("stall",))),
        ({"stall_s": 0.5, "saves_every_s": 0.3, "stops": (1.0, 5.0)}, None),
        ({"stall_s": None, "timeout_s": 20.0, "stops": (6.0, 60.0)}, (66.0, ("timeout",))),
    ],
)
def test_it_fails_of_a_silence_that_was_heard_and_of_time_whoever_ran_meanwhile(
    life: dict[str, object], end: tuple[float, tuple[str, ...]] | None
) -> None:
    assert ended(**life) == end  # type: ignore[arg-type]
