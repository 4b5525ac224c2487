"""Who is idle, late, stalled, stopped or gone: the table, and what ends a process and what does not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisors import ChildSpec, ManagedActor, SupervisorSpec
from supervisors.liveness import (
    BUSY_LOOK_S,
    IDLE_LOOK_S,
    STOPPED_MAX_S,
    Beat,
    Memory,
    Opinion,
    ProcessState,
    Sight,
    Stage,
    Verdict,
    judge,
    next_look_s,
)

HEARTBEAT_S = 1.0
RUNS, STOPPED, TRACED, GONE, UNKNOWN = ProcessState


def beat(busy_since: float | None = None, *, at: float = 0.0, stage: Stage = Stage.SERVING) -> Beat:
    return Beat(7, stage, busy_since, at)


def opinion_at(now: float, entry: Beat, process: ProcessState = RUNS, stop_s: float = math.inf) -> Opinion:
    return judge(Memory(), Sight(entry, process), generation=7, heartbeat_s=HEARTBEAT_S, now=now, stop_s=stop_s)[1]


@pytest.mark.parametrize(("stop_s", "limit_s"), [(5.0, 5.0), (0.0, 2.0), (2.0, 2.0)])
def test_the_last_handler_has_the_time_of_a_stop_but_no_less_than_any_other(stop_s: float, limit_s: float) -> None:
    entry = beat(100.0, stage=Stage.STOPPING)
    assert opinion_at(100.0 + limit_s, entry, stop_s=stop_s).verdict is Verdict.BUSY
    late = opinion_at(100.1 + limit_s, entry, stop_s=stop_s)
    assert late.verdict is Verdict.STALLED and late.end.startswith("stalled: in on_stop for")


def looks(*seen: tuple[float, Beat, ProcessState, float], heartbeat_s: float = HEARTBEAT_S) -> list[Opinion]:
    """The opinions of a series of looks: (moment, entry, process, by how much the look was late)."""
    memory, opinions = Memory(), []
    for now, entry, process, late_s in seen:
        sight = Sight(entry, process)
        memory, opinion = judge(memory, sight, generation=7, heartbeat_s=heartbeat_s, now=now, late_s=late_s)
        opinions.append(opinion)
    return opinions


@pytest.mark.parametrize(
    ("entry", "process", "verdict"),
    [
        (beat(stage=Stage.STARTING), RUNS, "starting"),
        (beat(1.0, stage=Stage.STARTING), RUNS, "starting"),
        (beat(), RUNS, "idle"),
        (beat(at=-9999.0), RUNS, "idle"),
        (beat(99.5), RUNS, "busy"),
        (beat(98.5), RUNS, "late"),
        (beat(98.0), RUNS, "late"),
        (beat(97.9), RUNS, "stalled"),
        (beat(97.9), UNKNOWN, "stalled"),
        (beat(97.9, at=99.5), RUNS, "busy"),
        (beat(1.0, stage=Stage.STOPPING), RUNS, "busy"),
        (beat(), STOPPED, "stopped"),
        (beat(97.9), STOPPED, "stopped"),
        (beat(stage=Stage.STARTING), STOPPED, "stopped"),
        (beat(), TRACED, "stopped"),
        (beat(97.9), GONE, "gone"),
        (beat(), UNKNOWN, "idle"),
    ],
)
def test_each_state_has_its_own_verdict(entry: Beat, process: ProcessState, verdict: str) -> None:
    assert opinion_at(100.0, entry, process).verdict == verdict


def test_only_the_stalled_and_the_long_stopped_are_ended() -> None:
    """BX-26."""
    assert not opinion_at(100.0, beat(98.0)).end
    assert opinion_at(100.0, beat(97.9)).end.startswith("stalled: in one handler for 2.1 s")
    assert not opinion_at(100.0, beat(1.0), GONE).end
    assert not opinion_at(100.0, beat(1.0, stage=Stage.STOPPING)).end


def test_the_entry_of_another_generation_is_no_proof_of_anything() -> None:
    _, opinion = judge(Memory(), Sight(beat(1.0), RUNS), generation=8, heartbeat_s=1.0, now=100.0)
    assert opinion == Opinion(Verdict.STARTING, 99.0, "")


def test_a_stopped_process_is_ended_after_two_heartbeats_of_being_seen_so() -> None:
    ends = [opinion.end for opinion in looks(*((at, beat(), STOPPED, 0.0) for at in (10.0, 11.0, 11.9, 12.0)))]
    assert ends[:3] == ["", "", ""] and ends[3].startswith("stopped: held by a signal for 2.0 s")


@pytest.mark.parametrize("entry", [beat(), beat(stage=Stage.STARTING), beat(9.9, stage=Stage.STOPPING)])
@pytest.mark.parametrize(
    ("process", "heartbeat_s", "limit_s"),
    [
        (STOPPED, 0.1, 0.2),
        (STOPPED, 1.0, 2.0),
        (STOPPED, 2.5, STOPPED_MAX_S),
        (STOPPED, 15.0, STOPPED_MAX_S),
        (STOPPED, 3600.0, STOPPED_MAX_S),
        (TRACED, 1.0, 2.0),
        (TRACED, 15.0, 30.0),
    ],
)
def test_how_long_a_process_may_be_held(entry: Beat, process: ProcessState, heartbeat_s: float, limit_s: float) -> None:
    moments = (10.0, 9.99 + limit_s, 10.01 + limit_s)
    early, late, over = looks(*((at, entry, process, 0.0) for at in moments), heartbeat_s=heartbeat_s)
    assert not early.end and not late.end and over.end.startswith("stopped: held by a ")


def test_what_a_watcher_did_not_see_of_a_standstill_does_not_count() -> None:
    seen = [(10.0, 0.0), (12.0, 1.8), (13.0, 0.0), (14.0, 0.0), (16.7, 0.0), (16.9, 0.0)]
    ends = [each.end for each in looks(*((at, beat(), STOPPED, late_s) for at, late_s in seen), heartbeat_s=15.0)]
    assert not any(ends[:5]) and ends[5].startswith("stopped: held by a signal for 5.1 s")


def test_who_was_stopped_for_long_with_its_watcher_has_the_whole_time_to_be_continued() -> None:
    """It was stopped four seconds before its watcher, and is continued four seconds after it."""
    seen = [(10.0, 0.0), (14.0, 0.0), (104.0, 89.8), (104.2, 0.0), (108.0, 0.0), (109.1, 0.0)]
    ends = [each.end for each in looks(*((at, beat(), STOPPED, late_s) for at, late_s in seen), heartbeat_s=15.0)]
    assert not any(ends[:5]) and ends[5].startswith("stopped: held by a signal for 5.1 s")


def test_a_process_that_went_on_starts_anew() -> None:
    seen = [(10.0, STOPPED), (11.9, STOPPED), (12.0, RUNS), (12.2, STOPPED), (13.0, STOPPED)]
    assert not any(opinion.end for opinion in looks(*((at, beat(), how, 0.0) for at, how in seen)))


def test_a_failed_look_up_neither_begins_nor_ends_a_standstill() -> None:
    assert not any(opinion.end for opinion in looks(*((at, beat(), UNKNOWN, 0.0) for at in (1.0, 50.0, 99.0))))
    seen = [(10.0, STOPPED), (11.0, UNKNOWN), (12.0, STOPPED)]
    assert looks(*((at, beat(), how, 0.0) for at, how in seen))[-1].end


def test_nobody_is_ended_on_a_late_look_and_what_was_missed_does_not_count() -> None:
    working = beat(9.9)
    late, soon, later, last = looks(
        (60.0, working, RUNS, 49.8), (60.2, working, RUNS, 0.0), (61.6, working, RUNS, 0.0), (61.8, working, RUNS, 0.0)
    )
    assert (late.verdict, soon.verdict) == ("busy", "busy")
    assert not late.end and not soon.end and not later.end
    assert last.end


def test_a_watcher_that_is_late_each_time_ends_a_hung_child_all_the_same() -> None:
    hung = beat(0.1)
    opinions = looks(*((0.8 * n, hung, RUNS, 0.6 if n % 2 else 0.1) for n in range(1, 12)))
    assert any(opinion.end for opinion in opinions)


@given(st.lists(st.tuples(st.floats(0.01, 5.0), st.booleans(), st.sampled_from([RUNS, UNKNOWN])), max_size=40))
def test_an_idle_child_is_never_ended(seen: list[tuple[float, bool, ProcessState]]) -> None:
    """BX-26."""
    now, memory = 0.0, Memory()
    for gap_s, late, process in seen:
        now += gap_s
        sight = Sight(beat(), process)
        memory, opinion = judge(memory, sight, generation=7, heartbeat_s=0.1, now=now, late_s=gap_s * late)
        assert opinion.verdict is Verdict.IDLE and not opinion.end


@given(st.floats(0.1, 60.0), st.floats(0.0, 1.0), st.floats(0.0, 100.0))
def test_a_hung_handler_is_found_in_time(heartbeat_s: float, first: float, since: float) -> None:
    """From any phase of the tick, with a watcher that is on time."""
    idle_s = next_look_s([(Verdict.IDLE, heartbeat_s)])
    assert idle_s is not None
    now, memory = since + first * idle_s, Memory()
    while True:
        sight = Sight(beat(since), RUNS)
        memory, opinion = judge(memory, sight, generation=7, heartbeat_s=heartbeat_s, now=now)
        if opinion.end:
            break
        assert now - since <= 2 * heartbeat_s + 1e-6
        now += next_look_s([(opinion.verdict, heartbeat_s)]) or 0.0
    assert 2 * heartbeat_s - 1e-6 <= now - since <= 2 * heartbeat_s + 0.5


def test_when_to_look_again() -> None:
    assert next_look_s([]) is None
    assert next_look_s([(Verdict.IDLE, 5.0), (Verdict.IDLE, 30.0)]) == IDLE_LOOK_S
    assert next_look_s([(Verdict.IDLE, 5.0), (Verdict.BUSY, 30.0)]) == BUSY_LOOK_S
    assert next_look_s([(Verdict.STARTING, 5.0)]) == BUSY_LOOK_S
    assert next_look_s([(Verdict.STOPPED, 5.0)]) == BUSY_LOOK_S


def test_a_supervisor_is_watched_as_closely_as_its_closest_child() -> None:
    def spec(*heartbeats: float | None, **more: float) -> SupervisorSpec:
        children = [ChildSpec(str(n), ManagedActor, heartbeat_s=each) for n, each in enumerate(heartbeats)]
        return SupervisorSpec("sub", children=tuple(children), **more)  # type: ignore[arg-type]

    assert spec(None, None).watched_s is None
    assert spec(None, 5.0, 3.0).watched_s == 3.0
    assert spec(0.1).watched_s == 1.0
    assert spec(3.0, heartbeat_s=9.0).watched_s == 9.0
    assert SupervisorSpec("top", children=(spec(4.0),)).watched_s == 4.0
