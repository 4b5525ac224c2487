"""What a guardian sees: who is frozen and not only slow, and that the watchdog is fed by progress alone."""

from __future__ import annotations

from supervisors import guardian_decisions as do
from supervisors.errors import ExitReason
from supervisors.guardian_sight import (
    ANSWER_S,
    LATE_S,
    LOOK_EVERY_S,
    WAKING_S,
    Pulse,
    Suspect,
    feed,
    held_up_s,
    look_within_s,
    suspect,
)
from tests.supervisors.guardian_world import STOP_S, up


def test_a_frozen_process_is_asked_and_then_ends_its_system() -> None:
    world = up()
    assert world.feed(do.Looked({"root": 5})) == [do.AskForLife()]
    world.now += ANSWER_S
    assert world.feed(do.Looked({"root": 6})) == [do.AskForLife()], "it took a turn meanwhile"
    world.now += ANSWER_S
    assert world.feed(do.Looked({"root": 6}))[0] == do.Sweep()
    assert world.said()[-1] == ("down", ExitReason("abnormal", "root froze"))


def test_frozen_is_who_is_stopped_and_gives_no_sign_of_life() -> None:
    first = suspect({}, {"root": 1, "admin": 1}, set(), 10.0)
    assert (first.ask, first.frozen) == ({"root", "admin"}, frozenset())
    soon = suspect(first.suspects, {"root": 1, "admin": 1}, {"admin"}, 10.5)
    assert (soon.ask, soon.frozen) == ({"admin"}, frozenset()), "one that answered is asked again"
    late = suspect(soon.suspects, {"root": 1, "admin": 1}, set(), 10.0 + ANSWER_S)
    assert late.frozen == {"root"}
    assert suspect(late.suspects, {}, set(), 99.0).suspects == {}, "one that is seen to run is no suspect"


def test_who_was_stopped_together_with_its_guardian_is_asked_anew() -> None:
    world = up()
    assert world.feed(do.Looked({"root": 5, "launcher": 7})) == [do.AskForLife()]
    world.now += 60.0
    assert world.feed(do.HeldUp(59.0)) == []
    for _ in range(round(WAKING_S)):
        assert world.feed(do.Looked({"root": 5, "launcher": 7})) == [], "they may be continued one after the other"
        world.now += 1.0
    assert world.feed(do.Looked({"root": 5})) == [do.AskForLife()]
    world.now += ANSWER_S / 2
    assert world.feed(do.Looked({"root": 5})) == []
    world.now += ANSWER_S / 2
    assert world.feed(do.Looked({"root": 5}))[0] == do.Sweep(), "it is stopped, and its guardian runs"


def test_after_a_short_moment_of_its_own_a_guardian_waits_for_no_longer_than_that() -> None:
    world = up()
    world.feed(do.HeldUp(0.7))
    world.now += 0.7
    assert world.feed(do.Looked({"root": 5})) == [do.AskForLife()]


def test_a_limit_that_passes_while_the_guardian_is_stopped_is_not_over() -> None:
    world = up()
    world.feed(do.StopAsked())
    world.now += 2 * STOP_S
    assert world.feed(do.HeldUp(2 * STOP_S - 5.0), do.Tick()) == []
    assert world.passes(STOP_S - 6.0) == [] and world.passes(1.0)[0] == do.Sweep()
    pausing = up()
    pausing.feed(do.Died(frozenset({"admin"})))
    until = pausing.guard.until
    pausing.feed(do.HeldUp(60.0))
    assert pausing.guard.until == until, "what only waits has waited"


def test_a_guardian_was_held_up_when_it_is_late_by_more_than_a_moment() -> None:
    assert [held_up_s(10.0, now) for now in (9.0, 10.0, 10.0 + LATE_S)] == [0.0] * 3
    assert held_up_s(10.0, 70.0) == 60.0


def test_a_look_at_a_suspect_that_is_not_late_leaves_it_time_to_answer() -> None:
    suspects = {"root": Suspect(10.0, 1)}
    assert look_within_s(suspects, None) + LATE_S < ANSWER_S
    assert [look_within_s({}, watchdog_s) for watchdog_s in (None, 0.8, 60.0)] == [LOOK_EVERY_S, 0.2, LOOK_EVERY_S]
    assert look_within_s(suspects, 0.8) == 0.2


def test_the_watchdog_is_fed_by_progress_alone() -> None:
    pulse, is_fed, must_ask = feed(Pulse(), (), 0.8, 10.0)
    assert (is_fed, must_ask) == (False, True)
    pulse, is_fed, must_ask = feed(pulse, {"root"}, 0.8, 10.1)
    assert (is_fed, must_ask) == (False, False)
    pulse, is_fed, must_ask = feed(pulse, {"admin"}, 0.8, 10.25)
    assert (is_fed, must_ask) == (True, True)
    assert feed(pulse, {"admin"}, 0.8, 10.3)[1] is False, "each answer counts once"
    world = up(watchdog_s=0.8)
    assert world.feed(do.Looked({}, frozenset({"root", "admin"}))) == [do.Notify("alive"), do.AskForLife()]
