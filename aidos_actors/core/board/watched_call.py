"""A callable that is called alone, and the clock: how long it may take, and how long without a checkpoint.

One that travels in a batch is watched by ``actors/calling.py``, and has no limit but that of its time.
"""

from __future__ import annotations

from aidos_actors.core.orders import AttemptOutcome
from aidos_actors.core.silence import Signs, Silence, is_held_up, look_every_s


class WatchedCall:
    """It begins ``now``: seconds of one steady clock. Its time limit is wall clock; its silence counts only while its
    watcher, who is of the same process, runs."""

    def __init__(self, now: float, timeout_s: float, stall_s: float | None) -> None:
        self._timeout_s = timeout_s
        self._until = self._due_at = now + timeout_s
        self._silence = Silence(stall_s, now, Signs(), ()) if stall_s is not None else None

    def heard(self, now: float) -> None:
        """It has said that it goes on. Any thread."""
        if self._silence is not None:
            self._silence.heard(now)

    def look(self, now: float) -> AttemptOutcome | float:
        """How it has failed by ``now``, if it has not returned; or when it is to be looked at again."""
        due_at, silence = self._due_at, self._silence
        if now >= self._until:
            return failed_by("timeout", f"call did not return within its time limit of {self._timeout_s:g} s")
        self._due_at = self._until
        if silence is not None:
            if is_held_up(due_at, now):
                silence.heard(now)
            if silence.is_too_long(now):
                return failed_by("stall", f"call saved no checkpoint for {silence.stall_s:g} s")
            self._due_at = min(self._until, silence.too_long_at, now + look_every_s(silence.stall_s))
        return self._due_at


def let_nobody_run(limit_s: float, place: str) -> AttemptOutcome:
    """It took its whole process with it. ``place``: where it stood, when that is known."""
    text = f"call did not return within its time limit of {limit_s:g} s, and let no other thread run"
    return failed_by("timeout", f"{text}; it stood in {place}" if place else text)


def failed_by(cause: str, error: str) -> AttemptOutcome:
    """The callable did not return, and fails by itself."""
    return AttemptOutcome(False, None, error, "call", fault="own", causes=(cause,))
