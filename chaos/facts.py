"""What the laws judge, as frozen values: commits, records of tasks, the state a run left behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from chaos.journal import Event

EDGES = ("start", "beat", "end")


class Finding(Struct, frozen=True):
    """A law that was broken. ``law`` is its stable name; the text says what was seen."""

    law: str
    text: str


class Commit(Struct, frozen=True):
    """One commit on the target after the base; trailers are empty where it has none. ``reverts``: the commit that it
    takes back, if it is there for that."""

    id: str
    parents: tuple[str, ...]
    requirement: str = ""
    task: str = ""
    attempt: str = ""
    reverts: str = ""


class GitFacts(Struct, frozen=True):
    """A repository after the run: ``commits`` of the target oldest first, ``worktrees`` that were not there before."""

    base: str
    commits: tuple[Commit, ...] = ()
    worktrees: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()
    fsck: str = ""


class Record(Struct, frozen=True):
    """What a task itself wrote down. ``edge``: start, beat (it lives), end; ``at_ns`` since the epoch."""

    task: str
    attempt: int
    key: str
    edge: str
    at_ns: int
    pid: int


class Evidence(Struct, frozen=True):
    """All that is known of one requirement after the run. ``changing``: tasks that must have a commit, where told;
    ``together``: (task, earlier attempt, later attempt) seen alive at the same moment; ``garbled``: record lines that
    could not be read; ``git`` None: the requirement has no repository."""

    requirement: str
    events: tuple[Event, ...]
    status: Mapping[str, Any]
    git: GitFacts | None = None
    records: tuple[Record, ...] = ()
    garbled: tuple[str, ...] = ()
    together: tuple[tuple[str, int, int], ...] = ()
    orphans: tuple[str, ...] = ()
    changing: frozenset[str] | None = None

    @property
    def own_events(self) -> list[Event]:
        """The events of this requirement's tasks and attempts, and its own."""
        return [event for event in self.events if event["requirement"] == self.requirement]


def parse_records(lines: Iterable[str]) -> tuple[list[Record], list[str]]:
    """Records from lines ``task attempt key start|beat|end epoch_ns pid``, and the lines that are none."""
    records, garbled = [], []
    for line in lines:
        words = line.split()
        if not words:
            continue
        try:
            task, attempt, key, edge, at_ns, pid = words
            if edge not in EDGES:
                raise ValueError(edge)
            records.append(Record(task, int(attempt), key, edge, int(at_ns), int(pid)))
        except ValueError:
            garbled.append(line)
    return records, garbled
