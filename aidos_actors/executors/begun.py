"""Which callable a worker has begun last, told in a way that outlives it.

A file mapped into memory: a killed process leaves behind what it wrote last, and writing costs no system call. There
are two places, and one byte says which of them counts, so that a death while writing leaves the one before.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from aidos_actors.core.orders import AttemptKey
from aidos_actors.executors.last_resort import SUFFIX, LastResort, overdue

PLACE_BYTES = 256
FILES_MAX = 16


class BegunMark:
    """The mark of one life of a worker, in ``folder``. OSError when it cannot be made."""

    def __init__(self, folder: Path, incarnation: str) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)[: -FILES_MAX + 1]:
            old.unlink(missing_ok=True)
        handle = os.open(folder / incarnation, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(handle, 1 + 2 * PLACE_BYTES)
            self._map = mmap.mmap(handle, 1 + 2 * PLACE_BYTES)
        finally:
            os.close(handle)
        self._place = 0

    def begin(self, key: AttemptKey, limit_s: float) -> None:
        """``key`` is being called from here on; it should end within ``limit_s`` seconds. It stays the one begun last
        after its end, for its result is not on record yet."""
        self._write(f"{key.requirement} {key.task} {key.number}\n".encode())

    def rest(self) -> None:
        """Nothing is being called, or it was given up, and may go on for as long as this process lives."""

    def _write(self, line: bytes) -> None:
        self._place = 1 - self._place
        at = 1 + self._place * PLACE_BYTES
        self._map[at : at + len(line)] = line
        self._map[0] = self._place


class TimedMark(BegunMark):
    """A mark whose process ends when what is being called does not, whatever it does."""

    def __init__(self, folder: Path, incarnation: str) -> None:
        super().__init__(folder, incarnation)
        self._last_resort = LastResort(folder, incarnation)

    def begin(self, key: AttemptKey, limit_s: float) -> None:
        super().begin(key, limit_s)
        self._last_resort.expect_end_within(limit_s)

    def rest(self) -> None:
        self._last_resort.call_off()


def begun_by(folder: Path, incarnation: str) -> tuple[AttemptKey, ...] | None:
    """What that life of a worker, which is over, had begun last; None when nobody knows. It may have ended: of that its
    worker may have died, and if its result is on record, nothing follows from its being named."""
    try:
        content = (folder / incarnation).read_bytes()
        at = 1 + content[0] * PLACE_BYTES
        line, end, _rest = content[at : at + PLACE_BYTES].partition(b"\n")
        if not end:
            return ()
        words = line.decode().split(" ")
        return (AttemptKey(words[0], words[1], int(words[2])),) if len(words) == 3 else ()
    except (OSError, ValueError, IndexError):
        return None


def last_calls(folder: Path, incarnation: str) -> tuple[tuple[AttemptKey, ...] | None, str | None]:
    """``begun_by``, and ``overdue`` of the last resort, of that life of a worker."""
    return begun_by(folder, incarnation), overdue(folder, incarnation)


def forget(folder: Path, incarnation: str) -> None:
    """The mark is gone."""
    for name in (incarnation, f"{incarnation}{SUFFIX}"):
        (folder / name).unlink(missing_ok=True)
