"""SIGALRM, when a callable has set an alarm: Python lets only the main thread handle signals, and there none is called.

So nothing would hear it, and it would end the whole worker. Here it ends nobody and is noted, and the callable is told
that it came.
"""

from __future__ import annotations

import faulthandler
import os
import signal

from aidos_actors.core.errors import AidosError
from aidos_actors.executors.last_resort import STACK_BYTES_MAX, place_in


class AlarmRang(AidosError):
    """An alarm that the callable had set went off while it was called, and nobody could handle it."""

    code = "alarm_rang"

    @classmethod
    def at(cls, place: str) -> AlarmRang:
        return cls(
            "SIGALRM came while it was called" + (f", at {place}" if place else ""),
            hint="a callable cannot handle signals: they come to another thread; limit it by its task's timeout",
        )


class StrayAlarm:
    """For a process in which one callable at a time is called."""

    def __init__(self) -> None:
        self._notes = -1

    def listen(self) -> None:
        """From here on SIGALRM is noted, by a handler in C that needs no thread of Python's, and ends nobody. To be
        called in the main thread."""
        self._notes = os.memfd_create("aidos alarm")
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # what a fork child has
        faulthandler.register(signal.SIGALRM, file=self._notes, all_threads=True)
        os.register_at_fork(after_in_child=self._stop)

    def end(self) -> str | None:
        """No timer of the callable's goes off any more. Where it stood when one did; None when none did."""
        signal.alarm(0)
        try:
            if self._notes < 0 or os.lseek(self._notes, 0, os.SEEK_CUR) == 0:  # where the handler would write next
                return None
            stacks = os.pread(self._notes, STACK_BYTES_MAX, 0)
            os.ftruncate(self._notes, 0)
            os.lseek(self._notes, 0, os.SEEK_SET)
        except OSError:  # it has closed what is not its own
            return None
        return place_in(stacks.decode(errors="replace"))

    def _stop(self) -> None:
        """In a fork child, whose alarms are its own."""
        self._notes = -1
        faulthandler.unregister(signal.SIGALRM)


ALARM = StrayAlarm()
