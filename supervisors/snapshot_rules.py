"""The law of stored state: who may write, which snapshot a start uses, and when one is set aside.

Rules for this file: pure. Every adapter stores a ``Head`` and asks here what becomes of it.
"""

from __future__ import annotations

import json

from msgspec import Struct
from msgspec.structs import asdict, replace

from supervisors.snapshot_errors import SnapshotConflict, SnapshotUnreadable
from supervisors.snapshot_format import Snapshot, decode

KEPT = 3
ASIDE_KEPT = 3
STRIKES_MAX = 2
SILENT_FREE = 20


class Head(Struct, frozen=True):
    """What is known beside the snapshots. ``generation`` is the incarnation that may write, ``version`` the newest
    snapshot; ``silent`` counts the starts in a row that nothing was heard of, ``raised`` those that raised."""

    generation: int = 0
    version: int = 0
    silent: int = 0
    raised: int = 0

    def claimed(self) -> Head:
        """A new incarnation owns the state from here on; its start is silent until it says how it went."""
        return replace(self, generation=self.generation + 1, silent=self.silent + 1)

    def names(self, generation: int, version: int) -> bool:
        """Whether this very incarnation wrote ``version`` last: to write it again changes nothing."""
        return (self.generation, self.version) == (generation, version)

    def written(self, generation: int, version: int) -> Head:
        """Snapshot ``version`` was written. SnapshotConflict when that was not this incarnation's to write next."""
        if generation != self.generation or version != self.version + 1:
            raise SnapshotConflict((self.generation, self.version), (generation, version))
        return replace(self, version=version)

    def started(self, generation: int) -> Head:
        return replace(self._owned(generation), silent=0, raised=0)

    def start_raised(self, generation: int, *, blames_state: bool) -> Head:
        """The start failed with a raise; ``blames_state`` is False when the world was at fault."""
        own = self._owned(generation)
        return replace(own, silent=max(0, own.silent - 1), raised=own.raised + int(blames_state))

    def dumped(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def loaded(cls, text: object) -> Head:
        """What ``dumped`` gave. SnapshotUnreadable when ``text`` is anything else."""
        try:
            head = cls(**json.loads(str(text)))
        except (TypeError, ValueError):
            head = None
        if head is None or not all(type(number) is int and number >= 0 for number in asdict(head).values()):
            raise SnapshotUnreadable("torn", f"{str(text)[:80]!r} does not say who may write")
        return head

    @classmethod
    def salvaged(cls, text: object, version: int) -> Head:
        """As much of ``loaded`` as can be had, when ``version`` is the newest snapshot that was found."""
        try:
            return replace(cls.loaded(text), version=version)
        except SnapshotUnreadable:
            return cls(version=version)

    def _owned(self, generation: int) -> Head:
        if generation != self.generation:
            raise SnapshotConflict((self.generation, self.version), (generation, self.version))
        return self


class Record(Struct, frozen=True):
    """One stored text as it was found; ``text`` is what lies there, whatever it is."""

    version: int
    text: object


class Found(Struct, frozen=True):
    """All that a store holds for one actor, newest first, after this incarnation has claimed it; ``remarks`` say what
    had to be repaired to get at it."""

    head: Head
    records: tuple[Record, ...] = ()
    aside: tuple[Record, ...] = ()
    remarks: tuple[str, ...] = ()


class Plan(Struct, frozen=True):
    """What a start uses: ``snapshot``, None when nothing was ever stored. ``suspects`` are newer and readable, but did
    not start twice: they are set aside once this start has succeeded. ``rejected`` says what could not be read."""

    snapshot: Snapshot | None = None
    suspects: tuple[int, ...] = ()
    rejected: tuple[str, ...] = ()


def plan(found: Found, actor: str) -> Plan:
    """The newest readable snapshot; after two failed starts of it the one before, and so on in turn, those set aside
    last. One that is the only one is tried for ever. SnapshotUnreadable when there is something and none can be read.
    """
    good, bad = _readable(found.records, actor)
    last_resorts, bad_aside = _readable(found.aside, actor)
    candidates = good or last_resorts
    if good and _strikes(found.head) >= STRIKES_MAX:
        candidates = good + last_resorts
    if candidates:
        at = _turn(_strikes(found.head), len(candidates))
        return Plan(candidates[at], tuple(each.version for each in good[:at]), (*found.remarks, *bad))
    if found.head.version == 0 and not found.records and not found.aside:
        return Plan()
    every = "; ".join(bad + bad_aside) or f"{found.head.version} were written and none is there"
    raise SnapshotUnreadable("torn" if bad else "missing", f"no snapshot of {actor!r} can be read: {every}")


def _turn(strikes: int, candidates: int) -> int:
    """The first gets two tries, then each gets one in turn: a fault that lies elsewhere ends with the newest in use,
    unless it goes away in the turn of another."""
    return 0 if strikes < STRIKES_MAX else (strikes - STRIKES_MAX + 1) % candidates


def _strikes(head: Head) -> int:
    """A raise in a start is a strike at once. A process that only vanished may have been killed by anyone, so the
    first twenty in a row mean nothing. The start under way is silent so far and does not count."""
    return head.raised + max(0, head.silent - 1 - SILENT_FREE)


def _readable(records: tuple[Record, ...], actor: str) -> tuple[list[Snapshot], list[str]]:
    good, bad = [], []
    for record in records:
        try:
            good.append(decode(record.text, actor, record.version))
        except SnapshotUnreadable as error:
            bad.append(f"snapshot {record.version} is {error}")
    return good, bad


def to_keep(versions: list[int], kept: int = KEPT) -> tuple[list[int], list[int]]:
    """``versions`` apart: the newest ``kept``, and those to be forgotten."""
    ordered = sorted(versions, reverse=True)
    return ordered[:kept], ordered[kept:]
