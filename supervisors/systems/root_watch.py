"""The look at the root, which no supervisor watches: it inherits a page from the launcher. That a process of the system
is held by a signal its guardian sees; here it is a handler that hangs."""

from __future__ import annotations

from supervisors.liveness import BUSY_LOOK_S, Memory, ProcessState, Sight, Verdict, judge
from supervisors.systems.page import Pen


class RootWatch:
    """Looks once a heartbeat while the root is idle; never with ``heartbeat_s`` None. Moments are monotonic seconds."""

    def __init__(self, pen: Pen, heartbeat_s: float | None, now: float) -> None:
        self._pen = pen
        self._heartbeat_s = heartbeat_s
        self._memory = Memory()
        self._due_at = now + (heartbeat_s or 0.0)

    def wait_s(self, limit_s: float, now: float) -> float:
        """For how long nobody need look, at most ``limit_s``."""
        return limit_s if self._heartbeat_s is None else max(0.0, min(limit_s, self._due_at - now))

    def verdict(self, now: float) -> str:
        """Look, if it is time; why the root must be ended, or empty."""
        if self._heartbeat_s is None or now < self._due_at:
            return ""
        self._memory, opinion = judge(
            self._memory,
            Sight(self._pen.read(), ProcessState.UNKNOWN),
            generation=self._pen.generation,
            heartbeat_s=self._heartbeat_s,
            now=now,
            late_s=now - self._due_at,
        )
        is_calm = opinion.verdict in (Verdict.IDLE, Verdict.STARTING)
        self._due_at = now + (self._heartbeat_s if is_calm else BUSY_LOOK_S)
        return opinion.end
