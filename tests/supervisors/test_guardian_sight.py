"""What a guardian sees: who is frozen and not only slow, and that the watchdog is fed by progress alone."""

from __future__ import annotations

from supervisors import guardian_decisions as do
from supervisors.errors import ExitReason
from supervisors.guardian_sight import ANSWER_S, Pulse, feed, suspect
from tests.supervisors.guardian_world import up


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
