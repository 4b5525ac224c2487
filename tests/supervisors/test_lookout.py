"""The tick of a supervisor: none where nobody is watched, slow while all are idle, and one at a time."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from supervisors import ChildSpec, ManagedActor
from supervisors.describe import describe
from supervisors.errors import ExitReason
from supervisors.family import Life, Row
from supervisors.liveness import BUSY_LOOK_S, IDLE_LOOK_S, STOPPED_MAX_S, Beat, ProcessState, Sight, Stage
from supervisors.lookout import PIECE_S, Look, Lookout
from supervisors.messages import ChildEnded

ENDED = ChildEnded("a", 1, ExitReason("killed", "SIGKILL"))


class Desk:
    """The part of a system that a lookout uses, by hand: time stands still, timers are kept, entries are put down."""

    def __init__(self) -> None:
        self.time = 100.0
        self.timers: list[tuple[float, Any]] = []
        self.entries: dict[str, Beat] = {}
        self.killed: list[tuple[str, int]] = []
        self.process = ProcessState.RUNS

    def now(self) -> float:
        return self.time

    def after(self, delay_s: float, message: Any) -> None:
        self.timers.append((self.time + delay_s, message))

    def look(self, child: str, _generation: int) -> Sight:
        return Sight(self.entries[child], self.process)

    def kill(self, child: str, generation: int) -> None:
        self.killed.append((child, generation))

    def beat(self) -> None:
        pass

    def looks(self) -> list[float]:
        return [at for at, message in self.timers if isinstance(message, Look)]


def row(name: str, heartbeat_s: float | None, generation: int = 1) -> Row:
    spec = ChildSpec(name, ManagedActor, heartbeat_s=heartbeat_s)
    return Row(spec, Life.RUNNING, generation=generation)


def look(desk: Desk, lookout: Lookout, *rows: Row) -> None:
    """Time goes on to the next look, and that is taken."""
    at, message = min(((at, m) for at, m in desk.timers if isinstance(m, Look)), key=lambda timer: timer[0])
    desk.timers.remove((at, message))
    desk.time = max(desk.time, at)
    lookout.look(message, rows)


def test_there_is_no_tick_where_no_child_has_a_heartbeat() -> None:
    desk = Desk()
    lookout = Lookout(desk)  # type: ignore[arg-type]
    lookout.expect_start(row("a", None))
    assert desk.looks() == []
    watched = row("b", 5.0)
    lookout.expect_start(watched)
    assert desk.looks() == [desk.time + BUSY_LOOK_S]
    look(desk, lookout, row("a", None), replace(watched, life=Life.STOPPED))
    assert desk.looks() == []


def test_the_tick_is_slow_while_all_are_idle_and_there_is_only_one() -> None:
    desk, rows = Desk(), [row(name, 5.0) for name in "abc"]
    desk.entries = {name: Beat(1, Stage.SERVING) for name in "abc"}
    lookout = Lookout(desk)  # type: ignore[arg-type]
    for each in rows:
        lookout.expect_start(each)
    look(desk, lookout, *rows)
    assert desk.looks() == [desk.time + IDLE_LOOK_S]
    desk.entries["b"] = Beat(1, Stage.SERVING, busy_since=desk.time)
    look(desk, lookout, *rows)
    assert desk.looks() == [desk.time + BUSY_LOOK_S]
    lookout.expect_start(rows[0])
    stale = Look(desk.time - 50.0)
    lookout.look(stale, rows)
    assert len(desk.looks()) == 1


@pytest.mark.parametrize("heartbeat_s", [0.5, 1.0, 5.0, 10.0, 15.0, 600.0])
@pytest.mark.parametrize("is_idle", [False, True])
def test_who_is_stopped_is_ended_within_what_is_promised(heartbeat_s: float, is_idle: bool) -> None:
    desk, child = Desk(), row("a", heartbeat_s)
    lookout = Lookout(desk)  # type: ignore[arg-type]
    desk.entries = {"a": Beat(1, Stage.SERVING, busy_since=None if is_idle else desk.time)}
    lookout.expect_start(child)
    look(desk, lookout, child)
    desk.time += 0.01
    stopped_at, desk.process = desk.time, ProcessState.STOPPED
    while not desk.killed:
        look(desk, lookout, child)
    seen_s = min(2.5, heartbeat_s / 2) if is_idle else 0.0
    limit_s = min(2 * heartbeat_s, STOPPED_MAX_S)
    assert limit_s - BUSY_LOOK_S - 0.02 <= desk.time - stopped_at <= limit_s + 0.5 + seen_s


def test_who_is_ended_is_told_why_unless_it_went_by_itself() -> None:
    desk, hung = Desk(), row("a", 1.0)
    desk.entries = {"a": Beat(1, Stage.SERVING, busy_since=desk.time)}
    lookout = Lookout(desk)  # type: ignore[arg-type]
    lookout.expect_start(hung)
    while not desk.killed:
        look(desk, lookout, hung)
    assert desk.killed == [("a", 1)] and desk.time - 100.0 <= 2.5
    assert lookout.trouble(hung).startswith("stalled for 2.")
    killed = ExitReason("killed", "SIGKILL")
    assert "stalled" in lookout.reason_of(ChildEnded("a", 1, killed)).detail
    assert lookout.reason_of(ChildEnded("a", 1, killed)) == killed


@pytest.mark.parametrize("stopped_s", [0.0, 90.0])
@pytest.mark.parametrize(("verb", "life", "limit_s"), [("start", Life.STARTING, 60.0), ("stop", Life.STOPPING, 2.5)])
def test_a_limit_does_not_pass_while_its_supervisor_is_stopped(
    stopped_s: float, verb: str, life: Life, limit_s: float
) -> None:
    desk, child = Desk(), replace(row("a", None), life=life, pid=7)
    lookout = Lookout(desk)  # type: ignore[arg-type]
    lookout.expect_start(child) if verb == "start" else lookout.expect_end(child, limit_s)
    desk.time += stopped_s
    while not desk.killed:
        [(at, deadline)] = desk.timers
        desk.timers.clear()
        desk.time = max(desk.time, at)
        lookout.overrun(deadline, child)
    assert stopped_s + limit_s - PIECE_S <= desk.time - 100.0 <= stopped_s + limit_s
    assert f"did not {verb} within {limit_s:g} s" in lookout.reason_of(ENDED).detail


def test_a_limit_is_nothing_to_who_has_kept_it_and_to_the_process_after_it() -> None:
    desk, child = Desk(), row("a", None)
    lookout = Lookout(desk)  # type: ignore[arg-type]
    lookout.expect_start(child)
    deadline = desk.timers.pop()[1]
    starting = replace(child, life=Life.STARTING)
    for known in (None, child, replace(starting, generation=2)):
        lookout.overrun(deadline, known)
    assert desk.timers == desk.killed == []


def test_who_has_just_gone_has_no_last_beat() -> None:
    """Its entry is empty by then, which is no beat at the beginning of time."""
    gone = describe(row("a", 1.0), "root/a", 5000.0, 0.0, Sight(Beat(1), ProcessState.GONE))
    assert gone.last_beat_s is None
