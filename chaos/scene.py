"""What a campaign knows of the run while it goes on: stages, processes, records. Looked at once a tick, from one
thread; nothing here acts on the run."""

from __future__ import annotations

import time
from pathlib import Path

from msgspec import Struct, field

from chaos.facts import Record, parse_records
from chaos.faults.processes import Process, family_of, process_of
from chaos.journal import Tail
from chaos.sight import RUNNING, Look, Sight
from chaos.stages import Stages

CENSUS_EVERY_S = 0.1
KNOWN_MAX = 100_000


class Records:
    """The records of one round: the lines tasks have appended since this was made. Looks at each new ``start`` whether
    an earlier attempt of that task still lives."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = path.stat().st_size if path.exists() else 0
        self._living: dict[str, dict[int, Process]] = {}
        self.records: list[Record] = []
        self.garbled: list[str] = []
        self.together: set[tuple[str, int, int]] = set()

    def refresh(self) -> None:
        if not self._path.exists() or self._path.stat().st_size == self._offset:
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        end = data.rfind(b"\n") + 1
        self._offset += end
        found, garbled = parse_records(data[:end].decode(errors="replace").splitlines())
        self.records += found
        self.garbled += garbled
        for record in found:
            self._compare(record)

    def _compare(self, record: Record) -> None:
        living = self._living.setdefault(record.task, {})
        if record.edge == "end":
            living.pop(record.attempt, None)
        elif record.edge == "start":
            pairs = ((record.task, earlier, record.attempt) for earlier, other in living.items() if other.is_alive)
            self.together.update(pair for pair in pairs if pair[1] != pair[2])
            process = process_of(record.pid)
            if process is not None:
                living[record.attempt] = process


class Scene(Struct):
    """One round. ``owner`` is the process below which everything of the run lives; ``whole`` the system as it was when
    all of it ran for the first time, ``sight`` as it was when last looked at."""

    tail: Tail
    stages: Stages
    look: Look
    requirement: str
    workers: int
    records: Records
    owner: Process | None = None
    whole: Sight | None = None
    sight: Sight | None = None
    known: set[Process] = field(default_factory=set)
    _census_at: float = 0.0

    def refresh(self) -> None:
        """Take in what happened since the last call."""
        for event in self.tail.take():
            self.stages.take(event)
        self.records.refresh()
        if time.monotonic() >= self._census_at and len(self.known) < KNOWN_MAX:
            self._census_at = time.monotonic() + CENSUS_EVERY_S
            if self.owner is not None:
                self.known.update(family_of(self.owner))

    def look_again(self) -> Sight | None:
        """The system as it is now; None while it does not answer."""
        now = self.look()
        if now is not None:
            self.sight = now
            if self.whole is None and self._is_whole(now):
                self.whole = now
        return now

    @property
    def has_ended(self) -> bool:
        return self.requirement in self.stages.ended

    def _is_whole(self, sight: Sight) -> bool:
        pool = sum("/workers/" in node.path for node in sight.nodes)
        return all(node.state == RUNNING for node in sight.nodes) and pool >= self.workers and len(sight.system) == 4
