"""The promises of a guardian, held by every story that chance tells."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from msgspec.structs import replace

from supervisors import guardian_decisions as do
from supervisors.errors import ExitReason
from supervisors.guardian_policy import CALM_S, DELAY_MAX_S, HEAD_START_S, LIMIT, SLOW_DELAY_MAX_S, WITHIN_S
from supervisors.guardian_strategy import START_LIMIT_S
from supervisors.guardian_table import Phase
from tests.supervisors.guardian_world import ADMIN, GAVE_UP, LAUNCHER, LOGGER, ROOT, STOP_S, UP, World

EVENTS = some.sampled_from(
    [
        *[UP, GAVE_UP, do.Said("start_failed", ExitReason("abnormal", "x")), do.Wordless(), do.Tick()],
        *[ROOT, ADMIN, LAUNCHER, LOGGER, LAUNCHER, ADMIN, UP, UP],
        *[do.Looked({}), do.Looked({"root": 1}), do.HungUp(), do.Reloaded(True, "", STOP_S)],
        *[do.Reloaded(False, "wrong", STOP_S), do.HeldUp(5.0)],
    ]
)
LAST = some.sampled_from([do.HostEnded(), do.PlaceLost(), do.StopAsked()])
SPANS = some.sampled_from([0.0, 0.0, 0.01, 0.1, 1.0, 5.0, CALM_S, WITHIN_S + 1, START_LIMIT_S])


class Told(World):
    """Holds every decision against what was promised, reckoned here in another way: from the whole history."""

    def __init__(self, never_give_up: bool) -> None:
        self.ends: list[tuple[float, bool]] = []
        self.lives = 0
        super().__init__(never_give_up=never_give_up)

    def feed(self, *events: do.Event) -> list[do.Action]:
        before = replace(self.guard)
        did = super().feed(*events)
        for action in did:
            match action:
                case do.Launch():
                    self.lives += 1
                    assert self.lives == 1, "never two systems at once"
                    assert action.not_before <= self.now + HEAD_START_S + 1e-6 or len(self.did) == 1
                case do.Sweep():
                    self.lives = 0
                case do.Say("down", ExitReason("abnormal")):
                    calm = before.up_at is not None and self.now - before.up_at >= CALM_S
                    self.ends.append((self.now, calm))
                    self.holds_delay()
        if self.guard.phase is Phase.OVER:
            assert self.codes() and self.lives == 0, "nothing is left behind"
        return did

    def holds_delay(self) -> None:
        recent = [at for at, _ in self.ends if self.now - at <= WITHIN_S]
        delay_s = self.guard.not_before - self.now
        if len(recent) > LIMIT:
            assert self.guard.never_give_up and self.guard.is_alarmed
            assert delay_s == pytest.approx(SLOW_DELAY_MAX_S)
            return
        streak = 0
        for _, calm in reversed(self.ends):
            streak += 1
            if calm:
                break
        assert delay_s == pytest.approx(min(DELAY_MAX_S, 0.1 * 2 ** (streak - 2)) if streak > 1 else 0.0)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(some.booleans(), some.lists(some.tuples(SPANS, EVENTS), max_size=50), LAST)
def test_whatever_happens_the_promises_hold(
    never_give_up: bool, story: list[tuple[float, do.Event]], last: do.Event
) -> None:
    world = Told(never_give_up)
    for span_s, event in story:
        world.passes(span_s)
        world.feed(event)
        if world.guard.phase is Phase.OVER:
            word = world.guard.word
            assert not never_give_up or (word is not None and not world.guard.was_up), "only a first start may fail"
            assert world.feed(event) == []
            return
    world.feed(last)
    if isinstance(last, do.StopAsked):
        world.feed(last)
    assert world.guard.phase is Phase.OVER, "nothing is waited for"
