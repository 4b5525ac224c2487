"""What a guardian decides, without a process: each rule by a short story."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pytest

from supervisors import guardian_decisions as do
from supervisors.errors import ExitReason
from supervisors.guardian_policy import CALM_S, DELAY_MAX_S, HEAD_START_S, LIMIT, SLOW_DELAY_MAX_S, WITHIN_S
from supervisors.guardian_strategy import EXIT_CODES, GONE, LAST_WORD_LIMIT_S, LEAVING_LIMIT_S, START_LIMIT_S
from supervisors.guardian_table import TABLE, Happening, Phase
from tests.supervisors.guardian_world import ADMIN, GAVE_UP, LAUNCHER, LOGGER, ROOT, STOP_S, UP, World, up


def test_the_first_launch_waits_for_what_its_owner_says() -> None:
    assert World(not_before=105.0).did == [do.Launch(105.0)]


def test_up_is_told_to_owner_and_service_manager() -> None:
    assert World().feed(UP) == [do.Say("up", {"root": 1}), do.Notify("ready")]


@pytest.mark.parametrize("death", [ADMIN, LAUNCHER, LOGGER, do.Died(frozenset({"root", "admin"}))])
def test_the_end_of_one_is_the_end_of_all(death: do.Died) -> None:
    world = up()
    assert world.feed(death)[0] == do.Sweep()
    why = f"{' and '.join(sorted(death.names))} died"
    assert world.said()[-1] == ("down", ExitReason("abnormal", why)) and world.guard.phase is Phase.PAUSING


def test_of_a_root_that_is_gone_the_last_word_is_asked_for() -> None:
    assert up().feed(ROOT) == [do.AskForLastWord()]
    killed = up()
    assert killed.feed(ROOT, do.Wordless())[1] == do.Sweep()
    assert killed.said()[-1] == ("down", ExitReason("abnormal", "root died"))
    for late in (ADMIN, LAUNCHER):
        assert do.Sweep() in up().feed(ROOT, late)
    gave_up = up()
    assert gave_up.feed(ROOT, GAVE_UP, LAUNCHER)[-2:] == [do.Say("ended", GAVE_UP.reason), do.Exit(1)]
    slow = up()
    slow.feed(ROOT)
    assert slow.passes(LAST_WORD_LIMIT_S)[0] == do.Sweep()


def test_a_launcher_that_lingers_after_the_last_word_is_not_waited_for_long() -> None:
    world = up()
    assert world.feed(GAVE_UP, ROOT, ADMIN, LOGGER) == [], "they leave in good order"
    assert world.passes(LEAVING_LIMIT_S)[0] == do.Sweep()


@pytest.mark.parametrize(
    "before", [(), (UP,), (UP, do.StopAsked()), (UP, GAVE_UP), (UP, ROOT), (UP, do.StopAsked(), GAVE_UP)]
)
@pytest.mark.parametrize("event", [do.HostEnded(), do.PlaceLost()])
def test_nothing_is_waited_for_when_nobody_wants_it_any_more(before: Iterable[do.Event], event: do.Event) -> None:
    world = World()
    world.feed(*before)
    assert do.Sweep() in world.feed(event)
    assert world.codes() == [1 if event == do.PlaceLost() and do.StopAsked() not in before else 0]


def test_the_host_ends_or_a_stop_comes_between_two_systems() -> None:
    for event, word, code in (
        (do.HostEnded(), "host", 0),
        (do.StopAsked(), "stopped", 0),
        (do.PlaceLost(), GONE, 1),
    ):
        world = up()
        world.feed(LAUNCHER, event)
        assert world.said()[-1] == ("ended", ExitReason("shutdown", word)) and world.codes() == [code]


def test_a_first_signal_drains_and_a_second_forces() -> None:
    world = up()
    assert world.feed(do.StopAsked()) == [do.Notify("stopping"), do.AskToStop()]
    assert world.guard.until == world.now + STOP_S
    assert world.feed(do.StopAsked()) == [do.Sweep(), do.Say("ended", ExitReason("shutdown", "forced")), do.Exit(0)]


def test_a_stop_that_is_carried_out_ends_with_the_roots_word() -> None:
    world = up()
    word = do.Said("ended", ExitReason("shutdown", "stopped"))
    world.feed(do.StopAsked(), word, LAUNCHER)
    assert world.said()[-1] == ("ended", word.reason) and world.codes() == [0]


def test_a_stop_that_takes_too_long_or_breaks_is_a_stop_all_the_same() -> None:
    late = up()
    late.feed(do.StopAsked())
    assert late.passes(STOP_S)[0] == do.Sweep() and late.codes() == [0]
    broken = up()
    assert broken.feed(do.StopAsked(), ADMIN)[-1] == do.Exit(0)


def test_a_stop_may_take_what_the_specs_allow_besides() -> None:
    late = World()
    late.feed(do.Allowed(50.0), UP, do.StopAsked())
    assert late.passes(STOP_S + 49.9) == [] and late.passes(0.1)[0] == do.Sweep()
    assert f"longer than {STOP_S + 50:g} s" in late.said()[-1][1].detail
    patient = up()
    patient.feed(do.StopAsked(), do.Allowed(math.inf))
    assert patient.passes(10 * 365 * 86_400) == []
    assert patient.feed(do.StopAsked())[0] == do.Sweep() and patient.codes() == [0]


def test_what_one_system_was_allowed_says_nothing_of_the_next() -> None:
    world = World()
    world.feed(do.Allowed(math.inf), UP)
    world.breaks()
    world.feed(UP, do.StopAsked())
    assert world.passes(STOP_S)[0] == do.Sweep()


def test_a_start_that_takes_too_long_is_broken_off() -> None:
    world = World()
    assert world.passes(START_LIMIT_S - 0.01) == [] and world.passes(0.01)[0] == do.Sweep()
    assert "not up after 120 s" in world.said()[-1][1].detail


@pytest.mark.parametrize(
    ("was_up", "never_give_up", "kind", "code"),
    [
        (True, False, "ended", 1),
        (True, True, "ended", None),
        (True, False, "start_failed", None),
        (True, True, "start_failed", None),
        (True, True, "unfit", 78),
        (False, True, "start_failed", 1),
        (False, True, "unfit", 78),
    ],
)
def test_which_last_words_are_final(was_up: bool, never_give_up: bool, kind: str, code: int | None) -> None:
    world = World(never_give_up=never_give_up)
    if was_up:
        world.feed(UP)
        world.breaks()
    word = do.Said(kind, ExitReason("abnormal", "why"))
    world.feed(word, LAUNCHER)
    assert world.codes() == ([] if code is None else [code])
    if code is not None:
        assert world.said()[-1] == (kind, word.reason) and code == EXIT_CODES[kind]


@pytest.mark.parametrize(
    ("never_give_up", "reason", "code"),
    [
        (True, ExitReason("abnormal", "SIGKILL", child="a"), None),
        (True, ExitReason("abnormal", "SIGKILL: it was not started after 5 s", child="a"), 1),
        (False, ExitReason("abnormal", "SIGKILL", child="a"), 1),
    ],
)
def test_a_first_start_of_which_somebody_killed_a_part(
    never_give_up: bool, reason: ExitReason, code: int | None
) -> None:
    world = World(never_give_up=never_give_up)
    world.feed(do.Said("start_failed", reason), LAUNCHER)
    assert world.codes() == ([] if code is None else [code])


def test_one_whose_predecessor_was_up_takes_no_failed_start_for_final() -> None:
    world = World(was_up=True)
    world.feed(do.Said("start_failed", ExitReason("abnormal", "why")), LAUNCHER)
    assert world.codes() == []


def test_delays_double_up_to_a_limit_and_are_short_again_after_calm() -> None:
    world = up()
    delays = [world.breaks() for _ in range(LIMIT)]
    assert delays == [0.0, *(pytest.approx(min(DELAY_MAX_S, 0.1 * 2**n)) for n in range(LIMIT - 1))]
    world.feed(UP)
    world.now += WITHIN_S + CALM_S
    assert world.breaks() == 0.0


def test_a_launcher_has_a_head_start_of_the_delay_at_most() -> None:
    world = up()
    world.feed(LAUNCHER)
    assert world.guard.until == world.now, "the first delays are less than its imports take"
    while world.guard.not_before - world.now < DELAY_MAX_S:
        world.passes(world.guard.not_before - world.now)
        world.feed(LAUNCHER)
    assert world.guard.until == world.guard.not_before - HEAD_START_S


def test_more_than_ten_ends_in_a_minute_are_the_limit() -> None:
    world = up()
    for _ in range(LIMIT):
        assert world.breaks() is not None
    assert world.breaks() is None
    assert world.said()[-1] == ("ended", ExitReason("shutdown", "guardian_limit: launcher died")) and world.codes() == [
        1
    ]


def test_one_that_never_gives_up_slows_down_with_one_alarm_until_it_is_calm() -> None:
    world = up(never_give_up=True)
    delays = [world.breaks() for _ in range(LIMIT + 5)]
    assert delays[LIMIT] == SLOW_DELAY_MAX_S
    assert all(each is not None and each <= SLOW_DELAY_MAX_S for each in delays)
    alarms = [text for kind, text in world.said() if kind == "alarm"]
    assert len(alarms) == 1 and alarms[0].startswith("P0: ") and "launcher died" in alarms[0]
    assert world.codes() == []
    world.feed(UP, do.Looked({}))
    world.now += CALM_S
    assert world.feed(do.Looked({})) == [do.Say("calm", "")] and world.feed(do.Looked({})) == []


def test_a_changed_configuration_is_another_system_and_a_wrong_one_changes_nothing() -> None:
    world = up()
    assert world.feed(do.HungUp()) == [do.Reload()]
    before = world.guard
    wrong = world.feed(do.Reloaded(False, "ValueError: no", STOP_S))
    assert wrong == [do.Say("reload_failed", "ValueError: no"), do.Notify("reloaded", "ValueError: no")]
    assert world.feed(do.Reloaded(False, "", STOP_S)) == [do.Notify("reloaded", "")] and world.guard == before
    assert world.feed(do.Reloaded(True, "", 7.0)) == [do.Notify("reloaded", ""), do.AskToStop()]
    assert world.guard.until == world.now + 7.0
    did = world.feed(do.Said("ended", ExitReason("shutdown", "stopped")), LAUNCHER)
    down = do.Say("down", ExitReason("shutdown", "the configuration has changed"))
    assert did == [do.Sweep(), down, do.Launch(world.guard.not_before)]
    assert world.guard.revivals.moments == (), "it counts against no limit"


def test_a_stop_during_a_renewal_is_a_stop_and_no_configuration_is_read_for_it() -> None:
    world = up()
    world.feed(do.Reloaded(True, "", STOP_S), do.StopAsked())
    assert world.feed(do.HungUp()) == []
    world.feed(do.Said("ended", ExitReason("shutdown", "stopped")), LAUNCHER)
    assert world.codes() == [0]


@pytest.mark.parametrize("event", [do.HungUp(), do.Reloaded(False, "wrong", STOP_S), do.StopAsked(), do.Tick(), UP])
def test_nothing_is_done_once_it_is_over(event: do.Event) -> None:
    world = up()
    world.feed(do.HostEnded())
    assert world.guard.phase is Phase.OVER and world.feed(event) == []


def test_every_row_of_the_table_leads_on_and_all_phases_can_be_reached_and_left() -> None:
    assert set(TABLE) == set(Phase) and TABLE[Phase.OVER] == {}
    assert {after for row in TABLE.values() for after in row.values()} == set(Phase) - {Phase.RESTING}
    assert {what for row in TABLE.values() for what in row} == set(Happening)
    assert all(phase not in row.values() for phase, row in TABLE.items()), "staying is not a row"
    at_work = set(Phase) - {Phase.RESTING, Phase.ENDING, Phase.PAUSING, Phase.OVER}
    assert all(TABLE[phase][Happening.MUST_END] is Phase.ENDING for phase in at_work)
