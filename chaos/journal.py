"""The runtime's journal as text: followed while it grows, read whole at the end. Starts no process, locks nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Event = dict[str, Any]
DAY_FILES = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9].jsonl"
LINES_MAX = 5_000_000
CLOCK_TICK_S = 0.1  # of the clock of files, many times over


def read_journal(state_dir: Path) -> list[Event]:
    """All events on disk, in file order; a last line without its end is left out."""
    events = []
    for path in _day_files(state_dir):
        with path.open("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):
                    events.append(json.loads(line))
                if len(events) > LINES_MAX:
                    raise ValueError(f"the journal of {state_dir} has more than {LINES_MAX} lines")
    return events


class Tail:
    """New events since the last look. For timing only: an event seen here may be taken back by a crash, and then it
    comes again, perhaps otherwise; what holds is what ``read_journal`` gives at the end."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._path: Path | None = None
        self._offset = 0
        self._listed_of: float | None = None

    def take(self) -> Iterator[Event]:
        while True:
            if self._path is not None:
                yield from self._rest_of(self._path)
            newer = self._newer()
            if newer is None:
                return
            self._path, self._offset = newer, 0

    def _rest_of(self, path: Path) -> Iterator[Event]:
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            return
        if size < self._offset:  # an unconfirmed tail was cut off
            self._offset = size
        if size == self._offset:
            return
        with path.open("rb") as file:
            file.seek(self._offset)
            data = file.read(size - self._offset)
        end = data.rfind(b"\n") + 1
        self._offset += end
        for line in data[:end].splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue  # cut and written anew between two looks: this is the rest of a line

    def _newer(self) -> Path | None:
        """The first day file after the one being read. The folder is listed only when something was made in it: this is
        asked a thousand times a second."""
        try:
            changed_at = (self._state_dir / "journal").stat().st_mtime
        except FileNotFoundError:
            return None
        if changed_at == self._listed_of:
            return None
        paths = _day_files(self._state_dir)
        newer = next((path for path in paths if self._path is None or path.name > self._path.name), None)
        if newer is None and time.time() - changed_at > CLOCK_TICK_S:  # else more may be made at the same moment yet
            self._listed_of = changed_at
        return newer


def _day_files(state_dir: Path) -> list[Path]:
    return sorted((state_dir / "journal").glob(DAY_FILES))
