"""A day's spending on disk: written before each call and after it, so that no death makes it forget one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from aidos_actors import crash
from aidos_actors.analyzers.answers import NotNow
from aidos_actors.core.agents.spending import Charge, DayLimits, Spent, day_of, reserve, settle, until_next_day_s
from aidos_actors.durable_file import write_durably


class Purse:
    """Owned by one process; any thread. A file that cannot be understood counts as a day that is spent."""

    def __init__(self, file: Path, limits: DayLimits, wall: Callable[[], float] = time.time) -> None:
        self._file = file
        self._limits = limits
        self._wall = wall
        self._lock = threading.Lock()

    def take(self, charge: Charge) -> str:
        """The charge is on record; the day it counts for. ``NotNow`` when the day's budget does not hold it, or while
        the other side rests. OSError: nothing was taken."""
        with self._lock:
            wall = self._wall()
            spent = self._spent()
            rest_s = min(spent.resting_until - wall, 86400.0)  # a clock that was set back makes no longer rest
            if rest_s > 0:
                raise NotNow("it asked not to be called yet", rest_s)
            after = reserve(spent, self._limits, charge, wall)
            if isinstance(after, str):
                raise NotNow(f"its budget of {after} a day does not hold another call", until_next_day_s(wall))
            crash.before("charge-taken")
            self._write(after)
            crash.after("charge-taken")
            return after.day

    def correct(self, reserved: Charge, actual: Charge, day: str, rest_s: float | None = None) -> None:
        """What was taken on that day was another charge. With ``rest_s`` nobody is to be called for so long, whoever
        asks then. OSError: it stays as it was taken."""
        with self._lock:
            spent = settle(self._spent(), reserved, actual, day)
            if rest_s is not None:
                spent = replace(spent, resting_until=self._wall() + rest_s)
            crash.before("charge-corrected")
            self._write(spent)
            crash.after("charge-corrected")

    def _spent(self) -> Spent:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Spent)
        except FileNotFoundError:
            return Spent()
        except msgspec.MsgspecError as error:
            self._write(Spent(day_of(self._wall()), calls=2**53, tokens=2**53, cost=2.0**53, seconds=2.0**53))
            raise NotNow(f"{self._file} cannot be understood, so the day counts as spent: {error}", 60.0) from error

    def _write(self, spent: Spent) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_durably(self._file, msgspec.json.encode(spent), self._file.with_name(f"{self._file.name}.part"))
