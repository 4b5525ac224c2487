"""The journal of a system that is measured, read from its day files: the Scheduler is asked nothing meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PATIENCE_S = 300.0
PAUSE_S = 0.001


class Journal:
    """What is written to the state directory's journal from now on. One thread."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / "journal"
        self._bytes_read = {path: path.stat().st_size for path in self._paths()}
        self._text = bytearray()

    def wait(self, kind: str, count: int, within_s: float = PATIENCE_S) -> None:
        """``count`` events of that type have come since this journal was opened, or forgot."""
        word, until = f'"{kind}"'.encode(), time.monotonic() + within_s
        seen = self._text.count(word)
        while seen < count:
            new = self.look()
            seen += new.count(word)
            if not new:
                if time.monotonic() > until:
                    raise TimeoutError(f"{seen} of {count} {kind} after {within_s:g} s")
                time.sleep(PAUSE_S)

    def events(self, *kinds: str) -> Iterator[dict[str, Any]]:
        """The events of these types, of what was read so far; ``at`` is in seconds since 1970."""
        words = [f'"{kind}"'.encode() for kind in kinds]
        for line in self._text.splitlines():
            if any(word in line for word in words):
                yield json.loads(line)

    def forget(self) -> None:
        """What was read so far, and what has come meanwhile, counts no more."""
        self.look()
        self._text.clear()

    def look(self) -> bytes:
        """What has come since the last look. Whole lines only; the rest of one comes with the next."""
        new = b""
        for path in self._paths():
            with path.open("rb") as file:
                file.seek(self._bytes_read.get(path, 0))
                text = file.read()
            whole = text[: text.rfind(b"\n") + 1]
            self._bytes_read[path] = self._bytes_read.get(path, 0) + len(whole)
            new += whole
        self._text += new
        return new

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("????-??-??.jsonl"))
