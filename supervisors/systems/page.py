"""The page on which children show that they live: anonymous memory that a supervisor shares with the processes it
forks. Each child writes in one entry; the supervisor reads them all without a message or a system call.

An entry is sixteen words of eight bytes, each written whole. Entries are used again, so each carries the generation of
the child it belongs to: a pen of an earlier one finds that the entry is no longer its own and writes nothing.

Behind the entries each child has a leaf of its own, which takes memory when it is first written: for each of its last
senders a mark that stands for it, and the number of its message that was begun last. It is read when the child has
ended, however it did; a word to the sender may not have left by then.
"""

from __future__ import annotations

import mmap
import struct
from typing import Any

from supervisors.liveness import Beat, Stage

WORD_BYTES = 8
ENTRY_WORDS = 16
_GENERATION, _STAGE, _BUSY_SINCE, _BEAT_AT, _HANDLED, _PROGRESS, _MARKS, _TEXT_BYTES, _TEXT = range(9)
TEXT_BYTES_MAX = (ENTRY_WORDS - _TEXT) * WORD_BYTES
ENTRY_BYTES = ENTRY_WORDS * WORD_BYTES
ENTRIES_PER_SHEET = mmap.PAGESIZE // ENTRY_BYTES
MARKS_MAX = mmap.PAGESIZE // (2 * WORD_BYTES)
_HEAD = struct.Struct("@QQdd")


class Pen:
    """One entry and its leaf, for the child that they belong to. Writes cost about a microsecond and no system call."""

    def __init__(self, entry: memoryview, leaf: memoryview, generation: int) -> None:
        self.generation = generation
        self._entry, self._leaf = entry, leaf
        self._marks: Any = leaf.cast("Q")
        self._slots: dict[int, int] = {}
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

    def begun(self, mark: int, number: int) -> None:
        """The message ``number`` of what ``mark`` stands for has begun. The last ``MARKS_MAX`` marks are kept."""
        if self._counts[_GENERATION] == self.generation:
            slot = self._slots.get(mark)
            if slot is None:
                slot = self._slot_for(mark)
            self._marks[2 * slot + 1] = number

    def _slot_for(self, mark: int) -> int:
        used = len(self._slots)
        slot = used if used < MARKS_MAX else self._slots.pop(next(iter(self._slots)))
        self._slots[mark] = slot
        self._marks[2 * slot + 1] = 0
        self._marks[2 * slot] = mark
        self._counts[_MARKS] = len(self._slots)
        return slot

    def marks(self) -> dict[int, int]:
        """For each mark the number of the message that was begun last."""
        words = self._marks[: 2 * min(MARKS_MAX, self._counts[_MARKS])].tolist()
        return dict(zip(words[::2], words[1::2], strict=True))

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
        self._free: list[tuple[memoryview, memoryview]] = []

    def take(self, generation: int, now: float) -> Pen:
        """The pen of an empty entry, for a child that is about to be forked."""
        if not self._free:
            sheet = memoryview(mmap.mmap(-1, (1 + ENTRIES_PER_SHEET) * mmap.PAGESIZE))
            entries = [sheet[each * ENTRY_BYTES :][:ENTRY_BYTES] for each in range(ENTRIES_PER_SHEET)]
            leaves = [sheet[each * mmap.PAGESIZE :][: mmap.PAGESIZE] for each in range(1, 1 + ENTRIES_PER_SHEET)]
            self._free = list(zip(entries, leaves, strict=True))[::-1]
        entry, leaf = self._free.pop()
        entry[:] = _HEAD.pack(generation, Stage.STARTING, 0.0, now).ljust(ENTRY_BYTES, b"\0")
        return Pen(entry, leaf, generation)

    def give_back(self, pen: Pen) -> None:
        """The child is gone. Whatever still holds its pen can write here no more."""
        pen._entry[:] = bytes(ENTRY_BYTES)
        self._free.append((pen._entry, pen._leaf))
