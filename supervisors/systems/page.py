"""The page on which children show that they live: anonymous memory that a supervisor shares with the processes it
forks. Each child writes in one entry; the supervisor reads them all without a message or a system call.

An entry is sixteen words of eight bytes, each written whole. Entries are used again, so each carries the generation of
the child it belongs to: a pen of an earlier one finds that the entry is no longer its own and writes nothing.
"""

from __future__ import annotations

import mmap
import struct
from typing import Any

from supervisors.liveness import Beat, Stage

WORD_BYTES = 8
ENTRY_WORDS = 16
_GENERATION, _STAGE, _BUSY_SINCE, _BEAT_AT, _HANDLED, _PROGRESS, _TEXT_BYTES, _TEXT = range(8)
TEXT_BYTES_MAX = (ENTRY_WORDS - _TEXT) * WORD_BYTES
ENTRY_BYTES = ENTRY_WORDS * WORD_BYTES
ENTRIES_PER_SHEET = mmap.PAGESIZE // ENTRY_BYTES
_HEAD = struct.Struct("@QQdd")


class Pen:
    """One entry, for the child that it belongs to. Writes cost less than a microsecond and no system call."""

    def __init__(self, entry: memoryview, generation: int) -> None:
        self.generation = generation
        self._entry = entry
        self._counts: Any = entry.cast("Q")
        self._moments: Any = entry.cast("d")

    def enter(self, now: float) -> None:
        """A handler has begun at ``now``, monotonic seconds."""
        if self._counts[_GENERATION] == self.generation:
            self._moments[_BEAT_AT] = now
            self._moments[_BUSY_SINCE] = now

    def leave(self, now: float, handled: int) -> None:
        """The handler has ended; ``handled`` messages have been handled by now, starts and mail keeping aside."""
        if self._counts[_GENERATION] == self.generation:
            self._moments[_BUSY_SINCE] = 0.0
            self._moments[_BEAT_AT] = now
            self._counts[_HANDLED] = handled

    def beat(self, now: float, stage: Stage | None = None) -> None:
        """The process advances, and has reached ``stage``."""
        if self._counts[_GENERATION] == self.generation:
            self._moments[_BEAT_AT] = now
            self._counts[_PROGRESS] += 1
            if stage is not None:
                self._counts[_STAGE] = stage

    def degrade(self, reason: str) -> None:
        """The process says that it works with less than its full ability, and why; empty: it is well again. Cut to
        ``TEXT_BYTES_MAX`` bytes."""
        if self._counts[_GENERATION] == self.generation:
            text = reason.encode()[:TEXT_BYTES_MAX]
            first = _TEXT * WORD_BYTES
            self._counts[_TEXT_BYTES] = 0
            self._entry[first : first + len(text)] = text
            self._counts[_TEXT_BYTES] = len(text)

    def read(self) -> Beat:
        """What stands there now, whoever wrote it."""
        size = min(TEXT_BYTES_MAX, self._counts[_TEXT_BYTES])
        first = _TEXT * WORD_BYTES
        return Beat(
            generation=self._counts[_GENERATION],
            stage=Stage(min(self._counts[_STAGE], Stage.STOPPING)),
            busy_since=self._moments[_BUSY_SINCE] or None,
            beat_at=self._moments[_BEAT_AT],
            handled=self._counts[_HANDLED],
            progress=self._counts[_PROGRESS],
            degraded=bytes(self._entry[first : first + size]).decode(errors="ignore"),
        )


class Page:
    """The entries of one supervisor's children. A sheet is mapped when the others are full, before the child that needs
    it is forked."""

    def __init__(self) -> None:
        self._free: list[memoryview] = []

    def take(self, generation: int, now: float) -> Pen:
        """The pen of an empty entry, for a child that is about to be forked."""
        if not self._free:
            sheet = memoryview(mmap.mmap(-1, mmap.PAGESIZE))
            firsts = range(0, ENTRIES_PER_SHEET * ENTRY_BYTES, ENTRY_BYTES)
            self._free = [sheet[first : first + ENTRY_BYTES] for first in reversed(firsts)]
        entry = self._free.pop()
        entry[:] = _HEAD.pack(generation, Stage.STARTING, 0.0, now).ljust(ENTRY_BYTES, b"\0")
        return Pen(entry, generation)

    def give_back(self, pen: Pen) -> None:
        """The child is gone. Whatever still holds its pen can write here no more."""
        pen._entry[:] = bytes(ENTRY_BYTES)
        self._free.append(pen._entry)
