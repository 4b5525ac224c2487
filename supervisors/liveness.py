"""Whether a child lives, advances or hangs, judged from its page entry and from what the operating system says of it.

Alive is not enough: late, stalled, stopped and gone are different verdicts, and only two of them end a process. Idle is
healthy for ever. How long a healthy handler may take is no reason to wait for a process that a signal has stopped.
A look that comes late says that the watcher was held up, so what passed meanwhile is not held against the child, and
nobody is ended on that look: the machine may have been suspended, or everything on it been stopped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import IntEnum, StrEnum

from msgspec import Struct

IDLE_LOOK_S = 2.5
BUSY_LOOK_S = 0.2
LATE_LOOK_S = 0.25
PERIODS_MAX = 2
STOPPED_MAX_S = 5.0
"""So long a process may stay stopped by a signal while its watcher runs, if two heartbeats are not shorter: time enough
for somebody who stopped many to continue one after the other."""


class Stage(IntEnum):
    """How far a process has come, by its own word. STARTING: not ready yet; STOPPING: in its last handler."""

    STARTING = 0
    SERVING = 1
    STOPPING = 2


class ProcessState(StrEnum):
    """What the operating system says. STOPPED: by a signal. TRACED: held by a debugger, which means to go on with it:
    it has the time of a handler. UNKNOWN: it could not be asked, which proves nothing."""

    RUNS = "runs"
    STOPPED = "stopped"
    TRACED = "traced"
    GONE = "gone"
    UNKNOWN = "unknown"


class Doing(StrEnum):
    """What the page entry says, measured in heartbeats: within one, within two, beyond them."""

    STARTING = "starting"
    IDLE = "idle"
    WORKING = "working"
    SLOW = "slow"
    SILENT = "silent"


class Verdict(StrEnum):
    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"
    LATE = "late"
    STALLED = "stalled"
    STOPPED = "stopped"
    GONE = "gone"


_BY_PAGE = {
    Doing.STARTING: Verdict.STARTING,
    Doing.IDLE: Verdict.IDLE,
    Doing.WORKING: Verdict.BUSY,
    Doing.SLOW: Verdict.LATE,
    Doing.SILENT: Verdict.STALLED,
}
VERDICTS: dict[ProcessState, dict[Doing, Verdict]] = {
    ProcessState.RUNS: _BY_PAGE,
    ProcessState.UNKNOWN: _BY_PAGE,
    ProcessState.STOPPED: dict.fromkeys(Doing, Verdict.STOPPED),
    ProcessState.TRACED: dict.fromkeys(Doing, Verdict.STOPPED),
    ProcessState.GONE: dict.fromkeys(Doing, Verdict.GONE),
}
UNWELL = frozenset({Verdict.LATE, Verdict.STALLED, Verdict.STOPPED})


class Beat(Struct, frozen=True):
    """One page entry. Moments are monotonic seconds; ``busy_since`` is None outside a handler, ``beat_at`` is the last
    moment at which anything was written, ``handled`` and ``progress`` only grow."""

    generation: int
    stage: Stage = Stage.STARTING
    busy_since: float | None = None
    beat_at: float = 0.0
    handled: int = 0
    progress: int = 0
    degraded: str = ""


class Sight(Struct, frozen=True):
    """What one look at a child has shown."""

    beat: Beat
    process: ProcessState


class Memory(Struct, frozen=True):
    """What a supervisor keeps of one child between two looks: the last sign of life, how much of the silence since then
    is excused, since when it was seen stopped and how much of that is excused. Monotonic moments, seconds."""

    sign_at: float = 0.0
    excused_s: float = 0.0
    stopped_at: float | None = None
    stopped_excused_s: float = 0.0


class Opinion(Struct, frozen=True):
    """``end``: empty, or why the process must be ended now."""

    verdict: Verdict
    silent_s: float = 0.0
    end: str = ""


def judge(
    memory: Memory,
    sight: Sight,
    *,
    generation: int,
    heartbeat_s: float,
    now: float,
    late_s: float = 0.0,
    stop_s: float = math.inf,
) -> tuple[Memory, Opinion]:
    """What to think of the child of ``generation`` at ``now``, and what to remember. ``late_s`` is by how much this
    look was late, ``stop_s`` how long its last handler may take."""
    was_late = late_s > min(LATE_LOOK_S, heartbeat_s / 2)
    excuse_s = late_s if was_late else 0.0
    memory, silent_s = _silence(memory, sight.beat, now, excuse_s)
    memory, stopped_s = _standstill(memory, sight.process, now, excuse_s)
    limit_s = PERIODS_MAX * heartbeat_s
    doing = _doing(sight.beat, generation, silent_s, heartbeat_s, max(stop_s, limit_s))
    verdict = VERDICTS[sight.process][doing]
    why = ""
    if verdict is Verdict.STOPPED and stopped_s >= _stopped_limit_s(sight.process, limit_s):
        holder = "a debugger" if sight.process is ProcessState.TRACED else "a signal"
        why = f"stopped: held by {holder} for {stopped_s:.1f} s"
    elif doing is Doing.SILENT and verdict in UNWELL:
        where = "on_stop" if sight.beat.stage is Stage.STOPPING else "one handler"
        why = f"stalled: in {where} for {silent_s:.1f} s without progress"
    if why:
        why = f"{why}, heartbeat_s is {heartbeat_s:g}"
    return memory, Opinion(verdict, silent_s, "" if was_late else why)


def next_look_s(seen: Iterable[tuple[Verdict, float]]) -> float | None:
    """When to look again, for children of these verdicts and heartbeats: soon while one is not idle; None when nobody
    is watched. An idle child that gets stuck is on the page since when, so a slow look finds it no later."""
    spans = [
        min(IDLE_LOOK_S, max(BUSY_LOOK_S, heartbeat_s / 2)) if verdict is Verdict.IDLE else BUSY_LOOK_S
        for verdict, heartbeat_s in seen
    ]
    return min(spans, default=None)


def _silence(memory: Memory, beat: Beat, now: float, excuse_s: float) -> tuple[Memory, float]:
    """For how long a busy child has shown no sign, less what is excused; 0 when it is not in a handler."""
    if beat.busy_since is None:
        return Memory(0.0, 0.0, memory.stopped_at, memory.stopped_excused_s), 0.0
    sign_at = max(beat.busy_since, beat.beat_at)
    silent_s = max(0.0, now - sign_at)
    before_s = memory.excused_s if memory.sign_at == sign_at else 0.0
    excused_s = min(silent_s, before_s + excuse_s)
    memory = Memory(sign_at, excused_s, memory.stopped_at, memory.stopped_excused_s)
    return memory, silent_s - excused_s


def _standstill(memory: Memory, process: ProcessState, now: float, excuse_s: float) -> tuple[Memory, float]:
    """For how long the process has been seen stopped; a failed look-up changes nothing about that. Whose watcher was
    held up for long may have been stopped with it, and has the whole time to be continued."""
    if process in (ProcessState.RUNS, ProcessState.GONE):
        return Memory(memory.sign_at, memory.excused_s), 0.0
    if memory.stopped_at is None or excuse_s >= STOPPED_MAX_S:
        stopped_at = None if process is ProcessState.UNKNOWN else now
        return Memory(memory.sign_at, memory.excused_s, stopped_at), 0.0
    excused_s = memory.stopped_excused_s + excuse_s
    return Memory(memory.sign_at, memory.excused_s, memory.stopped_at, excused_s), now - memory.stopped_at - excused_s


def _stopped_limit_s(process: ProcessState, handler_limit_s: float) -> float:
    return handler_limit_s if process is ProcessState.TRACED else min(handler_limit_s, STOPPED_MAX_S)


def _doing(beat: Beat, generation: int, silent_s: float, heartbeat_s: float, stop_limit_s: float) -> Doing:
    if beat.generation != generation or beat.stage is Stage.STARTING:
        return Doing.STARTING
    if beat.busy_since is None:
        return Doing.IDLE
    if beat.stage is Stage.STOPPING:
        return Doing.WORKING if silent_s <= stop_limit_s else Doing.SILENT
    if silent_s <= heartbeat_s:
        return Doing.WORKING
    return Doing.SLOW if silent_s <= PERIODS_MAX * heartbeat_s else Doing.SILENT
