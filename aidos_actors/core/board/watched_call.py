"""A callable that is called alone, and the clock: how long it may take, and how long without a checkpoint.

One that travels in a batch is watched by ``actors/calling.py``, and has no limit but that of its time.
"""

from __future__ import annotations

from msgspec import Struct

from aidos_actors.core.orders import AttemptOutcome


class WatchedCall(Struct):
    """It began at ``began_at`` and said last at ``progress_at`` that it goes on: seconds of one steady clock."""

    began_at: float
    timeout_s: float
    stall_s: float | None
    progress_at: float

    @property
    def due_at(self) -> float:
        """When it will have to be looked at."""
        until = self.began_at + self.timeout_s
        return until if self.stall_s is None else min(until, self.progress_at + self.stall_s)

    def verdict(self, now: float) -> AttemptOutcome | None:
        """How it has failed by ``now``, if it has not returned; None while it may go on."""
        if now >= self.began_at + self.timeout_s:
            return failed_by("timeout", f"call did not return within its time limit of {self.timeout_s:g} s")
        if self.stall_s is not None and now >= self.progress_at + self.stall_s:
            return failed_by("stall", f"call saved no checkpoint for {self.stall_s:g} s")
        return None


def let_nobody_run(limit_s: float, place: str) -> AttemptOutcome:
    """It took its whole process with it. ``place``: where it stood, when that is known."""
    text = f"call did not return within its time limit of {limit_s:g} s, and let no other thread run"
    return failed_by("timeout", f"{text}; it stood in {place}" if place else text)


def failed_by(cause: str, error: str) -> AttemptOutcome:
    """The callable did not return, and fails by itself."""
    return AttemptOutcome(False, None, error, "call", fault="own", causes=(cause,))
