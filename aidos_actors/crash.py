"""Lets a test end this very process just before or just after a registered effect (``core/crash_points.py``).

In normal runs each of the two calls is one comparison. A test arms them in its own process with ``arm``, or in every
process of a real system by two variables, which only together have an effect: ``AIDOS_CRASH_AT`` names places as
``point:before|after:n``, separated by commas, and ``AIDOS_CRASH_MARKS`` a folder. The process that comes to the first
place for the n-th time (counted over all processes) ends by SIGKILL, once: a mark in the folder, synced before, says
that it has; from then on the next place counts. Standard library only, and little of it: nurseries load this file.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

AT_VARIABLE = "AIDOS_CRASH_AT"
MARKS_VARIABLE = "AIDOS_CRASH_MARKS"

_strike: Callable[[str, str], None] | None = None


def before(point: str) -> None:
    """The effect ``point`` is about to happen in this process."""
    if _strike is not None:
        _strike(point, "before")


def after(point: str) -> None:
    """The effect ``point`` has happened, and nobody has been told by this process."""
    if _strike is not None:
        _strike(point, "after")


def arm(strike: Callable[[str, str], None] | None) -> None:
    """``strike(point, side)`` is called at every point that this process comes to; None: nothing is any more."""
    global _strike  # noqa: PLW0603 - the one thing a normal run compares with None
    _strike = strike


class _Orders:
    """Where to end, as the two variables say."""

    def __init__(self, places: str, folder: str) -> None:
        self._places = [place.split(":") for place in places.split(",")]
        self._folder = folder

    def __call__(self, point: str, side: str) -> None:
        struck = 0
        while struck < len(self._places) and os.path.exists(self._mark(struck)):  # noqa: PTH110 - pathlib is slow to load
            struck += 1
        for place in range(struck):
            self._note_again(place, point, side)
        if struck < len(self._places) and self._places[struck][:2] == [point, side]:
            count = self._append(f"{self._folder}/count-{struck}", b".")
            if count == int(self._places[struck][2]):
                self._write(self._mark(struck))
                os.kill(os.getpid(), 9)

    def _note_again(self, place: int, point: str, side: str) -> None:
        """Who was ended at ``place`` has a successor that has done the same: the time it took can be told."""
        again = f"{self._folder}/again-{place}"
        if side == "after" and self._places[place][0] == point and not os.path.exists(again):  # noqa: PTH110
            self._write(again)

    def _mark(self, place: int) -> str:
        return f"{self._folder}/struck-{place}"

    def _write(self, path: str) -> None:
        """``path`` is on disk with this process's name in it."""
        self._append(path, f"{os.getpid()}\n".encode())
        folder = os.open(self._folder, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    def _append(self, path: str, data: bytes) -> int:
        """How long the file is with ``data``, synced, at its end; exact also when several processes append at once."""
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, data)
            os.fsync(handle)
            return os.lseek(handle, 0, os.SEEK_CUR)
        finally:
            os.close(handle)


if AT_VARIABLE in os.environ and MARKS_VARIABLE in os.environ:
    arm(_Orders(os.environ[AT_VARIABLE], os.environ[MARKS_VARIABLE]))
