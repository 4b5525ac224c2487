"""Whether a task has been silent for too long: of a command no output, no change to a file, no work of its processes;
of a callable no checkpoint.

A sign that could not be looked at is no sign of silence: whoever cannot be seen is not called dead. Nor is time in
which his watcher did not run itself, as nobody of a paused container does. What bounds him then is his time limit.
Standard library only, and little of it: minders use this. Seconds of any clock that never goes back.
"""

from __future__ import annotations

CPU_SHARE = 0.05
"""Processes that together use less of one processor than this, on average since the last look, wait for something: an
event loop that is idle uses about a hundredth."""
LOOK_MIN_S, LOOK_MAX_S = 0.25, 15.0
LATE_S = 1.0
"""Who looks so much later than planned was stopped, or starved; a machine that is only busy seldom does that."""


def look_every_s(stall_s: float) -> float:
    """How often to look, so that little of a time in which the watcher did not run is taken for silence."""
    return min(LOOK_MAX_S, max(LOOK_MIN_S, stall_s / 4))


def is_held_up(due_at: float, now: float) -> bool:
    """Whether a watcher that meant to look at ``due_at``, and does so ``now``, did not run in between: what it did not
    see is no silence, which counts anew from here."""
    return now > due_at + LATE_S


class Signs:
    """What was seen at one look; None: it could not be looked at, or is not wanted. ``output_bytes`` were written so
    far, ``files`` differs when a file has changed, ``cpu_s`` is what the living ``processes`` have used."""

    __slots__ = ("cpu_s", "files", "output_bytes", "processes")

    def __init__(
        self,
        output_bytes: int | None = None,
        files: tuple[int, int] | None = None,
        cpu_s: float | None = None,
        processes: frozenset[int] | None = None,
    ) -> None:
        self.output_bytes = output_bytes
        self.files = files
        self.cpu_s = cpu_s
        self.processes = processes


class Silence:
    """Holds one task against ``stall_s``. ``wanted`` names the signs without which nobody calls it silent."""

    def __init__(self, stall_s: float, now: float, first: Signs, wanted: tuple[str, ...]) -> None:
        self.stall_s = stall_s
        self._wanted = wanted
        self._last = first
        self._looked_at = now
        self._progress_at = now
        self._is_blind = False

    def heard(self, now: float) -> None:
        """It is known from elsewhere that it goes on."""
        self._progress_at = max(self._progress_at, now)

    def look(self, now: float, signs: Signs) -> None:
        """``signs`` are how it looks now."""
        self._is_blind = any(getattr(signs, name) is None for name in self._wanted)
        if self._has_moved(now - self._looked_at, signs):
            self.heard(now)
        for name in Signs.__slots__:
            if getattr(signs, name) is None:
                setattr(signs, name, getattr(self._last, name))
        self._last = signs
        self._looked_at = now

    def is_too_long(self, now: float) -> bool:
        """It has been silent for ``stall_s``, and whoever looked last could see everything."""
        return not self._is_blind and now >= self.too_long_at

    @property
    def too_long_at(self) -> float:
        """When it will be, if nothing more is heard of it."""
        return self._progress_at + self.stall_s

    def _has_moved(self, elapsed_s: float, signs: Signs) -> bool:
        last = self._last
        if _differs(signs.output_bytes, last.output_bytes) or _differs(signs.files, last.files):
            return True
        if _differs(signs.processes, last.processes):
            return True  # one has begun or ended: somebody did that
        if signs.cpu_s is None or last.cpu_s is None:
            return False
        return signs.cpu_s - last.cpu_s >= CPU_SHARE * elapsed_s > 0


def _differs(new: object, old: object) -> bool:
    return new is not None and old is not None and new != old
