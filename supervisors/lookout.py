"""What a supervisor expects of its children in time: to start, to stop, and not to hang. Who fails is ended.

It looks at their page on a tick of its own: nothing is sent and nobody is asked. There is no tick where no child has a
heartbeat, a slow one while all of them are idle, and a fast one while one is not.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from supervisors.errors import ExitReason
from supervisors.family import Life, Row
from supervisors.liveness import BUSY_LOOK_S, UNWELL, Memory, Opinion, Sight, Verdict, judge, next_look_s
from supervisors.messages import ChildEnded
from supervisors.ports import System

PASSING = Opinion(Verdict.IDLE)
PIECE_S = 1.0
"""A limit is waited for in pieces, so that of a time in which the supervisor itself did not run no more is counted."""


class Look(Struct, frozen=True):
    """Timer: look at the children. Only the one that is due at the next planned moment counts."""

    due_at: float


class Deadline(Struct, frozen=True):
    """Timer: a child should have started, or stopped, within ``limit_s``, of which ``left_s`` are still to come."""

    child: str
    generation: int
    verb: str
    limit_s: float
    left_s: float


class Lookout:
    """The memory and the tick of one supervisor."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._ends: dict[str, ExitReason] = {}
        self._memories: dict[tuple[str, int], Memory] = {}
        self._opinions: dict[tuple[str, int], Opinion] = {}
        self._due_at: float | None = None

    def expect_start(self, row: Row) -> None:
        """The child has a new process: it must have started in time, and is looked at if it has a heartbeat. This
        supervisor itself has advanced by one start."""
        limit_s = row.spec.start_timeout_s
        self._wait(Deadline(row.id, row.generation, "start", limit_s, limit_s))
        self._system.beat()
        self.watch(row)

    def expect_end(self, row: Row, limit_s: float) -> None:
        """The child was asked to stop, and must have ended in time."""
        self._wait(Deadline(row.id, row.generation, "stop", limit_s, limit_s))

    def overrun(self, deadline: Deadline, row: Row | None) -> None:
        """End the process if it is still the one that is meant and its time is over. A start may not take longer
        because a stop waits for it."""
        if row is None or row.generation != deadline.generation:
            return
        is_starting = row.life is Life.STARTING or (row.life is Life.STOPPING and row.pid is None)
        if not (is_starting if deadline.verb == "start" else row.life is Life.STOPPING):
            return
        if deadline.left_s > 0:
            self._wait(deadline)
        else:
            self._end(row, f"it did not {deadline.verb} within {deadline.limit_s:g} s")

    def reason_of(self, ended: ChildEnded) -> ExitReason:
        """Why the child ended: what it was ended for from here, unless it went by itself before."""
        own = self._ends.pop(ended.child, None)
        return own if own is not None and ended.reason.kind == "killed" else ended.reason

    def forget(self, child: str) -> None:
        """The child has gone in good order, whatever was wanted of it."""
        self._ends.pop(child, None)

    def watch(self, row: Row) -> None:
        """The child is looked at from now on, if it has a heartbeat: for a new process, or a new heartbeat."""
        if row.spec.watched_s is not None:
            self._plan(self._system.now(), BUSY_LOOK_S)

    def look(self, tick: Look, rows: Iterable[Row]) -> None:
        """Judge every child that has a heartbeat and a process, end those that must, and plan the next look."""
        if tick.due_at != self._due_at:
            return
        self._due_at = None
        now = self._system.now()
        memories: dict[tuple[str, int], Memory] = {}
        opinions: dict[tuple[str, int], Opinion] = {}
        seen: list[tuple[Verdict, float]] = []
        for row in rows:
            heartbeat_s = row.spec.watched_s
            if heartbeat_s is None or not row.has_process:
                continue
            key = (row.id, row.generation)
            memories[key], opinion = judge(
                self._memories.get(key, Memory()),
                self._system.look(*key),
                generation=row.generation,
                heartbeat_s=heartbeat_s,
                now=now,
                late_s=now - tick.due_at,
                stop_s=row.spec.stop_s,
            )
            opinions[key] = opinion
            seen.append((opinion.verdict, heartbeat_s))
            if opinion.end:
                self._end(row, opinion.end)
        self._memories, self._opinions = memories, opinions
        again_s = next_look_s(seen)
        if again_s is not None:
            self._plan(now, again_s)

    def sight(self, row: Row) -> Sight | None:
        """A fresh look for people; None without a process."""
        return self._system.look(row.id, row.generation) if row.has_process else None

    def trouble(self, row: Row) -> str:
        """What the last look thought of a child that is not well; empty for all others."""
        opinion = self._opinions.get((row.id, row.generation), PASSING)
        silent = f" for {opinion.silent_s:.1f} s" if opinion.silent_s else ""
        return f"{opinion.verdict}{silent}" if opinion.verdict in UNWELL else ""

    def _end(self, row: Row, why: str) -> None:
        self._ends[row.id] = ExitReason("killed", f"SIGKILL: {why}")
        self._system.kill(row.id, row.generation)

    def _wait(self, deadline: Deadline) -> None:
        piece_s = min(PIECE_S, deadline.left_s)
        self._system.after(piece_s, replace(deadline, left_s=deadline.left_s - piece_s))

    def _plan(self, now: float, delay_s: float) -> None:
        due_at = now + delay_s
        if self._due_at is None or due_at < self._due_at:
            self._due_at = due_at
            self._system.after(delay_s, Look(due_at))
