"""The journal of a system that is measured, read from its day files: the Scheduler is asked nothing meanwhile.

A Scheduler that was killed may leave lines that its ledger never confirmed; its successor cuts them off and writes
others in their place. So what was read is compared with what is there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PATIENCE_S = 300.0
PAUSE_S = 0.001
COMPARED_BYTES = 1024


class Journal:
    """What is written to the state directory's journal from now on. One thread."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / "journal"
        self._days = {path: _Day(path, path.stat().st_size) for path in self._paths()}

    def wait(self, kind: str, count: int, within_s: float = PATIENCE_S) -> None:
        """``count`` events of that type have come since this journal was opened, or forgot."""
        word, until = f'"{kind}"'.encode(), time.monotonic() + within_s
        while (seen := sum(day.count(word) for day in self._days.values())) < count:
            if not self.look():
                if time.monotonic() > until:
                    raise TimeoutError(f"{seen} of {count} {kind} after {within_s:g} s")
                time.sleep(PAUSE_S)

    def events(self, *kinds: str) -> Iterator[dict[str, Any]]:
        """The events of these types, of what was read so far; ``at`` is in seconds since 1970."""
        words = [f'"{kind}"'.encode() for kind in kinds]
        for day in self._days.values():
            for line in day.lines():
                if any(word in line for word in words):
                    yield json.loads(line)

    def forget(self) -> None:
        """What was read so far, and what has come meanwhile, counts no more."""
        self.look()
        for day in self._days.values():
            day.forget()

    def look(self) -> bool:
        """Reads what has come; whether anything had."""
        for path in self._paths():
            self._days.setdefault(path, _Day(path, 0))
        return any(list(map(_Day.look, self._days.values())))

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("????-??-??.jsonl"))


class _Day:
    """One file from byte ``begin`` on: whole lines only; the rest of one comes with the next look."""

    def __init__(self, path: Path, begin: int) -> None:
        self._path, self._begin = path, begin
        self._text = bytearray()
        self._from = 0
        self._counts: dict[bytes, tuple[int, int]] = {}  # word: how often, and up to which byte

    def look(self) -> bool:
        known = bytes(self._text[-COMPARED_BYTES:])
        with self._path.open("rb") as file:
            file.seek(self._begin + len(self._text) - len(known))
            text = file.read()
            if text.startswith(known):
                new = text[len(known) : text.rfind(b"\n") + 1]
                self._text += new
                return bool(new)
            file.seek(self._begin)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._from = min(self._from, _bytes_alike(self._text, whole))
        self._text = bytearray(whole)
        self._counts.clear()
        return True

    def count(self, word: bytes) -> int:
        found, at = self._counts.get(word, (0, self._from))
        found += self._text.count(word, at)
        self._counts[word] = found, len(self._text)
        return found

    def lines(self) -> list[bytearray]:
        return self._text[self._from :].splitlines()

    def forget(self) -> None:
        self._from = len(self._text)
        self._counts.clear()


def _bytes_alike(before: bytearray, now: bytes) -> int:
    """How many bytes the same lines at the beginning of both have."""
    alike = 0
    for one, other in zip(before.splitlines(keepends=True), now.splitlines(keepends=True), strict=False):
        if one != other:
            break
        alike += len(one)
    return alike
